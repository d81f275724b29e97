"""Incidents: how far a rule is, what happened in a span, and what people are told."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from alerter.clock import Millis
from alerter.model.delivery import Delivery, DeliveryState, Earlier, Group, Kind, News, Post, Reason, Roll, Row
from alerter.model.history import History
from alerter.model.memory import KeyMemory
from alerter.model.rule import Key
from alerter.model.texts import Counts, Top

__all__ = [
    "JUDGING_VALUES", "Change", "Checkpoint", "Decision", "Delivery", "DeliveryState", "Earlier", "Group", "Incident",
    "Kind", "Match", "News", "Outcome", "Post", "Reason", "Roll", "Row", "Transition", "View", "digest", "incident_id",
]  # fmt: skip
JUDGING_VALUES = frozenset({"cardinality", "metric_aggregation", "percentage_match", "spike_aggregation"})
"""Types of rules that judge a value of a window; ``count`` and ``peak`` are its numbers of events all the same."""


def digest(*parts: object) -> str:
    """Return a stable 20-character id of the parts."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()[:20]


def incident_id(rule: str, key: Key, opened: Millis) -> str:
    """Return the identity of an incident: rule, key and the instant of its first announced match."""
    return digest("incident", rule, key, opened)


# --- how far a rule is ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Checkpoint:
    """How far a rule is evaluated (inclusive) and what its keys remember.

    ``started`` is the rule's first checkpoint; ``covered`` is sticky (contract section 2, flatline); ``seen`` counts
    the events of event types in the re-read span, so that a late one is noticed exactly once; None: too many to tell.
    ``buffer_time`` is how long before ``evaluated`` that span begins (exclusive); None (other types, and checkpoints of
    earlier versions): as long as the rule's is now.
    ``history`` is what change rules know of before that span.
    The document is the rule's lease too: ``owner`` is the session that may write it, "" when anybody may take it, and
    ``epoch`` counts the changes of hands.
    """

    rule: str
    meaning: str
    evaluated: Millis
    started: Millis
    covered: bool = False
    first_event: Millis | None = None
    keys: Mapping[Key, KeyMemory] = field(default_factory=dict)
    seen: tuple[tuple[Key, Millis, int], ...] | None = ()
    history: History | None = None
    owner: str = ""
    epoch: int = 0
    buffer_time: Millis | None = None


# --- what happened in a span ---------------------------------------------------------------------------------------


class Change(StrEnum):
    """What happened to a key's incident at an instant."""

    OPENED = "opened"
    REPEATED = "repeated"
    SUPPRESSED = "suppressed"
    REOPENED = "reopened"
    RAISED = "raised"
    MEASURED = "measured"
    RESOLVED = "resolved"


@dataclass(frozen=True)
class Match:
    """An instant and key at which a rule's condition is met.

    ``count`` is all events in the window, consumed or not, ties included (1 for event types); ``facts`` holds the
    extra fields of contract section 6 (``reference``, ``threshold``, ``value``).
    """

    at: Millis
    key: Key
    count: int
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Transition:
    """One change of one incident, in the order they happen.

    ``match`` is set when an announced match stands behind it, and for SUPPRESSED the match that was not announced.
    SUPPRESSED may stand for ``number`` matches, the first of them at or after ``at``. MEASURED is the window's
    ``count`` at a nominal instant. ``last_held`` is the last instant at which the plain condition held so far.
    """

    at: Millis
    change: Change
    key: Key
    reason: Reason
    incident: str
    opened: Millis
    match: Match | None = None
    until: Millis | None = None
    last_held: Millis | None = None
    severity: str = ""
    exponent: int = 0
    number: int = 1
    count: int = 0


@dataclass(frozen=True)
class Outcome:
    """What evaluating a span gave; ``transitions`` by time, ``matches`` the announced ones.

    ``lost`` is the part of the span that was given up for being too long ago; ``dropped`` are the matches that
    enhancements keep from being told, which are no part of ``transitions``.
    """

    transitions: tuple[Transition, ...]
    checkpoint: Checkpoint
    warnings: tuple[str, ...] = ()
    lost: tuple[Millis, Millis] | None = None
    dropped: tuple[Decision, ...] = ()

    @property
    def matches(self) -> tuple[Match, ...]:
        """The announced matches, by time."""
        return tuple(t.match for t in self.transitions if t.match and t.change is not Change.SUPPRESSED)


# --- what people are told ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class View:
    """What a message shows, rendered and redacted but not yet escaped for any notifier."""

    title: str = ""
    sentence: str = ""
    summary: str = ""
    condition: str = ""
    fields: tuple[tuple[str, str], ...] = ()
    sample: str = ""
    top: tuple[Top, ...] = ()
    table: str = ""
    counts: Counts = ()
    """The rows of ``table``, where a group's message sums them."""
    chart: tuple[tuple[Millis, float], ...] = ()
    threshold: float | None = None
    runbook: str = ""
    dashboard: str = ""
    link: str = ""


@dataclass(frozen=True)
class Incident:
    """Rule and key from the first announced match until resolved; carries its planned deliveries.

    A document with a ``roll`` is no incident, but the message of a group of them.
    """

    id: str
    rule: str
    type: str
    key: Key
    labels: Mapping[str, str]
    opened: Millis
    resolved: Millis | None = None
    resolve_reason: str = ""
    last_held: Millis = 0
    updated: Millis = 0
    matches: int = 0
    suppressed: int = 0
    count: int = 0
    peak: float = 0
    silenced_until: Millis | None = None
    exponent: int = 0
    revision: int = 1
    quiet_close: bool = False
    of_values: bool = False
    """Whether its rule judges a value although rules of its type may count (a spike of ``field_value``)."""
    view: View = View()
    posts: tuple[Post, ...] = ()
    deliveries: tuple[Delivery, ...] = ()
    earlier: tuple[Earlier, ...] = ()
    roll: Roll | None = None

    @property
    def state(self) -> str:
        """``firing`` or ``resolved``."""
        return "firing" if self.resolved is None else "resolved"

    @property
    def judges_values(self) -> bool:
        """Whether its matches are of a value, of which ``peak`` says nothing."""
        return self.of_values or self.type in JUDGING_VALUES

    @property
    def severity(self) -> str:
        """The severity label."""
        return self.labels.get("severity", "warning")

    @property
    def about(self) -> str:
        """The rule that it is about: of a group's document the one that all members have, "" where they differ."""
        return self.rule if self.roll is None else self.labels.get("rule", "")

    @property
    def is_group(self) -> bool:
        """Whether it is a group of several members, of which it has neither a peak nor matches."""
        return self.roll is not None and self.roll.total != 1

    @property
    def outbox(self) -> tuple[Delivery, ...]:
        """The deliveries still to be made, oldest first."""
        return tuple(d for d in self.deliveries if not d.is_settled)

    @property
    def stale_posts(self) -> tuple[Post, ...]:
        """The posted messages that do not show the newest revision yet."""
        return tuple(p for p in self.posts if p.ts and p.revision < self.revision)

    @property
    def rechecks(self) -> tuple[Delivery, ...]:
        """The messages that were sent twice, and are to be looked for once more."""
        return tuple(d for d in self.deliveries if d.recheck and d.state is DeliveryState.SENT)

    @property
    def unfinished(self) -> bool:
        """Whether delivery has anything left to do."""
        return bool(self.outbox or self.stale_posts or self.rechecks or (self.roll and self.roll.news))


@dataclass(frozen=True)
class Decision:
    """One entry of the record of decisions: what was decided for a rule and key, and why.

    ``at`` is event time, in what delivery records the wall clock. ``count`` folds a run of the same decision;
    ``route`` is the path of the route that chose the receiver.
    """

    at: Millis
    rule: str
    key: Key
    outcome: str
    reason: str
    incident: str = ""
    until: Millis | None = None
    count: int = 1
    receiver: str = ""
    detail: str = ""
    route: str = ""
