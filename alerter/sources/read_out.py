"""Events of which documents are read to know more of them: no search selects them, or none knows their times.

So it is where the time is no date in the mapping, and where the filter is in EQL or ES|QL.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from typing import Any

from alerter.clock import Millis
from alerter.detectors.protocol import Ask, Question
from alerter.model.rule import Key, Rule
from alerter.redact import is_hidden
from alerter.sources import languages, recounted
from alerter.sources.asking import Asking, translated
from alerter.sources.counted import MOST_RELATED, PLACE, document_of
from alerter.sources.events import Events
from alerter.sources.of_key import narrowed
from alerter.sources.protocol import Hit, SearchRequest, Selection, Source
from alerter.sources.questions import SAMPLES
from alerter.sources.timefield import TimeReader
from alerter.sources.values import only, value_at

PAGE = 10_000
EVIDENCE = 1_000
"""Documents of one instant that enhancements are shown."""
LONG_AGO: Millis = -(1 << 50)
_OF_THE_INDEX = (Ask.FIRST_DOCUMENT, Ask.ALIVE)
"""Questions about documents whatever the rule's query."""


class ReadOut(Events):
    """Events of which a source can be asked, or whose documents are read where it cannot."""

    def __init__(self, rule: Rule, source: Source, asking: Asking, start: Millis, end: Millis) -> None:
        super().__init__(rule, asking, start, end)
        self._source = source

    def need(self, key: Key, start: Millis, end: Millis, *abouts: Ask) -> None:
        """Ask for what is not known by having read every event."""
        if not self.asking.read_out:
            super().need(key, start, end, *(about for about in abouts if about is not Ask.CHART))

    def _answer(self, question: Question) -> Any:
        if question not in self.known and self._is_read(question):
            self.known[question] = self._read(question)
        return super()._answer(question)

    def _is_read(self, question: Question) -> bool:
        if self.asking.time.pushed and question.about in _OF_THE_INDEX:
            return False
        return self.asking.read_out

    def _read(self, question: Question) -> Any:
        """Answer a question by reading documents."""
        match question.about:
            case Ask.FIRST_DOCUMENT:
                return min((at for at, _ in self._walk(())), default=None)
            case Ask.ALIVE:
                return self._alive(question)
            case Ask.FIRST | Ask.FIRST_OF_ANY:
                return self._first(question.key if question.about is Ask.FIRST else None)
            case Ask.NEWEST:
                return max((at for at, _ in self._events_of(question, whole=False)), default=None)
            case Ask.TOP | Ask.TABLE:
                hits = (hit for _, hit in self._events_of(question))
                count = recounted.tops if question.about is Ask.TOP else recounted.rows
                return count(self.rule, self.asking.named, hits)
            case Ask.RELATED:
                found, number = self._newest(question, MOST_RELATED + 1)
                return found[1:], max(number - 1, 0)
            case _:
                every = question.about is Ask.EVIDENCE and self.rule.is_event_type
                return self._newest(question, EVIDENCE if every else SAMPLES)[0]

    def _first(self, key: Key) -> Millis | None:
        """Return the earliest time of a key's events; of a query's, which come by time, one is read."""
        asked = Question(Ask.FIRST, key, self._long_ago, self.end)
        if not self.asking.time.pushed:
            return min((at for at, _ in self._events_of(asked)), default=None)
        if not self.asking.time.types:
            return None  # nothing has a time yet
        wanted = self._selected(asked, whole=False)
        self.spent.requests += 1
        found = languages.oldest(self._source, self.asking.time, wanted, asked.start, asked.end)
        if found is None:
            return None
        self.spent.hits += 1
        if key is None or self.is_of(found[1], key):
            return found[0]
        return next((at for at, _ in self._events_of(asked, whole=False)), None)

    @property
    def _long_ago(self) -> Millis:
        """The instant before all events; times in nanoseconds have none before 1970, and none may be asked for."""
        return -1 if "date_nanos" in self.asking.time.types else LONG_AGO

    def _alive(self, question: Question) -> int:
        alive = getattr(self.rule.condition, "alive", None)
        filters = [translated(clause) for clause in alive.filter] if alive else []
        index = (alive.index if alive else None) or self.rule.everywhere
        found = walk(self._source, index, self.asking.time, filters)
        return sum(1 for at, _ in found if question.start < at <= question.end)

    def _newest(self, question: Question, most: int) -> tuple[Sequence[Mapping[str, Any]], int]:
        """Return the newest documents, newest first, and how many there are."""
        newest: deque[Mapping[str, Any]] = deque(maxlen=most)
        number = 0
        for _, hit in self._by_time(question):
            document = self._shown(document_of(self.rule, hit))
            if self.check is None or self.check.judge(value_at(document, self.check.path)) is not None:
                newest.append(document)
                number += 1
        return list(reversed(newest)), number

    def _shown(self, document: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the part of a document that ``include`` names, and what the rule looks at."""
        if not self.rule.include:
            return document
        return only(document, [*self.asking.shown(), *PLACE])

    def _by_time(self, question: Question) -> Iterator[tuple[Millis, Hit]]:
        found = self._events_of(question)
        return found if self.asking.time.pushed else iter(sorted(found, key=lambda pair: pair[0]))

    def _events_of(self, question: Question, *, whole: bool = True) -> Iterator[tuple[Millis, Hit]]:
        """Yield a key's events in the question's span, ``whole`` with their documents; of a query's by time."""
        start, end, key = question.start, question.end, question.key
        if self.asking.time.pushed:
            wanted = self._selected(question, whole=whole)
            for at, hit in self._counted(languages.events(self._source, self.asking.time, wanted, start, end)):
                if key is None or self.is_of(hit, key):
                    yield at, hit
            return
        clauses = [] if key is None else self.key_clauses(key)  # else it would be the events without a key
        for at, hit in self._walk([*self.asking.filter, *clauses]):
            if start < at <= end:
                yield at, hit

    def _selected(self, question: Question, *, whole: bool) -> Selection:
        """Return how the query is asked for the events of a key, or for some more."""
        wanted = self.asking.selection(question.start, question.end, whole=whole)
        known = question.key is not None and (question.key in self._raw or not is_hidden(question.key))
        return narrowed(wanted, self.asking, self.raw(question.key)) if known else wanted

    def _counted(self, found: Iterator[tuple[Millis, Hit]]) -> Iterator[tuple[Millis, Hit]]:
        """Count what is read, and the requests for it."""
        number = 0
        for number, one in enumerate(found, 1):
            self.spent.hits += 1
            self.spent.requests += number % PAGE == 1
            yield one
        self.spent.requests += number == 0

    def scanned(self, unread: list[Hit], *more: Any) -> Iterator[tuple[Millis, Hit]]:
        """Yield the events of the span, oldest first; note those whose time cannot be read.

        ``more`` clauses may leave events out.
        """
        reader = self.asking.time
        if self.rule.server_query is not None:
            wanted = self.asking.selection(self.start, self.end, *more)
            if reader.types:  # else nothing has a time yet
                yield from languages.events(self._source, reader, wanted, self.start, self.end)
            return
        if reader.pushed:
            for page in self._source.scan(self.asking.scan(self.start, self.end, *more), PAGE):
                yield from self.timed(page)
            return
        every = walk(self._source, self.rule.everywhere, reader, [*self.asking.filter, *more], self.asking, unread)
        found = [(at, hit) for at, hit in every if self.start < at <= self.end]
        found.sort(key=lambda pair: pair[0])
        yield from found

    def timed(self, hits: Sequence[Hit]) -> Iterator[tuple[Millis, Hit]]:
        """Yield events of the span, each with its time."""
        for hit in hits:
            at = self.asking.time.of(hit)
            if at > self.start:  # an event with several times counts at its first one only
                yield at, hit

    def keys_of(self, hit: Hit) -> list[Key]:
        """Return the raw keys of an event: an array counts under each of its values."""
        if not self.asking.parts:
            return [None]
        each = [part.values(hit) for part in self.asking.parts]
        return [tuple(zip(self.asking.names, values, strict=True)) for values in product(*each)]

    def is_of(self, hit: Hit, key: Key) -> bool:
        """Whether an event is one of a key, as that may be shown."""
        return any(self.hidden(raw) == key for raw in self.keys_of(hit))

    def warn_of(self, unread: Sequence[Hit]) -> None:
        """Warn of events that are left out, as their time cannot be read."""
        if unread:
            time = self.rule.time
            self.warnings.append(
                f"time_unreadable: {len(unread):,} document(s) left out, as their {time.name} is not written "
                f"as timestamp_type {time.kind} says; the first has the _id {unread[0].id}"
            )

    def _walk(self, filters: Sequence[Mapping[str, Any]]) -> Iterator[tuple[Millis, Hit]]:
        yield from self._counted(walk(self._source, self.rule.everywhere, self.asking.time, filters))


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
