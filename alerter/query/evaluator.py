"""The embedded evaluator: search requests in Elasticsearch's DSL, answered over documents in memory.

It answers the queries of alert rules over at most about a million events. It keeps nothing, scores nothing, and
refuses by name whatever it does not implement.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from alerter.clock import Millis
from alerter.query import mapping
from alerter.query.context import Context, Leaves
from alerter.query.dsl import compile_query
from alerter.query.errors import QueryError, RejectedQuery, UnsupportedQuery, argument, parsing
from alerter.query.hits import Page, page
from alerter.query.names import SEARCH, names
from alerter.query.nodes import All, Docs, Node
from alerter.query.store import Document, Rejection, Store, View

__all__ = ["Document", "Evaluator", "QueryError", "RejectedQuery", "Rejection", "UnsupportedQuery"]

_ANSWERED = names("""
    query size from sort _source fields docvalue_fields track_total_hits aggs aggregations search_after timeout
    post_filter""")
_HARMLESS: dict[str, tuple[Any, ...]] = {
    "track_scores": (False,),
    "explain": (False,),
    "profile": (False,),
    "version": (False,),
    "stats": (),
    "seq_no_primary_term": (False,),
    "runtime_mappings": ({},),
    "script_fields": ({},),
    "stored_fields": ([],),
}
_COUNTED = 10_000
_PLANS = 512


class Evaluator:
    """Answers searches over documents; more may be added, none are changed or removed.

    ``properties`` maps fields explicitly, as in an index's mapping; all others are mapped dynamically in the order
    of the documents. A document that a server would reject at indexing is left out and noted in ``rejections``.
    """

    def __init__(self, documents: Iterable[Document] = (), properties: Mapping[str, Any] | None = None) -> None:
        self.store = Store()
        mapping.explicit(self.store, properties or {})
        self._loader = mapping.Loader(self.store)
        self._leaves = Leaves()
        self._plans: dict[Hashable, Node] = {}
        self._planned = -1
        self.extend(documents)

    def extend(self, documents: Iterable[Document]) -> int:
        """Add documents at the end; return how many were accepted."""
        return sum(map(self._loader.add, documents))

    @property
    def count(self) -> int:
        """How many documents are searched."""
        return self.store.count

    @property
    def rejections(self) -> Sequence[Rejection]:
        """The documents that a server would reject, with the reason."""
        return self.store.rejections

    def field(self, name: str) -> View | None:
        """Return a mapped field with its values, or None."""
        return self.store.views.get(name)

    def is_single(self, name: str) -> bool:
        """Whether no document has several values of a field."""
        view = self.field(name)
        return view is None or view.column.single

    def search(self, body: Mapping[str, Any], now: Millis | None = None) -> dict[str, Any]:
        """Answer a search request; ``now`` is what the word means in it.

        Raises UnsupportedQuery for what is not implemented and RejectedQuery for what Elasticsearch would refuse.
        """
        context = self._context(now, body.get("query"))
        _check(body)
        # in the order of a server, whose first complaint is the answer
        node, post = self._compiled(context, body, "query"), self._compiled(context, body, "post_filter")
        wanted = page(context, body)
        limit = _limit(body)
        aggregations = self._aggregations(context, body)
        docs = node.filter(range(self.store.count))
        answer: dict[str, Any] = {
            "took": 0,
            "timed_out": False,
            "_shards": {"total": 1, "successful": 1, "skipped": 0, "failed": 0},
        }
        shown = post.filter(docs)
        hits: dict[str, Any] = {}
        if limit is not None:
            exact = len(shown) <= limit
            hits["total"] = {"value": min(len(shown), limit), "relation": "eq" if exact else "gte"}
        hits["max_score"] = None
        hits["hits"] = wanted.of(context, shown) if wanted.size else []
        answer["hits"] = hits
        if aggregations is not None:
            answer["aggregations"] = aggregations(docs)
        return answer

    def scan(self, body: Mapping[str, Any], size: int, now: Millis | None = None) -> Iterator[list[dict[str, Any]]]:
        """Yield all hits of a request in pages, in the order of its ``sort``; ties stay in file order."""
        context = self._context(now)
        _check(body)
        wanted = page(context, {**body, "size": 0}, window=None)
        docs = self._compiled(context, body, "query").filter(range(self.store.count))
        if wanted.cursor is not None:
            from alerter.query.sorting import after

            docs = after(docs, wanted.keys, wanted.cursor)
        ordered = _ordered(wanted, docs)
        for start in range(0, len(ordered), size):
            yield [wanted.hit(context, doc) for doc in ordered[start : start + size]]

    def close(self) -> None:
        """Let go of the documents at once: columns, views and store hold each other."""
        for column in self.store.columns.values():
            column.views.clear()
        self.store.columns.clear()

    def _context(self, now: Millis | None, query: Any = None) -> Context:
        if self._planned != self.store.version or len(self._plans) > _PLANS:
            self._plans.clear()
            self._planned = self.store.version
        return Context(self.store, now, self._leaves, self._plans, query)

    @staticmethod
    def _compiled(context: Context, body: Mapping[str, Any], part: str) -> Node:
        return All() if body.get(part) is None else compile_query(context, body[part])

    def _aggregations(self, context: Context, body: Mapping[str, Any]) -> Any:
        # where both spellings are given, the last one counts
        spec = next((body[key] for key in reversed(list(body)) if key in ("aggs", "aggregations")), None)
        if spec is None or spec == {}:
            return None
        from alerter.query.aggregations.tree import compile_aggregations

        return compile_aggregations(context, spec)


def _ordered(wanted: Page, docs: Docs) -> Sequence[int]:
    from alerter.query.sorting import sort_docs

    return sort_docs(docs, wanted.keys) if wanted.keys else docs


def _check(body: Mapping[str, Any]) -> None:
    if not isinstance(body, Mapping):
        raise parsing("Expected [START_OBJECT] but found a value")
    for key, value in body.items():
        if value is None and key in SEARCH:
            raise parsing(f"Unknown key for a VALUE_NULL in [{key}].")
        if key == "timeout" and not re.fullmatch(r"-1|\d+(?:nanos|micros|ms|s|m|h|d)", str(value)):
            raise argument(f"failed to parse setting [timeout] with value [{value}] as a time value")
        if key in _ANSWERED:
            continue
        if key in _HARMLESS and (value in _HARMLESS[key] or not _HARMLESS[key]):
            continue
        if key in SEARCH:
            raise UnsupportedQuery(f"search parameter [{key}]")
        raise parsing(f"Unknown key for a value in [{key}].")


def _limit(body: Mapping[str, Any]) -> int | None:
    """Return up to which number hits are counted; None when they are not."""
    value = body.get("track_total_hits", _COUNTED)
    if value is True or value == "true":
        return 1 << 62
    if value is False or value == "false":
        return None
    try:
        number = int(value)
    except (TypeError, ValueError):
        raise UnsupportedQuery(f"search parameter [track_total_hits] of [{value}]") from None
    if number == -1:
        return None
    if number < 0:
        raise UnsupportedQuery(f"search parameter [track_total_hits] of [{value}]")
    return number
