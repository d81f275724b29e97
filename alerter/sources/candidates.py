"""The keys of a rule that can reach its threshold, named by the server with proof that none is missing.

A key is returned by a ``terms`` aggregation with ``min_doc_count`` M only if its shards report it. With E the answer's
``doc_count_error_upper_bound`` (what a shard may have kept back of any key), no key of at least N events is missing if

- E < N: a key that no shard returned has at most E events;
- E <= N - M: a key that was dropped had a merged count below M and misses at most E;
- fewer than S (the size) keys came back, or the smallest that did plus E is below N: none was cut off at the end.

Where the proof fails it is asked again with more, and then every key is counted, page by page.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from alerter.clock import Millis
from alerter.sources.counting import PAGE, Combination, Counting, only_answer
from alerter.sources.protocol import Answer, SearchRequest, Source

FIRST_SIZE = 1_000
LARGE_SIZE = 10_000


@dataclass(frozen=True)
class Candidates:
    """Asks for the values of a rule's one free key part with at least ``least`` events in a span."""

    counting: Counting
    combination: Combination
    start: Millis
    end: Millis
    least: int

    def first(self) -> SearchRequest:
        """Return the first request."""
        return self._request(FIRST_SIZE, self.least)

    def read(self, answer: Answer, source: Source) -> list[Any]:
        """Return the values (None for documents without the field), asking further where proof is missing.

        Raises SourceError.
        """
        error = _error(answer)
        if not certified(answer.aggregations["k"]["buckets"], error, FIRST_SIZE, self.least, self.least):
            least = max(1, self.least - error)
            answer = only_answer(source, self._request(LARGE_SIZE, least, 5 * LARGE_SIZE))
            error = _error(answer)
            if not certified(answer.aggregations["k"]["buckets"], error, LARGE_SIZE, self.least, least):
                return list(self._every(source))
        found = answer.aggregations["k"]["buckets"]
        return [*(b["key"] for b in found if b["doc_count"] + error >= self.least), *self._missing(answer)]

    def clause(self, values: Sequence[Any]) -> Mapping[str, Any]:
        """Return the clause that selects the events of these values."""
        (part,) = self.counting.free
        chosen: list[Any] = [{"terms": {part.field: [v for v in values if v is not None]}}]
        if None in values:
            chosen.append({"bool": {"must_not": [{"exists": {"field": part.field}}]}})
        return {"bool": {"should": chosen, "minimum_should_match": 1}}

    def _request(self, size: int, least: int, shard_size: int | None = None) -> SearchRequest:
        (part,) = self.counting.free
        terms: dict[str, Any] = {"field": part.field, "size": size, "min_doc_count": least}
        if shard_size is not None:
            terms["shard_size"] = shard_size
        aggregations = {"k": {"terms": terms}, "n": {"missing": {"field": part.field}}}
        return self.counting.asking.request(self.start, self.end, aggregations, *self.combination.clauses)

    def _missing(self, answer: Answer) -> list[None]:
        return [None] if answer.aggregations["n"]["doc_count"] >= self.least else []

    def _every(self, source: Source) -> Iterator[Any]:
        """Count every value, page by page."""
        (part,) = self.counting.free
        wanted: dict[str, Any] = {
            "size": PAGE,
            "sources": [{"0": {"terms": {"field": part.field, "missing_bucket": True}}}],
        }
        while True:
            request = self.counting.asking.request(
                self.start, self.end, {"k": {"composite": wanted}}, *self.combination.clauses
            )
            found = only_answer(source, request).aggregations["k"]
            yield from (b["key"]["0"] for b in found["buckets"] if b["doc_count"] >= self.least)
            if len(found["buckets"]) < PAGE or "after_key" not in found:
                return
            wanted = {**wanted, "after": found["after_key"]}


def _error(answer: Answer) -> int:
    return int(answer.aggregations["k"].get("doc_count_error_upper_bound", 0))


def certified(buckets: Sequence[Mapping[str, Any]], error: int, size: int, needed: int, least: int) -> bool:
    """Whether no value of at least ``needed`` events is missing from an answer with ``min_doc_count`` ``least``."""
    if not 0 <= error < needed or error > needed - least:
        return False
    return len(buckets) < size or buckets[-1]["doc_count"] + error < needed
