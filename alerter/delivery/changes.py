"""Pure: an incident's document with one thing about its messages changed."""

from __future__ import annotations

from alerter.clock import Millis
from alerter.delivery.reactions import Reaction
from alerter.model.changed import changed
from alerter.model.incident import Delivery, DeliveryState, Incident, Kind, Post, Reason
from alerter.notifiers.protocol import Posted


def with_delivery(incident: Incident, delivery: Delivery) -> Incident:
    """Return the incident with one delivery replaced."""
    return changed(incident, deliveries=tuple(delivery if d.id == delivery.id else d for d in incident.deliveries))


def as_sent(
    current: Incident, delivery: Delivery, root: Posted | None, shown: int, now: Millis, *, edited: bool
) -> Incident:
    """Return the incident with a delivery sent: ``root`` is its new message there, ``shown`` the revision shown.

    What somebody else has sent or found meanwhile stays as it is; where ours is a second copy, it is looked for.
    """
    known = next((d for d in current.deliveries if d.id == delivery.id), None)
    if known is None and (delivery.kind is Kind.REPEAT or current.roll is not None):
        return current  # others have settled it, and so long ago that it is not listed any more
    before = known if known is not None and known.state is DeliveryState.SENT else None
    if before is not None:
        doubled = _twice(current, before, delivery, root)
        return with_delivery(current, changed(before, recheck=now, looks=0)) if doubled else current
    kept = delivery.error if delivery.reason is Reason.FALLBACK else ""
    done = changed(delivery, state=DeliveryState.SENT, sent=now, error=kept)
    posts = current.posts
    if root is not None:
        made = Post(delivery.receiver, delivery.channel, root.address, root.ts, shown, now)
        posts = (*(p for p in posts if p.receiver != delivery.receiver), made)
    elif delivery.kind is not Kind.REPEAT:
        posts = tuple(_showing(p, shown, now, edited) if p.receiver == delivery.receiver else p for p in posts)
    return changed(with_delivery(current, done), posts=posts)


def as_edited(incident: Incident, receiver: str, revision: int, now: Millis, *, edited: bool = True) -> Incident:
    """Return the incident whose message at a receiver shows a revision (or, not ``edited``, is left as it is)."""
    posts = tuple(_showing(p, revision, now, edited) if p.receiver == receiver else p for p in incident.posts)
    return changed(incident, posts=posts)


def without_post(incident: Incident, receiver: str) -> Incident:
    """Return the incident without its message at a receiver, which is gone."""
    return changed(incident, posts=tuple(p for p in incident.posts if p.receiver != receiver))


def as_reacted(incident: Incident, reaction: Reaction) -> Incident:
    """Return the incident after a failed attempt; nothing of it when the delivery was settled meanwhile."""
    before = next((d for d in incident.deliveries if d.id == reaction.delivery.id), None)
    if before is None or before not in incident.outbox:
        return incident
    current = with_delivery(incident, reaction.delivery)
    if reaction.instead is None or any(d.id == reaction.instead.id for d in current.deliveries):
        return current
    return changed(current, deliveries=(*current.deliveries, reaction.instead))


def _twice(current: Incident, before: Delivery, ours: Delivery, root: Posted | None) -> bool:
    """Whether a message on record was sent by another claim than ours, and is not the one that we sent or found."""
    if (before.by, before.attempts) == (ours.by, ours.attempts):
        return False
    return root is None or any(p.ts != root.ts for p in current.posts if p.receiver == ours.receiver)


def _showing(post: Post, revision: int, now: Millis, edited: bool) -> Post:
    return changed(post, revision=max(revision, post.revision), edited=now, edits=post.edits + edited)
