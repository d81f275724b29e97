"""The embedded source: searches answered in process over documents from files, with no server."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from alerter.clock import Millis
from alerter.errors import UsageError
from alerter.plurals import many
from alerter.query.evaluator import Document, Evaluator, QueryError, Rejection, UnsupportedQuery
from alerter.sources.embedded_files import BadLine, LineParser, read_documents, stream_documents, value_at
from alerter.sources.protocol import Answer, Hit, SearchRequest, Selected, Selection, SourceError

__all__ = ["BadLine", "Document", "EmbeddedSource", "Rejection", "read_documents"]

WARN_ABOVE = 300_000
REFUSE_ABOVE = 2_000_000


class EmbeddedSource:
    """Answers every index expression from the same documents.

    ``files`` are NDJSON, plain or gzip, in the order given. ``now`` says what the word means in a user's own filter;
    without it such a filter is refused. Raises UsageError for an unreadable file or more than 2,000,000 documents.
    """

    kind = "embedded"

    def __init__(
        self,
        files: Iterable[str | Path] = (),
        documents: Iterable[Document | Mapping[str, Any]] = (),
        properties: Mapping[str, Any] | None = None,
        now: Callable[[], Millis] | None = None,
    ) -> None:
        self.requests = 0
        self.now = now
        self.evaluator = Evaluator((), properties)
        self._parser = LineParser()
        self._said = (0, 0, 0, 0)
        self.extend(stream_documents(files, self._parser))
        self.extend(documents)

    @property
    def events(self) -> int:
        """How many documents are searched."""
        return self.evaluator.count

    @property
    def bad_lines(self) -> Sequence[BadLine]:
        """The lines of files that are no documents, by ``file:line``."""
        return self._parser.bad

    @property
    def rejections(self) -> Sequence[Rejection]:
        """The documents that a server would reject at indexing, with the reason."""
        return self.evaluator.rejections

    @property
    def warnings(self) -> list[str]:
        """What a user should know of the data, in sentences."""
        return list(_warnings(self.events, self.bad_lines, self.rejections, self._parser.number))

    def news(self) -> list[str]:
        """Return the warnings about what was added since the last call."""
        events, bad, rejected, lines = self._said
        self._said = (self.events, len(self.bad_lines), len(self.rejections), self._parser.number)
        held = self.events if events <= WARN_ABOVE else 0
        new = self._parser.number - lines
        return list(_warnings(held, self.bad_lines[bad:], self.rejections[rejected:], new))

    def extend(self, documents: Iterable[Document | Mapping[str, Any]]) -> int:
        """Add documents after those that are there; return how many were accepted."""
        with _uncollected():
            return self.evaluator.extend(self._counted(documents))

    def extend_lines(self, lines: Iterable[tuple[bytes, str]]) -> int:
        """Add lines of a growing file, each with its ``file:line``; return how many were accepted."""
        parsed = (self._parser.parse(line, origin) for line, origin in lines)
        return self.extend(document for document in parsed if document is not None)

    def _counted(self, documents: Iterable[Document | Mapping[str, Any]]) -> Iterator[Document]:
        room = 0
        for document in documents:
            if room == 0:  # also where some were rejected since it was last asked
                room = self._room()
            room -= 1
            if not isinstance(document, Document):
                self._parser.number += 1
                document = Document(str(self._parser.number), document)
            yield document

    def _room(self) -> int:
        """Return how many more documents may be held, at least one; raises UsageError when it is none."""
        room = REFUSE_ABOVE - self.events
        if room <= 0:
            raise UsageError(
                f"more than {REFUSE_ABOVE:,} documents are too many to hold in memory",
                "use Elasticsearch (ALERTER_ES_URL) for data of this size",
            )
        return room

    def search(self, requests: Sequence[SearchRequest]) -> list[Answer | SourceError]:
        """Answer each request in order; each fails alone."""
        return [self._answer(request) for request in requests]

    def _answer(self, request: SearchRequest) -> Answer | SourceError:
        try:
            found = self.evaluator.search(request.body, self._now())
        except QueryError as error:
            return _failure(error)
        hits = found["hits"]
        total = hits["total"]["value"] if "total" in hits else None
        return Answer(tuple(map(_hit, hits["hits"])), total, found.get("aggregations", {}))

    def scan(self, request: SearchRequest, page: int = 10_000) -> Iterator[Sequence[Hit]]:
        """Yield all hits in pages, in the order of the request's ``sort``, ties in file order."""
        body = {key: value for key, value in request.body.items() if key not in ("size", "track_total_hits")}
        try:
            for hits in self.evaluator.scan(body, page, self._now()):
                yield list(map(_hit, hits))
        except QueryError as error:
            raise _failure(error) from None

    def select(self, selection: Selection) -> Selected:
        """Refuse: only a server evaluates these languages. Raises SourceError."""
        message = f"a filter in {selection.query.language.called} is evaluated by Elasticsearch alone, not on files"
        raise SourceError("unsupported", message, "run this rule against a cluster")

    def field_types(self, index: str, fields: Sequence[str]) -> Mapping[str, frozenset[str]]:  # noqa: ARG002
        """Name the type of each field; an unmapped one has none, an object is ``object``."""
        return {name: self._types(name) for name in fields}

    def _types(self, name: str) -> frozenset[str]:
        view = self.evaluator.field(name)
        if view is not None:
            return frozenset({view.type.kind})
        return frozenset({"object"}) if name in self.evaluator.store.objects else frozenset()

    def time_bounds(self, field: str) -> tuple[Millis, Millis] | None:
        """Return the earliest and latest value of a date field; None when it is no date or has no value."""
        view = self.evaluator.field(field)
        return view.bounds() if view is not None and view.type.is_date else None

    def raw_values(self, field: str) -> Iterator[Any]:
        """Yield each document's first value of a field as it stands in the source; documents without are left out."""
        store = self.evaluator.store
        for document in range(store.count):
            value = value_at(store.source(document), field)
            if value is not None:
                yield value

    def close(self) -> None:
        """Let go of the documents; nothing may be asked any more."""
        self.evaluator.close()

    def _now(self) -> Millis | None:
        return self.now() if self.now is not None else None


@contextmanager
def _uncollected() -> Iterator[None]:
    """Hold the garbage collector back: loading leaves none, and looking for it takes a third of the time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _warnings(events: int, bad: Sequence[BadLine], rejections: Sequence[Rejection], lines: int) -> Iterator[str]:
    """Yield what was left out of so many lines, and whether more events are held than is wise."""
    if events > WARN_ABOVE:
        yield f"{events:,} documents are held in memory; use Elasticsearch for more than {WARN_ABOVE:,}"
    for what, listed in (
        ("left out as no documents", [(line.origin, line.reason) for line in bad]),
        ("left out, a server would reject them", [(r.origin or r.id, r.reason) for r in rejections]),
    ):
        if listed:
            origin, reason = listed[0]
            yield f"{len(listed):,} of {many(lines, 'line')} {what}; the first: {origin}: {reason}"


def _hit(found: Mapping[str, Any]) -> Hit:
    return Hit(
        found["_id"], found["_index"], found.get("_source"), found.get("fields", {}), tuple(found.get("sort", ()))
    )


def _failure(error: QueryError) -> SourceError:
    if isinstance(error, UnsupportedQuery):
        return SourceError("unsupported", error.reason, "run this rule with Elasticsearch")
    return SourceError("rejected", error.reason)
