"""The protocol every source of events speaks: Elasticsearch's search requests, answered by a cluster or in process."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from alerter.model.language import ServerQuery


@dataclass(frozen=True)
class SearchRequest:
    """One search: an index expression and a request body in Elasticsearch's DSL.

    Bodies hold absolute bounds in epoch milliseconds, never the word ``now`` (unless a user's own filter has it).
    ``preference`` keeps one rule on one set of shard copies so that caches serve. With ``lenient`` an index that is
    named and not there is left out: names made of dates; else that is an error.
    """

    index: str
    body: Mapping[str, Any]
    preference: str | None = None
    lenient: bool = False


@dataclass(frozen=True)
class Hit:
    """One document of an answer; ``fields`` holds doc values as lists, ``sort`` the values to continue after."""

    id: str
    index: str
    source: Mapping[str, Any] | None = None
    fields: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    sort: tuple[Any, ...] = ()


@dataclass(frozen=True)
class Answer:
    """A complete answer. ``total`` is None when the request did not ask for it; ``took`` are the server's ms."""

    hits: tuple[Hit, ...]
    total: int | None
    aggregations: Mapping[str, Any]
    took: int = 0

    def aggregation(self, name: str) -> Mapping[str, Any]:
        """Return one aggregation; an empty one where no shard was searched, as the server then names none."""
        found = self.aggregations.get(name)
        return {"buckets": []} if found is None else found

    def buckets(self, name: str) -> list[Mapping[str, Any]]:
        """Return the buckets of one aggregation. Raises ValueError where they are no list."""
        found = self.aggregation(name)["buckets"]
        if not isinstance(found, list):
            raise ValueError("buckets are no list")
        return found


@dataclass(frozen=True)
class Selection:
    """The oldest ``size`` events that an EQL or ES|QL query selects, by the field ``time``; 0 of ES|QL: its columns.

    ``clauses`` of query DSL select among the documents before the query does. ``fields`` are asked for as doc values
    are, ``whole`` asks for documents. With ``counted`` the number of all events is answered, without any of them; only
    of ES|QL.
    """

    query: ServerQuery
    index: str
    time: str
    clauses: tuple[Mapping[str, Any], ...]
    size: int
    fields: tuple[Any, ...] = ()
    whole: bool = False
    counted: bool = False
    lenient: bool = False


@dataclass(frozen=True)
class Selected:
    """A complete answer; ``columns`` are those of ES|QL, with their types, and ``total`` is what was counted."""

    hits: tuple[Hit, ...] = ()
    columns: Mapping[str, frozenset[str]] = field(default_factory=dict)
    total: int = 0


TOO_MANY = "too_many"
"""The kind of an error that a shorter span may not have: more than is kept of one evaluation."""


class SourceError(Exception):
    """A request was not answered completely; nothing may be concluded from it.

    ``kind`` is one of ``unreachable`` (no connection, time-out), ``incomplete`` (failed shards, ``timed_out``),
    ``rejected`` (the server refuses the query; retrying is useless), ``denied`` (401, 403), ``busy`` (429, 503),
    ``missing`` (no such index), ``unsupported`` (the embedded evaluator, or the server, does not implement it) and
    ``too_many`` (more than is kept of one evaluation; of a shorter span it may be less).
    """

    def __init__(self, kind: str, reason: str, hint: str = "") -> None:
        super().__init__(reason)
        self.kind = kind
        self.reason = reason
        self.hint = hint
        self.seconds = 0.0
        """What the server spent on it in vain, where it says so."""


UNREADABLE = (LookupError, TypeError, AttributeError, ValueError, ArithmeticError)
"""What reading an answer of another shape than it should have ends in."""


def unreadable(error: Exception) -> SourceError:
    """Return that an answer is not of the form it should have; it is that rule's own failure."""
    reason = f"the server's answer cannot be read ({type(error).__name__}: {error})"
    return SourceError("incomplete", reason[:300])


class Searching(Protocol):
    """The part of a source that answers searches."""

    def search(self, requests: Sequence[SearchRequest]) -> list[Answer | SourceError]:
        """Answer each request in order; each fails alone."""


class Source(Protocol):
    """Answers searches. Implementations count their requests and never cache an answer."""

    kind: str
    """``elasticsearch``, ``opensearch`` or ``embedded``."""

    requests: int
    """HTTP requests sent so far; 0 for the embedded source."""

    def search(self, requests: Sequence[SearchRequest]) -> list[Answer | SourceError]:
        """Answer each request in order; each fails alone. Raises nothing for a failed item."""

    def scan(self, request: SearchRequest, page: int = 10_000) -> Iterator[Sequence[Hit]]:
        """Yield all hits of a request in pages, in the order of its ``sort``; raises SourceError when incomplete.

        The body names ``sort`` (the first key is the time field); the source adds a tie-break that follows
        arrival order within a shard, holds a point in time open, and pages with ``search_after``.
        """

    def select(self, selection: Selection) -> Selected:
        """Answer a query in a language of the server's own. Raises SourceError.

        Its kind is ``unsupported`` where there is no such language here.
        """

    def field_types(self, index: str, fields: Sequence[str]) -> Mapping[str, frozenset[str]]:
        """Name the mapped types of each field over all indices of the expression; an unmapped field has none.

        Raises SourceError(kind="missing") when the expression names no index at all.
        """

    def close(self) -> None:
        """Release connections; idempotent."""
