"""How near a rule came to its threshold in a test: the fullest or emptiest window of each key."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from alerter.clock import Millis
from alerter.model.rule import Flatline, Frequency, Rule
from alerter.ruletest.trace import Trace
from alerter.schedule import instants
from alerter.sources.protocol import SearchRequest, SourceError
from alerter.sources.timefield import parse_time
from alerter.sources.values import value_at, values_at

Selected = Mapping[tuple[object, ...], Sequence[Millis]]
"""The times of the events that a rule selects, sorted, by key."""


@dataclass(frozen=True)
class Nearness:
    """The extreme count of a window and when; ``threshold`` is what it is compared with."""

    count: int
    at: Millis
    threshold: int
    fires_below: bool = False

    @property
    def fires(self) -> bool:
        """Whether the plain condition holds of this count."""
        return self.count < self.threshold if self.fires_below else self.count >= self.threshold

    @property
    def is_near(self) -> bool:
        """Whether the count lies within a factor of two of the threshold."""
        return self.threshold <= 2 * self.count <= 4 * self.threshold

    @property
    def words(self) -> str:
        """The count as a report says it."""
        return f"{'fewest' if self.fires_below else 'most'} in one window: {self.count} (threshold {self.threshold})"


def selected(trace: Trace, rule: Rule) -> Selected:
    """Return the events that the rule's filter selects among all that the test showed; raises SourceError."""
    found: dict[tuple[object, ...], list[Millis]] = {}
    body = {"query": {"bool": {"filter": list(rule.filter)}}, "sort": ["_doc"]}
    for page in trace.source.scan(SearchRequest(rule.index, body)):
        for hit in page:
            at = _time(hit.source or {}, rule)
            for key in _keys(hit.source or {}, rule) if at is not None else ():
                found.setdefault(key, []).append(at or 0)
    return {key: sorted(times) for key, times in found.items()}


def extreme(trace: Trace, rule: Rule) -> Nearness | None:
    """Return the window of any key that comes nearest to firing; None where a type has no simple threshold."""
    found = nearness(trace, rule)
    return max(found, key=lambda n: -n.count if n.fires_below else n.count, default=None)


def nearness(trace: Trace, rule: Rule) -> list[Nearness]:
    """Return the extreme window of each key; nothing for types without a simple threshold, or an unanswered filter."""
    condition = rule.condition
    try:
        if isinstance(condition, Frequency):
            return list(_most(selected(trace, rule), condition, trace))
        if isinstance(condition, Flatline):
            return list(_fewest(selected(trace, rule), condition, rule, trace))
    except SourceError:
        return []
    return []


def _most(found: Selected, condition: Frequency, trace: Trace) -> Iterator[Nearness]:
    for times in found.values():
        asked = [at for at in times if trace.case.start < at <= trace.reached]
        counts = [(_count(times, at - condition.timeframe, at), -at) for at in asked]
        if counts:
            count, at = max(counts)
            yield Nearness(count, -at, condition.num_events)


def _fewest(found: Selected, condition: Flatline, rule: Rule, trace: Trace) -> Iterator[Nearness]:
    first = min((one.at for one in trace.logged), default=trace.reached)
    asked = [at for at in instants(rule.schedule, trace.case.start, trace.reached) if at - condition.timeframe > first]
    for times in found.values() or [[]]:
        counts = [(_count(times, at - condition.timeframe, at), at) for at in asked]
        if counts:
            count, at = min(counts)
            yield Nearness(count, at, condition.threshold, fires_below=True)


def _count(times: Sequence[Millis], start: Millis, end: Millis) -> int:
    return bisect_right(times, end) - bisect_right(times, start)


def _time(document: Mapping[str, Any], rule: Rule) -> Millis | None:
    value = value_at(document, rule.time.name)
    try:
        return None if value is None else parse_time(value, rule.time)
    except (ValueError, OverflowError):
        return None


def _keys(document: Mapping[str, Any], rule: Rule) -> Iterator[tuple[object, ...]]:
    parts: list[Sequence[object]] = [tuple(dict.fromkeys(values_at(document, f))) or (None,) for f in rule.query_key]
    parts += [(split.value(value_at(document, split.path)),) for split in rule.splits.values()]
    yield from product(*parts)
