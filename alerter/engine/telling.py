"""Pure: tell a destination or not, and why (the decision that Alertmanager's dedup stage makes)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from alerter.clock import Millis
from alerter.model.incident import Change, Delivery, DeliveryState, Incident, Kind, Reason
from alerter.model.route import Destination

Obstacle = tuple[Reason, str, Millis | None]
"""Why an incident is not told now: the reason, which silence or interval or rule, and until when (if known)."""
TELLING = (Kind.FIRING, Kind.REPEAT)
_DROPPED = DeliveryState.DROPPED
Again = Callable[[Destination, Millis], Millis]
"""From when (event time) a destination that last heard at an instant may be told a repeat."""


@dataclass(frozen=True)
class Heard:
    """What each receiver was told of an incident: when firing or a repeat was planned last (event time).

    Whoever was told the end knows of nothing that fires: a re-opening is news again, and one that nobody was told has
    no end to tell.
    """

    receivers: Mapping[str, Millis]

    @classmethod
    def of(cls, incident: Incident) -> Heard:
        """Read it from the incident's deliveries; what was dropped was never heard, unless others tell of it."""
        told: dict[str, Millis] = {}
        over: dict[str, Millis] = {}
        for delivery in incident.deliveries:
            last = told if delivery.kind in TELLING else over if delivery.kind is Kind.RESOLVED else None
            if last is not None and was_heard(delivery):
                last[delivery.receiver] = max(delivery.at, last.get(delivery.receiver, delivery.at))
        return cls({receiver: at for receiver, at in told.items() if receiver not in over or over[receiver] < at})


def has_heard(receiver: str, incident: Incident) -> bool:
    """Tell whether a receiver knows that an incident fires."""
    return receiver in Heard.of(incident).receivers


def was_heard(delivery: Delivery) -> bool:
    """Tell whether a message is not dropped, or others tell of it."""
    return delivery.state is not _DROPPED or delivery.in_digest


@dataclass(frozen=True)
class Told:
    """The verdict for one receiver; ``kind`` None means nothing is sent, for ``reason``."""

    receiver: str
    kind: Kind | None
    reason: Reason
    detail: str = ""
    until: Millis | None = None
    route: str = ""


def tell(
    destinations: Sequence[Destination],
    heard: Heard,
    silenced: Obstacle | None,
    change: Change,
    reason: Reason,
    at: Millis,
    again: Again | None = None,
) -> Iterator[Told]:
    """Yield a verdict for each destination of a change that is worth telling.

    A repeat is due when ``again`` says so (without it, at once); the rule's ``realert`` has passed already, or there
    would be no announced match.
    """
    seen: set[str] = set()
    for destination in destinations:
        if destination.receiver in seen:
            continue
        seen.add(destination.receiver)
        yield _verdict(destination, heard, silenced, change, reason, at, again)


def _verdict(
    destination: Destination,
    heard: Heard,
    silenced: Obstacle | None,
    change: Change,
    reason: Reason,
    at: Millis,
    again: Again | None,
) -> Told:
    receiver, route = destination.receiver, destination.path
    if destination.muted is not None:
        return Told(receiver, None, destination.muted, destination.muted_by, route=route)
    if silenced is not None:
        return Told(receiver, None, silenced[0], silenced[1], silenced[2], route)
    if change is Change.REOPENED:
        return Told(receiver, Kind.FIRING, Reason.REOPENED, route=route)
    last = heard.receivers.get(receiver)
    if last is None:
        first = Reason.SILENCE_ENDED if change is Change.REPEATED else reason
        return Told(receiver, Kind.FIRING, first, route=route)
    if change is Change.RAISED:
        return Told(receiver, Kind.REPEAT, Reason.SEVERITY_RAISED, route=route)
    due = last if again is None else again(destination, last)
    if at < due:
        return Told(receiver, None, Reason.REPEAT_INTERVAL, until=due, route=route)
    return Told(receiver, Kind.REPEAT, Reason.REPEAT, route=route)
