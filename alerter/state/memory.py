"""State that ends with the process, for rule tests and dry runs: records are kept as they are, never as text."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Generic, TypeVar

from alerter.clock import Millis
from alerter.model.heartbeat import Heartbeat
from alerter.model.incident import Checkpoint, Decision, Incident
from alerter.model.member import Member, RuleSet
from alerter.model.silence import Silence
from alerter.state.protocol import HEARTBEAT_KEPT, Conflict, Retention, Version, Versioned

T = TypeVar("T")


class _Records(Generic[T]):
    """Records by id with compare-and-set."""

    def __init__(self) -> None:
        self.all: dict[str, Versioned[T]] = {}

    def put(self, id: str, record: T, version: Version | None) -> Version:
        self._compare(id, version)
        new = "1" if version is None else str(int(version) + 1)
        self.all[id] = Versioned(record, new)
        return new

    def drop(self, id: str, version: Version) -> None:
        self._compare(id, version)
        del self.all[id]

    def prune(self, is_over: Callable[[T], bool]) -> int:
        gone = [id for id, stored in self.all.items() if is_over(stored.value)]
        for id in gone:
            del self.all[id]
        return len(gone)

    def _compare(self, id: str, version: Version | None) -> None:
        stored = self.all.get(id)
        if (None if stored is None else stored.version) != version:
            raise Conflict(id)


class MemoryState:
    """The State protocol on dictionaries, for one thread. A record is not copied: it must not be changed afterwards."""

    def __init__(self) -> None:
        self._checkpoints: _Records[Checkpoint] = _Records()
        self._incidents: _Records[Incident] = _Records()
        self._silences: _Records[Silence] = _Records()
        self._members: _Records[Member] = _Records()
        self._decisions: list[Decision] = []
        self._heartbeats: dict[str, Heartbeat] = {}
        self._rulesets: dict[str, tuple[RuleSet, Millis]] = {}

    def init(self, *, upgrade: bool = False) -> list[str]:  # noqa: ARG002 - nothing earlier is ever found
        """Do nothing: there is nothing to create."""
        return []

    # --- checkpoints -------------------------------------------------------------------------------------------

    def checkpoints(self, rules: Sequence[str]) -> dict[str, Versioned[Checkpoint]]:
        """Read the checkpoints of the named rules."""
        return {rule: stored for rule in rules if (stored := self._checkpoints.all.get(rule)) is not None}

    def checkpointed(self) -> list[str]:
        """Name every rule that has a checkpoint."""
        return sorted(self._checkpoints.all)

    def save_checkpoint(self, checkpoint: Checkpoint, version: Version | None) -> Version:
        """Write a checkpoint by compare-and-set."""
        return self._checkpoints.put(checkpoint.rule, checkpoint, version)

    def save_checkpoints(self, written: Sequence[tuple[Checkpoint, Version | None]]) -> list[Version | Conflict]:
        """Write several checkpoints, each for itself."""
        return [_tried(self.save_checkpoint, *one) for one in written]

    def drop_checkpoint(self, rule: str, version: Version) -> None:
        """Remove a checkpoint by compare-and-set."""
        self._checkpoints.drop(rule, version)

    # --- incidents ---------------------------------------------------------------------------------------------

    def incident(self, id: str) -> Versioned[Incident] | None:
        """Read one incident."""
        return self._incidents.all.get(id)

    def incidents(
        self, *, rule: str | None = None, open_only: bool = False, since: Millis | None = None, limit: int | None = None
    ) -> list[Versioned[Incident]]:
        """List incidents, newest first."""
        found = [
            stored
            for stored in self._incidents.all.values()
            if (rule is None or stored.value.rule == rule)
            and (stored.value.resolved is None or (not open_only and (since is None or stored.value.resolved >= since)))
        ]
        return sorted(found, key=lambda stored: (-stored.value.opened, stored.value.id))[:limit]

    def unfinished(self, limit: int | None = None) -> list[Versioned[Incident]]:
        """List incidents with something to deliver, oldest first."""
        found = [stored for stored in self._incidents.all.values() if stored.value.unfinished]
        return sorted(found, key=lambda stored: (stored.value.opened, stored.value.id))[:limit]

    def save_incident(self, incident: Incident, version: Version | None) -> Version:
        """Write an incident by compare-and-set."""
        return self._incidents.put(incident.id, incident, version)

    def save_incidents(self, written: Sequence[tuple[Incident, Version | None]]) -> list[Version | Conflict]:
        """Write several incidents, each for itself."""
        return [_tried(self.save_incident, *one) for one in written]

    # --- silences and decisions --------------------------------------------------------------------------------

    def silences(self, now: Millis, *, expired: bool = False) -> list[Versioned[Silence]]:
        """List silences not yet over, and with ``expired`` all."""
        found = [stored for stored in self._silences.all.values() if expired or _until(stored.value) > now]
        return sorted(found, key=lambda stored: _until(stored.value))

    def save_silence(self, silence: Silence, version: Version | None) -> Version:
        """Write a silence by compare-and-set."""
        return self._silences.put(silence.id, silence, version)

    def in_force(self, now: Millis) -> tuple[list[Versioned[Incident]], list[Versioned[Silence]]]:
        """List open incidents, and silences not yet over."""
        return self.incidents(open_only=True), self.silences(now)

    def record(self, decisions: Iterable[Decision]) -> None:
        """Append to the record of decisions."""
        self._decisions += decisions

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
        found = [
            decision
            for decision in reversed(self._decisions)
            if (rule is None or decision.rule == rule)
            and (incident is None or decision.incident == incident)
            and (since is None or decision.at >= since)
            and (until is None or decision.at <= until)
        ]
        return sorted(found, key=lambda decision: -decision.at)[:limit]

    # --- engines -----------------------------------------------------------------------------------------------

    def save_heartbeat(self, heartbeat: Heartbeat) -> None:
        """Write an engine's newest heartbeat over its former one."""
        self._heartbeats[heartbeat.instance] = heartbeat

    def heartbeats(self) -> list[Heartbeat]:
        """Read the newest heartbeat of each engine."""
        return sorted(self._heartbeats.values(), key=lambda heartbeat: heartbeat.instance)

    def members(self) -> dict[str, Versioned[Member]]:
        """Read what every engine of the fleet says of itself."""
        return dict(self._members.all)

    def save_member(self, member: Member, version: Version | None) -> Version:
        """Write an engine's record by compare-and-set."""
        return self._members.put(member.instance, member, version)

    def drop_member(self, instance: str, version: Version) -> None:
        """Remove an engine's record by compare-and-set."""
        self._members.drop(instance, version)

    def rulesets(self, ids: Sequence[str]) -> dict[str, RuleSet]:
        """Read sets of rules by id."""
        return {id: self._rulesets[id][0] for id in ids if id in self._rulesets}

    def save_ruleset(self, ruleset: RuleSet, now: Millis) -> None:
        """Write a set of rules; one that is there is the same."""
        self._rulesets[ruleset.id] = ruleset, now

    def prune(self, retention: Retention, now: Millis) -> int:
        """Delete what is closed and older than the retention, and old heartbeats."""
        decisions = [one for one in self._decisions if one.at >= now - retention.decisions]
        heartbeats = {name: one for name, one in self._heartbeats.items() if one.beat >= now - HEARTBEAT_KEPT}
        rulesets = {id: one for id, one in self._rulesets.items() if one[1] >= now - HEARTBEAT_KEPT}
        gone = sum(map(len, (self._decisions, self._heartbeats, self._rulesets)))
        gone -= sum(map(len, (decisions, heartbeats, rulesets)))
        self._decisions, self._heartbeats, self._rulesets = decisions, heartbeats, rulesets
        oldest = now - retention.incidents
        gone += self._incidents.prune(lambda i: i.resolved is not None and not i.unfinished and i.resolved < oldest)
        return gone + self._silences.prune(lambda silence: _until(silence) < now - retention.silences)

    def close(self) -> None:
        """Release nothing; the records go with the object."""


def _until(silence: Silence) -> Millis:
    """Return when a silence is over, by its end or because somebody ended it earlier."""
    return silence.end if silence.expired is None else min(silence.expired, silence.end)


def _tried(save: Callable[[T, Version | None], Version], record: T, version: Version | None) -> Version | Conflict:
    try:
        return save(record, version)
    except Conflict as conflict:
        return conflict
