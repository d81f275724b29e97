"""flatline: fewer than ``threshold`` events in the window of a nominal instant, once the window is covered."""

from __future__ import annotations

from collections.abc import Callable

from alerter.asked import Asked
from alerter.clock import Millis
from alerter.detectors.known import Known
from alerter.detectors.protocol import Events, Span
from alerter.incidents import Lifecycle
from alerter.model.changed import changed
from alerter.model.incident import Match, Reason
from alerter.model.rule import Flatline

Covered = Callable[[Millis], bool]


def detect(events: Events, life: Lifecycle, span: Span, covered: Covered) -> None:
    """Judge the nominal instants of ``(span.start, span.end]``; an uncovered one is healthy."""
    condition = life.rule.condition
    assert isinstance(condition, Flatline)
    curve = events.curve(life.key)
    known = Known(events, life, curve)
    for at in span.instants:
        if life.key is not None and not known.at(at):
            close_forgotten(life, at)
            continue
        window = at - condition.timeframe
        count = curve.count(window, at)
        if count >= condition.threshold or not (covered(at) if life.key is None else known.is_old(window)):
            continue
        match = Match(at, life.key, count, {"threshold": condition.threshold})
        announced = life.ask(Asked(at, True, match))
        life.measure(at, lambda: count)  # noqa: B023 - called at once
        if announced and condition.forget_keys and life.key is not None:
            life.memory = changed(life.memory, forgotten=True)


def close_forgotten(life: Lifecycle, at: Millis) -> None:
    """End the open incident of a key that is not known at a nominal instant, unless it was over before."""
    life.settle(at, inclusive=False)
    if life.is_open:
        life.resolve(at, Reason.KEY_FORGOTTEN)


def coverage(events: Events, timeframe: Millis, started: Millis, already: bool) -> Covered:
    """Return whether T of history is covered at an instant: by an earlier document, or by an empty T since the start.

    Once covered, always covered: both conditions stay true when the instant moves on.
    """
    first = None if already else events.first_document()
    stayed_empty = first is None or first > started + timeframe

    def covered(at: Millis) -> bool:
        if already or (first is not None and first < at - timeframe):
            return True
        return stayed_empty and at - timeframe >= started

    return covered
