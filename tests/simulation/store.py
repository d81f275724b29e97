"""The state all engines of a history share, and each engine's own way to it, where faults happen."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from alerter.clock import SECOND, Millis
from alerter.model.heartbeat import Heartbeat
from alerter.model.incident import Checkpoint, Decision, Incident
from alerter.model.member import Member, RuleSet
from alerter.model.silence import Silence
from alerter.state.protocol import Conflict, Retention, StateError, Version, Versioned

if TYPE_CHECKING:
    from tests.simulation.machine import Machine

T = TypeVar("T")
REFRESH: Millis = SECOND
"""For how long a list may not show what another process wrote."""


@dataclass
class Row:
    """A document: what it says now, and what a list may still show of it."""

    value: Any
    version: int
    at: Millis
    by: object
    before: Row | None = None

    @property
    def versioned(self) -> Versioned[Any]:
        """Return value and version."""
        return Versioned(self.value, str(self.version))


@dataclass
class Store:
    """Documents by table and id; compare-and-set like the real states."""

    tables: dict[str, dict[str, Row]] = field(default_factory=dict)
    leases: dict[tuple[str, int], set[str]] = field(default_factory=dict)
    decisions: list[Decision] = field(default_factory=list)
    rulesets: dict[str, RuleSet] = field(default_factory=dict)
    number: int = 0
    repeated: set[str] = field(default_factory=set)
    """Incidents that were written without their checkpoint, and whose span may have been evaluated again."""
    ahead: dict[str, Incident] = field(default_factory=dict)
    robbed: list[str] = field(default_factory=list)

    def table(self, name: str) -> dict[str, Row]:
        """Return a table, made when it is new."""
        return self.tables.setdefault(name, {})

    def put(self, table: str, id: str, value: Any, version: Version | None, at: Millis, by: object) -> Version:
        """Write a document by compare-and-set."""
        rows = self.table(table)
        row = rows.get(id)
        if (None if row is None else str(row.version)) != version:
            if isinstance(value, Checkpoint):  # the engine that wanted it goes on from another one
                self.repeated |= {one.id for one in self.ahead.values() if one.rule == value.rule}
            raise Conflict(f"{table} {id}")
        if isinstance(value, Checkpoint) and row is not None:
            self._mind_owner(row.value, value)
        if isinstance(value, Incident):
            self._mind_incident(row.value if row else None, value)
        if isinstance(value, Checkpoint):
            self._mind_ahead(value)
        self.number += 1
        before = None if row is None else Row(row.value, row.version, row.at, row.by)
        rows[id] = Row(value, self.number, at, by, before)
        if isinstance(value, Checkpoint) and value.owner:
            self.leases.setdefault((value.rule, value.epoch), set()).add(value.owner)
        return str(self.number)

    def _mind_incident(self, before: Incident | None, after: Incident) -> None:
        """Note what an evaluation wrote; delivery does not change up to where a document is evaluated."""
        if before is not None and before.updated == after.updated:
            return
        if after.id in self.ahead:
            self.repeated.add(after.id)
        self.ahead[after.id] = after

    def _mind_ahead(self, checkpoint: Checkpoint) -> None:
        """Compare a checkpoint with what was written of its rule before it: it should go as far."""
        for incident in [one for one in self.ahead.values() if one.rule == checkpoint.rule]:
            if incident.updated != checkpoint.evaluated:
                self.repeated.add(incident.id)
            del self.ahead[incident.id]

    def _mind_owner(self, before: Checkpoint, after: Checkpoint) -> None:
        """Note a lease that is taken although its owner is on record as living."""
        living = {member.session for member in self.values("members")}
        if before.owner != after.owner and after.owner and before.owner in living:
            self.robbed.append(f"the lease of {after.rule} was taken from an engine that lives")

    def drop(self, table: str, id: str, version: Version) -> None:
        """Remove a document by compare-and-set."""
        row = self.table(table).get(id)
        if row is None or str(row.version) != version:
            raise Conflict(f"{table} {id}")
        del self.table(table)[id]
        self.leases = {
            lease: owners for lease, owners in self.leases.items() if table != "checkpoints" or lease[0] != id
        }

    def listed(self, table: str, now: Millis, by: object) -> Iterator[Versioned[Any]]:
        """Yield what a search sees: own writes at once, those of others after a refresh."""
        for row in self.table(table).values():
            if row.by is by or now - row.at >= REFRESH:
                yield row.versioned
            elif row.before is not None:
                yield row.before.versioned

    def values(self, table: str) -> list[Any]:
        """Return all documents of a table."""
        return [row.value for row in self.table(table).values()]


class Door:
    """The State protocol for one process; every call passes the simulation's faults."""

    def __init__(self, store: Store, machine: Machine) -> None:
        self._store = store
        self._machine = machine
        self._process = object()

    def init(self, *, upgrade: bool = False) -> list[str]:
        return self._io("init", list)

    def checkpoints(self, rules: Sequence[str]) -> dict[str, Versioned[Checkpoint]]:
        def read() -> dict[str, Versioned[Checkpoint]]:
            rows = self._store.table("checkpoints")
            return {rule: rows[rule].versioned for rule in rules if rule in rows}

        return self._io("checkpoints", read)

    def checkpointed(self) -> list[str]:
        return self._io("checkpointed", lambda: sorted(v.value.rule for v in self._list("checkpoints")))

    def save_checkpoint(self, checkpoint: Checkpoint, version: Version | None) -> Version:
        (written,) = self.save_checkpoints([(checkpoint, version)])
        return _sure(written)

    def save_checkpoints(self, written: Sequence[tuple[Checkpoint, Version | None]]) -> list[Version | Conflict]:
        return self._bulk("save_checkpoints", "checkpoints", [(c.rule, c, version) for c, version in written])

    def drop_checkpoint(self, rule: str, version: Version) -> None:
        self._write("drop_checkpoint", lambda: self._store.drop("checkpoints", rule, version))

    def incident(self, id: str) -> Versioned[Incident] | None:
        def read() -> Versioned[Incident] | None:
            row = self._store.table("incidents").get(id)
            return None if row is None else row.versioned

        return self._io("incident", read)

    def incidents(
        self, *, rule: str | None = None, open_only: bool = False, since: Millis | None = None, limit: int | None = None
    ) -> list[Versioned[Incident]]:
        def read() -> list[Versioned[Incident]]:
            found = [v for v in self._list("incidents") if rule in (None, v.value.rule)]
            found = [v for v in found if not (open_only and v.value.resolved is not None)]
            found = [v for v in found if since is None or v.value.resolved is None or v.value.resolved >= since]
            return sorted(found, key=lambda v: (-v.value.opened, v.value.id))[:limit]

        return self._io("incidents", read)

    def unfinished(self, limit: int | None = None) -> list[Versioned[Incident]]:
        def read() -> list[Versioned[Incident]]:
            found = [v for v in self._list("incidents") if v.value.unfinished]
            return sorted(found, key=lambda v: (v.value.opened, v.value.id))[:limit]

        return self._io("unfinished", read)

    def save_incident(self, incident: Incident, version: Version | None) -> Version:
        (written,) = self.save_incidents([(incident, version)])
        return _sure(written)

    def save_incidents(self, written: Sequence[tuple[Incident, Version | None]]) -> list[Version | Conflict]:
        return self._bulk("save_incidents", "incidents", [(i.id, i, version) for i, version in written])

    def silences(self, now: Millis, *, expired: bool = False) -> list[Versioned[Silence]]:
        def over(silence: Silence) -> Millis:
            return silence.end if silence.expired is None else min(silence.expired, silence.end)

        return self._io("silences", lambda: [v for v in self._list("silences") if expired or over(v.value) > now])

    def in_force(self, now: Millis) -> tuple[list[Versioned[Incident]], list[Versioned[Silence]]]:
        return self.incidents(open_only=True), self.silences(now)

    def save_silence(self, silence: Silence, version: Version | None) -> Version:
        return self._write("save_silence", lambda: self._put("silences", silence.id, silence, version))

    def record(self, decisions: Iterable[Decision]) -> None:
        made = list(decisions)
        self._io("record", lambda: self._store.decisions.extend(made))

    def decisions(self, **asked: Any) -> list[Decision]:
        return self._io("decisions", lambda: self._store.decisions[::-1])

    def save_heartbeat(self, heartbeat: Heartbeat) -> None:
        return None

    def heartbeats(self) -> list[Heartbeat]:
        return []

    def members(self) -> dict[str, Versioned[Member]]:
        return self._io("members", lambda: {n: r.versioned for n, r in self._store.table("members").items()})

    def save_member(self, member: Member, version: Version | None) -> Version:
        return self._io("save_member", lambda: self._put("members", member.instance, member, version))

    def drop_member(self, instance: str, version: Version) -> None:
        self._io("drop_member", lambda: self._store.drop("members", instance, version))

    def rulesets(self, ids: Sequence[str]) -> dict[str, RuleSet]:
        return self._io("rulesets", lambda: {id: self._store.rulesets[id] for id in ids if id in self._store.rulesets})

    def save_ruleset(self, ruleset: RuleSet, now: Millis) -> None:
        self._io("save_ruleset", lambda: self._store.rulesets.update({ruleset.id: ruleset}))

    def prune(self, retention: Retention, now: Millis) -> int:
        return 0

    def close(self) -> None:
        """Hold nothing."""

    # --- inside ------------------------------------------------------------------------------------------------

    def _list(self, table: str) -> Iterator[Versioned[Any]]:
        return self._store.listed(table, self._machine.sim.now, self._process)

    def _put(self, table: str, id: str, value: Any, version: Version | None) -> Version:
        return self._store.put(table, id, value, version, self._machine.sim.now, self._process)

    def _io(self, name: str, call: Callable[[], T]) -> T:
        return self._machine.io("state", name, call, _unreachable)

    def _write(self, name: str, call: Callable[[], T]) -> T:
        self._machine.mind_fence(name)
        return self._io(name, call)

    def _bulk(self, name: str, table: str, rows: Sequence[tuple[str, Any, Version | None]]) -> list[Version | Conflict]:
        """Write rows each for itself; a fault may leave it at some of them."""

        def write(chosen: Sequence[tuple[str, Any, Version | None]]) -> list[Version | Conflict]:
            found: list[Version | Conflict] = []
            for id, value, version in chosen:
                try:
                    found.append(self._put(table, id, value, version))
                except Conflict as conflict:
                    found.append(conflict)
            return found

        self._machine.mind_fence(name)
        some = sorted(rows, key=lambda row: row[0])[: len(rows) // 2]
        return self._machine.io("state", name, lambda: write(rows), _unreachable, partly=lambda: write(some))


def _unreachable() -> Any:
    raise StateError("unreachable", "the simulated state cannot be reached")


def _sure(written: Version | Conflict) -> Version:
    if isinstance(written, Conflict):
        raise written
    return written
