"""The readable fields that every store keeps beside a record, for people and for lists."""

from __future__ import annotations

from typing import Any

from alerter.clock import Millis
from alerter.model.heartbeat import Heartbeat
from alerter.model.incident import Checkpoint, Decision, Incident, digest
from alerter.model.member import Member, RuleSet
from alerter.model.rule import Key
from alerter.model.silence import Silence


def key_text(key: Key) -> str:
    """Return a key as one line: ``user.name=x, host=y``; "" without a key."""
    return _clean(", ".join(f"{name}={value}" for name, value in key or ()))


def _clean(text: str) -> str:
    """Replace halves of surrogate pairs, which logs may hold and no UTF-8 can."""
    return text.encode("utf-8", "replace").decode()


def checkpoint_id(rule: str) -> str:
    """Return the id of a rule's checkpoint document."""
    return digest("checkpoint", rule)


def checkpoint_fields(checkpoint: Checkpoint) -> dict[str, Any]:
    """Return the readable fields of a checkpoint."""
    return {"kind": "checkpoint", "rule": checkpoint.rule, "evaluated": checkpoint.evaluated}


def heartbeat_id(instance: str) -> str:
    """Return the id of an engine's heartbeat document."""
    return digest("heartbeat", instance)


def heartbeat_fields(heartbeat: Heartbeat) -> dict[str, Any]:
    """Return the readable fields of a heartbeat: ``rule`` is the instance, ``evaluated`` the time of the beat."""
    return {"kind": "heartbeat", "rule": _clean(heartbeat.instance), "evaluated": heartbeat.beat}


ROSTER_ID = digest("roster")
"""The id of the document that names all members."""
ROSTER_FIELDS = {"kind": "roster"}


def member_id(instance: str) -> str:
    """Return the id of an engine's document in the fleet."""
    return digest("member", instance)


def member_fields(member: Member) -> dict[str, Any]:
    """Return the readable fields of a member: ``rule`` is the instance."""
    return {"kind": "member", "rule": _clean(member.instance), "evaluated": member.started}


def ruleset_id(id: str) -> str:
    """Return the id of the document of a set of rules."""
    return digest("ruleset", id)


def ruleset_fields(ruleset: RuleSet, now: Millis) -> dict[str, Any]:
    """Return the readable fields of a set of rules: ``evaluated`` is when an engine last ran it."""
    return {"kind": "ruleset", "rule": ruleset.id, "evaluated": now}


def incident_fields(incident: Incident) -> dict[str, Any]:
    """Return the readable fields of an incident; ``unfinished`` while anything is to be delivered."""
    return {
        "rule": incident.rule,
        "key": key_text(incident.key)[:1000],
        "domain": _clean(incident.labels.get("domain", "")),
        "severity": _clean(incident.severity),
        "state": incident.state,
        "opened": incident.opened,
        "resolved": incident.resolved,
        "updated": incident.updated,
        "matches": incident.matches,
        "peak": incident.peak,
        "silenced_until": incident.silenced_until,
        "unfinished": incident.unfinished,
    }


def silence_fields(silence: Silence) -> dict[str, Any]:
    """Return the readable fields of a silence."""
    return {
        "matchers": _clean(" ".join(str(m) for m in silence.matchers)),
        "start": silence.start,
        "end": silence.end if silence.expired is None else min(silence.expired, silence.end),
        "author": _clean(silence.author),
        "comment": _clean(silence.comment),
    }


def decision_fields(decision: Decision) -> dict[str, Any]:
    """Return the readable fields of a decision."""
    return {
        "rule": decision.rule,
        "key": key_text(decision.key)[:1000],
        "at": decision.at,
        "outcome": decision.outcome,
        "reason": decision.reason,
        "incident": decision.incident,
    }
