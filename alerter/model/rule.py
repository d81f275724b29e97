"""A rule as its file says it, with every default filled in."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import Any

from alerter.access import RuleCluster
from alerter.clock import DAY, HOUR, MINUTE, SECOND, Millis
from alerter.model.conditions import (
    Alive,
    AnyEvent,
    Cardinality,
    Condition,
    Custom,
    EventCondition,
    Flatline,
    Frequency,
    KeyValue,
    Measuring,
    Spike,
    SpikeAggregation,
    SpikeType,
    ValueList,
)
from alerter.model.history import NewTerm, ValueChange
from alerter.model.indices import DatedIndex
from alerter.model.language import ServerQuery, plain_clauses, server_query
from alerter.model.texts import NO_TEXTS, Texts

__all__ = [
    "EVENT_QUIET",
    "REOPEN_WITHIN",
    "Alive",
    "AnyEvent",
    "Attribute",
    "Cardinality",
    "Condition",
    "Custom",
    "EventCondition",
    "Flatline",
    "Frequency",
    "FromEvent",
    "Key",
    "KeyValue",
    "Measuring",
    "MessageTexts",
    "Position",
    "Realert",
    "Redaction",
    "Rule",
    "Schedule",
    "Severity",
    "Spike",
    "SpikeAggregation",
    "SpikeType",
    "TimeField",
    "TimeKind",
    "ValueList",
]
"""What makes a rule; the conditions have a file of their own."""

Key = tuple[tuple[str, KeyValue], ...] | None
"""The values of ``query_key`` as (field as written, value) pairs; None when the rule has no key.

A split attribute adds a pair named after the attribute: ``("domain", "order")``.
"""


class Severity(StrEnum):
    """How bad it is, mildest first."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        """0 for info, 2 for critical."""
        return list(Severity).index(self)


@dataclass(frozen=True)
class Position:
    """A place in a file; line and column count from 1."""

    file: str
    line: int = 1
    column: int = 1


class TimeKind(StrEnum):
    """How the timestamp field is written (ElastAlert's ``timestamp_type``)."""

    ISO = "iso"
    UNIX = "unix"
    UNIX_MS = "unix_ms"
    CUSTOM = "custom"


@dataclass(frozen=True)
class TimeField:
    """The field that says when an event happened; ``format`` is strptime's, for ``custom`` only."""

    name: str = "@timestamp"
    kind: TimeKind = TimeKind.ISO
    format: str | None = None


@dataclass(frozen=True)
class Schedule:
    """The nominal instants of a rule: multiples of ``every`` since the epoch, or the fire times of ``cron``.

    With ``limit``, a cron too, only multiples in a minute at which it fires, and the first instant of each row of such
    minutes. Both crons are in ``timezone``.
    """

    every: Millis = MINUTE
    cron: str | None = None
    timezone: str = "UTC"
    limit: str | None = None


@dataclass(frozen=True)
class FromEvent:
    """An attribute whose value is read from the event at ``path``: ``map`` translates, ``default`` stands for all else.

    With ``split`` the value divides the rule's counting like one more ``query_key``; without, the newest event
    decides (for severity: the worst of the incident).
    """

    path: str
    map: Mapping[str, str] = field(default_factory=dict)
    default: str | None = None
    split: bool = True

    def value(self, raw: KeyValue) -> str | None:
        """Translate a field's value; without a ``map`` the value itself, as text."""
        if raw is None:
            return self.default
        text = str(raw).lower() if isinstance(raw, bool) else str(raw)
        return self.map.get(text, self.default) if self.map else text

    def severity(self, value: KeyValue) -> Severity:
        """Return the severity that a translated value names, in any case of letters.

        One that there is not is the ``default``, and without any ``warning``.
        """
        text = str(value).lower()
        return Severity(text if text in set(Severity) else self.default or Severity.WARNING)


Attribute = str | FromEvent


@dataclass(frozen=True)
class Realert:
    """For how long a key is silent after an announced match; event time.

    ``written`` tells whether the file says so; ``cap`` turns on exponential growth up to that length.
    """

    length: Millis = MINUTE
    written: bool = False
    cap: Millis | None = None


@dataclass(frozen=True)
class MessageTexts:
    """What the rule wants said: Jinja2 sources, compiled at load; empty means the built-in text."""

    title: str = ""
    summary: str = ""
    fields: tuple[tuple[str, str], ...] = ()
    runbook: str = ""
    dashboard: str = ""


@dataclass(frozen=True)
class Redaction:
    """Field names and regular expressions whose values are never shown, stored or logged in clear."""

    fields: tuple[str, ...] = ()
    patterns: tuple[str, ...] = ()


@dataclass(frozen=True)
class Rule:
    """One rule, complete. Lengths are milliseconds.

    ``resolve_after`` None means the default of the type (contract section 2): the next nominal instant for flatlines,
    falls, too few different values and metrics, the smaller of ``timeframe`` and ten minutes for frequency, rises and
    too many different values, one quiet hour for event types.
    """

    name: str
    type: str
    index: str
    condition: Condition
    position: Position
    filter: tuple[Mapping[str, Any], ...] = ()
    query_key: tuple[str, ...] = ()
    time: TimeField = TimeField()
    schedule: Schedule = Schedule()
    query_delay: Millis = 2 * SECOND
    buffer_time: Millis = 2 * MINUTE
    max_catchup: Millis = DAY
    known_keys_for: Millis = DAY
    realert: Realert = Realert()
    resolve_after: Millis | None = None
    include: tuple[str, ...] = ()
    domain: Attribute = ""
    severity: Attribute = Severity.WARNING
    environment: Attribute = ""
    owner: Attribute = ""
    labels: Mapping[str, Attribute] = field(default_factory=dict)
    description: str = ""
    message: MessageTexts = MessageTexts()
    redact: Redaction = Redaction()
    kibana_url: str = ""
    texts: Texts = NO_TEXTS
    enhancements: tuple[str, ...] = ()
    """Names of installed plug-ins that see each match before it is told, in this order."""
    dated: DatedIndex | None = None
    """The index with dates in its name (``use_strftime_index``); None when ``index`` is the name as it is."""
    cluster: RuleCluster | None = None
    """The cluster that it asks, where that is not the one of the settings."""
    file_text: str = field(default="", compare=False, repr=False)

    @cached_property
    def everywhere(self) -> str:
        """The expression that names every index of the rule, for questions without a span."""
        return self.index if self.dated is None else self.dated.everywhere

    def indices(self, start: Millis, end: Millis) -> str:
        """Return the expression that names the rule's indices for ``(start, end]``; some of them may be missing."""
        return self.index if self.dated is None else self.dated.between(start, end)

    @cached_property
    def server_query(self) -> ServerQuery | None:
        """The part of ``filter`` in EQL or ES|QL, None without."""
        return server_query(self.filter)

    @cached_property
    def clauses(self) -> tuple[Mapping[str, Any], ...]:
        """The part of ``filter`` in query DSL and KQL."""
        return plain_clauses(self.filter)

    @cached_property
    def timeframe(self) -> Millis:
        """The window's length T; 0 for event types."""
        return getattr(self.condition, "timeframe", 0)

    @cached_property
    def is_event_type(self) -> bool:
        """Whether single events match (any, blacklist, whitelist, change, new_term)."""
        return isinstance(self.condition, EventCondition)

    @cached_property
    def is_keyed(self) -> bool:
        """Whether its incidents have keys; those of new_term rules name the new term."""
        return bool(self.query_key or self.splits) or isinstance(self.condition, NewTerm)

    @cached_property
    def attributes(self) -> dict[str, Attribute]:
        """Every attribute that routing sees, built-in ones and labels, that has a value."""
        built_in = {"domain": self.domain, "severity": self.severity, "environment": self.environment}
        every = {**built_in, "owner": self.owner, **self.labels}
        return {name: value for name, value in every.items() if value != ""}

    @cached_property
    def splits(self) -> dict[str, FromEvent]:
        """The attributes that divide the counting like one more key field."""
        return {n: v for n, v in self.attributes.items() if isinstance(v, FromEvent) and v.split}

    @cached_property
    def key_names(self) -> tuple[str, ...]:
        """The names that its incidents' keys can have: ``query_key``, split attributes, fields of new terms."""
        terms = self.condition.fields if isinstance(self.condition, NewTerm) else ()
        return tuple(dict.fromkeys([*self.query_key, *self.splits, *(name for names in terms for name in names)]))

    @cached_property
    def newest(self) -> dict[str, FromEvent]:
        """The attributes taken from the newest event, without dividing anything."""
        return {n: v for n, v in self.attributes.items() if isinstance(v, FromEvent) and not v.split}

    def meaning(self) -> str:
        """Return a hash of which events are counted, how they are grouped, and in which window.

        A change of it resolves the rule's incidents. Thresholds and lists only judge the counts: with new ones open
        incidents go on, and end when the new condition is over.
        """
        return self._meaning

    @cached_property
    def _meaning(self) -> str:
        compared = getattr(self.condition, "compare_key", "") or getattr(self.condition, "field", "")
        parts = [self.type, self.index, list(self.filter), compared, list(self.query_key), self.timeframe]
        parts += [repr(self.time), repr(sorted(self.splits.items()))]
        if self.dated is not None:
            parts += [asdict(self.dated)]
        if self.cluster is not None and self.cluster.place:
            parts += [self.cluster.place]
        if isinstance(self.condition, ValueChange | NewTerm):
            parts += [asdict(self.condition)]
        if isinstance(self.condition, Measuring):
            parts += [asdict(self.condition.measured), asdict(self.condition.windows)]
        text = json.dumps(parts, sort_keys=True, default=str)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


EVENT_QUIET: Millis = HOUR
"""How long an event type's incident stays open after its last event, unless the rule says otherwise."""
REOPEN_WITHIN: Millis = 5 * MINUTE
"""A condition that holds again this soon after a resolution (inclusive) re-opens the incident."""
