"""spike_aggregation, and spike with field_value: a metric of a window against that of the one before, at instants."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

from alerter.asked import Asked
from alerter.clock import Millis
from alerter.detectors.protocol import Events, Span
from alerter.incidents import Lifecycle
from alerter.measures import DIGITS
from alerter.model.incident import Match
from alerter.model.rule import SpikeAggregation, SpikeType
from alerter.numbers import plain
from alerter.redact import hide

ROUNDING = 2 * 10.0 ** (1 - DIGITS)
"""How far, relatively, a value may lie from so many times another one when both were rounded to ``DIGITS``."""


def detect(events: Events, life: Lifecycle, span: Span, rule_first: Millis | None) -> None:
    """Ask rises, then falls, at the nominal instants of ``(span.start, span.end]``; a match is a rising edge.

    ``rule_first`` is the first event of any key, looked at for ``alert_on_new_data`` only.
    """
    condition = life.rule.condition
    assert isinstance(condition, SpikeAggregation)
    for at in span.instants:
        current, reference = (events.measured(life.key, window) for window in condition.windows.at(at))
        for falling in _directions(condition):
            met = _meets(condition, current.value, reference.value, falling=falling)
            held = met and _is_warm(events, life, at - 2 * condition.timeframe, rule_first)
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
    """Whether the values are a rise, or a fall.

    A window without a value matches nothing, and 0 against 0 never does.
    """
    if current is None or reference is None or current == reference == 0:
        return False
    if condition.touching and 0 in (current, reference):
        return False
    if current < condition.threshold_cur or reference < condition.threshold_ref:
        return False
    if falling:
        return _exceeds(reference, current, condition.height, touching=condition.touching)
    return _exceeds(current, reference, condition.height, touching=condition.touching)


def _exceeds(one: float, other: float, times: float, *, touching: bool) -> bool:
    """Whether one number is more than (``touching``: at least) so many times the other.

    Numbers that differ by what rounding cuts off are equal: 7 is 1.5 times 14 / 3, and 0.3 three times 0.1.
    """
    limit = other * times
    if math.isclose(one, limit, rel_tol=ROUNDING):
        return touching
    return one > limit


def _is_warm(events: Events, life: Lifecycle, begin: Millis, rule_first: Millis | None) -> bool:
    """Whether the key's (with ``alert_on_new_data`` the rule's) first event is at or before ``begin``.

    The data is asked at most once per key.
    """
    condition = life.rule.condition
    assert isinstance(condition, SpikeAggregation)
    if condition.alert_on_new_data and life.key is not None:
        return rule_first is not None and rule_first <= begin
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
