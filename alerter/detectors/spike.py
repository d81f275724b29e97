"""spike: the current window against the one before; a match is a rising edge in either direction."""

from __future__ import annotations

from collections.abc import Iterator
from heapq import merge

from alerter.clock import Millis
from alerter.detectors.known import Known
from alerter.detectors.protocol import Events, Span
from alerter.incidents import Asked, Lifecycle
from alerter.model.incident import Match, Reason
from alerter.model.rule import Rule, Spike, SpikeType
from alerter.schedule import instants
from alerter.windows import Curve, distinct


def detect(events: Events, life: Lifecycle, span: Span) -> None:
    """Ask rises at event times and falls at nominal instants of ``(span.start, span.end]``."""
    condition = life.rule.condition
    assert isinstance(condition, Spike)
    curve = events.curve(life.key)
    known = Known(life, curve)
    warm_from = _warm_from(events, life, condition)
    for at, falling in _asked(life.rule, condition, curve, span):
        if falling and known.closes(at):
            life.settle(at, inclusive=False)
            if life.is_open:
                life.resolve(at, Reason.KEY_FORGOTTEN)
            continue
        current = curve.count(at - condition.timeframe, at)
        reference = curve.count(at - 2 * condition.timeframe, at - condition.timeframe)
        warm = warm_from is not None and at >= warm_from
        held = warm and _holds(condition, current, reference, falling, life.key is not None)
        if falling and life.key is not None and not known.at(at):
            held = False
        rising = life.edge(at, held, falling=falling)
        if held or life.is_open:
            match = Match(at, life.key, current, {"reference": reference}) if rising else None
            life.ask(Asked(at, held, match, falling=falling))


def _holds(condition: Spike, current: int, reference: int, falling: bool, keyed: bool) -> bool:
    if current == reference == 0 or current < condition.threshold_cur or reference < condition.threshold_ref:
        return False
    if keyed and reference == 0 and not condition.alert_on_new_data:
        return False
    return current * condition.height <= reference if falling else current >= condition.height * reference


def _asked(rule: Rule, condition: Spike, curve: Curve, span: Span) -> Iterator[tuple[Millis, bool]]:
    """Yield (instant, falling) by time; a rise is asked before a fall of the same instant."""
    rises: Iterator[tuple[Millis, bool]] = iter(())
    falls: Iterator[tuple[Millis, bool]] = iter(())
    if condition.direction is not SpikeType.DOWN:
        rises = ((at, False) for at, _ in distinct(curve.times(span.start, span.end)))
    if condition.direction is not SpikeType.UP:
        falls = ((at, True) for at in instants(rule.schedule, span.start, span.end))
    return merge(rises, falls)


def _warm_from(events: Events, life: Lifecycle, condition: Spike) -> Millis | None:
    """Return the instant 2T after the key's first event; with ``alert_on_new_data`` after the rule's first event."""
    if condition.alert_on_new_data and life.key is not None:
        first = events.first_event(life.key, any_key=True)
    else:
        first = events.first_event(life.key)
    remembered = None if condition.alert_on_new_data and life.key is not None else life.memory.first_seen
    both = [at for at in (first, remembered) if at is not None]
    return min(both) + 2 * condition.timeframe if both else None
