"""Pure: what receivers know of an incident, by the messages that are planned for it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile

from alerter.clock import Millis
from alerter.model.incident import Delivery, DeliveryState, Incident, Kind, Reason, digest

_TELLING = (Kind.FIRING, Kind.REPEAT)


@dataclass(frozen=True)
class Heard:
    """Who knows that an incident fires: when firing or a repeat was planned last for each receiver (event time).

    Whoever was told the end knows of nothing that fires: a re-opening is news again, and one that nobody was told has
    no end to tell. An end that is only edited into a posted message (``quiet_close``) is not told.
    """

    receivers: Mapping[str, Millis]

    @classmethod
    def of(cls, incident: Incident) -> Heard:
        """Read it from the incident's deliveries; what was dropped was never heard, unless others tell of it."""
        return cls.after(in_order(incident.deliveries))

    @classmethod
    def after(cls, deliveries: Iterable[Delivery]) -> Heard:
        """Return what is known after these, in the order of the incident's life."""
        last: dict[str, Millis] = {}
        for delivery in deliveries:
            receiver, at = delivery.receiver, delivery.at
            if _was_heard(delivery) and delivery.kind is Kind.RESOLVED:
                last.pop(receiver, None)
            elif _was_heard(delivery) and delivery.kind in _TELLING:
                last[receiver] = max(at, last.get(receiver, at))
        return cls(last)


def has_heard(receiver: str, incident: Incident) -> bool:
    """Tell whether a receiver knows that an incident fires."""
    return receiver in Heard.of(incident).receivers


def ends_unheard(incident: Incident, delivery: Delivery) -> bool:
    """Tell whether an end would be told to somebody who did not hear that the incident fires since the end before.

    What a dead channel was to be told goes to its fallback, which may have heard as little: any of that line is enough.
    Several ends of one instant, for groups and for the incident itself, do not hide each other.
    """
    listed = in_order(incident.deliveries)
    line = [delivery]
    for one in line:  # grows on the way: fallbacks have fallbacks
        line += _stands_for(one, listed)
    names, ids = {d.receiver for d in line}, {d.id for d in line}
    before = takewhile(lambda d: d.id != delivery.id, listed)
    known = Heard.after(d for d in before if d.id not in ids and not _is_beside(d, delivery)).receivers
    return not known.keys() & names


def _is_beside(other: Delivery, end: Delivery) -> bool:
    """Tell whether a message is planned as the same end in another place; not what a fallback has heard of it."""
    return other.kind is Kind.RESOLVED and other.at == end.at and other.reason is not Reason.FALLBACK


def in_order(deliveries: Sequence[Delivery]) -> Sequence[Delivery]:
    """Return messages as the incident's life planned them: what goes to a fallback is listed when that is found out."""
    if all(d.reason is not Reason.FALLBACK for d in deliveries):
        return deliveries
    places: dict[str, tuple[int, ...]] = {}
    for n, delivery in enumerate(deliveries):
        of = _stands_for(delivery, deliveries[:n])
        places[delivery.id] = (*places[of[0].id][:1], n) if of else (n,)
    return sorted(deliveries, key=lambda d: places[d.id])


def fallback_id(delivery: Delivery, receiver: str) -> str:
    """Return the id of the message that is sent to a fallback receiver instead."""
    return digest("fallback", delivery.id, receiver)


def _stands_for(delivery: Delivery, others: Collection[Delivery]) -> list[Delivery]:
    if delivery.reason is not Reason.FALLBACK:
        return []
    same = (d for d in others if d.kind is delivery.kind and d.at == delivery.at)  # hashes cost more
    return [d for d in same if fallback_id(d, delivery.receiver) == delivery.id]


def _was_heard(delivery: Delivery) -> bool:
    """Tell whether a message is not dropped, or others tell of it: its group, a digest, or a fallback's own."""
    return delivery.state is not DeliveryState.DROPPED or delivery.in_digest or delivery.error == str(Reason.FALLBACK)
