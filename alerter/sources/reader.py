"""Events in windows: reads a rule's events from any source, as times per key."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from sys import intern
from typing import Any

from alerter.clock import Millis
from alerter.model.rule import FromEvent, Key, KeyValue, Rule, Severity, ValueList
from alerter.redact import hide, is_hidden
from alerter.sources.asking import Asking
from alerter.sources.lists import ListCheck
from alerter.sources.protocol import Answer, Hit, SearchRequest, Source, SourceError
from alerter.sources.timefield import TimeReader, time_reader
from alerter.sources.values import value_at
from alerter.windows import EMPTY, Curve, EventCurve

PAGE = 10_000


@dataclass
class KeyEvents:
    """The events of one key: times, and where the rule needs them the compared values and severities."""

    curve: EventCurve = field(default_factory=EventCurve)
    values: list[KeyValue] = field(default_factory=list)
    severities: list[str] = field(default_factory=list)


class Reader:
    """Asks a source for what rules need to know; ``events`` counts what was read so far."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.events = 0

    def read(self, rule: Rule, start: Millis, end: Millis) -> Events:
        """Read all events of the rule in ``(start, end]``. Raises SourceError when the answer is incomplete."""
        asking = Asking.of(rule, self.source)
        events = Events(rule, self.source, asking)
        unread: list[Hit] = []
        for at, hit in self._scan(rule, asking, start, end, unread):
            events.add(at, hit)
            self.events += 1
        if unread:
            events.warnings.append(
                f"time_unreadable: {len(unread):,} document(s) left out, as their {rule.time.name} is not written "
                f"as timestamp_type {rule.time.kind} says; the first has the _id {unread[0].id}"
            )
        return events

    def extent(self, rule: Rule) -> tuple[Millis | None, Millis | None]:
        """Return the time of the earliest and latest document of the rule's index, selected or not."""
        reader = time_reader(rule, self.source)
        if reader.pushed:
            answer = _only(self.source, reader.edges(rule.index))
            return reader.edge(answer, "first"), reader.edge(answer, "last")
        times = [at for at, _ in _walk(self.source, rule.index, reader, ())]
        return (min(times), max(times)) if times else (None, None)

    def _scan(
        self, rule: Rule, asking: Asking, start: Millis, end: Millis, unread: list[Hit]
    ) -> Iterator[tuple[Millis, Hit]]:
        reader = asking.time
        if reader.pushed:
            for page in self.source.scan(asking.scan(start, end), PAGE):
                for hit in page:
                    at = reader.of(hit)
                    if at > start:  # an event with several times counts at its first one only
                        yield at, hit
            return
        every = _walk(self.source, rule.index, reader, rule.filter, asking, unread)
        found = [(at, hit) for at, hit in every if start < at <= end]
        found.sort(key=lambda pair: pair[0])
        yield from found


def _walk(
    source: Source,
    index: str,
    reader: TimeReader,
    filters: Sequence[Mapping[str, Any]],
    asking: Asking | None = None,
    unread: list[Hit] | None = None,
) -> Iterator[tuple[Millis, Hit]]:
    """Read every document the filters select, where the server cannot tell its time; note what cannot be read."""
    body: dict[str, Any] = {"query": {"bool": {"filter": list(filters)}}, "sort": ["_doc"]}
    if asking is not None and asking.doc_values:
        body["docvalue_fields"] = asking.doc_values
    for page in source.scan(SearchRequest(index, body), PAGE):
        for hit in page:
            at = reader.parse(hit.source or {})
            if at is not None:
                yield at, hit
            elif unread is not None and value_at(hit.source or {}, reader.field) is not None:
                unread.append(Hit(hit.id, hit.index))


class Events:
    """The events of one rule over a span, by key; redacted keys, but raw values for asking again."""

    def __init__(self, rule: Rule, source: Source, asking: Asking) -> None:
        self._rule = rule
        self._source = source
        self._asking = asking
        self._check = ListCheck(rule.condition) if isinstance(rule.condition, ValueList) else None
        self._by_key: dict[Key, KeyEvents] = {}
        self._raw: dict[Key, Key] = {}
        self._seen_raw: dict[Key, Key] = {}
        self._firsts: dict[object, Millis | None] = {}
        severity = rule.newest.get("severity")
        self._severity = severity
        self.warnings: list[str] = list(asking.warnings)

    # --- filling -----------------------------------------------------------------------------------------------

    def add(self, at: Millis, hit: Hit) -> None:
        """Add an event, newest so far, to the group of each of its keys."""
        value: KeyValue = None
        if self._check is not None:
            listed = self._check.judge(value_at(hit.source or {}, self._check.path))
            if listed is None:
                return
            value = hide(self._check.path, listed.value, self._rule.redact)
        for raw in self._keys_of(hit):
            events = self._group(raw)
            events.curve.append(at)
            if self._check is not None:
                events.values.append(value)
            if self._severity is not None:
                found = value_at(hit.source or {}, self._severity.path)
                events.severities.append(_severity(self._severity, found))

    def _group(self, raw: Key) -> KeyEvents:
        key = self._seen_raw.get(raw, raw)
        events = self._by_key.get(key) if raw in self._seen_raw or raw is None else None
        if events is None:
            key = self._hidden(raw)
            self._seen_raw[raw] = key
            self._raw[key] = raw
            events = self._by_key.setdefault(key, KeyEvents())
        return events

    def _hidden(self, raw: Key) -> Key:
        """Return the key as it may be shown; a split value is hidden by the field it was read from."""
        if raw is None:
            return None
        paths = [part.split.path if part.split else part.name for part in self._asking.parts]
        hidden = (hide(path, value, self._rule.redact) for path, (_, value) in zip(paths, raw, strict=True))
        return tuple(zip(self._asking.names, hidden, strict=True))

    def _keys_of(self, hit: Hit) -> list[Key]:
        if not self._asking.parts:
            return [None]
        each = [part.values(hit) for part in self._asking.parts]
        return [tuple(zip(self._asking.names, values, strict=True)) for values in product(*each)]

    # --- what detectors ask ------------------------------------------------------------------------------------

    def keys(self) -> Collection[Key]:
        """Return the keys that have events."""
        return self._by_key.keys()

    def curve(self, key: Key) -> Curve:
        """Return the count curve of a key."""
        found = self._by_key.get(key)
        return found.curve if found else EMPTY

    def values(self, key: Key) -> Sequence[KeyValue]:
        """Return the compared value of each event of a list rule."""
        found = self._by_key.get(key)
        return found.values if found else ()

    def severities(self, key: Key) -> Sequence[str]:
        """Return the severity of each event, where it is read from the event."""
        found = self._by_key.get(key)
        return found.severities if found else []

    def first_event(self, key: Key, *, any_key: bool = False) -> Millis | None:
        """Return the time of the very first event of a key, or of the rule; None when it cannot be asked for."""
        if not any_key and key not in self._raw and is_hidden(key):
            return None
        about = None if any_key else key
        if (about, any_key) not in self._firsts:
            clauses = () if any_key else self._asking.key_clauses(self._raw.get(key, key))
            self._firsts[(about, any_key)] = self._first(self._rule.filter, clauses)
        return self._firsts[(about, any_key)]

    def first_document(self) -> Millis | None:
        """Return the time of the index's earliest document."""
        if "document" not in self._firsts:
            self._firsts["document"] = self._first((), ())
        return self._firsts["document"]

    def _first(self, filters: Sequence[Any], clauses: Sequence[Any]) -> Millis | None:
        reader = self._asking.time
        if not reader.pushed:
            every = [*filters, *clauses]
            return min((at for at, _ in _walk(self._source, self._rule.index, reader, every)), default=None)
        answer = _only(self._source, reader.edges(self._rule.index, [*filters, *clauses]))
        return reader.edge(answer, "first")

    # --- what messages ask -------------------------------------------------------------------------------------

    def alive_count(self, start: Millis, end: Millis) -> int:
        """Return how many documents of the rule's ``alive`` filter lie in ``(start, end]``."""
        alive = getattr(self._rule.condition, "alive", None)
        if alive is None:
            return 0
        reader = self._asking.time
        index = alive.index or self._rule.index
        if not reader.pushed:
            return sum(1 for at, _ in _walk(self._source, index, reader, alive.filter) if start < at <= end)
        query = {"bool": {"filter": [*alive.filter, reader.range(start, end)]}}
        answer = _only(self._source, SearchRequest(index, {"size": 0, "query": query, "track_total_hits": True}))
        return answer.total or 0

    def samples(self, key: Key, start: Millis, end: Millis, size: int) -> Sequence[Mapping[str, Any]]:
        """Return up to ``size`` documents of a key's events in ``(start, end]``, newest first, as ``include`` says."""
        raw = self._raw.get(key, key)
        reader = self._asking.time
        clauses = [*self._rule.filter, *self._asking.key_clauses(raw)]
        if not reader.pushed:
            found = [(at, h) for at, h in _walk(self._source, self._rule.index, reader, clauses) if start < at <= end]
            found.sort(key=lambda pair: -pair[0])
            return [h.source or {} for _, h in found if self._selected(h)][:size]
        body: dict[str, Any] = {
            "size": size if self._check is None else 100,
            "query": {"bool": {"filter": [*clauses, reader.range(start, end)]}},
            "sort": reader.sort("desc"),
            "track_total_hits": False,
        }
        if self._rule.include:
            body["_source"] = self._asking.shown()
        hits = _only(self._source, SearchRequest(self._rule.index, body)).hits
        return [h.source or {} for h in hits if self._selected(h)][:size]

    def _selected(self, hit: Hit) -> bool:
        return self._check is None or self._check.judge(value_at(hit.source or {}, self._check.path)) is not None


def _only(source: Source, request: SearchRequest) -> Answer:
    (answer,) = source.search([request])
    if isinstance(answer, SourceError):
        raise answer
    return answer


def _severity(attribute: FromEvent, raw: object) -> str:
    """Return the severity that an event states, "" when it states none that there is."""
    value = attribute.value(raw if isinstance(raw, str | int | float | bool) else None)
    return intern(value) if value in set(Severity) else ""
