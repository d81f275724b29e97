"""The values of windows at nominal instants: what is asked of a source, and what its answers say.

Where a window's value follows from those of its slices, and windows are many, one histogram answers for all of them.
Else each window is asked for by itself, all in one search: that of a rule that is up to date is one window.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import gcd
from typing import Any

from alerter.clock import Millis
from alerter.measures import Measure, Piece, as_written, kept_digits, measure, mergeable, of_slices
from alerter.model.metric import Measured, MetricKind, Share, Window
from alerter.model.rule import Key, Measuring, Rule
from alerter.schedule import instants
from alerter.sources.asking import Asking, translated
from alerter.sources.counting import PAGE, Combination, Counting, clipped, only_answer
from alerter.sources.protocol import Answer, Searching, SearchRequest
from alerter.sources.spreading import Slice, Spreading
from alerter.spread import Spread

FEW = 5
"""Windows up to which each is asked for by itself."""
FINE = 60
"""Slices for each window beyond which windows are asked for by themselves."""
TOGETHER = 500
"""Windows of one search of a rule without free keys; with them there are ``TOGETHER_BY_KEY`` for each key."""
TOGETHER_BY_KEY = 50
FIRST_PAGE = 1_000
"""Keys of the first page: the server makes room for all of a page, and most rules have few."""
BUCKETS = 50_000
"""Buckets of one page of keys and their windows; a server gives no more than 65,536."""
Pieces = dict[Key, dict[Window, Piece]]
Measures = dict[Key, dict[Window, Measure]]
"""The windows that have events, by key."""
Ask = Callable[[Callable[[], list[SearchRequest]]], Generator[list[SearchRequest], list[Answer], list[Answer]]]
"""Asks a list of requests, which may have to be made anew."""


def windows_of(rule: Rule, evaluated: Millis, end: Millis) -> list[Window]:
    """Return the windows that judge the nominal instants of ``(evaluated, end]``, oldest first, each once."""
    condition = rule.condition
    assert isinstance(condition, Measuring)
    since = max(evaluated, end - rule.max_catchup)
    return sorted({window for at in instants(rule.schedule, since, end) for window in condition.windows.at(at)})


def measured(
    rule: Rule,
    judged: tuple[Millis, Millis],
    spreading: Spreading | None,
    counting: Callable[[], Counting],
    ask: Ask,
    source: Searching,
) -> Generator[list[SearchRequest], list[Answer], tuple[Measures, int]]:
    """Ask for the windows of the nominal instants of the span that is judged, all at once.

    Returns what they measure, by raw key, and how many events were counted. Raises SourceError.
    """
    windows = windows_of(rule, *judged)
    if not windows:
        yield []
        return {}, 0

    def slices() -> list[Slice]:
        return spreading.slices(counting(), *judged) if spreading is not None else []

    def requests() -> list[SearchRequest]:
        return [*Metering(counting(), windows).requests(), *(part.request() for part in slices())]

    answers = yield from ask(requests)
    metering = Metering(counting(), windows)
    first = answers[: len(metering.searches)]
    found = metering.read(first, source)
    if spreading is not None:
        spreading.take(slices(), answers[len(first) :], source, *judged)
        found = _with_spreads(found, spreading.spreads())
    return {key: written(counting().asking, own) for key, own in found.items()}, sum(
        answer.total or 0 for answer in first
    )


def written(asking: Asking, measures: dict[Window, Measure]) -> dict[Window, Measure]:
    """Return values with the digits that the field keeps."""
    condition = asking.rule.condition
    assert isinstance(condition, Measuring)
    kept = kept_digits(condition.measured, asking.metered.types) if asking.metered is not None else ""
    if not kept:
        return measures
    return {w: Measure(n, None if value is None else as_written(value, kept)) for w, (n, value) in measures.items()}


class Metering:
    """Asks for the values of some windows, by key."""

    def __init__(self, counting: Counting, windows: Sequence[Window]) -> None:
        condition = counting.asking.rule.condition
        assert isinstance(condition, Measuring)
        self._measured: Measured = condition.measured
        self._windows = windows
        self.searches = [
            Search(counting, combination, tuple(part), width)
            for part, width in _parts(self._measured, windows, by_key=bool(counting.free))
            for combination in counting.combinations
        ]

    def requests(self) -> list[SearchRequest]:
        """Return the first request of each search."""
        return [search.request() for search in self.searches]

    def read(self, answers: Sequence[Answer], source: Searching) -> Measures:
        """Read the answers, and the pages that follow them. Raises SourceError.

        Returns the windows with events, by raw key.
        """
        found: Pieces = {}
        for search, answer in zip(self.searches, answers, strict=True):
            for key, window, piece in search.read(answer, source):
                own = found.setdefault(key, {})
                own[window] = own[window].joined(piece) if window in own else piece
        if any(search.width is not None for search in self.searches):
            return {key: of_slices(self._measured, own, self._windows) for key, own in found.items()}
        return {
            key: {window: measure(self._measured, [piece]) for window, piece in own.items()}
            for key, own in found.items()
        }


def _with_spreads(measures: Measures, spreads: Mapping[Key, Spread]) -> Measures:
    """Return the measures with the number of different values in each window as its value."""
    found: Measures = {}
    for key, own in measures.items():
        spread = spreads.get(key)
        found[key] = {
            window: Measure(count, float(spread.number(window[1])) if spread is not None else 0.0)
            for window, (count, _) in own.items()
        }
    return found


def _parts(
    measured: Measured, windows: Sequence[Window], *, by_key: bool
) -> Iterator[tuple[Sequence[Window], Millis | None]]:
    """Yield the windows of each search with None, or one span to be divided into slices of a width."""
    width = _slice_width(windows) if mergeable(measured) else None
    if width is not None:
        start, end = windows[0][0], max(end for _, end in windows)
        for edge in range(start, end, width * PAGE):
            yield [(edge, min(edge + width * PAGE, end))], width
        return
    most = TOGETHER_BY_KEY if by_key else TOGETHER
    for at in range(0, len(windows), most):
        yield windows[at : at + most], None


def _slice_width(windows: Sequence[Window]) -> Millis | None:
    """Return the width of slices that fit all windows; None where asking for each window is less."""
    if len(windows) <= FEW:
        return None
    edges = sorted({edge for window in windows for edge in window})
    width = gcd(*(later - earlier for earlier, later in pairwise(edges)))
    return width if (edges[-1] - edges[0]) // width <= FINE * len(windows) else None


@dataclass(frozen=True)
class Search:
    """One search: the values of some windows, or with ``width`` of all slices of one, for one choice of known keys."""

    counting: Counting
    combination: Combination
    windows: tuple[Window, ...]
    width: Millis | None

    def request(self, after: Any = None, size: int = FIRST_PAGE) -> SearchRequest:
        """Return the request for the values, page by page where a key has free parts."""
        asking = self.counting.asking
        start, end = self.windows[0][0], max(end for _, end in self.windows)
        below = self._below
        if not self.counting.free:
            aggregations: dict[str, Any] = {"t": self._time | below}
        else:
            aggregations = {"k": self._composite(below, after, size)}
        return asking.request(start, end, aggregations, *self.combination.clauses, total=True)

    @property
    def _below(self) -> dict[str, Any]:
        asking = self.counting.asking
        return _below(asking.rule, asking.metered.field if asking.metered is not None else None)

    @property
    def _time(self) -> dict[str, Any]:
        time = self.counting.asking.time
        return time.windows(self.windows) if self.width is None else time.buckets(self.width, self.windows[0][0])

    def _composite(self, below: dict[str, Any], after: Any, size: int) -> dict[str, Any]:
        sources: list[Any] = [
            {str(n): {"terms": {"field": part.field, "missing_bucket": True}}}
            for n, part in enumerate(self.counting.free)
        ]
        if self.width is not None:
            ((kind, histogram),) = self._time.items()
            inner = {name: value for name, value in histogram.items() if name not in ("min_doc_count", "format")}
            sources.append({"t": {kind: inner}})
        wanted = {"size": self._page(size), "sources": sources} | ({"after": after} if after else {})
        return {"composite": wanted} | (below if self.width is not None else {"aggs": {"t": self._time | below}})

    def _page(self, size: int) -> int:
        return size if self.width is not None else max(1, min(size, BUCKETS // (len(self.windows) + 1)))

    def read(self, answer: Answer, source: Searching) -> Iterator[tuple[Key, Window, Piece]]:
        """Yield the pieces with events by raw key, from an answer and the pages that follow it. Raises SourceError."""
        if not self.counting.free:
            key = self.counting.key(self.combination, ())
            times = _buckets(answer.aggregation("t"))
            if times:  # else nothing was searched
                yield from ((key, *found) for found in self._pieces(times))
            return
        size = FIRST_PAGE
        while True:
            page = answer.aggregation("k")
            keyed = _buckets(page)
            for bucket in keyed:
                free = [bucket["key"][str(n)] for n in range(len(self.counting.free))]
                key = self.counting.key(self.combination, free)
                times = _buckets(bucket["t"]) if self.width is None else [{**bucket, "key": bucket["key"]["t"]}]
                yield from ((key, *found) for found in self._pieces(times))
            if len(keyed) < self._page(size):
                return
            size = PAGE
            answer = only_answer(source, self.request(page["after_key"], size))

    def _pieces(self, buckets: Sequence[Mapping[str, Any]]) -> Iterator[tuple[Window, Piece]]:
        """Yield the pieces with events. Raises one of UNREADABLE, also where a window is missing."""
        condition = self.counting.asking.rule.condition
        assert isinstance(condition, Measuring)
        asking, plain = self.counting.asking, not self._below
        if self.width is None and {bucket["key"] for bucket in buckets} != set(map(str, range(len(self.windows)))):
            raise ValueError("a window is missing")
        for bucket in buckets:
            piece = _piece(condition.measured, bucket, plain=plain)
            span: Window | None
            if self.width is None:
                span = self.windows[int(bucket["key"])]
            else:
                span = clipped(asking.time.bucket_start(bucket["key"]), self.width, *self.windows[0])
            if span is not None and piece.events:  # else a document of several times, or an empty window
                yield span, piece


def _below(rule: Rule, field: str | None) -> dict[str, Any]:
    """Return the aggregation of each window's or slice's events; nothing where the number of events is enough."""
    condition = rule.condition
    assert isinstance(condition, Measuring)
    measured = condition.measured
    if isinstance(measured, Share):
        return {"aggs": {"m": {"filter": {"bool": {"filter": [translated(clause) for clause in measured.clauses]}}}}}
    if measured.kind is MetricKind.CARDINALITY or field is None:
        return {}
    if measured.kind is MetricKind.VALUE_COUNT:
        return {"aggs": {"m": {"value_count": {"field": field}}}}
    if measured.kind is MetricKind.PERCENTILES:
        # keyed answers name the texts of dates and booleans among the values
        return {"aggs": {"m": {"percentiles": {"field": field, "percents": [measured.percent], "keyed": False}}}}
    return {"aggs": {"m": {"stats": {"field": field}}}}


def _piece(measured: Measured, bucket: Mapping[str, Any], *, plain: bool) -> Piece:
    """Read a bucket; ``plain`` ones have nothing but their number of events. Raises one of UNREADABLE."""
    events = _whole(bucket["doc_count"])
    if plain:
        return Piece(events)
    found = bucket["m"]
    if isinstance(measured, Share):
        return Piece(events, _whole(found["doc_count"]))
    if measured.kind is MetricKind.VALUE_COUNT:
        return Piece(events, _whole(found["value"]))
    if measured.kind is MetricKind.PERCENTILES:
        (each,) = found["values"]
        if each["key"] != measured.percent:
            raise ValueError("another percentile")
        number = math.nan if each["value"] is None else float(each["value"])
        return Piece(events, value=None if math.isnan(number) else number)
    number = _whole(found["count"])
    if not number:
        return Piece(events)
    return Piece(events, number, float(found["sum"]), float(found["min"]), float(found["max"]))


def _buckets(aggregation: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """Return an aggregation's buckets; raises TypeError for what is no list, which would pass for an empty one."""
    found = aggregation["buckets"]
    if not isinstance(found, list):
        raise TypeError("buckets are no list")
    return found


def _whole(value: Any) -> int:
    """Return a number of something; raises TypeError for what is none."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{value!r} is no number of events or values")
    return value
