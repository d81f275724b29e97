"""What this engine remembers of its own trouble between two heartbeats; bounded, whatever the number of rules."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from alerter.clock import MINUTE, Millis
from alerter.model.heartbeat import Cut, Failing, FailingRule
from alerter.model.incident import Outcome
from alerter.model.rule import Rule
from alerter.progress import cluster_of

NAMED = 10
"""Rules named in one group; the rest is counted."""
GROUPS = 8
LONGEST_REASON = 200
ONE_CUT: Millis = 2 * MINUTE
"""What is given up within this time is one cut: after a long outage thousands of rules come one after the other."""


class Failure(Protocol):
    """A rule that could not be evaluated; see engine.tick.Failed."""

    @property
    def rule(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def reason(self) -> str: ...


@dataclass(frozen=True)
class _Known:
    cluster: str
    kind: str
    rule: FailingRule


class Failures:
    """Which rules fail, since when and why; what was given up. Any thread may call."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._failing: dict[str, _Known] = {}
        self._cut: Cut | None = None

    def note(
        self, rules: Sequence[Rule], outcomes: Mapping[str, Outcome], failures: Iterable[Failure], now: Millis
    ) -> None:
        """Take in what an evaluation of ``rules`` gave at ``now``; one that was not due stays as it was."""
        clusters = {rule.name: cluster_of(rule) for rule in rules}
        with self._lock:
            for name in outcomes:
                self._failing.pop(name, None)
            for failure in failures:
                before = self._failing.get(failure.rule)
                since = before.rule.since if before else now
                named = FailingRule(failure.rule, since, failure.reason[:LONGEST_REASON])
                self._failing[failure.rule] = _Known(clusters.get(failure.rule, "default"), failure.kind, named)
            for name, outcome in outcomes.items():
                if outcome.lost is not None:
                    self._cut = _cut(self._cut, name, outcome.lost, now)

    def failing(self, holds: Callable[[str], bool]) -> tuple[Failing, ...]:
        """Return what fails now, the largest groups first; rules that this engine does not hold any more are let go."""
        groups: dict[tuple[str, str], list[FailingRule]] = defaultdict(list)
        with self._lock:
            self._failing = {name: known for name, known in self._failing.items() if holds(name)}
            for known in self._failing.values():
                groups[known.kind, known.cluster].append(known.rule)
        found = [_group(kind, cluster, rules) for (kind, cluster), rules in groups.items()]
        return tuple(sorted(found, key=lambda one: (-one.number, one.kind, one.cluster))[:GROUPS])

    @property
    def cut(self) -> Cut | None:
        """The newest span given up."""
        return self._cut


class Lasting:
    """For how long things are seen without a break, on the monotonic clock.

    Between two looks at most ``most`` milliseconds count: what happened while nobody looked is not known.
    """

    def __init__(self, most: Millis) -> None:
        self._most = most
        self._ages: dict[Hashable, Millis] = {}
        self._at: Millis | None = None

    def look(self, seen: Iterable[Hashable], now: Millis) -> None:
        """Take in what is there at ``now`` (monotonic)."""
        passed = 0 if self._at is None else min(now - self._at, self._most)
        self._at = now
        self._ages = {thing: self._ages[thing] + passed if thing in self._ages else 0 for thing in seen}

    def age(self, thing: Hashable) -> Millis:
        """Return for how long a thing is there; 0 for what was not seen at the last look."""
        return self._ages.get(thing, 0)


def _group(kind: str, cluster: str, rules: list[FailingRule]) -> Failing:
    rules.sort(key=lambda one: (one.since, one.rule))
    return Failing(kind, cluster, len(rules), rules[0].since, tuple(rules[:NAMED]))


def _cut(before: Cut | None, rule: str, lost: tuple[Millis, Millis], now: Millis) -> Cut:
    if before is None or not 0 <= now - before.at < ONE_CUT:
        return Cut(now, lost[0], lost[1], 1, (rule,))
    return replace(
        before,
        start=min(before.start, lost[0]),
        end=max(before.end, lost[1]),
        rules=before.rules + 1,
        names=(*before.names, rule)[:NAMED],
    )
