"""Storms: where a channel cannot take all its messages in time, further incidents are told in one digest."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from alerter.clock import MINUTE, Millis
from alerter.delivery.digests import joinable, marked, new_digest, with_members, without_members
from alerter.delivery.folding import Queued, leave_to
from alerter.delivery.members import Members
from alerter.delivery.tasks import is_storm, post_of, rank
from alerter.delivery.tools import Tools
from alerter.model.incident import Delivery, DeliveryState, Incident, Kind, Reason, digest
from alerter.routing.tree import STORM, Node
from alerter.state.protocol import Conflict

log = logging.getLogger(__name__)
CRITICAL_ROOTS = 20
"""Critical incidents keep their own message also in a storm, unless more than this many wait in the channel."""
MOST_DIGESTS = 20
BUCKET: Millis = 10 * MINUTE
"""Engines that meet the same storm within the same such span make the same digest."""


@dataclass
class _Storm:
    """A storm in one place as this engine sees it: ``kept`` messages still go by themselves; times are monotonic."""

    since: Millis
    limit: Millis
    kept: frozenset[str] | None = None
    folded: list[tuple[Millis, int]] = field(default_factory=list)


class Storms:
    """Enters when a queue cannot be drained within the route's ``storm``, leaves when it could be again.

    A digest is a document like an incident's: its rows are read from the documents of its members, which name it, so
    that nothing has to be counted twice or kept in memory. Members are marked in it before they name it.
    """

    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        self._limits = dict(_limits(tools.routing.root))
        self._shortest = min((limit for limit in self._limits.values() if limit), default=STORM)
        self._storms: dict[str, _Storm] = {}
        self._documents: dict[str, str] = {}
        self._members = Members(tools.state, tools.clock)

    def fold(self, incidents: Sequence[Incident], *, fresh: bool) -> None:
        """Move into digests what their channels cannot take, and the ends of what is told there."""
        queues: dict[str, list[Queued]] = defaultdict(list)
        ending: dict[str, None] = {}
        for incident in incidents:
            if is_storm(incident):
                self._go_on(incident, fresh=fresh)
                continue
            for delivery in (d for d in incident.outbox if d.group is None):
                if delivery.kind is Kind.RESOLVED:
                    ending[incident.id] = None
                if delivery.state is DeliveryState.PLANNED and self._is_limited(delivery):
                    queues[self._tools.place(delivery.receiver, delivery.channel)].append((incident, delivery))
        for place in {**queues, **self._storms}:
            queue = queues.get(place, [])
            self._end(place, len(queue))
            chosen = list(self._chosen(place, queue))
            if chosen:
                self._tell_in_digest(self._storms[place], place, chosen)
        known = (self._tools.ledger.current(id) for id in ending)
        self._tell_ends([stored.value for stored in known if stored])

    def tells_end(self, incident: Incident, delivery: Delivery) -> bool:
        """Whether the end of an incident is told by its digest, and by no message of its own."""
        return bool(told_in(incident, delivery))

    def shown(self, document: Incident, delivery: Delivery, *, edit: bool = False) -> tuple[Incident, Delivery]:
        """Return a digest with its rows as its members are now, and its message (or only an edit of it)."""
        return with_members(document, delivery, self._members.of(document), self._tools.clock.now(), edit=edit)

    def empty(self, document: Incident, delivery: Delivery) -> None:
        """Wait for members that are not there (yet); a digest that has none when its last word is due is over."""
        now = self._tools.clock.now()
        self._tools.change(document.id, lambda current: without_members(current, delivery, now))

    # --- entering and leaving ----------------------------------------------------------------------------------

    def _is_limited(self, delivery: Delivery) -> bool:
        notifier = self._tools.notifiers.get(delivery.receiver)
        return notifier is not None and notifier.kind == "slack"

    def _go_on(self, document: Incident, *, fresh: bool) -> None:
        """Go on with a storm that an earlier process was in."""
        place = document.labels["storm"]
        if fresh and joinable(document) and place not in self._storms:
            self._storms[place] = _Storm(self._tools.clock.monotonic(), self._shortest)
            self._documents[place] = document.id

    def _chosen(self, place: str, queue: list[Queued]) -> Iterator[Queued]:
        """Yield what goes into the digest now."""
        open_to = [q for q in queue if self._may_join(*q)]
        limits = [self._limit(delivery) or 0 for _, delivery in open_to]
        storm = self._storms.get(place)
        if not open_to or (storm is None and len(queue) <= self._tools.rates.within(min(limits))):
            return
        now = self._tools.clock.monotonic()
        if storm is None:
            storm = self._storms[place] = _Storm(now, min(limits))
            log.warning("%s: %d messages wait; further incidents go into a digest", place, len(queue))
        if storm.kept is None:
            first = sorted(queue, key=lambda q: rank(*q))[: self._tools.rates.within(storm.limit)]
            storm.kept = frozenset(d.id for _, d in first)
        criticals = 0
        for incident, delivery in open_to:
            if incident.severity == "critical":
                criticals += 1
                if criticals <= CRITICAL_ROOTS:
                    continue
            elif delivery.id in storm.kept:
                continue
            if not self._tools.silenced(incident, self._tools.clock.now()):
                yield incident, delivery

    def _may_join(self, incident: Incident, delivery: Delivery) -> bool:
        """Whether a message would be a new root, may be told otherwise, and certainly was not sent yet."""
        return (
            delivery.kind in (Kind.FIRING, Kind.REPEAT)
            and post_of(incident, delivery.receiver) is None
            and not delivery.note
            and self._limit(delivery) is not None
        )

    def _limit(self, delivery: Delivery) -> Millis | None:
        return self._limits.get(delivery.route, self._tools.routing.root.timers.storm)

    def _end(self, place: str, waiting: int) -> None:
        storm = self._storms.get(place)
        if storm is None:
            return
        now = self._tools.clock.monotonic()
        storm.folded = [(at, n) for at, n in storm.folded if now - at < storm.limit]
        arrived = waiting + sum(n for _, n in storm.folded)
        if now - storm.since >= storm.limit and arrived <= self._tools.rates.within(storm.limit):
            del self._storms[place]
            log.warning("%s: the storm is over", place)

    # --- documents ---------------------------------------------------------------------------------------------

    def _tell_in_digest(self, storm: _Storm, place: str, chosen: list[Queued]) -> None:
        """Mark the digest, then let the members name it; what somebody else changed waits for the next pass."""
        opened = min(incident.opened for incident, _ in chosen)
        told = self._digest(place, chosen[0][1], opened, storm.limit)
        if told:
            leave_to(self._tools, {delivery.id: told for _, delivery in chosen}, chosen, Reason.STORM)
            storm.folded.append((self._tools.clock.monotonic(), len(chosen)))

    def _tell_ends(self, incidents: Sequence[Incident]) -> None:
        """Leave to the digest the ends of incidents that nothing but it told of."""
        ends = [(i, d) for i in incidents for d in i.outbox if d.kind is Kind.RESOLVED and d.group is None]
        ended = [(i, d, told_in(i, d)) for i, d in ends]
        told = {delivery.id: document for _, delivery, document in ended if document}
        for document in dict.fromkeys(told.values()):
            self._mark(document, None, self._shortest)
        leave_to(self._tools, told, [(i, d) for i, d, document in ended if document], Reason.STORM)

    def _digest(self, place: str, like: Delivery, opened: Millis, limit: Millis) -> str:
        """Return the digest that may be joined, marked, or a new one; "" when other engines keep changing them."""
        self._tools.check()
        state, now = self._tools.state, self._tools.clock.now()
        if place not in self._documents:
            known = (s.value for s in state.incidents(rule="", open_only=True))
            self._documents |= {d.labels["storm"]: d.id for d in known if is_storm(d) and joinable(d)}
        new = (digest("storm", place, now // BUCKET, n) for n in range(MOST_DIGESTS))
        for id in filter(None, (self._documents.get(place), *new)):
            stored = state.incident(id)
            if stored is None:
                editable = self._tools.notifiers[like.receiver].editable
                made = new_digest(id, place, like, opened, now, limit, editable=editable)
                try:
                    state.save_incident(made, None)
                except Conflict:
                    return ""  # another engine makes it right now
            elif joinable(stored.value):
                self._mark(id, opened, limit)
            else:
                continue
            self._documents[place] = id
            return id
        return ""

    def _mark(self, id: str, opened: Millis | None, limit: Millis) -> None:
        now = self._tools.clock.now()
        self._tools.change(id, lambda document: marked(document, opened, now, limit))


def told_in(incident: Incident, delivery: Delivery) -> str:
    """Return the digest that is to tell of an end: that which told of the beginning, and nothing else did."""
    own = [d for d in incident.deliveries if d.receiver == delivery.receiver and d.group is None]
    mine = [d for d in own if d.kind in (Kind.FIRING, Kind.REPEAT)]
    if delivery.kind is not Kind.RESOLVED or any(d.state is not DeliveryState.DROPPED for d in mine):
        return ""
    return next((d.digest for d in reversed(mine) if d.in_digest), "")


def _limits(node: Node) -> Iterator[tuple[str, Millis | None]]:
    """Yield each route's path and its ``storm``; None: off."""
    yield node.path, node.timers.storm
    for child in node.routes:
        yield from _limits(child)
