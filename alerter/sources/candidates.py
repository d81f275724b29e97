"""The keys of a rule that can reach its threshold, named by the server with proof that none is missing.

A key is returned by a ``terms`` aggregation with ``min_doc_count`` M only if its shards report it. With E the answer's
``doc_count_error_upper_bound`` (what a shard may have kept back of any key), no key of at least N events is missing if

- E < N: a key that no shard returned has at most E events;
- E <= N - M: a key that was dropped had a merged count below M and misses at most E;
- fewer than S (the size) keys came back, or the smallest that did plus E is below N: none was cut off at the end.

So M is asked for as half of N, which leaves E half of N too: then a small S proves it in all but the flattest data, and
a small S is what makes the answer cheap, since every shard reports its first 1.5 S + 10 keys. Where the proof fails it
is asked again with more, and then every key is counted, page by page.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from alerter.clock import Millis
from alerter.sources.counting import PAGE, Combination, Counting, Counts, only_answer, read_all
from alerter.sources.protocol import Answer, Searching, SearchRequest
from alerter.windows import Span

SIZES = (20, 200, 2_000)
"""How many keys are asked for, until there is proof."""
VALUES = 1_000
"""Values of one request for their counts."""


@dataclass(frozen=True)
class Candidates:
    """Asks for the values of a rule's one free key part with at least ``least`` events in a span."""

    counting: Counting
    combination: Combination
    start: Millis
    end: Millis
    least: int

    def first(self, size: int = SIZES[0]) -> SearchRequest:
        """Return the request for so many keys."""
        (part,) = self.counting.free
        terms = {"field": part.field, "size": size, "min_doc_count": self._half}
        aggregations = {"k": {"terms": terms}, "n": {"missing": {"field": part.field}}}
        return self.counting.asking.request(self.start, self.end, aggregations, *self.combination.clauses)

    def read(self, answer: Answer, source: Searching, size: int = SIZES[0]) -> tuple[list[Any], int]:
        """Return the values (None for documents without the field), and the size that proves them.

        Asks further where proof is missing; the size is 0 where every key had to be counted. Raises SourceError.
        """
        for larger in (*(s for s in SIZES if s > size), None):
            found = answer.aggregation("k")
            error = int(found.get("doc_count_error_upper_bound", 0))
            if certified(answer.buckets("k"), error, size, self.least, self._half):
                (part,) = self.counting.free
                values = [part.raw(b["key"]) for b in answer.buckets("k") if b["doc_count"] + error >= self.least]
                missing = [None] if answer.aggregation("n").get("doc_count", 0) >= self.least else []
                return [*values, *missing], size
            if larger is not None:
                size = larger
                answer = only_answer(source, self.first(size))
        return list(self._every(source)), 0

    def pages(self, values: Sequence[Any]) -> Iterator[CandidatePage]:
        """Yield the requests that count these values in buckets."""
        for at in range(0, len(values), VALUES):
            for span in self.counting.chunks(self.start, self.end):
                yield CandidatePage(self, values[at : at + VALUES], span)

    @property
    def _half(self) -> int:
        return max(1, self.least // 2)

    def clause(self, values: Sequence[Any]) -> Mapping[str, Any]:
        """Return the clause that selects the events of these values."""
        (part,) = self.counting.free
        chosen: list[Any] = [{"terms": {part.field: [v for v in values if v is not None]}}]
        if None in values:
            chosen.append({"bool": {"must_not": [{"exists": {"field": part.field}}]}})
        return {"bool": {"should": chosen, "minimum_should_match": 1}}

    def _every(self, source: Searching) -> Iterator[Any]:
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
            found = only_answer(source, request).aggregation("k")
            yield from (part.raw(b["key"]["0"]) for b in found["buckets"] if b["doc_count"] >= self.least)
            if len(found["buckets"]) < PAGE or "after_key" not in found:
                return
            wanted = {**wanted, "after": found["after_key"]}


@dataclass(frozen=True)
class CandidatePage:
    """The counts of some values over a part of the span."""

    candidates: Candidates
    values: Sequence[Any]
    span: Span

    def request(self) -> SearchRequest:
        """Return the first page of buckets."""
        counting = self.candidates.counting
        return counting.request(self.candidates.combination, *self.span, only=self._only, size=self._size)

    def read(self, answer: Answer, source: Searching) -> Counts:
        """Read it and the pages that follow. Raises SourceError.

        A document of several values is in the bucket of each; those of other pages are theirs.
        """
        of = self.candidates
        (part,) = of.counting.free
        own = {of.counting.key(of.combination, [part.raw(value)]) for value in self.values}
        found = read_all(source, of.counting, of.combination, answer, *self.span, self._only, self._size)
        return {key: rows for key, rows in found.items() if key in own}

    @property
    def _only(self) -> Sequence[Any]:
        return [self.candidates.clause(self.values)]

    @property
    def _size(self) -> int:
        return self.candidates.counting.page(len(self.values), *self.span)


def certified(buckets: Sequence[Mapping[str, Any]], error: int, size: int, needed: int, least: int) -> bool:
    """Whether no value of at least ``needed`` events is missing from an answer with ``min_doc_count`` ``least``."""
    if not 0 <= error < needed or error > needed - least:
        return False
    return len(buckets) < size or buckets[-1]["doc_count"] + error < needed
