"""spike: the current window against the one before; a match is a rising edge in either direction."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from heapq import merge

from alerter.clock import Millis
from alerter.detectors.flatline import close_forgotten
from alerter.detectors.known import Known
from alerter.detectors.protocol import Events, Span
from alerter.incidents import Asked, Lifecycle
from alerter.model.incident import Match
from alerter.model.rule import Spike, SpikeType
from alerter.windows import Curve, distinct


def detect(events: Events, life: Lifecycle, span: Span, rule_first: Millis | None) -> None:
    """Ask rises at event times and falls at nominal instants of ``(span.start, span.end]``.

    ``rule_first`` is the first event of any key, looked at for ``alert_on_new_data`` only.
    """
    condition = life.rule.condition
    assert isinstance(condition, Spike)
    curve = events.curve(life.key)
    known = Known(events, life, curve)
    length = condition.timeframe
    meets = _comparison(condition, keyed=life.key is not None)
    for at, falling in _asked(condition, curve, span):
        if falling and not known.at(at):
            close_forgotten(life, at)
            life.edge(at, False, falling=True)
            continue
        current, reference = curve.count(at - length, at), curve.count(at - 2 * length, at - length)
        held = meets(current, reference, falling)
        if held and condition.alert_on_new_data and life.key is not None:
            held = rule_first is not None and rule_first <= at - 2 * length
        elif held:
            held = known.is_old(at - 2 * length)
        rising = life.edge(at, held, falling=falling)
        if held:
            match = Match(at, life.key, current, {"reference": reference}) if rising else None
            life.ask(Asked(at, True, match, falling=falling))


def _comparison(condition: Spike, *, keyed: bool) -> Callable[[int, int, bool], bool]:
    """Return whether (current, reference, falling) meets the condition; the height counts as the decimal written."""
    height = Fraction(str(condition.height))
    up, down = height.numerator, height.denominator
    needs_reference = keyed and not condition.alert_on_new_data

    def meets(current: int, reference: int, falling: bool) -> bool:
        if current == reference == 0 or (reference == 0 and needs_reference):
            return False
        if current < condition.threshold_cur or reference < condition.threshold_ref:
            return False
        return current * up <= reference * down if falling else current * down >= reference * up

    return meets


def _asked(condition: Spike, curve: Curve, span: Span) -> Iterator[tuple[Millis, bool]]:
    """Yield (instant, falling) by time; a rise is asked before a fall of the same instant."""
    rises: Iterator[tuple[Millis, bool]] = iter(())
    falls: Iterator[tuple[Millis, bool]] = iter(())
    if condition.direction is not SpikeType.DOWN:
        rises = ((at, False) for at, _ in distinct(curve.times(span.start, span.end)))
    if condition.direction is not SpikeType.UP:
        falls = ((at, True) for at in span.instants)
    return merge(rises, falls)
