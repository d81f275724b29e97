"""The incidents that a storm's digest tells of, read from their own documents."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from alerter.clock import MINUTE, Clock, Millis
from alerter.delivery.digests import joinable, last_sent
from alerter.model.incident import Incident, View
from alerter.state.protocol import State

CLOSED: Millis = MINUTE
"""So long after its last word nobody joins a digest any more, not even by a write that was under way then."""
ONE_BY_ONE = 50
"""Of more members than this that fire, those that still do are found in the list of open incidents."""
MOST_KNOWN = 20
"""Digests whose members are remembered, the newest."""


class Members:
    """Finds the members of a digest: while it takes more in all that was open since it began.

    Later they are known, and only those that still fired at the last look are read. One that re-opens after its end was
    counted has messages of its own.
    """

    def __init__(self, state: State, clock: Clock) -> None:
        self._state = state
        self._clock = clock
        self._known: dict[str, dict[str, Incident]] = {}

    def of(self, document: Incident) -> list[Incident]:
        """Return the members of a digest as they are now, those that are over as they were at their end."""
        if joinable(document) or not self._is_closed(document):
            return self._listed(document)
        known = self._known.pop(document.id, None)
        if known is None:
            known = {member.id: _short(member) for member in self._listed(document)}
        else:
            over = {id: member for id, member in known.items() if member.resolved is not None}
            known = over | {member.id: _short(member) for member in self._now(known.keys() - over.keys())}
        if any(member.resolved is None for member in known.values()):
            self._known[document.id] = known
            for id in list(self._known)[:-MOST_KNOWN]:
                del self._known[id]
        return list(known.values())

    def _is_closed(self, document: Incident) -> bool:
        sent = last_sent(document)
        return sent is not None and not 0 <= self._clock.now() - sent < CLOSED

    def _listed(self, document: Incident) -> list[Incident]:
        listed = self._state.incidents(since=document.opened)
        return [s.value for s in listed if any(d.digest == document.id for d in s.value.deliveries)]

    def _now(self, ids: set[str]) -> Iterable[Incident]:
        """Read incidents by id: what a list still shows as open may lag by a second, what it does not show is asked."""
        if len(ids) > ONE_BY_ONE:
            still = [s.value for s in self._state.incidents(open_only=True) if s.value.id in ids]
            yield from still
            ids = ids - {member.id for member in still}
        for id in sorted(ids):
            stored = self._state.incident(id)
            if stored is not None:
                yield stored.value


def _short(member: Incident) -> Incident:
    """Return of an incident what a digest's rows say."""
    return replace(member, view=View(title=member.view.title, link=member.view.link), posts=(), deliveries=())
