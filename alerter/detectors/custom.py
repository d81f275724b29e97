"""Rule types of installed packages: a function judges the events of each window of a nominal instant."""

from __future__ import annotations

from alerter.asked import Asked
from alerter.detectors.protocol import Events, Span
from alerter.incidents import Lifecycle
from alerter.model.incident import Match
from alerter.model.rule import Custom
from alerter.plugins.calling import judged


def detect(events: Events, life: Lifecycle, span: Span) -> None:
    """Judge the nominal instants of ``(span.start, span.end]``; a key without events in a window is not there."""
    condition = life.rule.condition
    assert isinstance(condition, Custom)
    for at in span.instants:
        inside = events.documents(life.key, at - condition.timeframe, at)
        if not inside and life.key is not None:
            continue
        facts = judged(life.rule, condition, life.key, at, inside)
        if facts is None:
            continue
        life.ask(Asked(at, True, Match(at, life.key, len(inside), facts)))
        life.measure(at, lambda: len(inside))  # noqa: B023 - called at once
