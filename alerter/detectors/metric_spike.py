"""spike_aggregation: a metric of the current window against that of the one before, at nominal instants."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction

from alerter.asked import Asked
from alerter.clock import Millis
from alerter.detectors.protocol import Events, Span
from alerter.incidents import Lifecycle
from alerter.model.incident import Match
from alerter.model.rule import SpikeAggregation, SpikeType
from alerter.numbers import plain
from alerter.redact import hide


def detect(events: Events, life: Lifecycle, span: Span) -> None:
    """Ask rises, then falls, at the nominal instants of ``(span.start, span.end]``; a match is a rising edge."""
    condition = life.rule.condition
    assert isinstance(condition, SpikeAggregation)
    for at in span.instants:
        current, reference = (events.measured(life.key, window) for window in condition.windows.at(at))
        for falling in _directions(condition):
            met = _meets(condition, current.value, reference.value, falling=falling)
            held = met and _is_warm(events, life, at - 2 * condition.timeframe)
            rising = life.edge(at, held, falling=falling)
            if held:
                facts = {"value": _shown(life, current.value), "reference": _shown(life, reference.value)}
                match = Match(at, life.key, current.events, facts) if rising else None
                life.ask(Asked(at, True, match, falling=falling))
        life.measure(at, lambda: current.events)  # noqa: B023 - called at once


def _directions(condition: SpikeAggregation) -> Iterator[bool]:
    if condition.direction is not SpikeType.DOWN:
        yield False
    if condition.direction is not SpikeType.UP:
        yield True


def _meets(condition: SpikeAggregation, current: float | None, reference: float | None, *, falling: bool) -> bool:
    """Whether the values are a rise, or a fall; all numbers count as the decimals they are written as.

    A window without a value matches nothing, and 0 against 0 never does.
    """
    if current is None or reference is None or current == reference == 0:
        return False
    if current < condition.threshold_cur or reference < condition.threshold_ref:
        return False
    if falling:
        return _reaches(reference, current, condition.height)
    return _reaches(current, reference, condition.height)


def _reaches(one: float, other: float, times: float) -> bool:
    """Whether one number is at least so many times the other; as decimals where that may matter."""
    if not math.isclose(one, other * times, rel_tol=1e-9):
        return one > other * times
    decimals = [Fraction(str(number)) for number in (one, other, times)]
    return decimals[0] >= decimals[1] * decimals[2]


def _is_warm(events: Events, life: Lifecycle, begin: Millis) -> bool:
    """Whether the key's first event is at or before ``begin``; the data is asked at most once per key."""
    first = life.memory.first_seen
    if first is None:
        first = events.first_event(life.key)
        if first is None:
            return False
        life.memory = replace(life.memory, first_seen=first)
    return first <= begin


def _shown(life: Lifecycle, value: float | None) -> object:
    condition = life.rule.condition
    assert isinstance(condition, SpikeAggregation)
    assert value is not None
    if condition.measured.of_nothing is None:
        return hide(condition.measured.field, plain(value), life.rule.redact)
    return plain(value)
