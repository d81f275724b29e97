"""Rules that fail in a way that only a changed file, index or cluster mends: they are tried more and more rarely."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from alerter.clock import MINUTE, Millis
from alerter.model.rule import Rule

HOPELESS = ("rejected", "unsupported")
"""Kinds of failures that the same question meets again."""
FIRST: Millis = MINUTE
LONGEST: Millis = 10 * MINUTE
"""The waits after a failure: twice as long after each, up to this."""


class Failure(Protocol):
    """A rule that could not be evaluated, and how."""

    @property
    def rule(self) -> str: ...
    @property
    def kind(self) -> str: ...


@dataclass(frozen=True)
class _Rest:
    rule: Rule
    wait: Millis
    until: Millis


class Resting:
    """Which rules are not to be tried yet, in monotonic time. Any thread may call; a changed rule is tried at once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rests: dict[str, _Rest] = {}

    def awake(self, rules: Sequence[Rule], now: Millis) -> Sequence[Rule]:
        """Return the rules that are to be tried."""
        if not self._rests:
            return rules
        with self._lock:
            return [rule for rule in rules if not self._rests_now(rule, now)]

    def _rests_now(self, rule: Rule, now: Millis) -> bool:
        rest = self._rests.get(rule.name)
        return rest is not None and now < rest.until and (rest.rule is rule or rest.rule == rule)

    def note(self, rules: Iterable[Rule], failures: Iterable[Failure], now: Millis) -> None:
        """Take in what an evaluation of these rules gave at ``now``."""
        hopeless = {failure.rule for failure in failures if failure.kind in HOPELESS}
        if not hopeless and not self._rests:
            return
        with self._lock:
            for rule in rules:
                before = self._rests.pop(rule.name, None)
                if rule.name not in hopeless:
                    continue
                again = before is not None and before.rule == rule
                wait = min(2 * before.wait, LONGEST) if before is not None and again else FIRST
                self._rests[rule.name] = _Rest(rule, wait, now + wait)
