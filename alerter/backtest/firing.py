"""When an incident fired: an incident that ended and re-opened has several such times."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from alerter.clock import Millis
from alerter.engine.dryrun import DryRun
from alerter.model.incident import Change, DeliveryState, Incident, Kind, Reason


@dataclass(frozen=True)
class Firing:
    """A time at which an incident fired, from ``start`` (inclusive) to ``end`` (exclusive); None: it still does.

    ``news``: people heard at its start that it fires. An incident's opening always is; a re-opening is with a message.
    """

    incident: Incident
    start: Millis
    end: Millis | None
    news: bool

    def length(self, until: Millis) -> Millis:
        """Return how long it was; one that still fires counts to ``until``."""
        return (until if self.end is None else self.end) - self.start


def firings(answer: DryRun) -> tuple[Firing, ...]:
    """Return the times at which the incidents of a dry run fired, by their start."""
    return tuple(sorted((f for i in answer.incidents for f in _of(i, answer)), key=lambda f: f.start))


def _of(incident: Incident, answer: DryRun) -> Iterator[Firing]:
    """Yield an incident's own; an end that is told twice is moved."""
    now = Firing(incident, incident.opened, None, news=True)
    for transition in answer.transitions:
        if transition.incident != incident.id:
            continue
        if transition.change is Change.RESOLVED:
            now = replace(now, end=transition.at)
        elif transition.change is Change.REOPENED:
            yield now
            now = Firing(incident, transition.at, None, _told(incident, transition.at))
    yield now


def _told(incident: Incident, at: Millis) -> bool:
    """Whether a message says that it fires as of an instant; that of a group goes out later."""
    firing = [d for d in incident.deliveries if d.kind is Kind.FIRING and d.state is not DeliveryState.DROPPED]
    return any(d.at == at or (d.reason is Reason.GROUPED and d.at > at) for d in firing)
