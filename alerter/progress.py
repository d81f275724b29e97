"""How far each rule is, how late, and what its runs cost: what metrics, heartbeat and scheduler look at."""

from __future__ import annotations

import math
import threading
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from alerter.clock import SECOND, Millis
from alerter.model.cost import Cost
from alerter.model.heartbeat import Costly, Load
from alerter.model.rule import Rule
from alerter.schedule import count_instants, next_instant, slot_offset, slot_part

NEWEST = 0.3
"""Weight of the newest run in a moving average: a rule is found costly at once, and forgiven after some runs."""
HEAVY_SECONDS = 5.0
"""A rule whose run takes longer on average is run by itself: more would delay the rules beside it noticeably within
the minute that most of them have. No setting, since a rule that needs a higher one is run by itself all the same."""


MAIN = "default"
"""The name of the cluster of the settings."""


def cluster_of(rule: Rule) -> str:
    """Return the name of the cluster a rule asks."""
    return MAIN if rule.cluster is None else rule.cluster.name


@dataclass(slots=True)
class RuleProgress:
    """One rule as this process knows it; changed only by the one thread that evaluates the rule.

    ``delay`` is from a nominal instant to when it is computed, ``evaluated`` None before the first evaluation,
    ``late`` by how much the last evaluation was late, ``cost`` the moving averages in the order of Cost's fields.
    """

    rule: Rule
    delay: Millis
    since: Millis
    evaluated: Millis | None = None
    late: Millis = 0
    runs: int = 0
    matches: int = 0
    cost: tuple[float, ...] | None = None

    def overdue(self, now: Millis) -> Millis:
        """Return for how long the next instant is due; 0 or less when none is."""
        reached = self.since - self.rule.query_delay if self.evaluated is None else self.evaluated
        return now - self.delay - next_instant(self.rule.schedule, reached)


class Progress:
    """The rules of one engine. Any thread may call; a rule is evaluated by one thread at a time."""

    def __init__(self) -> None:
        self.merged = 0
        self.caught_up = 0
        self.skipped = 0
        self._rules: dict[str, RuleProgress] = {}
        self._counting = threading.Lock()

    def replace(self, rules: Iterable[Rule], now: Millis) -> None:
        """Follow these rules from ``now`` on; what is known of those that stay is kept."""
        followed = {}
        for rule in rules:
            delay = rule.query_delay + slot_offset(rule.schedule, slot_part(rule.name))
            one = self._rules.get(rule.name) or RuleProgress(rule, delay, now)
            one.rule, one.delay = rule, delay
            followed[rule.name] = one
        self._rules = followed

    def rules(self) -> Sequence[RuleProgress]:
        """Return every rule that is followed."""
        return list(self._rules.values())

    def evaluated(self, rule: Rule, start: Millis, end: Millis, matches: int, now: Millis) -> None:
        """Note at ``now`` that ``(start, end]`` was evaluated; a rule that is not followed is passed over."""
        one = self._rules.get(rule.name)
        if one is None:
            return
        first = next_instant(rule.schedule, start)
        one.late = max(now - one.delay - first, 0)
        if first < end and (end - start > rule.max_catchup or next_instant(rule.schedule, first) <= end):
            self._count_late(rule, start, end, here=one.evaluated is not None)
        one.evaluated = end
        one.runs += 1
        one.matches += matches

    def _count_late(self, rule: Rule, start: Millis, end: Millis, *, here: bool) -> None:
        """Count the instants before the newest; merged are those that this process itself was late with."""
        asked = max(start, end - rule.max_catchup)
        skipped = count_instants(rule.schedule, start, asked)
        late = max(count_instants(rule.schedule, asked, end) - 1, 0)
        with self._counting:
            self.skipped += skipped
            self.caught_up += late
            self.merged += late if here else 0

    def spent(self, costs: Mapping[str, Cost]) -> None:
        """Note what evaluations cost."""
        for name, cost in costs.items():
            one = self._rules.get(name)
            if one is not None:
                run = (cost.seconds, cost.requests, cost.buckets, cost.hits, cost.server_ms)
                old = one.cost
                one.cost = run if old is None else tuple([a + (b - a) * NEWEST for a, b in zip(old, run, strict=True)])

    def seconds(self, rule: str) -> float:
        """Return what a run of a rule takes on average; 0 while nothing is known."""
        one = self._rules.get(rule)
        return one.cost[0] if one is not None and one.cost is not None else 0.0

    def heavy(self, rule: str) -> bool:
        """Whether a rule is run by itself."""
        return self.seconds(rule) > HEAVY_SECONDS

    def loads(self, now: Millis) -> list[Load]:
        """Return lag and queue of each cluster that has rules, by name."""
        lags: dict[str, list[Millis]] = defaultdict(list)
        queues: dict[str, int] = defaultdict(int)
        for one in self.rules():
            cluster, overdue = cluster_of(one.rule), one.overdue(now)
            lags[cluster].append(max(overdue, one.late))
            queues[cluster] += overdue > 0
        return [_load(cluster, sorted(lags[cluster]), queues[cluster]) for cluster in sorted(lags)]

    def costly(self, number: int) -> list[Costly]:
        """Return the rules whose runs take longest, longest first."""
        known = [(one.rule.name, one.cost) for one in self.rules() if one.cost is not None]
        known.sort(key=lambda pair: (-pair[1][0], pair[0]))
        return [_costly(name, cost) for name, cost in known[:number]]


def _costly(rule: str, cost: Sequence[float]) -> Costly:
    seconds, requests, buckets, hits, server_ms = (round(value, 3) for value in cost)
    return Costly(rule, seconds, requests, buckets, hits, server_ms, heavy=cost[0] > HEAVY_SECONDS)


def _load(cluster: str, lags: Sequence[Millis], queue: int) -> Load:
    p50, p95, most = (quantile(lags, share) / SECOND for share in (0.5, 0.95, 1.0))
    return Load(cluster, len(lags), queue, p50, p95, most)


def quantile(ordered: Sequence[Millis], share: float) -> Millis:
    """Return the smallest value that at least ``share`` of the values (ascending, not empty) do not exceed."""
    return ordered[max(math.ceil(len(ordered) * share) - 1, 0)]
