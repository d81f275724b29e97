"""Resolving an incident whose rule is gone: what its document says is all there is."""

from __future__ import annotations

from dataclasses import replace

from alerter.engine.groups import ends_of
from alerter.engine.heard import Heard
from alerter.model.incident import Delivery, Incident, Kind, Transition, digest
from alerter.notifiers.text import plain_text
from alerter.routing.tree import Routing


def close_incident(incident: Incident, transition: Transition, routing: Routing) -> Incident:
    """Return the incident resolved, with a RESOLVED message to everyone who heard that it fired."""
    closed = replace(
        incident,
        resolved=transition.at,
        resolve_reason=str(transition.reason),
        revision=incident.revision + 1,
        updated=max(incident.updated, transition.at),
        quiet_close=False,
    )
    planned = []
    ends = {name: ends_of(incident, name, transition.at, quiet=False) for name in Heard.of(incident).receivers}
    for name, nth, group in ((name, nth, group) for name, groups in ends.items() for nth, group in enumerate(groups)):
        receiver = routing.receivers.get(name)
        planned.append(
            Delivery(
                id=digest("delivery", incident.id, name, Kind.RESOLVED, transition.at, nth),
                kind=Kind.RESOLVED,
                receiver=name,
                channel=receiver.channel if receiver else name,
                at=transition.at,
                reason=transition.reason,
                text=plain_text(closed, Kind.RESOLVED, transition.reason, transition.at),
                group=group,
            )
        )
    return replace(closed, deliveries=(*incident.deliveries, *planned))
