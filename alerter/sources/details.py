"""Finer counts: what is asked when the instants inside a bucket matter, and how the curve takes the answer."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from alerter.clock import Millis
from alerter.detectors.protocol import Ask, Question
from alerter.model.rule import Key
from alerter.sources.protocol import Answer, SearchRequest
from alerter.windows import Span

if TYPE_CHECKING:
    from collections.abc import Callable

    from alerter.sources.events import Events

FEW = 24
"""A bucket with no more events is asked for by the millisecond."""
PARTS = 16
"""Parts into which a bucket of more events is divided; a minute of 100,000 takes four questions to the millisecond."""
SPANS = 100
"""Spans of one request."""


class Details:
    """Asks for buckets of one rule to be divided: few events by the millisecond, many into parts."""

    def __init__(self, events: Events) -> None:
        self._events = events

    def requests(self, questions: Sequence[Question]) -> Iterator[tuple[SearchRequest, Callable[[Answer], None]]]:
        """Yield the requests that divide these buckets, each with what takes its answer."""
        alike: dict[tuple[Key, Millis], list[Span]] = defaultdict(list)
        for question in questions:
            span = (question.start, question.end)
            if question.about is Ask.CUT and not self._events.asking.time.numeric:
                yield self._cut(question), self._cut_taker(question)
            else:
                alike[(question.key, self._width(question.key, span))].append(span)
        for (key, width), spans in alike.items():
            groups = [[span] for span in spans] if width > 1 else _groups(spans)
            for group in groups:
                yield self._request(key, width, group), self._taker(key, width, group)

    def _cut(self, question: Question) -> SearchRequest:
        """Ask for the number of events after an instant, and for the first of them with those of its millisecond."""
        asking = self._events.asking
        time = {"date_histogram": {"field": asking.time.field, "fixed_interval": "1ms"}}
        aggregation = {"composite": {"size": 1, "sources": [{"t": time}]}}
        clauses = self._events.key_clauses(question.key)
        return asking.request(question.at, question.end, {"t": aggregation}, *clauses, total=True)

    def _cut_taker(self, question: Question) -> Callable[[Answer], None]:
        def take(answer: Answer) -> None:
            start, end, at = question.start, question.end, question.at
            curve = self._events.curve(question.key)
            after = answer.total or 0
            rows = [(start, at, max(curve.floor(end) - curve.floor(start) - after, 0))]
            for bucket in answer.buckets("t"):
                first, ties = bucket["key"]["t"], bucket["doc_count"]
                rows += [(first - 1, first, ties), (first, end, after - ties)]
            self._events.curves[question.key] = curve.refined([(start, end)], rows)

        return take

    def _width(self, key: Key, span: Span) -> Millis:
        curve = self._events.curve(key)
        length = span[1] - span[0]
        count = curve.ceil(span[1]) - curve.floor(span[0])
        return 1 if count <= FEW or length <= PARTS else -(-length // PARTS)

    def _request(self, key: Key, width: Millis, spans: Sequence[Span]) -> SearchRequest:
        asking = self._events.asking
        more: list[Any] = self._events.key_clauses(key)
        if len(spans) > 1:
            more.append({"bool": {"should": [asking.time.range(*span) for span in spans], "minimum_should_match": 1}})
        buckets = asking.time.buckets(width, spans[0][0])
        start, end = min(s for s, _ in spans), max(e for _, e in spans)
        return asking.request(start, end, {"t": buckets}, *more)

    def _taker(self, key: Key, width: Millis, spans: Sequence[Span]) -> Callable[[Answer], None]:
        def take(answer: Answer) -> None:
            start = self._events.asking.time.bucket_start
            stop = max(end for _, end in spans)
            counts = ((start(bucket["key"]), bucket["doc_count"]) for bucket in answer.buckets("t"))
            rows = [(edge, min(edge + width, stop), count) for edge, count in counts if edge < stop]
            self._events.curves[key] = self._events.curve(key).refined(spans, rows)

        return take


def _groups(spans: Sequence[Span]) -> Iterator[list[Span]]:
    for at in range(0, len(spans), SPANS):
        yield list(spans[at : at + SPANS])
