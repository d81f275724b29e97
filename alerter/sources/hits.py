"""Events read one by one, in pages: where the server cannot count them, as it does not know their time or value.

Per event only its time (and for lists its value) is kept; a rule read so says in a warning what it costs.
"""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from typing import Any

from alerter.clock import Millis
from alerter.detectors.protocol import Ask, Question
from alerter.model.rule import FromEvent, Key, KeyValue, Rule
from alerter.sources.asking import Asking, translated
from alerter.sources.events import BARS, SAMPLES, Events, bar_width, exact_curves
from alerter.sources.protocol import Hit, SearchRequest, Source
from alerter.sources.spreading import MOST, Runs, add, too_many, window_of
from alerter.sources.timefield import TimeReader
from alerter.sources.values import value_at
from alerter.spread import Spread

PAGE = 10_000


class Unpushed(Events):
    """Events of which every document is read to know more of them, where the server does not know their times."""

    def __init__(self, rule: Rule, source: Source, asking: Asking, start: Millis, end: Millis) -> None:
        super().__init__(rule, asking, start, end)
        self._source = source

    def need(self, key: Key, start: Millis, end: Millis, *abouts: Ask) -> None:
        """Ask for what is not known by having read every event."""
        if self.asking.time.pushed:
            super().need(key, start, end, *(about for about in abouts if about is not Ask.CHART))

    def _answer(self, question: Question) -> Any:
        if question not in self.known and not self.asking.time.pushed:
            self.known[question] = self._walked(question)
        return super()._answer(question)

    def _walked(self, question: Question) -> Any:
        """Answer a question by reading every document, where the server does not know their times."""
        start, end = question.start, question.end
        match question.about:
            case Ask.FIRST_DOCUMENT:
                return min((at for at, _ in self._walk(())), default=None)
            case Ask.FIRST | Ask.FIRST_OF_ANY:
                clauses = self.key_clauses(question.key) if question.about is Ask.FIRST else []
                return min((at for at, _ in self._walk([*self.asking.filter, *clauses])), default=None)
            case Ask.ALIVE:
                alive = getattr(self.rule.condition, "alive", None)
                filters = [translated(clause) for clause in alive.filter] if alive else []
                index = (alive.index if alive else None) or self.rule.everywhere
                return sum(1 for at, _ in walk(self._source, index, self.asking.time, filters) if start < at <= end)
            case _:
                return self._newest_documents(question)

    def _newest_documents(self, question: Question) -> Sequence[Mapping[str, Any]]:
        clauses = [*self.asking.filter, *self.key_clauses(question.key)]
        found = [(at, hit) for at, hit in self._walk(clauses) if question.start < at <= question.end]
        found.sort(key=lambda pair: -pair[0])
        documents = [hit.source or {} for _, hit in found]
        if self.check is not None:
            check = self.check
            documents = [d for d in documents if check.judge(value_at(d, check.path)) is not None]
        every = question.about is Ask.EVIDENCE and self.rule.is_event_type
        return documents if every else documents[:SAMPLES]

    def scanned(self, unread: list[Hit], *more: Any) -> Iterator[tuple[Millis, Hit]]:
        """Yield the events of the span, of ``more`` clauses, oldest first; note those whose time cannot be read."""
        reader = self.asking.time
        if reader.pushed:
            for page in self._source.scan(self.asking.scan(self.start, self.end, *more), PAGE):
                for hit in page:
                    at = reader.of(hit)
                    if at > self.start:  # an event with several times counts at its first one only
                        yield at, hit
            return
        every = walk(self._source, self.rule.everywhere, reader, [*self.asking.filter, *more], self.asking, unread)
        found = [(at, hit) for at, hit in every if self.start < at <= self.end]
        found.sort(key=lambda pair: pair[0])
        yield from found

    def keys_of(self, hit: Hit) -> list[Key]:
        if not self.asking.parts:
            return [None]
        each = [part.values(hit) for part in self.asking.parts]
        return [tuple(zip(self.asking.names, values, strict=True)) for values in product(*each)]

    def warn_of(self, unread: Sequence[Hit]) -> None:
        if unread:
            time = self.rule.time
            self.warnings.append(
                f"time_unreadable: {len(unread):,} document(s) left out, as their {time.name} is not written "
                f"as timestamp_type {time.kind} says; the first has the _id {unread[0].id}"
            )

    def _walk(self, filters: Sequence[Mapping[str, Any]]) -> Iterator[tuple[Millis, Hit]]:
        return walk(self._source, self.rule.everywhere, self.asking.time, filters)


class HitEvents(Unpushed):
    """Events whose instants are all known, from reading each of them."""

    def __init__(self, rule: Rule, source: Source, asking: Asking, start: Millis, end: Millis) -> None:
        """Read the events of ``(start, end]``. Raises SourceError when an answer is incomplete."""
        super().__init__(rule, source, asking, start, end)
        self._times: dict[Key, array[int]] = defaultdict(lambda: array("q"))
        self._values: dict[Key, list[KeyValue]] = defaultdict(list)
        self._severities: dict[Key, list[str]] = defaultdict(list)
        self._severity = rule.newest.get("severity")
        self._groups: dict[Key, Key] = {}
        self._runs: Runs = {}
        self._room = MOST
        self.read = 0
        unread: list[Hit] = []
        for at, hit in self.scanned(unread):
            self._add(at, hit)
            self.read += 1
        self.curves = exact_curves(self._times)
        length = window_of(rule)[0]
        self.spreads = {key: Spread(values.values(), length) for key, values in self._runs.items()}
        self.spent.hits = self.read
        self.spent.requests = 1 + self.read // PAGE
        self.warn_of(unread)

    def _add(self, at: Millis, hit: Hit) -> None:
        """Add an event, newest so far, to the group of each of its keys."""
        value: KeyValue = None
        if self.check is not None:
            listed = self.check.judge(value_at(hit.source or {}, self.check.path))
            if listed is None:
                return
            value = self.shown(listed.value)
        for raw in self.keys_of(hit):
            key = self._groups.get(raw) if raw in self._groups else self._groups.setdefault(raw, self.hidden(raw))
            self._times[key].append(at)
            self._note_values(key, at, hit)
            if self.check is not None:
                self._values[key].append(value)
            if self._severity is not None:
                self._severities[key].append(severity_of(self._severity, hit))

    def _note_values(self, key: Key, at: Millis, hit: Hit) -> None:
        """Note the values of the field that is counted; raises SourceError when they are too many."""
        if self.asking.counted is None:
            return
        runs = self._runs.setdefault(key, {})
        for value in self.asking.counted.values(hit):
            if value is not None:
                self._room -= add(runs.setdefault(value, []), (at, at), window_of(self.rule)[0])
        if self._room < 0:
            raise too_many(self.rule, self.asking.counted)

    def newest(self, key: Key, first: Millis, last: Millis) -> Millis:
        """Return the instant of the newest event at or before ``last``, of those that were read."""
        found = self.curve(key).newest(last)
        return super().newest(key, first, last) if found is None or found[1] < first else found[1]

    def values(self, key: Key, at: Millis) -> Sequence[KeyValue]:
        """Return the compared value of each event of an instant."""
        curve = self.curve(key)
        return self._values[key][curve.rank(at - 1) : curve.rank(at)]

    def severities(self, key: Key) -> Sequence[str]:
        """Return the severity of each event, in the order of their times."""
        return self._severities.get(key, ())

    def chart(self, key: Key, start: Millis, end: Millis) -> Sequence[tuple[Millis, float]]:
        """Return the number of events in each part of a span."""
        width = bar_width(Question(Ask.CHART, key, start, end))
        curve = self.curve(key)
        edges = range(end - BARS * width, end, width)
        return [(edge + width, float(curve.count(edge, edge + width))) for edge in edges]


def walk(
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


def severity_of(attribute: FromEvent, hit: Hit) -> str:
    """Return the severity of an event: what it states, where that is none the default."""
    raw = value_at(hit.source or {}, attribute.path)
    return str(attribute.severity(attribute.value(raw if isinstance(raw, str | int | float | bool) else None)))
