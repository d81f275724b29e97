"""What the engine needs of its state; every change is a compare-and-set."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from alerter.clock import DAY, Millis
from alerter.model.heartbeat import Heartbeat
from alerter.model.incident import Checkpoint, Decision, Incident
from alerter.model.member import Member, RuleSet
from alerter.model.silence import Silence

T = TypeVar("T")
HEARTBEAT_KEPT: Millis = DAY
"""For how long the last heartbeat of an engine that is gone can be read."""
Version = str
"""Opaque: what a read returned and the next write must quote."""


@dataclass(frozen=True)
class Versioned(Generic[T]):
    """A record and the version it was read at."""

    value: T
    version: Version


class Conflict(Exception):
    """Somebody else changed (or created) the record first; read again and decide again."""


class StateError(Exception):
    """The state cannot be read or written now.

    ``kind`` as in SourceError, plus ``newer`` and ``older`` (an index or file of another version).
    """

    def __init__(self, kind: str, reason: str, hint: str = "") -> None:
        super().__init__(reason)
        self.kind = kind
        self.reason = reason
        self.hint = hint


@dataclass(frozen=True)
class Retention:
    """For how long closed records are kept; milliseconds."""

    incidents: Millis
    decisions: Millis
    silences: Millis


class State(Protocol):
    """Reads see the caller's own writes at once; lists may lag those of others by a refresh (a second)."""

    def init(self, *, upgrade: bool = False) -> list[str]:
        """Create what is missing, check versions; return a line per thing done. Raises StateError.

        What an earlier version made is changed only with ``upgrade``, which needs more rights than running.
        """

    def checkpoints(self, rules: Sequence[str]) -> dict[str, Versioned[Checkpoint]]:
        """Read the checkpoints of the named rules; rules without one are absent."""

    def checkpointed(self) -> list[str]:
        """Name every rule that has a checkpoint."""

    def save_checkpoint(self, checkpoint: Checkpoint, version: Version | None) -> Version:
        """Write a checkpoint; ``version`` None creates. Raises Conflict."""

    def save_checkpoints(self, written: Sequence[tuple[Checkpoint, Version | None]]) -> list[Version | Conflict]:
        """Write several checkpoints in one request, each for itself: a new version, or that somebody was quicker.

        Raises StateError when not all of the others could be written; writing them again then does no harm.
        """

    def drop_checkpoint(self, rule: str, version: Version) -> None:
        """Remove the checkpoint of a rule that is gone."""

    def incident(self, id: str) -> Versioned[Incident] | None:
        """Read one incident (real time)."""

    def incidents(
        self, *, rule: str | None = None, open_only: bool = False, since: Millis | None = None, limit: int | None = None
    ) -> list[Versioned[Incident]]:
        """List incidents, newest first."""

    def unfinished(self, limit: int | None = None) -> list[Versioned[Incident]]:
        """List incidents with planned deliveries or stale posts, oldest change first."""

    def save_incident(self, incident: Incident, version: Version | None) -> Version:
        """Write an incident; ``version`` None creates. Raises Conflict."""

    def save_incidents(self, written: Sequence[tuple[Incident, Version | None]]) -> list[Version | Conflict]:
        """Write several incidents in one request, each for itself; as ``save_checkpoints``."""

    def silences(self, now: Millis, *, expired: bool = False) -> list[Versioned[Silence]]:
        """List silences not yet over (and, with ``expired``, those that are)."""

    def save_silence(self, silence: Silence, version: Version | None) -> Version:
        """Write a silence; ``version`` None creates. Raises Conflict."""

    def in_force(self, now: Millis) -> tuple[list[Versioned[Incident]], list[Versioned[Silence]]]:
        """List what every evaluation looks at: open incidents, newest first, and silences not yet over at ``now``."""

    def record(self, decisions: Iterable[Decision]) -> None:
        """Append to the record of decisions; after a StateError the same may be appended again, and is there once."""

    def decisions(
        self,
        *,
        rule: str | None = None,
        incident: str | None = None,
        since: Millis | None = None,
        until: Millis | None = None,
        limit: int | None = 1_000,
    ) -> list[Decision]:
        """Read the record of ``[since, until]``, newest first: of a rule, of an incident; all of it without limit."""

    def save_heartbeat(self, heartbeat: Heartbeat) -> None:
        """Write an engine's newest heartbeat over its former one; an instance is one engine, so nothing is compared."""

    def heartbeats(self) -> list[Heartbeat]:
        """Read the newest heartbeat of each engine, by instance."""

    def members(self) -> dict[str, Versioned[Member]]:
        """Read what every engine of the fleet says of itself, by instance, in real time."""

    def save_member(self, member: Member, version: Version | None) -> Version:
        """Write an engine's record; ``version`` None creates. Raises Conflict."""

    def drop_member(self, instance: str, version: Version) -> None:
        """Remove an engine's record. Raises Conflict when it was written since that version."""

    def rulesets(self, ids: Sequence[str]) -> dict[str, RuleSet]:
        """Read sets of rules by id, in real time; unknown ones are absent."""

    def save_ruleset(self, ruleset: RuleSet, now: Millis) -> None:
        """Write a set of rules, or that it is still run at ``now``."""

    def prune(self, retention: Retention, now: Millis) -> int:
        """Delete what is closed and older than the retention, heartbeats and sets of rules older than HEARTBEAT_KEPT.

        Returns how many records.
        """

    def close(self) -> None:
        """Release what is held; idempotent."""
