"""The count curve of a key as a rule's condition sees it: one number per stretch of the span, and the threshold."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from alerter.clock import Millis
from alerter.detectors.metric import judged_value
from alerter.model.incident import Match
from alerter.model.metric import Metric, MetricAggregation, PercentageMatch
from alerter.model.rule import (
    Cardinality,
    Flatline,
    Frequency,
    Key,
    Measuring,
    Rule,
    Spike,
    SpikeAggregation,
    SpikeType,
)
from alerter.redact import hide
from alerter.schedule import instants, latest_instant
from alerter.sources.counting import bucket_width
from alerter.sources.events import Events
from alerter.timetext import length_text
from alerter.windows import Curve

PER_PART = 8
"""Instants of a part at which different values are counted."""

CANDIDATES = 100
"""Keys without a match whose curves are looked at for the one nearest to the threshold."""


@dataclass(frozen=True)
class Series:
    """Numbers over ``(start, end]``, ``parts`` of equal width, oldest first: the highest one of each part.

    None where nothing was asked yet, or there was no value. With ``lowest`` (what must not fall) the lowest one.
    ``limits`` are the thresholds; ``reference``, of spikes, is the number above (or below) which the current window's
    would be a spike. Between edges of buckets a count is the least that it can be; where the rule matched it is exact.
    """

    what: str
    key: Key
    start: Millis
    end: Millis
    parts: tuple[float | None, ...]
    matches: tuple[Millis, ...]
    limits: tuple[float, ...] = ()
    reference: tuple[float, ...] = ()
    lowest: bool = False

    @property
    def width(self) -> float:
        """The length of a part in milliseconds."""
        return (self.end - self.start) / len(self.parts)

    @property
    def top(self) -> float:
        """The highest number to be shown, 0 or more; 1 where there is nothing but zeros."""
        return max(0.0, *self._numbers) or (0.0 if self.bottom else 1.0)

    @property
    def bottom(self) -> float:
        """The lowest number to be shown, 0 or less."""
        return min(0.0, *self._numbers)

    @property
    def _numbers(self) -> list[float]:
        return [0.0, *(n for n in self.parts if n is not None), *self.limits, *self.reference]

    def height(self, number: float) -> float:
        """Return how far up a number stands: 0 at the bottom, 1 at the top."""
        low, high = self.bottom / 2, self.top / 2  # halves: the whole may be more than a float holds
        return (number / 2 - low) / (high - low or 1.0)


@dataclass(frozen=True)
class Parts:
    """A span divided into parts of (nearly) equal width."""

    start: Millis
    end: Millis
    number: int

    def spans(self) -> Iterator[tuple[Millis, Millis]]:
        """Yield each part ``(start, end]``."""
        length = self.end - self.start
        edges = [self.start + length * n // self.number for n in range(self.number + 1)]
        yield from pairwise(edges)

    def of(self, at: Millis) -> int:
        """Return the part that an instant lies in."""
        inside = (at - self.start - 1) * self.number // max(self.end - self.start, 1)
        return min(max(inside, 0), self.number - 1)


def series_of(
    rule: Rule, events: Events, matches: Sequence[Match], start: Millis, end: Millis, *, parts: int, most: int
) -> list[Series]:
    """Return the series of the keys that matter most, at most ``most``: most matches, then nearest to the threshold.

    There are at most ``parts``, none narrower than the buckets in which the events were counted.
    """
    number = max(min(parts, (end - start) // bucket_width(rule)), 1)
    divided = Parts(start, end, number)
    chosen = [key for key, _ in Counter(m.key for m in matches).most_common(most)]
    if len(chosen) < most:
        quiet = [key for key in list(events.keys()) if key not in chosen]
        chosen += _nearest_first(rule, events, quiet, divided)[: most - len(chosen)]
    found = [_series(rule, events, key, [m for m in matches if m.key == key], divided) for key in chosen]
    return [series for series in found if not _is_hidden(rule, series)]


def _nearest_first(rule: Rule, events: Events, keys: Sequence[Key], divided: Parts) -> list[Key]:
    """Order keys without a match by how near they came to the threshold, where there is none by their events."""
    condition = rule.condition
    order = sorted(keys, key=lambda key: -events.curve(key).total)
    if isinstance(condition, MetricAggregation | PercentageMatch):
        limits = [x for x in (condition.limits.maximum, condition.limits.minimum) if x is not None]

        def away(key: Key) -> float:
            measures = events.measures.get(key, {}).values()
            return _away([judged_value(condition, key, measure) for measure in measures], limits)

        return sorted(order, key=away)
    if len(order) < 2 or not isinstance(condition, Frequency | Flatline | Cardinality | Spike):
        return order
    if isinstance(condition, Flatline) or (isinstance(condition, Cardinality) and condition.maximum is None):
        order.reverse()
    drawn = {key: _series(rule, events, key, (), divided) for key in order[:CANDIDATES]}
    return sorted(drawn, key=lambda key: _away(drawn[key].parts, drawn[key].limits, drawn[key].reference))


def _away(numbers: Sequence[float | None], limits: Sequence[float], reference: Sequence[float] = ()) -> float:
    """Return how far numbers stayed from the nearest limit, or how many times from what they are compared with."""
    known = [number for number in numbers if number is not None]
    apart = [abs(number - limit) for number in known for limit in limits]
    apart += [abs(number / base - 1) for number, base in zip(known, reference, strict=False) if base]
    return min(apart, default=math.inf)


def _is_hidden(rule: Rule, series: Series) -> bool:
    """Whether the values are those of a redacted field, which messages do not show either."""
    measured = getattr(rule.condition, "measured", None)
    if not isinstance(measured, Metric) or measured.of_nothing is not None:
        return False
    return any(hide(measured.field, number, rule.redact) != number for number in series.parts if number is not None)


def _series(rule: Rule, events: Events, key: Key, matches: Sequence[Match], divided: Parts) -> Series:
    condition, curve = rule.condition, events.curve(key)
    window = length_text(rule.timeframe) if rule.timeframe else ""
    exact = [(m.at, float(m.facts.get("value", m.count)) if _is_valued(rule) else float(m.count)) for m in matches]
    at = tuple(m.at for m in matches)
    span = (divided.start, divided.end)
    if isinstance(condition, Measuring):
        return _measured(condition, rule, events, key, divided, at)
    match condition:
        case Frequency(num_events=number):
            found = _counts(rule, curve, divided, max)
            return Series(f"events in {window}", key, *span, _joined(found, exact, divided, max), at, (float(number),))
        case Flatline(threshold=number):
            found = _counts(rule, curve, divided, min)
            numbers = _joined(found, exact, divided, min)
            return Series(f"events in {window}", key, *span, numbers, at, (float(number),), lowest=True)
        case Spike():
            down = condition.direction is SpikeType.DOWN
            found = _joined(_counts(rule, curve, divided, max), exact, divided, min if down else max)
            times = 1 / condition.height if down else condition.height
            before = tuple(n * times for n in _counts(rule, curve, divided, max, rule.timeframe))
            return Series(f"events in {window}", key, *span, found, at, reference=before, lowest=down)
        case Cardinality():
            few = condition.maximum is None
            limits = tuple(float(x) for x in (condition.maximum, condition.minimum) if x is not None)
            numbers = _joined(_values(events, key, divided, few=few), exact, divided, min if few else max)
            return Series(f"different {condition.field} in {window}", key, *span, numbers, at, limits, lowest=few)
        case _:
            each = tuple(float(curve.floor(b) - curve.floor(a)) for a, b in divided.spans())
            width = length_text(max((divided.end - divided.start) // divided.number, 1))
            return Series(f"events, a bar is {width}", key, *span, each, at)


def _measured(
    condition: Measuring, rule: Rule, events: Events, key: Key, divided: Parts, matches: tuple[Millis, ...]
) -> Series:
    """Return the value of the newest window of each nominal instant, which stands until the next one."""
    limits: tuple[float, ...] = ()
    lowest = isinstance(condition, SpikeAggregation) and condition.direction is SpikeType.DOWN
    if not isinstance(condition, SpikeAggregation):
        limits = tuple(x for x in (condition.limits.maximum, condition.limits.minimum) if x is not None)
        lowest = condition.limits.maximum is None
    numbers: list[float | None] = []
    for start, end in divided.spans():
        asked = list(instants(rule.schedule, start, end)) or [latest_instant(rule.schedule, end)]
        measures = [events.measured(key, condition.windows.at(at)[0]) for at in asked if at > divided.start]
        values = [v for v in (judged_value(condition, key, measure) for measure in measures) if v is not None]
        numbers.append((min if lowest else max)(values, default=None))
    what = f"{condition.measured.name} in {length_text(condition.windows.step)}"
    return Series(what, key, divided.start, divided.end, tuple(numbers), matches, limits, lowest=lowest)


def _is_valued(rule: Rule) -> bool:
    return isinstance(rule.condition, Cardinality)


def _counts(rule: Rule, curve: Curve, divided: Parts, of: Callable[..., float], back: Millis = 0) -> tuple[float, ...]:
    """Return the window's count in each part, of a window that ends ``back`` before.

    The highest is looked for where buckets end, the lowest at nominal instants: there the rule asks.
    """
    length = rule.timeframe
    found = []
    for start, end in divided.spans():
        asked = [end - back]
        if of is max:
            asked += [bucket.end for bucket in curve.buckets(start - back, end - back) if bucket.end <= end - back]
        else:
            asked = [latest_instant(rule.schedule, end)]
        found.append(of(float(max(curve.floor(t) - curve.ceil(t - length), 0)) for t in asked))
    return tuple(found)


def _values(events: Events, key: Key, divided: Parts, *, few: bool) -> tuple[float, ...]:
    spread = events.spread(key)
    of = min if few else max
    return tuple(
        float(of(spread.number(a + (b - a) * n // PER_PART) for n in range(1, PER_PART + 1)))
        for a, b in divided.spans()
    )


def _joined(
    found: Sequence[float], exact: Sequence[tuple[Millis, float]], divided: Parts, of: Callable[..., float]
) -> tuple[float, ...]:
    """Return the numbers with those of the matches, which are exact."""
    numbers = list(found)
    for at, number in exact:
        part = divided.of(at)
        numbers[part] = of(numbers[part], number)
    return tuple(numbers)
