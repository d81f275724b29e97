"""Events as counts: the requests that count a rule's events in buckets, by key, and what their answers say."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from math import gcd
from typing import Any

from alerter.clock import MINUTE, Millis
from alerter.model.rule import Cardinality, Flatline, Frequency, Key, KeyValue, Rule, Spike
from alerter.sources.asking import Asking
from alerter.sources.parts import Part
from alerter.sources.protocol import Answer, Searching, SearchRequest, SourceError
from alerter.windows import Row

Counts = dict[Key, list[Row]]
PER_WINDOW = 10
"""Least number of buckets in a window; more make bounds tighter and answers longer."""
MOST_PER_WINDOW = 60
"""Buckets of a window that are kept for a rule that is not asked at nominal instants; older ones are put together."""
MOST_FINE = 1_500
"""Buckets of a window beyond which they are no longer made to fit nominal instants: a day by the minute still is."""
PAGE = 10_000
"""Buckets of one page of a composite aggregation, and of one histogram."""


def bucket_width(rule: Rule) -> Millis:
    """Return the width of the buckets that are asked for, in milliseconds: at most a tenth of the window.

    Where they can be, both the window and the time between nominal instants are whole numbers of buckets: then what
    is asked at nominal instants never cuts a bucket, and no evaluation ends inside one.
    """
    schedule = rule.schedule
    step = MINUTE if schedule.cron else gcd(schedule.every, MINUTE) if schedule.limit else schedule.every
    if not rule.timeframe:
        return step
    common = gcd(rule.timeframe, step)
    if rule.timeframe // common > MOST_FINE:
        return max(rule.timeframe // PER_WINDOW, 1)
    parts = -(-PER_WINDOW * common // rule.timeframe)
    return next((common // n for n in range(parts, 4 * PER_WINDOW) if common % n == 0), 1)


def kept_width(rule: Rule) -> Millis | None:
    """Return the width to which buckets are put together once they cannot change any more; None: they are not."""
    width = bucket_width(rule)
    condition = rule.condition
    few = isinstance(condition, Cardinality) and condition.minimum is not None
    if few or isinstance(condition, Flatline | Spike) or rule.timeframe // width <= MOST_PER_WINDOW:
        return None
    return rule.timeframe // PER_WINDOW // width * width


@dataclass(frozen=True)
class Combination:
    """One choice of values for the parts of a key whose values are known beforehand; None where they are not."""

    values: tuple[KeyValue, ...]
    clauses: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True)
class Counting:
    """How one rule's events are counted. ``free`` are the key's parts whose values only the data knows.

    With ``by_candidates`` only keys with enough events in the whole span matter, and the server can name them.
    """

    asking: Asking
    width: Millis
    combinations: tuple[Combination, ...]
    free: tuple[Part, ...]
    by_candidates: bool = False

    @classmethod
    def of(cls, asking: Asking) -> Counting:
        """Prepare the requests of a rule that counts can answer for."""
        known = [part.labels for part in asking.parts]
        combinations = []
        for values in product(*(labels or (None,) for labels in known)):
            chosen = zip(asking.parts, known, values, strict=True)
            clauses = [p.clause(v) for p, labels, v in chosen if labels is not None and p.field is not None]
            combinations.append(Combination(values, tuple(clauses)))
        free = tuple(part for part, labels in zip(asking.parts, known, strict=True) if labels is None)
        by_candidates = isinstance(asking.rule.condition, Frequency) and len(free) == 1
        return cls(asking, bucket_width(asking.rule), tuple(combinations), free, by_candidates)

    def edge(self, at: Millis) -> Millis:
        """Return the last edge of a bucket at or before an instant."""
        return at // self.width * self.width

    def chunks(self, start: Millis, end: Millis) -> Iterator[tuple[Millis, Millis]]:
        """Split a span into parts of at most a page of buckets, at edges."""
        while start < end:
            stop = min(self.edge(start) + PAGE * self.width, end)
            yield start, stop
            start = stop

    def page(self, values: int, start: Millis, end: Millis) -> int:
        """Return how many buckets a page holds that so many values fill: the server makes room for all of a page."""
        return min(PAGE, values * ((end - start) // self.width + 2) + 1)

    def request(
        self,
        combination: Combination,
        start: Millis,
        end: Millis,
        after: Any = None,
        only: Sequence[Any] = (),
        size: int = PAGE,
    ) -> SearchRequest:
        """Return the request for the buckets of ``(start, end]``, page by page where a key has free parts."""
        if not self.free:
            return self.asking.request(start, end, self._buckets, *combination.clauses)
        pages = {"k": self._composite(self._buckets["t"], after, size)}
        return self.asking.request(start, end, pages, *combination.clauses, *only)

    @cached_property
    def _buckets(self) -> Mapping[str, Any]:
        return {"t": self.asking.time.buckets(self.width, 0)}

    def _composite(self, buckets: Mapping[str, Any], after: Any, size: int) -> dict[str, Any]:
        ((kind, histogram),) = buckets.items()
        inner = {name: value for name, value in histogram.items() if name not in ("min_doc_count", "format")}
        sources: list[Any] = [
            {str(n): {"terms": {"field": part.field, "missing_bucket": True}}} for n, part in enumerate(self.free)
        ]
        wanted: dict[str, Any] = {"size": size, "sources": [*sources, {"t": {kind: inner}}]}
        return {"composite": wanted | ({"after": after} if after else {})}

    def histogram(self, answer: Answer, start: Millis, end: Millis) -> list[Row]:
        """Read the answer about a key whose parts are all known: its buckets, oldest first."""
        edge, width = self.asking.time.bucket_start, self.width
        found = [(edge(bucket["key"]), bucket["doc_count"]) for bucket in answer.buckets("t")]
        rows = [(at, at + width, number) for at, number in found]
        if rows and (rows[0][0] < start or rows[-1][1] > end):
            clips = ((clipped(at, width, start, end), number) for at, _, number in rows)
            rows = [(*span, number) for span, number in clips if span is not None]
        return rows

    def rows(self, combination: Combination, answer: Answer, start: Millis, end: Millis) -> Iterable[tuple[Key, Row]]:
        """Read one page: raw keys with their buckets, oldest first for each key."""
        for bucket in answer.buckets("k"):
            found = bucket["key"]
            row = clipped(self.asking.time.bucket_start(found["t"]), self.width, start, end)
            if row is not None:
                yield self.key(combination, [found[str(n)] for n in range(len(self.free))]), (*row, bucket["doc_count"])

    def key(self, combination: Combination, found: Sequence[Any]) -> Key:
        """Return the raw key of a combination and the values found for the free parts."""
        if not self.asking.parts:
            return None
        values = iter(found)
        each = [
            part.named(next(values)) if part in self.free else known
            for part, known in zip(self.asking.parts, combination.values, strict=True)
        ]
        return tuple(zip(self.asking.names, each, strict=True))


def clipped(edge: Millis, width: Millis, start: Millis, end: Millis) -> tuple[Millis, Millis] | None:
    """Return the part of a bucket that lies in ``(start, end]``; None for one outside (a document of several times)."""
    first, last = max(edge, start), min(edge + width, end)
    return (first, last) if first < last else None


def read_all(
    source: Searching,
    counting: Counting,
    combination: Combination,
    first: Answer,
    start: Millis,
    end: Millis,
    only: Sequence[Any] = (),
    size: int = PAGE,
) -> Counts:
    """Read an answer and, where keys have free parts, the pages that follow it. Raises SourceError."""
    if not counting.free:
        return {counting.key(combination, ()): counting.histogram(first, start, end)}
    counts: Counts = defaultdict(list)
    answer = first
    while True:
        add(counts, counting.rows(combination, answer, start, end))
        if len(answer.buckets("k")) < size:
            return counts
        after = answer.aggregation("k")["after_key"]
        answer = only_answer(source, counting.request(combination, start, end, after, only, size))


def add(counts: Counts, rows: Iterable[tuple[Key, Row]]) -> None:
    """Add buckets to those of their keys, together where several raw values mean one key."""
    for key, row in rows:
        known = counts.setdefault(key, [])
        if known and known[-1][0] >= row[0]:
            _insert(known, row)
        else:
            known.append(row)


def _insert(known: list[Row], row: Row) -> None:
    for at, (start, end, count) in enumerate(known):
        if start == row[0]:
            known[at] = (start, end, count + row[2])
            return
    known.append(row)
    known.sort()


def only_answer(source: Searching, request: SearchRequest) -> Answer:
    """Return the answer to one request. Raises SourceError."""
    (answer,) = source.search([request])
    if isinstance(answer, SourceError):
        raise answer
    return answer
