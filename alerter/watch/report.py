"""What ``alerter status`` shows: pure, from the records of the state; times in ISO 8601, lengths in seconds."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from alerter.clock import MINUTE, SECOND, Millis
from alerter.config import WatchSettings
from alerter.model.heartbeat import Failing, Heartbeat
from alerter.model.incident import Checkpoint, Incident
from alerter.model.member import Member, RuleSet
from alerter.timetext import iso
from alerter.watch.signs import PREFIX, SHOWN_FOR, differences

NAMED = 20
"""Rules held by no engine, and failing ones of a kind, that are named; all are counted."""
LASTING = ("channel", "credentials")
"""Failures of a receiver that somebody must mend; others may be over in a moment."""
LEFT_ALONE: Millis = 10 * MINUTE
"""A rule that nobody owns, and whose checkpoint is older than this, is not about to be taken over."""


@dataclass(frozen=True)
class Records:
    """What was read at ``now``: every engine's heartbeat and record, checkpoints, open and unfinished incidents."""

    now: Millis
    beats: Sequence[Heartbeat]
    members: Mapping[str, Member]
    rulesets: Mapping[str, RuleSet]
    checkpoints: Mapping[str, Checkpoint]
    opened: Sequence[Incident]
    unfinished: Sequence[Incident]
    silences: int

    @property
    def running(self) -> list[Heartbeat]:
        """The heartbeats of engines that are heard of."""
        return [beat for beat in self.beats if self.runs(beat)]

    def runs(self, beat: Heartbeat) -> bool:
        """Whether an engine is heard of, and no other engine has found it dead and removed its record."""
        return beat.running(self.now) and (not beat.session or beat.instance in self.members)

    @property
    def living(self) -> dict[str, Member]:
        """The members that are heard of: a record of one that died alone stays until another engine removes it."""
        return {beat.instance: self.members[beat.instance] for beat in self.running if beat.instance in self.members}

    @property
    def free(self) -> list[str]:
        """The rules whose checkpoint no living member owns."""
        sessions = {member.session for member in self.living.values()}
        return sorted(name for name, checkpoint in self.checkpoints.items() if checkpoint.owner not in sessions)


def report(records: Records, after: WatchSettings) -> dict[str, Any]:
    """Return everything the status shows; ``unwell`` says in words what is wrong, and is empty when nothing is."""
    fire = [incident for incident in records.opened if incident.roll is None]
    found = {
        "engines": [_engine(beat, records.now, running=records.runs(beat)) for beat in records.beats],
        "fleet": _fleet(records),
        "clusters": list(_clusters(records.running)),
        "failing": list(_failing(records.running)),
        "rules": [_rule(name, checkpoint) for name, checkpoint in sorted(records.checkpoints.items())],
        "leases": _leases(records),
        "incidents": {
            "firing": len(fire),
            "critical": sum(incident.severity == "critical" for incident in fire),
        },
        "outbox": _outbox(records),
        "channels": list(_channels(records.running)),
        "silences": records.silences,
    }
    return {**found, "unwell": list(_unwell(records, found, _defaults(after)))}


def _engine(beat: Heartbeat, now: Millis, *, running: bool) -> dict[str, Any]:
    return {
        "instance": beat.instance,
        "version": beat.version,
        "session": beat.session,
        "started": iso(beat.started),
        "beat": iso(beat.beat),
        "silent_seconds": (now - beat.beat) / SECOND,
        "running": running,
        "stopped": beat.stopped,
        "problem": beat.problem,
        "uptime_seconds": (beat.beat - beat.started) / SECOND,
        "rules": beat.rules,
        "held": beat.rules if beat.held is None else beat.held,
        "refused": beat.refused,
        "merged": beat.merged,
        "skipped": beat.skipped,
        "clusters": [
            {
                "cluster": load.cluster,
                "rules": load.rules,
                "queue": load.queue,
                "lag_seconds": {"p50": load.lag_p50, "p95": load.lag_p95, "max": load.lag_max},
            }
            for load in beat.clusters
        ],
    }


def _fleet(records: Records) -> dict[str, Any]:
    words = differences(records.living, records.rulesets)
    return {"members": sorted(records.living), "agrees": not words, "differences": words}


def _clusters(running: Iterable[Heartbeat]) -> Iterator[dict[str, Any]]:
    """Yield each cluster with the largest lag that any engine knows of."""
    loads = defaultdict(list)
    for beat in running:
        for load in beat.clusters:
            loads[load.cluster].append(load)
    for cluster, listed in sorted(loads.items()):
        yield {
            "cluster": cluster,
            "rules": sum(load.rules for load in listed),
            "queue": sum(load.queue for load in listed),
            "lag_seconds": max(load.lag_max for load in listed),
        }


def _failing(running: Iterable[Heartbeat]) -> Iterator[dict[str, Any]]:
    """Yield the rules that give no answer, by cluster and kind of failure, over all engines."""
    groups: dict[tuple[str, str], list[tuple[str, Failing]]] = defaultdict(list)
    for beat in running:
        for one in beat.failing:
            groups[one.cluster, one.kind].append((beat.instance, one))
    for (cluster, kind), parts in sorted(groups.items()):
        rules = sorted(((r, engine) for engine, one in parts for r in one.rules), key=lambda p: (p[0].since, p[0].rule))
        yield {
            "cluster": cluster,
            "kind": kind,
            "number": sum(one.number for _, one in parts),
            "since": iso(min(one.since for _, one in parts)),
            "rules": [
                {"rule": rule.rule, "since": iso(rule.since), "reason": rule.reason, "engine": engine}
                for rule, engine in rules[:NAMED]
            ],
        }


def _rule(name: str, checkpoint: Checkpoint) -> dict[str, Any]:
    return {
        "rule": name,
        "evaluated": iso(checkpoint.evaluated),
        "owner": checkpoint.owner,
        "keys": len(checkpoint.keys),
    }


def _leases(records: Records) -> dict[str, Any]:
    free = records.free
    return {"held": len(records.checkpoints) - len(free), "free": len(free), "without_owner": free[:NAMED]}


def _outbox(records: Records) -> dict[str, Any]:
    waiting = [delivery for incident in records.unfinished for delivery in incident.outbox]
    return {
        "depth": len(waiting),
        "age_seconds": max((records.now - d.at for d in waiting), default=0) / SECOND,
        "problems": sorted({f"{d.channel}: {d.error}" for d in waiting if d.error}),
    }


def _channels(running: Iterable[Heartbeat]) -> Iterator[dict[str, Any]]:
    """Yield what is wrong with receivers, as each engine met it, the longest-lasting first."""
    found = [(trouble, beat.instance) for beat in running for trouble in beat.troubles]
    for trouble, engine in sorted(found, key=lambda pair: (pair[0].since, pair[0].receiver, pair[1])):
        yield {
            "receiver": trouble.receiver,
            "channel": trouble.channel,
            "failure": trouble.failure,
            "code": trouble.code,
            "since": iso(trouble.since),
            "count": trouble.count,
            "retry_at": iso(trouble.retry_at),
            "engine": engine,
        }


# --- what is wrong ---------------------------------------------------------------------------------------------------


def _defaults(after: WatchSettings) -> dict[str, Millis]:
    """Return the lengths from which something counts; what is not told of is looked at all the same."""
    own = WatchSettings()
    pairs = {name: (getattr(after, name), getattr(own, name)) for name in ("rules_failing", "outbox_old")}
    return {name: default if value is None else value for name, (value, default) in pairs.items()}


def _unwell(records: Records, found: Mapping[str, Any], after: Mapping[str, Millis]) -> Iterator[str]:
    now = records.now
    if not records.running:
        yield "no engine is running"
    for beat in records.beats:
        if records.runs(beat) and beat.problem:
            yield f"engine {beat.instance} is not ready: {beat.problem}"
        elif records.runs(beat) and beat.refused:
            yield f"engine {beat.instance}: {_counted(beat.refused, 'file')} refused, see alerter check"
        elif not records.runs(beat) and not beat.stopped and now - beat.beat < SHOWN_FOR:
            yield f"engine {beat.instance} is not heard of since {iso(beat.beat)}"
    for beat in records.running:
        for one in beat.failing:
            if beat.beat - one.since >= after["rules_failing"]:
                rules = _counted(one.number, "rule")
                yield f"{rules} failing since {iso(one.since)} ({one.kind}, cluster {one.cluster})"
    for cluster in found["clusters"]:
        if cluster["lag_seconds"] * SECOND >= after["rules_failing"]:
            yield f"rules of the cluster {cluster['cluster']} are up to {cluster['lag_seconds']:.0f} s late"
    yield from _left_alone(records)
    for beat in records.running:
        for trouble in beat.troubles:
            if trouble.failure in LASTING or beat.beat - trouble.since >= after["outbox_old"]:
                yield f"{trouble.channel} takes no messages since {iso(trouble.since)}: {trouble.code}"
    if found["outbox"]["age_seconds"] * SECOND >= after["outbox_old"]:
        outbox = found["outbox"]
        yield f"{_counted(outbox['depth'], 'message')} waiting, the oldest for {outbox['age_seconds']:.0f} s"
    for incident in records.opened:
        if incident.rule.startswith(PREFIX):
            yield f"{incident.rule}: {incident.view.sentence}"


def _left_alone(records: Records) -> Iterator[str]:
    late = [name for name in records.free if records.now - records.checkpoints[name].evaluated >= LEFT_ALONE]
    if late and records.running:
        yield f"{_counted(len(late), 'rule')} evaluated by no engine: {', '.join(late[:3])}"


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun} is" if number == 1 else f"{number:,} {noun}s are"
