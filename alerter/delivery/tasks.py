"""Pure: what is to be sent now, most important first."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from alerter.clock import MINUTE, SECOND, Millis
from alerter.engine.groups import next_told
from alerter.model.incident import Delivery, DeliveryState, Incident, Kind, Post
from alerter.notifiers.protocol import Failure

REFRESH_EVERY: Millis = 45 * SECOND
"""Counters in a posted message are refreshed at most this often; a change of state at once."""
DIGEST_EVERY: Millis = 30 * SECOND
"""The same for a storm digest."""
DIGEST_SELDOM: Millis = 5 * MINUTE
"""A digest that nothing was marked in is looked at this often: members may close quietly."""
SOON: Millis = MINUTE
"""A group's document of which nothing is to be told for longer than this keeps delivery from no rest."""
SETTLING: Millis = 3 * SECOND
"""A digest is read anew so long after it was marked: lists of other engines' writes lag."""


@dataclass(frozen=True)
class Task:
    """One thing to do for an incident: a delivery to make, or a posted message to refresh."""

    incident: str
    delivery: Delivery | None
    post: Post | None
    rank: int

    @property
    def is_new(self) -> bool:
        """Whether it is a message that was planned and not yet tried, or certainly not sent."""
        return self.delivery is not None and self.delivery.state is DeliveryState.PLANNED

    @property
    def place(self) -> tuple[str, str]:
        """Receiver and channel of the delivery."""
        return ("", "") if self.delivery is None else (self.delivery.receiver, self.delivery.channel)


def tasks(incidents: Iterable[Incident], now: Millis, *, fresh: bool = False) -> list[Task]:
    """Return what is due: critical roots, other roots, changes of state, replies, refreshed counters.

    In a ``fresh`` process what bad credentials held up is due at once: they may have been replaced.
    """
    found = [task for incident in incidents for task in _of(incident, now, fresh)]
    return sorted(found, key=lambda t: t.rank)


def _of(incident: Incident, now: Millis, fresh: bool) -> Iterator[Task]:
    waiting: set[str] = set()
    for delivery in incident.outbox:
        if delivery.receiver in waiting:
            continue  # an earlier message of this incident comes first there
        waiting.add(delivery.receiver)
        if _is_due(delivery, now, fresh):
            yield Task(incident.id, delivery, post_of(incident, delivery.receiver), rank(incident, delivery))
    for delivery in incident.rechecks:
        if delivery.recheck <= now:
            yield Task(incident.id, delivery, post_of(incident, delivery.receiver), 4)
    if is_storm(incident):
        waiting.clear()  # its last word waits for the end of the storm, its edits do not
    for post in incident.stale_posts:
        if post.receiver not in waiting and _refresh_due(incident, post, now):
            yield Task(incident.id, None, post, 2 if incident.resolved is not None else 4)


def is_storm(incident: Incident) -> bool:
    """Whether the document is a storm's digest."""
    return incident.type == "digest" and "storm" in incident.labels


def is_ahead(incident: Incident, now: Millis) -> bool:
    """Whether it is a group's document with nothing to do within ``SOON`` of ``now`` (wall clock)."""
    roll = incident.roll
    if roll is None or incident.outbox or incident.stale_posts or incident.rechecks:
        return False
    at = next_told(roll)
    return at is None or at + roll.delay > now + SOON


def is_held(incident: Incident, delivery: Delivery) -> bool:
    """Whether its group is to tell a message: it was not tried, and its incident has no message of its own there."""
    if delivery.group is None or delivery.state is not DeliveryState.PLANNED or delivery.attempts:
        return False
    return delivery.kind is Kind.RESOLVED or post_of(incident, delivery.receiver) is None


def _refresh_due(incident: Incident, post: Post, now: Millis) -> bool:
    if is_storm(incident):
        settled = bool(incident.outbox) or not 0 <= now - incident.updated < SETTLING
        every = DIGEST_EVERY if incident.updated >= post.edited else DIGEST_SELDOM
        return settled and not 0 <= now - post.edited < every
    return incident.resolved is not None or now - post.edited >= REFRESH_EVERY or now < post.edited


def rank(incident: Incident, delivery: Delivery) -> int:
    """Return how early a delivery is made: 0 first, which is critical ones and what stands for many."""
    if is_storm(incident):
        return 0
    if post_of(incident, delivery.receiver) is None:
        return 0 if incident.severity == "critical" else 1
    return 3 if delivery.kind is Kind.REPEAT else 2


def post_of(incident: Incident, receiver: str) -> Post | None:
    """Return the posted message of an incident at a receiver."""
    return next((p for p in incident.posts if p.receiver == receiver and p.ts), None)


def due(incident: Incident, delivery: str, now: Millis, *, fresh: bool = False) -> Delivery | None:
    """Return the delivery as the document has it, or None when it is done or its time has not come."""
    found = next((d for d in (*incident.outbox, *incident.rechecks) if d.id == delivery), None)
    return found if found is not None and _is_due(found, now, fresh) else None


def _is_due(delivery: Delivery, now: Millis, fresh: bool) -> bool:
    if delivery.state is DeliveryState.SENDING:
        return True  # passes are made one at a time: it was left behind, or another engine is at it
    if delivery.state is DeliveryState.SENT:
        return delivery.recheck <= now
    set_back = delivery.sent is not None and now < delivery.sent  # then not_before is of a time that may be far away
    return delivery.not_before <= now or set_back or (fresh and delivery.error == str(Failure.CREDENTIALS))


def failed_over(incident: Incident, delivery: Delivery) -> Delivery | None:
    """Return this receiver's first message when it went to the fallback, which hears the rest too."""
    if delivery.kind is Kind.FIRING or any(p.receiver == delivery.receiver for p in incident.posts):
        return None
    mine = [d for d in incident.deliveries if d.receiver == delivery.receiver and d.kind is Kind.FIRING]
    return next((d for d in mine if d.state is DeliveryState.FAILED), None)
