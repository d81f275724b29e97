"""Silences and label matchers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from alerter.clock import Millis


@dataclass(frozen=True)
class Matcher:
    """One label condition; ``operator`` is =, !=, =~ or !~; regular expressions are anchored; missing equals ""."""

    name: str
    operator: str
    value: str

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Tell whether the labels meet the condition."""
        actual = labels.get(self.name, "")
        if self.operator in ("=", "!="):
            return (actual == self.value) is (self.operator == "=")
        return (re.fullmatch(self.value, actual) is not None) is (self.operator == "=~")

    def __str__(self) -> str:
        """Return Alertmanager's notation."""
        return f'{self.name}{self.operator}"{self.value}"'


@dataclass(frozen=True)
class Silence:
    """Why incidents are not told for a while; ``(start, end)`` with end exclusive; all fields required."""

    id: str
    matchers: tuple[Matcher, ...]
    start: Millis
    end: Millis
    author: str
    comment: str
    created: Millis
    expired: Millis | None = None

    def state(self, now: Millis) -> str:
        """``pending``, ``active`` or ``expired``."""
        if self.expired is not None or now >= self.end:
            return "expired"
        return "active" if now >= self.start else "pending"

    def mutes(self, labels: Mapping[str, str], now: Millis) -> bool:
        """Tell whether it silences an incident with these labels now."""
        return self.state(now) == "active" and all(m.matches(labels) for m in self.matchers)
