"""flatline: fewer than ``threshold`` events in the window of a nominal instant, once the window is covered."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from alerter.clock import Millis
from alerter.detectors.known import Known
from alerter.detectors.protocol import Events, Span
from alerter.incidents import Asked, Lifecycle
from alerter.model.incident import Match, Reason
from alerter.model.rule import Flatline
from alerter.schedule import instants

Covered = Callable[[Millis], bool]


def detect(events: Events, life: Lifecycle, span: Span, covered: Covered) -> None:
    """Judge the nominal instants of ``(span.start, span.end]``; an uncovered one is healthy."""
    condition = life.rule.condition
    assert isinstance(condition, Flatline)
    curve = events.curve(life.key)
    known = Known(life, curve)
    for at in instants(life.rule.schedule, span.start, span.end):
        if life.key is not None:
            if life.memory.forgotten and known.at(at):
                life.memory = replace(life.memory, forgotten=False, first_seen=_first_after(curve, life, at))
            if not known.at(at):
                life.settle(at, inclusive=False)
                if life.is_open:
                    life.resolve(at, Reason.KEY_FORGOTTEN)
                continue
        if not (covered(at) if life.key is None else _old_enough(events, life, at - condition.timeframe)):
            continue
        count = curve.count(at - condition.timeframe, at)
        if count < condition.threshold:
            match = Match(at, life.key, count, {"threshold": condition.threshold})
            if life.ask(Asked(at, True, match)) and condition.forget_keys and life.key is not None:
                life.memory = replace(life.memory, forgotten=True)


def coverage(events: Events, timeframe: Millis, started: Millis, already: bool) -> Covered:
    """Return whether T of history is covered at an instant: by the index's earliest document, or by an empty T."""
    first = None if already else events.first_document()

    def covered(at: Millis) -> bool:
        if already or (first is not None and first < at - timeframe):
            return True
        return (first is None or first > at) and started <= at - timeframe

    return covered


def _old_enough(events: Events, life: Lifecycle, at: Millis) -> bool:
    """Whether the key's own first event is at or before an instant."""
    first = life.memory.first_seen
    if first is not None and first <= at:
        return True
    found = events.first_event(life.key)
    return found is not None and found <= at and not _restarted(life)


def _restarted(life: Lifecycle) -> bool:
    """Whether the key was forgotten and came back: its life began anew."""
    return life.memory.first_seen is not None and life.memory.announced is not None and (
        life.memory.first_seen > life.memory.announced
    ) and getattr(life.rule.condition, "forget_keys", False)


def _first_after(curve: object, life: Lifecycle, at: Millis) -> Millis:
    announced = life.memory.announced or at
    times = curve.times(announced, at)  # type: ignore[attr-defined]
    return int(times[0]) if len(times) else at
