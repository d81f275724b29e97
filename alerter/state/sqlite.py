"""State in one SQLite file: the embedded default. Compare-and-set is an update that must touch one row."""

from __future__ import annotations

import logging
import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from alerter.clock import Millis
from alerter.model.heartbeat import Heartbeat
from alerter.model.incident import Checkpoint, Decision, Incident
from alerter.model.member import Member, RuleSet
from alerter.model.silence import Silence
from alerter.state.codec import dumps
from alerter.state.protocol import HEARTBEAT_KEPT, Conflict, Retention, StateError, Version, Versioned
from alerter.state.records import checkpoint_id, heartbeat_id, incident_fields
from alerter.state.unreadable import Unreadable, read

log = logging.getLogger(__name__)
T = TypeVar("T")
VERSION = 1
MOST_WRITTEN = 256
"""Own writes of incidents that are kept: a long one is read at every evaluation, mostly as it was written."""
SCHEMA = """
CREATE TABLE IF NOT EXISTS checkpoints (id TEXT PRIMARY KEY, version INTEGER NOT NULL, rule TEXT NOT NULL,
    body TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS incidents (id TEXT PRIMARY KEY, version INTEGER NOT NULL, rule TEXT NOT NULL,
    state TEXT NOT NULL, opened INTEGER NOT NULL, resolved INTEGER, unfinished INTEGER NOT NULL, body TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS incidents_state ON incidents (state, opened);
CREATE INDEX IF NOT EXISTS incidents_unfinished ON incidents (unfinished, opened);
CREATE TABLE IF NOT EXISTS silences (id TEXT PRIMARY KEY, version INTEGER NOT NULL, until INTEGER NOT NULL,
    body TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS decisions (number INTEGER PRIMARY KEY, rule TEXT NOT NULL, at INTEGER NOT NULL,
    body TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS decisions_at ON decisions (at);
CREATE INDEX IF NOT EXISTS decisions_rule ON decisions (rule, at);
CREATE TABLE IF NOT EXISTS heartbeats (id TEXT PRIMARY KEY, instance TEXT NOT NULL, beat INTEGER NOT NULL,
    body TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS members (id TEXT PRIMARY KEY, version INTEGER NOT NULL, body TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS rulesets (id TEXT PRIMARY KEY, at INTEGER NOT NULL, body TEXT NOT NULL);
"""


class SqliteState:
    """The State protocol on SQLite; one connection behind a lock, so that any thread may call."""

    def __init__(self, path: str) -> None:
        """Open (or create) the file; ``:memory:`` keeps everything in the process."""
        self._path = path
        self._lock = threading.RLock()
        self._unreadable = Unreadable()
        self._written: dict[str, tuple[str, Incident]] = {}
        try:
            self._db = _connect(path)
        except sqlite3.Error as error:
            raise StateError(
                "unreachable", f"cannot open {path}: {error}", "set state_file to a writable path"
            ) from None

    def init(self, *, upgrade: bool = False) -> list[str]:  # noqa: ARG002 - the file is ours, no rights to ask for
        """Create the tables; refuses a file of a later version."""
        with self._guard() as db:
            (found,) = db.execute("PRAGMA user_version").fetchone()
            if found > VERSION:
                message = f"{self._path} was written by a later version of alerter ({found} > {VERSION})"
                raise StateError("newer", message, "install that version, or name another state_file")
            db.execute("PRAGMA journal_mode = WAL")
            db.executescript(f"BEGIN; {SCHEMA} COMMIT;")
            db.execute(f"PRAGMA user_version = {VERSION}")
        return [] if found else [f"{self._path} created"]

    # --- checkpoints -------------------------------------------------------------------------------------------

    def checkpoints(self, rules: Sequence[str]) -> dict[str, Versioned[Checkpoint]]:
        """Read the checkpoints of the named rules."""
        found = {}
        for rule in rules:
            for _, version, body in self._rows(
                "SELECT id, version, body FROM checkpoints WHERE id = ?", checkpoint_id(rule)
            ):
                found[rule] = Versioned(read(Checkpoint, body, f"the checkpoint of {rule}"), str(version))
        return found

    def checkpointed(self) -> list[str]:
        """Name every rule that has a checkpoint."""
        return [rule for (rule,) in self._rows("SELECT rule FROM checkpoints ORDER BY rule")]

    def save_checkpoint(self, checkpoint: Checkpoint, version: Version | None) -> Version:
        """Write a checkpoint by compare-and-set."""
        return self._put(
            "checkpoints", checkpoint_id(checkpoint.rule), version, dumps(checkpoint), {"rule": checkpoint.rule}
        )

    def save_checkpoints(self, written: Sequence[tuple[Checkpoint, Version | None]]) -> list[Version | Conflict]:
        """Write several checkpoints in one transaction, each for itself."""
        return self._each(self.save_checkpoint, written)

    def drop_checkpoint(self, rule: str, version: Version) -> None:
        """Remove a checkpoint."""
        with self._guard() as db:
            gone = db.execute("DELETE FROM checkpoints WHERE id = ? AND version = ?", (checkpoint_id(rule), version))
            if gone.rowcount != 1:
                raise Conflict(f"checkpoint of {rule}")

    # --- incidents ---------------------------------------------------------------------------------------------

    def incident(self, id: str) -> Versioned[Incident] | None:
        """Read one incident."""
        rows = self._rows("SELECT id, version, body FROM incidents WHERE id = ?", id)
        return self._incident(rows[0]) if rows else None

    def incidents(
        self, *, rule: str | None = None, open_only: bool = False, since: Millis | None = None, limit: int | None = None
    ) -> list[Versioned[Incident]]:
        """List incidents, newest first."""
        where, values = ["1 = 1"], list[Any]()
        if rule is not None:
            where.append("rule = ?")
            values.append(rule)
        if open_only:
            where.append("state = 'firing'")
        if since is not None:
            where.append("(resolved IS NULL OR resolved >= ?)")
            values.append(since)
        return list(
            self._incidents(f"WHERE {' AND '.join(where)} ORDER BY opened DESC, id LIMIT ?", *values, _all(limit))
        )

    def unfinished(self, limit: int | None = None) -> list[Versioned[Incident]]:
        """List incidents with something to deliver, oldest first."""
        return self._incidents("WHERE unfinished = 1 ORDER BY opened, id LIMIT ?", _all(limit))

    def save_incident(self, incident: Incident, version: Version | None) -> Version:
        """Write an incident by compare-and-set."""
        fields = incident_fields(incident)
        columns = {name: fields[name] for name in ("rule", "state", "opened", "resolved", "unfinished")}
        body = dumps(incident)
        with self._lock:
            written = self._put("incidents", incident.id, version, body, columns)
            self._written.pop(incident.id, None)
            self._written[incident.id] = body, incident
            if len(self._written) > MOST_WRITTEN:
                del self._written[next(iter(self._written))]
        return written

    def save_incidents(self, written: Sequence[tuple[Incident, Version | None]]) -> list[Version | Conflict]:
        """Write several incidents in one transaction, each for itself."""
        return self._each(self.save_incident, written)

    # --- silences and decisions --------------------------------------------------------------------------------

    def silences(self, now: Millis, *, expired: bool = False) -> list[Versioned[Silence]]:
        """List silences not yet over, and with ``expired`` all."""
        rows = self._rows("SELECT version, body FROM silences WHERE until > ? ORDER BY until", -1 if expired else now)
        return self._unreadable.leave_out(rows, lambda row: Versioned(read(Silence, row[1], "a silence"), str(row[0])))

    def save_silence(self, silence: Silence, version: Version | None) -> Version:
        """Write a silence by compare-and-set."""
        until = silence.end if silence.expired is None else min(silence.expired, silence.end)
        return self._put("silences", silence.id, version, dumps(silence), {"until": until})

    def in_force(self, now: Millis) -> tuple[list[Versioned[Incident]], list[Versioned[Silence]]]:
        """List open incidents, and silences not yet over."""
        return self.incidents(open_only=True), self.silences(now)

    def record(self, decisions: Iterable[Decision]) -> None:
        """Append to the record of decisions."""
        rows = [(d.rule, d.at, dumps(d)) for d in decisions]
        if rows:
            with self._guard() as db:
                db.execute("BEGIN")
                db.executemany("INSERT INTO decisions (rule, at, body) VALUES (?, ?, ?)", rows)
                db.execute("COMMIT")

    def decisions(
        self,
        *,
        rule: str | None = None,
        incident: str | None = None,
        since: Millis | None = None,
        until: Millis | None = None,
        limit: int | None = 1_000,
    ) -> list[Decision]:
        """Read the record, newest first."""
        asked = {
            "rule = ?": rule,
            "COALESCE(json_extract(body, '$.incident'), '') = ?": incident,
            "at >= ?": since,
            "at <= ?": until,
        }
        where = ["1 = 1", *(clause for clause, value in asked.items() if value is not None)]
        values = [value for value in asked.values() if value is not None]
        rows = self._rows(
            f"SELECT body FROM decisions WHERE {' AND '.join(where)} ORDER BY at DESC, number DESC LIMIT ?",
            *values,
            _all(limit),
        )
        return self._unreadable.leave_out(rows, lambda row: read(Decision, row[0], "a decision"))

    # --- engines -----------------------------------------------------------------------------------------------

    def save_heartbeat(self, heartbeat: Heartbeat) -> None:
        """Write an engine's newest heartbeat over its former one."""
        row = (heartbeat_id(heartbeat.instance), heartbeat.instance, heartbeat.beat, dumps(heartbeat))
        with self._guard() as db:
            db.execute("INSERT OR REPLACE INTO heartbeats (id, instance, beat, body) VALUES (?, ?, ?, ?)", row)

    def heartbeats(self) -> list[Heartbeat]:
        """Read the newest heartbeat of each engine."""
        rows = self._rows("SELECT body FROM heartbeats ORDER BY instance")
        return self._unreadable.leave_out(rows, lambda row: read(Heartbeat, row[0], "a heartbeat"))

    def members(self) -> dict[str, Versioned[Member]]:
        """Read what every engine of the fleet says of itself."""
        rows = self._rows("SELECT id, version, body FROM members")
        return {id: Versioned(read(Member, body, f"the member {id}"), str(version)) for id, version, body in rows}

    def save_member(self, member: Member, version: Version | None) -> Version:
        """Write an engine's record by compare-and-set."""
        return self._put("members", member.instance, version, dumps(member), {})

    def drop_member(self, instance: str, version: Version) -> None:
        """Remove an engine's record by compare-and-set."""
        with self._guard() as db:
            gone = db.execute("DELETE FROM members WHERE id = ? AND version = ?", (instance, int(version)))
            if gone.rowcount != 1:
                raise Conflict(f"member {instance}")

    def rulesets(self, ids: Sequence[str]) -> dict[str, RuleSet]:
        """Read sets of rules by id."""
        rows = [row for id in ids for row in self._rows("SELECT id, body FROM rulesets WHERE id = ?", id)]
        return {id: read(RuleSet, body, f"the set of rules {id}") for id, body in rows}

    def save_ruleset(self, ruleset: RuleSet, now: Millis) -> None:
        """Write a set of rules; one that is there is the same."""
        with self._guard() as db:
            row = (ruleset.id, now, dumps(ruleset))
            db.execute("INSERT OR REPLACE INTO rulesets (id, at, body) VALUES (?, ?, ?)", row)

    def prune(self, retention: Retention, now: Millis) -> int:
        """Delete what is closed and older than the retention, and old heartbeats."""
        with self._guard() as db:
            gone = [
                db.execute(
                    "DELETE FROM incidents WHERE state = 'resolved' AND unfinished = 0 AND resolved < ?",
                    (now - retention.incidents,),
                ),
                db.execute("DELETE FROM silences WHERE until < ?", (now - retention.silences,)),
                db.execute("DELETE FROM decisions WHERE at < ?", (now - retention.decisions,)),
                db.execute("DELETE FROM heartbeats WHERE beat < ?", (now - HEARTBEAT_KEPT,)),
                db.execute("DELETE FROM rulesets WHERE at < ?", (now - HEARTBEAT_KEPT,)),
            ]
        return sum(cursor.rowcount for cursor in gone)

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._db.close()

    # --- inside ------------------------------------------------------------------------------------------------

    def _put(self, table: str, id: str, version: Version | None, body: str, columns: Mapping[str, Any]) -> Version:
        values = [*columns.values(), body]
        with self._guard() as db:
            if version is None:
                names = ", ".join(("id", "version", *columns, "body"))
                marks = ", ".join("?" * (len(columns) + 3))
                try:
                    db.execute(f"INSERT INTO {table} ({names}) VALUES ({marks})", (id, 1, *values))
                except sqlite3.IntegrityError:
                    raise Conflict(f"{table} {id}") from None
                return "1"
            changes = ", ".join(f"{name} = ?" for name in (*columns, "body"))
            changed = db.execute(
                f"UPDATE {table} SET version = version + 1, {changes} WHERE id = ? AND version = ?",
                (*values, id, int(version)),
            )
            if changed.rowcount != 1:
                raise Conflict(f"{table} {id}")
            return str(int(version) + 1)

    def _each(
        self, save: Callable[[T, Version | None], Version], written: Sequence[tuple[T, Version | None]]
    ) -> list[Version | Conflict]:
        found: list[Version | Conflict] = []
        with self._guard() as db:
            db.execute("BEGIN")
            for record, version in written:
                try:
                    found.append(save(record, version))
                except Conflict as conflict:
                    found.append(conflict)
            db.execute("COMMIT")
        return found

    def _incidents(self, where: str, *values: Any) -> list[Versioned[Incident]]:
        rows = self._rows(f"SELECT id, version, body FROM incidents {where}", *values)
        return self._unreadable.leave_out(rows, self._incident)

    def _incident(self, row: tuple[str, int, str]) -> Versioned[Incident]:
        id, version, body = row
        written = self._written.get(id)
        if written is not None and written[0] == body:
            return Versioned(written[1], str(version))
        return Versioned(read(Incident, body, f"the incident {id}"), str(version))

    def _rows(self, sql: str, *values: Any) -> list[Any]:
        with self._guard() as db:
            return db.execute(sql, values).fetchall()

    @contextmanager
    def _guard(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            try:
                self._mind_file()
                yield self._db
            except sqlite3.IntegrityError:
                raise
            except (sqlite3.Error, OSError, UnicodeEncodeError) as error:
                if self._db.in_transaction:
                    self._db.rollback()
                raise StateError("busy", f"{self._path}: {error}", "is the disk full, or the file in use?") from None

    def _mind_file(self) -> None:
        """Write the file again when somebody removed it: a restart would find nothing of what this process knows."""
        if self._path == ":memory:" or self._db.in_transaction or Path(self._path).exists():
            return
        log.error("%s was removed while in use; it is written again", self._path)
        for left in ("-wal", "-shm"):  # they belong to the file that is gone
            Path(f"{self._path}{left}").unlink(missing_ok=True)
        again = _connect(self._path)
        self._db.backup(again)
        again.execute("PRAGMA journal_mode = WAL")
        self._db.close()
        self._db = again


def _connect(path: str) -> sqlite3.Connection:
    return sqlite3.connect(path, check_same_thread=False, isolation_level=None, timeout=5)


def _all(limit: int | None) -> int:
    """Return what SQLite takes for a limit; none is -1."""
    return -1 if limit is None else limit
