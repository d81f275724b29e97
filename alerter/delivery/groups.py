"""Groups: messages of several incidents that are told in one, at the instants of their group."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from alerter.clock import SECOND, Millis
from alerter.delivery.changes import with_delivery
from alerter.delivery.folding import Queued, leave_to
from alerter.delivery.tasks import is_held
from alerter.delivery.tools import Tools
from alerter.engine.gathered import TOLD, document_ids, joined, joining, new_document, takes, told_of
from alerter.engine.groups import due, is_due, planned
from alerter.engine.heard import ends_unheard
from alerter.engine.telling import Obstacle
from alerter.model.incident import DeliveryState, Incident, Kind, News, Reason

log = logging.getLogger(__name__)
ONE_BY_ONE = 50
"""The incidents of more messages than this are read as a list."""
TRIES = 5
"""How often a document that others keep ending or making is looked for in one pass."""
PATIENCE: Millis = 10 * SECOND
"""For so long after it is due a group waits for messages that do not name its document yet."""
MOST_KNOWN = 10_000
"""Of more groups than this those whose documents others have ended are forgotten, with the rest."""
MOST_OWN = 5
"""Documents that an incident's message is looked for in, the newest that told of it."""


class Groups:
    """Moves what is to be told together into its group's document, and plans there what is told when its time comes.

    The document lists a message before that names the document, and tells it only once it does: so a process may end
    between any two writes, and any engine goes on.
    """

    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        self._current: dict[str, str] = {}
        self._listed = False

    def fold(self, incidents: Sequence[Incident]) -> None:
        """Take up what is planned for groups, then let those tell whose time has come."""
        self._listed = False
        waiting: dict[str, list[Queued]] = defaultdict(list)
        documents: dict[str, None] = {}
        for incident in incidents:
            if incident.roll is not None:
                documents[incident.id] = None
            for delivery in incident.outbox:
                group = delivery.group
                if group is not None and self._takes_up((incident, delivery)):
                    waiting[group.id].append((incident, delivery))
        parts = [part for queued in waiting.values() for part in self._parts(queued)]
        told = {_group_id(queued[0]) for own, queued in parts if own}
        self._begin([queued for _, queued in parts if _group_id(queued[0]) not in told])
        taken: dict[str, str] = {}
        for own, queued in parts:
            taken |= self._take_up(own, queued)
        listed = [one for _, queued in parts for one in queued if one[1].id in taken]
        leave_to(self._tools, taken, listed, Reason.GROUPED)
        for id in documents | dict.fromkeys(filter(None, taken.values())):
            self._tell(id)

    def _takes_up(self, queued: Queued) -> bool:
        """Whether a message is told by its group; what is silenced, or was never told, goes the way of others."""
        incident, delivery = queued
        if not is_held(incident, delivery):
            return False
        if delivery.kind is Kind.RESOLVED:  # also where its receiver is there no more: the document is over
            return not ends_unheard(incident, delivery)
        return (
            delivery.receiver in self._tools.notifiers
            and self._tools.silenced(incident, self._tools.clock.now()) is None
        )

    # --- taking up -----------------------------------------------------------------------------------------------

    def _parts(self, queued: Sequence[Queued]) -> list[tuple[tuple[str, ...], list[Queued]]]:
        """Return messages of one group by the documents that told of their incidents before, in order.

        What an incident is told further goes there: engines may have made two documents.
        """
        parts: dict[tuple[str, ...], list[Queued]] = defaultdict(list)
        for one in sorted(queued, key=lambda q: planned(_news(q))):
            parts[_own(one)].append(one)
        return list(parts.items())

    def _begin(self, queued: Sequence[Sequence[Queued]]) -> None:
        """Make the documents of groups that are not known to have told of anything, all in one request.

        Where one is there already nothing is done here: it may be over, and is looked at then.
        """
        new: dict[str, Incident] = {}
        for one in queued:
            news = [_news(each) for each in one]
            group = _group_id(one[0])
            if news[0].delivery.kind in TOLD and not list(self._open(group)):
                new[group] = _joined(new_document(next(document_ids(news[0])), news[0]), news)
        if new:
            done = set(self._tools.ledger.create(list(new.values())))
            self._current |= {name: made.id for name, made in new.items() if made.id in done}

    def _take_up(self, own: Sequence[str], queued: Sequence[Queued]) -> dict[str, str]:
        """List messages of one group in its document; returns the document of each, which it is then to name."""
        taken: dict[str, str] = {}
        left, tries = queued, TRIES
        while left and tries:
            id, listed = self._list(own, left)
            tries -= not listed
            taken |= {delivery.id: id for _, delivery in listed}
            left = [one for one in left if one[1].id not in taken]
        return taken

    def _list(self, own: Sequence[str], queued: Sequence[Queued]) -> tuple[str, list[Queued]]:
        """List as many messages as one document takes, the first with it; none where others were quicker."""
        news = [_news(one) for one in queued]
        first = news[0]
        id, stored = self._find(own, first)
        self._tools.check()
        if stored is None and first.delivery.kind is Kind.RESOLVED:
            return id, [queued[0]]  # the document that told of it is over, and says so
        if stored is None:
            self._tools.ledger.create([_joined(new_document(id, first), news)])
        else:
            self._tools.change(id, lambda current: _joined(current, news))
        after = self._tools.ledger.current(id)
        if after is None or after.value.roll is None:
            return id, []
        roll = after.value.roll
        self._current[roll.group.id] = id
        listed = {one.delivery.id for one in roll.news}
        ends = [one for one in news if one.delivery.id in listed and one.delivery.kind is Kind.RESOLVED]
        if ends:
            self._end_elsewhere([other for other in own if other != id], ends)
        return id, [one for one in queued if one[1].id in listed]

    def _end_elsewhere(self, documents: Iterable[str], ends: Sequence[News]) -> None:
        """List ends in all documents that told of their incidents: each shows that they are over."""
        for id in documents:
            self._tools.ledger.read(id)
            self._tools.change(id, lambda current: _joined(current, ends))

    def _find(self, own: Sequence[str], news: News) -> tuple[str, Incident | None]:
        """Return the document that takes a message, or the id of a new one, for an end of the one that told of it.

        ``own`` told of its incident, the newest first: one that is open goes before any other of the group, one that is
        over is opened again where none is. Only what is stored now says that nobody takes an end.
        """
        group = news.delivery.group
        assert group is not None
        is_end = news.delivery.kind is Kind.RESOLVED
        look = self._tools.ledger.read if is_end else self._tools.ledger.current
        told = [stored.value for stored in map(look, own) if stored is not None]
        for document in told:
            if document.resolved is None and takes(document, news):
                return document.id, document
        for id in self._open(group.id):
            stored = self._tools.ledger.current(id)
            if stored is not None and stored.value.resolved is None and takes(stored.value, news):
                return id, stored.value
        if is_end:
            return (*own, "")[0], None
        again = next((document for document in told if takes(document, news)), None)
        return (again.id, again) if again is not None else self._begun(news)

    def _begun(self, news: News) -> tuple[str, Incident | None]:
        """Return the id of a document that begins with a message, and the document where others have begun it."""
        ids = document_ids(news)
        while True:
            id = next(ids)
            stored = self._tools.state.incident(id)
            if stored is None or takes(stored.value, news):
                return id, stored.value if stored else None

    def _open(self, group: str) -> Iterator[str]:
        """Yield documents of a group that may be open: the one known to be, then what others have made."""
        if group in self._current:
            yield self._current[group]
        if not self._listed:
            self._listed = True
            if len(self._current) > MOST_KNOWN:
                self._current.clear()
            opened = (s.value for s in self._tools.state.incidents(rule="", open_only=True))
            rolls = sorted((d.roll.birth, d.id, d.roll.group.id) for d in opened if d.roll is not None)
            self._current |= {name: id for _, id, name in rolls}
        if group in self._current:
            yield self._current[group]

    # --- telling -------------------------------------------------------------------------------------------------

    def _tell(self, id: str) -> None:
        """Plan what a document tells now; what no incident names (any more) it does not tell."""
        now = self._tools.clock.now()
        stored = self._tools.ledger.current(id)
        if stored is None or stored.value.roll is None or not is_due(stored.value.roll, now):
            return
        listed = due(stored.value.roll, now)
        members = self._members(listed)
        told = {one.delivery.id: self._is_told(members.get(one.incident), one, id, now) for one in listed}
        if None in told.values() and not is_due(stored.value.roll, now - PATIENCE):
            return
        telling = {one for one, verdict in told.items() if verdict}
        asked = {one for one, verdict in told.items() if verdict is not None}
        if asked:
            self._tools.change(id, lambda current: told_of(current, telling, asked, members))
        after = self._tools.ledger.current(id)
        if after is not None and after.value.resolved is not None:
            self._current.pop(stored.value.roll.group.id, None)

    def _members(self, news: Sequence[News]) -> dict[str, Incident]:
        """Read the incidents of messages; of many in one list, which may lag behind what others wrote by a second.

        So of what it shows only those count whose messages have left them; the others are read by themselves.
        """
        wanted: dict[str, set[str]] = defaultdict(set)
        for one in news:
            wanted[one.incident].add(one.delivery.id)
        found: dict[str, Incident] = {}
        if len(news) > ONE_BY_ONE:
            since = min(one.delivery.at for one in news)
            listed = {stored.value.id: stored.value for stored in self._tools.state.incidents(since=since)}
            found = {id: listed[id] for id, ids in wanted.items() if id in listed and _have_left(listed[id], ids)}
        for id in wanted.keys() - found.keys():
            stored = self._tools.ledger.read(id)
            if stored is not None:
                found[id] = stored.value
        return found

    def _is_told(self, member: Incident | None, news: News, document: str, now: Millis) -> bool | None:
        """Whether a message is told by the document: it names it and is not silenced; None: that is to be seen.

        An end that names any document is an end in all that list it.
        """
        found = () if member is None else member.deliveries
        delivery = next((d for d in found if d.id == news.delivery.id), None)
        if member is None or delivery is None:
            return False
        if delivery.state is DeliveryState.PLANNED:
            return None
        if not delivery.in_digest:
            return False
        if delivery.kind is Kind.RESOLVED:
            return True
        if delivery.digest != document:
            return False
        obstacle = self._tools.silenced(member, now)
        if obstacle is not None:
            self._untell(member, delivery.id, obstacle)
        return obstacle is None

    def _untell(self, member: Incident, id: str, obstacle: Obstacle) -> None:
        """Let a message that is silenced by now be untold, so that the end of the silence tells it."""
        delivery = next(d for d in member.deliveries if d.id == id)
        changed = replace(delivery, digest="", error=str(obstacle[0]))
        self._tools.change(member.id, lambda current: with_delivery(current, changed))
        self._tools.journal.dropped(member, delivery, obstacle[0], obstacle[1], obstacle[2])


def _group_id(queued: Queued) -> str:
    group = queued[1].group
    assert group is not None
    return group.id


def _own(queued: Queued) -> tuple[str, ...]:
    """Return the documents of a message's group that told of its incident, the newest first."""
    incident, group = queued[0], _group_id(queued)
    told = (d for d in reversed(incident.deliveries) if d.group and d.group.id == group and d.in_digest)
    return tuple(dict.fromkeys(d.digest for d in told if d.kind in TOLD))[:MOST_OWN]


def _have_left(incident: Incident, deliveries: set[str]) -> bool:
    return deliveries <= {d.id for d in incident.deliveries if d.state is DeliveryState.DROPPED}


def _news(queued: Queued) -> News:
    return News(queued[0].id, queued[1])


def _joined(document: Incident, news: Sequence[News]) -> Incident:
    """Return a document with what it takes of these; it may be over by now."""
    return joined(document, joining(document, news))
