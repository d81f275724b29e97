"""Blacklists and whitelists: exact membership, as ElastAlert judges it, and anchored patterns."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from alerter.model.rule import KeyValue, ValueList


@dataclass(frozen=True)
class Listed:
    """The value that made an event a match."""

    value: KeyValue


class ListCheck:
    """Judges one event's ``compare_key``; an array is met by any element."""

    def __init__(self, condition: ValueList) -> None:
        self.path = condition.compare_key
        self._condition = condition
        self._values = {_typed(v) for v in condition.values}
        self._patterns = [re.compile(p) for p in condition.patterns]

    def judge(self, value: Any) -> Listed | None:
        """Return the matching value, or None when the event is no match."""
        if value is None or value == []:
            if self._condition.deny or self._condition.ignore_null:
                return None
            return None if _typed(None) in self._values else Listed(None)
        elements = value if isinstance(value, list) else [value]
        if self._condition.deny:
            return next((Listed(_plain(v)) for v in elements if self._listed(v)), None)
        known = any(self._listed(v) for v in elements)
        return None if known else Listed(_plain(elements[0]))

    def _listed(self, value: Any) -> bool:
        if isinstance(value, dict | list):
            return False
        if _typed(value) in self._values:
            return True
        return isinstance(value, str) and any(p.fullmatch(value) for p in self._patterns)


def _typed(value: KeyValue) -> tuple[str, KeyValue]:
    """Keep 5 and "5", 1 and True apart, but 5 and 5.0 together, as JSON means them."""
    if isinstance(value, bool):
        return "bool", value
    if isinstance(value, int | float):
        return "number", value
    return type(value).__name__, value


def _plain(value: Any) -> KeyValue:
    return value if isinstance(value, str | int | float | bool | None) else str(value)
