"""Pure: an incident that fires for days lists its newest messages, and counts the repeats of long ago."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

from alerter.clock import Millis
from alerter.model.incident import Delivery, DeliveryState, Earlier, Incident, Kind, Reason

MOST_LISTED = 200
"""A document with no more messages than this lists all of them."""
NEWEST = 20
"""Repeats that stay listed for each receiver and outcome, with the first one; messages of a group for each receiver."""


def shortened(incident: Incident, since: Millis) -> Incident:
    """Return the incident with settled repeats at or before ``since`` (event time) counted instead of listed.

    First messages, ends, rises of severity, what delivery still has to do with, and what a storm's digest or that of a
    gap tells of stay. ``since`` must lie before all that may be planned yet: a message's id is made of its instant.
    """
    if len(incident.deliveries) <= MOST_LISTED:
        return incident
    settled = [d for d in incident.deliveries if d.is_settled and _is_repeat(d)]
    if len(settled) <= NEWEST:
        return incident
    failing = any(d.reason is Reason.FALLBACK for d in incident.outbox)  # a failed one says whom it stands in for
    alike: dict[tuple[str, DeliveryState], list[Delivery]] = defaultdict(list)
    for delivery in settled:
        if not (failing and delivery.state is DeliveryState.FAILED):
            alike[delivery.receiver, delivery.state].append(delivery)
    counted = [d for listed in alike.values() for d in listed[1:-NEWEST] if d.at <= since]
    ids = {delivery.id for delivery in counted}
    left = tuple(d for d in incident.deliveries if d.id not in ids)
    return replace(incident, deliveries=left, earlier=_with(incident.earlier, counted))


def shortened_group(document: Incident) -> Incident:
    """Return a group's document with the newest settled messages of each receiver listed, those before counted.

    What says that a receiver was told, or that its first message failed, stays too, as does what delivery still has to
    do with and what a storm's digest tells of.
    """
    failing = any(d.reason is Reason.FALLBACK for d in document.outbox)  # a failed one says whom it stands in for
    of: dict[str, list[Delivery]] = defaultdict(list)
    for delivery in document.deliveries:
        waits = delivery.recheck or delivery.digest or (failing and delivery.state is DeliveryState.FAILED)
        if delivery.is_settled and not waits:
            of[delivery.receiver].append(delivery)
    counted = [d for listed in of.values() for d in _but_first(listed)[:-NEWEST]]
    if not counted:
        return document
    ids = {delivery.id for delivery in counted}
    left = tuple(d for d in document.deliveries if d.id not in ids)
    return replace(document, deliveries=left, earlier=_with(document.earlier, counted))


def _but_first(deliveries: Sequence[Delivery]) -> list[Delivery]:
    """Return messages without the first of each outcome that say that something fires."""
    first: dict[DeliveryState, str] = {}
    for delivery in deliveries:
        if delivery.kind is Kind.FIRING:
            first.setdefault(delivery.state, delivery.id)
    return [delivery for delivery in deliveries if first.get(delivery.state) != delivery.id]


def _is_repeat(delivery: Delivery) -> bool:
    plain = delivery.kind is Kind.REPEAT and not delivery.raised and not delivery.recheck
    in_a_digest = (bool(delivery.digest) and delivery.group is None) or delivery.error == Reason.CATCH_UP
    return plain and not in_a_digest


def _with(earlier: Sequence[Earlier], counted: Sequence[Delivery]) -> tuple[Earlier, ...]:
    found = {(e.receiver, e.kind, e.state): e for e in earlier}
    for delivery in counted:
        place = delivery.receiver, delivery.kind, delivery.state
        known = found.get(place) or Earlier(delivery.receiver, delivery.channel, delivery.kind, delivery.state, 0, 0)
        found[place] = replace(known, number=known.number + 1, until=max(known.until, delivery.at))
    return tuple(found.values())
