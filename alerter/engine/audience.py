"""Who hears of an incident, and what keeps it untold: routes, mute times, silences, inhibition."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from alerter.clock import Millis
from alerter.engine.story import Audience
from alerter.engine.telling import Obstacle
from alerter.model.incident import Incident, Reason
from alerter.model.route import Destination
from alerter.model.silence import Silence
from alerter.routing.labels import labels_of
from alerter.routing.tree import Routing


def audience(routing: Routing, silences: Sequence[Silence], others: Sequence[Incident]) -> Audience:
    """Return the audience under these silences; ``others`` are the open incidents that may inhibit."""

    def channel(receiver: str) -> str:
        found = routing.receivers.get(receiver)
        return found.channel if found else receiver

    return Audience(
        destinations=lambda incident, at: _destinations(routing, incident, at),
        silenced=lambda incident, at: silenced_by(incident, silences, at) or _inhibited(routing, incident, others, at),
        channel=channel,
    )


def _destinations(routing: Routing, incident: Incident, at: Millis) -> Sequence[Destination]:
    return routing.destinations(labels_of(incident), at)


def silenced_by(incident: Incident, silences: Sequence[Silence], at: Millis) -> Obstacle | None:
    """Return the silence (the one that lasts longest) that keeps an incident untold at an instant."""
    labels = labels_of(incident)
    active = [s for s in silences if s.mutes(labels, at)]
    if not active:
        return None
    silence = max(active, key=lambda s: s.end)
    return Reason.SILENCE, f"silence {silence.id} by {silence.author}: {silence.comment}", silence.end


def silence_check(silences: Callable[[], Sequence[Silence]]) -> Callable[[Incident, Millis], Obstacle | None]:
    """Return the question delivery asks again right before it sends."""
    return lambda incident, at: silenced_by(incident, silences(), at)


def _inhibited(routing: Routing, incident: Incident, others: Sequence[Incident], at: Millis) -> Obstacle | None:
    if not routing.inhibit_rules:
        return None
    sources: list[Mapping[str, str]] = [
        labels_of(other)
        for other in others
        if other.id != incident.id
        and other.roll is None
        and other.opened <= at
        and (other.resolved is None or other.resolved > at)
    ]
    found = routing.inhibited(labels_of(incident), sources) if sources else None
    if found is None:
        return None
    return Reason.INHIBITED, str(found), None
