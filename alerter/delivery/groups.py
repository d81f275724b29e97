"""Groups: messages of several incidents that are told in one, at the instants of their group."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace

from alerter.clock import Millis
from alerter.delivery.changes import with_delivery
from alerter.delivery.folding import Queued, leave_to
from alerter.delivery.tasks import heard, is_held
from alerter.delivery.tools import Tools
from alerter.engine.gathered import document_ids, joined, new_document, takes, told_of
from alerter.engine.groups import due, is_due, planned
from alerter.engine.telling import Obstacle
from alerter.model.incident import DeliveryState, Incident, Kind, News, Reason
from alerter.state.protocol import Conflict

log = logging.getLogger(__name__)
ONE_BY_ONE = 50
"""The incidents of more messages than this are read as a list."""
TRIES = 5
"""How often a document that others keep ending or making is looked for in one pass."""


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
        for queued in waiting.values():
            documents |= dict.fromkeys(self._take_up(queued))
        for id in documents:
            self._tell(id)

    def _takes_up(self, queued: Queued) -> bool:
        """Whether a message is told by its group; what is silenced, or was never told, goes the way of others."""
        incident, delivery = queued
        if delivery.receiver not in self._tools.notifiers or not is_held(incident, delivery):
            return False
        if delivery.kind is Kind.RESOLVED:
            return heard(incident, delivery)
        return self._tools.silenced(incident, self._tools.clock.now()) is None

    # --- taking up -----------------------------------------------------------------------------------------------

    def _take_up(self, queued: Sequence[Queued]) -> set[str]:
        """List messages of one group in its document, then let them name it; returns the documents."""
        left = sorted(queued, key=lambda q: planned(_news(q)))
        found: set[str] = set()
        for _ in range(TRIES):
            if not left:
                break
            id, taken = self._list(left)
            if taken:
                leave_to(self._tools, {delivery.id: id for _, delivery in taken}, taken, Reason.GROUPED)
                found.add(id)
                known = {delivery.id for _, delivery in taken}
                left = [one for one in left if one[1].id not in known]
        return found

    def _list(self, queued: Sequence[Queued]) -> tuple[str, list[Queued]]:
        """List as many messages as one document takes, the first with it; none where others were quicker."""
        first = _news(queued[0])
        id, stored = self._find(queued[0][0], first)
        self._tools.check()
        if stored is None and first.delivery.kind is Kind.RESOLVED:
            return id, [queued[0]]  # the document that told of it is over, and says so
        news = [_news(one) for one in queued if stored is None or takes(stored, _news(one))]
        if stored is None:
            try:
                self._tools.state.save_incident(joined(new_document(id, first), news), None)
            except Conflict:
                return id, []
        else:
            self._tools.change(id, lambda current: _joined(current, news))
        after = self._tools.ledger.current(id)
        self._current[first.delivery.group.id if first.delivery.group else ""] = id
        roll = None if after is None else after.value.roll
        listed = set() if roll is None else {one.delivery.id for one in roll.news}
        return id, [one for one in queued if one[1].id in listed]

    def _find(self, incident: Incident, news: News) -> tuple[str, Incident | None]:
        """Return the document that takes a message, or the id of a new one, for an end of the one that told of it."""
        group = news.delivery.group
        assert group is not None
        own = [d.digest for d in reversed(incident.deliveries) if d.group and d.group.id == group.id and d.digest]
        for id in self._candidates(group.id, own):
            stored = self._tools.ledger.current(id)
            if stored is not None and takes(stored.value, news):
                return id, stored.value
        if news.delivery.kind is Kind.RESOLVED:
            return (own or [""])[0], None
        last = ""
        for last in document_ids(news):
            stored = self._tools.state.incident(last)
            if stored is None or takes(stored.value, news):
                return last, stored.value if stored else None
        return last, None

    def _candidates(self, group: str, own: Sequence[str]) -> Iterator[str]:
        """Yield documents of a group: the one known to be open, what others have made, what told of the incident."""
        if group in self._current:
            yield self._current[group]
        if not self._listed:
            self._listed = True
            opened = (s.value for s in self._tools.state.incidents(rule="", open_only=True))
            self._current |= {d.roll.group.id: d.id for d in opened if d.roll is not None}
        if group in self._current:
            yield self._current[group]
        yield from own[:1]

    # --- telling -------------------------------------------------------------------------------------------------

    def _tell(self, id: str) -> None:
        """Plan what a document tells now; what no incident names (any more) it does not tell."""
        now = self._tools.clock.now()
        stored = self._tools.ledger.current(id)
        if stored is None or stored.value.roll is None or not is_due(stored.value.roll, now):
            return
        listed = due(stored.value.roll, now)
        members = self._members(listed)
        telling: set[str] = set()
        gone: set[str] = set()
        for news in listed:
            member = members.get(news.incident)
            verdict = False if member is None else self._named(member, news, id, now)
            if verdict is not None:
                (telling if verdict else gone).add(news.delivery.id)
        if telling or gone:
            self._tools.change(id, lambda current: told_of(current, telling, telling | gone, members))

    def _members(self, news: Sequence[News]) -> dict[str, Incident]:
        """Read the incidents of messages; of many in one list, which may lag behind what others wrote by a second."""
        found: dict[str, Incident] = {}
        if len(news) > ONE_BY_ONE:
            since = min(one.delivery.at for one in news)
            found = {stored.value.id: stored.value for stored in self._tools.state.incidents(since=since)}
        for id in {one.incident for one in news} - found.keys():
            stored = self._tools.ledger.current(id)
            if stored is not None:
                found[id] = stored.value
        return found

    def _named(self, member: Incident, news: News, document: str, now: Millis) -> bool | None:
        """Whether a message is told by the document: it names it and is not silenced; None: that is to be seen."""
        delivery = next((d for d in member.deliveries if d.id == news.delivery.id), None)
        if delivery is None:
            return False
        if delivery.state is not DeliveryState.DROPPED:
            return None if delivery.state is DeliveryState.PLANNED else False
        if delivery.digest != document:
            return False
        obstacle = self._tools.silenced(member, now) if delivery.kind is not Kind.RESOLVED else None
        if obstacle is not None:
            self._untell(member, delivery.id, obstacle)
        return obstacle is None

    def _untell(self, member: Incident, id: str, obstacle: Obstacle) -> None:
        """Let a message that is silenced by now be untold, so that the end of the silence tells it."""
        delivery = next(d for d in member.deliveries if d.id == id)
        changed = replace(delivery, digest="", error=str(obstacle[0]))
        self._tools.change(member.id, lambda current: with_delivery(current, changed))
        self._tools.journal.dropped(member, delivery, obstacle[0], obstacle[1], obstacle[2])


def _news(queued: Queued) -> News:
    return News(queued[0].id, queued[1])


def _joined(document: Incident, news: Sequence[News]) -> Incident:
    """Return a document with what it takes of these; it may be over by now."""
    return joined(document, [one for one in news if takes(document, one)])
