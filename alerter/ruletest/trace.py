"""What happened in a test: every match, message, decision and change, in the order in which the engine told it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from alerter.clock import Millis
from alerter.model.incident import Change, Decision, Delivery, Incident, Match, Transition
from alerter.model.rule import Key
from alerter.ruletest.events import Logged
from alerter.ruletest.model import Case, Expectation
from alerter.sources.embedded import EmbeddedSource

Record = Mapping[str, Any]
"""One thing that happened, as the fields that expectations name; times are milliseconds."""


@dataclass(frozen=True)
class Open:
    """A stretch ``[start, end)`` in which an incident was open; ``end`` None: it still is."""

    incident: str
    record: Record
    start: Millis
    end: Millis | None = None


@dataclass(frozen=True)
class Snapshot:
    """What an expectation is held against: the lists by name, and when incidents were open."""

    expectation: Expectation
    lists: Mapping[str, tuple[Record, ...]]
    open: tuple[Open, ...]


@dataclass
class Trace:
    """One run of one test. ``reached`` is the last instant evaluated, ``trouble`` why the run broke off."""

    case: Case
    source: EmbeddedSource
    logged: list[Logged]
    reached: Millis
    matches: list[Record] = field(default_factory=list)
    messages: list[Record] = field(default_factory=list)
    decisions: list[Record] = field(default_factory=list)
    incidents: list[Incident] = field(default_factory=list)
    open: list[Open] = field(default_factory=list)
    restarts: list[Millis] = field(default_factory=list)
    snapshots: list[Snapshot] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    trouble: str = ""

    def note(self, rule: str, transition: Transition) -> None:
        """Take up one change of an incident."""
        match = transition.match
        if match is not None and transition.change is not Change.SUPPRESSED:
            self.matches.append(match_record(rule, match))
        if transition.change in (Change.OPENED, Change.REOPENED):
            record = {"rule": rule, "key": key_value(transition.key)}
            self.open.append(Open(transition.incident, record, transition.at))
        elif transition.change is Change.RESOLVED:
            for n, one in enumerate(self.open):
                if one.incident == transition.incident and one.end is None:
                    self.open[n] = Open(one.incident, one.record, one.start, transition.at)


def key_value(key: Key) -> dict[str, Any] | None:
    """Return a key as contract section 1 writes it."""
    return None if key is None else dict(key)


def match_record(rule: str, match: Match) -> Record:
    """Return an announced match."""
    facts = {f"facts.{name}": value for name, value in match.facts.items()}
    own: Record = {"at": match.at, "rule": rule, "key": key_value(match.key), "count": match.count}
    return {**own, **match.facts, **facts, **own}  # what a plug-in adds never stands for what is known here


def message_record(delivery: Delivery, incident: Incident) -> Record:
    """Return a planned message with what it shows when it is sent."""
    return {
        "at": delivery.at,
        "kind": str(delivery.kind),
        "rule": incident.about,
        "key": key_value(incident.key),
        "receiver": delivery.receiver,
        "channel": delivery.channel,
        "reason": str(delivery.reason),
        "severity": incident.severity,
        "text": delivery.text,
        **dict(_shown(incident)),
    }


def incident_record(incident: Incident) -> Record:
    """Return an incident as it is now."""
    return {
        "state": incident.state,
        "rule": incident.rule,
        "key": key_value(incident.key),
        "opened": incident.opened,
        "resolved": incident.resolved,
        "reason": incident.resolve_reason,
        "count": incident.count,
        "peak": incident.peak,
        "matches": incident.matches,
        "suppressed": incident.suppressed,
        "severity": incident.severity,
        **{f"labels.{name}": value for name, value in incident.labels.items()},
        **dict(_shown(incident)),
    }


def decision_record(decision: Decision) -> Record:
    """Return a decision."""
    return {
        "outcome": decision.outcome,
        "reason": decision.reason,
        "at": decision.at,
        "rule": decision.rule,
        "key": key_value(decision.key),
        "receiver": decision.receiver,
        "until": decision.until,
        "detail": decision.detail,
        "number": decision.count,
    }


def _shown(incident: Incident) -> Iterator[tuple[str, Any]]:
    view = incident.view
    for name in ("title", "sentence", "summary", "condition", "sample", "runbook", "dashboard"):
        yield name, getattr(view, name)
    for name, value in view.fields:
        yield f"fields.{name}", value
