"""The incidents' documents as one pass of delivery knows them, and what it still owes to their record."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence

from alerter.model.incident import Incident
from alerter.state.protocol import Conflict, State, Version, Versioned

log = logging.getLogger(__name__)
Change = Callable[[Incident], Incident]
TRIES = 10
TOGETHER = 500
"""Documents changed in one request."""


class Ledger:
    """Reads each document once, writes by compare-and-set, and puts a record and the next claim into one write.

    So a message is still claimed before it is sent, and recorded before the next one is. What the state does not take
    stays owed. ``check`` is called before each write and raises where this engine may not write.
    """

    def __init__(self, state: State, check: Callable[[], None]) -> None:
        self._state = state
        self._check = check
        self._seen: dict[str, Versioned[Incident]] = {}
        self._owed: dict[str, Change] = {}
        self._written: set[str] = set()

    def begin(self, listed: Iterable[Versioned[Incident]]) -> list[Incident]:
        """Start a pass with what a list shows; where it lags behind, the first write conflicts."""
        self._seen = {stored.value.id: stored for stored in listed}
        return self._begun()

    def go_on(self, newest: Iterable[Versioned[Incident]], mine: Callable[[Incident], bool]) -> list[Incident]:
        """Start a pass with what the one before knew, and some more; without what is not ``mine`` (any more)."""
        for id in self._written:
            if id in self._seen and not self._seen[id].value.unfinished:
                del self._seen[id]
        self._seen.update((stored.value.id, stored) for stored in newest)
        self._seen = {id: stored for id, stored in self._seen.items() if mine(stored.value)}
        return self._begun()

    def _begun(self) -> list[Incident]:
        self._written.clear()
        if self._owed:
            self.settle()
        return [stored.value for stored in self._seen.values()]

    def listed(self) -> list[Incident]:
        """Return the incidents as they are known by now."""
        return [stored.value for stored in self._seen.values()]

    def current(self, id: str) -> Versioned[Incident] | None:
        """Return an incident as it is known, read when it is not."""
        if id in self._owed:
            self.settle()
        return self._seen.get(id) or self._state.incident(id)

    def read(self, id: str) -> Versioned[Incident] | None:
        """Return an incident as it is stored now: what a list showed may lag behind."""
        if id in self._owed:
            self.settle()
        stored = self._state.incident(id)
        if id in self._seen and stored is not None:
            self._seen[id] = stored
        return stored

    def claim(self, incident: Incident, version: Version) -> None:
        """Write a claim. Raises Conflict when somebody else changed the document; it is then read when needed next."""
        (*_, written) = self._settle([(incident, version)])
        if isinstance(written, Conflict):
            raise written

    def owe(self, id: str, change: Change) -> None:
        """Note a change that is written with the next claim, or at the end of the pass."""
        self._owed[id] = change

    def settle(self) -> None:
        """Write what is owed."""
        self._settle([])

    def change(self, id: str, change: Change) -> None:
        """Change an incident's document now, again when somebody was quicker."""
        for _ in range(TRIES):
            stored = self.current(id)
            if stored is None:
                return
            changed = change(stored.value)
            if changed == stored.value:
                return
            (written,) = self._write([(changed, stored.version)])
            if not isinstance(written, Conflict):
                return
        log.error("incident %s kept changing; its delivery is settled in the next pass", id)

    def create(self, documents: Sequence[Incident]) -> list[str]:
        """Write new documents in as few requests as may be; returns those (ids) that nobody else has written before."""
        self.settle()
        done = []
        for start in range(0, len(documents), TOGETHER):
            together = documents[start : start + TOGETHER]
            pairs = zip(together, self._write([(made, None) for made in together]), strict=True)
            done += [made.id for made, version in pairs if not isinstance(version, Conflict)]
        return done

    def change_all(self, ids: Sequence[str], change: Change) -> list[str]:
        """Change known documents in as few requests as may be; returns those that nobody else changed meanwhile."""
        self.settle()
        done = []
        for start in range(0, len(ids), TOGETHER):
            known = [self._seen[id] for id in ids[start : start + TOGETHER] if id in self._seen]
            written = self._write([(change(stored.value), stored.version) for stored in known])
            pairs = zip(known, written, strict=True)
            done += [stored.value.id for stored, version in pairs if not isinstance(version, Conflict)]
        return done

    def _settle(self, more: Sequence[tuple[Incident, Version]]) -> list[Version | Conflict]:
        owed = dict(self._owed)
        known = {id: self._seen[id] for id in owed if id in self._seen}
        written = self._write([*((owed[id](v.value), v.version) for id, v in known.items()), *more])
        missed = [id for id in owed if id not in known or id not in self._seen]
        for id in owed.keys() - missed:
            del self._owed[id]
        for id in missed:
            change = self._owed.pop(id)
            try:
                self.change(id, change)
            except BaseException:
                self._owed[id] = change
                raise
        return written

    def _write(self, pairs: Sequence[tuple[Incident, Version | None]]) -> list[Version | Conflict]:
        if not pairs:
            return []
        self._check()
        written = self._state.save_incidents(pairs)
        for (incident, _), version in zip(pairs, written, strict=True):
            self._written.add(incident.id)
            self._seen.pop(incident.id, None)
            if not isinstance(version, Conflict):
                self._seen[incident.id] = Versioned(incident, version)
        return written
