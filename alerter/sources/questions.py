"""Questions about a rule's events as requests to a source, each with what reads its answer."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from alerter.clock import Millis
from alerter.detectors.protocol import Ask, Question
from alerter.model.rule import KeyValue
from alerter.sources import counted
from alerter.sources.asking import translated
from alerter.sources.protocol import Answer, SearchRequest
from alerter.sources.values import value_at

if TYPE_CHECKING:
    from alerter.sources.events import Events

SAMPLES = 3
"""Documents shown with a match."""
BARS = 12
"""Bars of a message's chart."""
Asked = tuple[SearchRequest, Callable[[Answer], Any]]


def _newest(events: Events, question: Question) -> Asked:
    time = events.asking.time
    aggregation = {"last": {"max": {"field": time.field}}}
    clauses = events.key_clauses(question.key)
    request = events.asking.request(question.start, question.end, aggregation, *clauses)

    def read(answer: Answer) -> Millis | None:
        last = time.edge(answer, "last")
        return last if last is None else min(last, question.end)

    return request, read


def _first(events: Events, question: Question) -> Asked:
    asking = events.asking
    filters: list[Any] = []
    if question.about is not Ask.FIRST_DOCUMENT:
        filters = [*asking.filter, *([asking.listed] if asking.listed else [])]
    if question.about is Ask.FIRST:
        filters += events.key_clauses(question.key)
    return asking.time.edges(events.rule.everywhere, filters), lambda answer: asking.time.edge(answer, "first")


def _alive(events: Events, question: Question) -> Asked:
    alive = getattr(events.rule.condition, "alive", None)
    filters = [*map(translated, alive.filter if alive else ()), events.asking.time.range(question.start, question.end)]
    body = {"size": 0, "query": {"bool": {"filter": filters}}, "track_total_hits": True}
    request = events.asking.over(question.start, question.end, body)
    if alive is not None and alive.index:
        request = SearchRequest(alive.index, body)
    return request, lambda answer: answer.total or 0


def _samples(events: Events, question: Question) -> Asked:
    asking = events.asking
    check = events.check if asking.listed is None else None
    filters = [*asking.clauses(question.start, question.end), *events.key_clauses(question.key)]
    body: dict[str, Any] = {
        "size": SAMPLES if check is None else 100,
        "query": {"bool": {"filter": filters}},
        "sort": asking.time.sort("desc"),
        "track_total_hits": False,
    }
    if events.rule.include:
        body["_source"] = asking.shown()

    def read(answer: Answer) -> Sequence[Mapping[str, Any]]:
        found = [counted.document_of(events.rule, hit) for hit in answer.hits]
        if check is not None:
            found = [d for d in found if check.judge(value_at(d, check.path)) is not None]
        return found[:SAMPLES]

    return asking.over(question.start, question.end, body), read


def _values(events: Events, question: Question) -> Asked:
    asking, check = events.asking, events.check
    assert check is not None
    filters = [*asking.clauses(question.start, question.end), *events.key_clauses(question.key)]
    body = {"size": 1_000, "query": {"bool": {"filter": filters}}, "sort": ["_doc"], "track_total_hits": False}
    body["_source"] = [check.path.removesuffix(".keyword")]

    def read(answer: Answer) -> Sequence[KeyValue]:
        judged = [check.judge(value_at(hit.source or {}, check.path)) for hit in answer.hits]
        return [events.shown(listed.value) for listed in judged if listed is not None]

    return asking.over(question.start, question.end, body), read


def _evidence(events: Events, question: Question) -> Asked:
    if not events.rule.is_event_type:
        return _samples(events, question)
    asking, check = events.asking, events.check
    filters = [*asking.clauses(question.start, question.end), *events.key_clauses(question.key)]
    body = {"size": 1_000, "query": {"bool": {"filter": filters}}, "sort": ["_doc"], "track_total_hits": False}
    if events.rule.include:
        body["_source"] = asking.shown()

    def read(answer: Answer) -> Sequence[Mapping[str, Any]]:
        found = [hit.source or {} for hit in answer.hits]
        return [d for d in found if check is None or check.judge(value_at(d, check.path)) is not None]

    return asking.over(question.start, question.end, body), read


def _chart(events: Events, question: Question) -> Asked:
    time = events.asking.time
    width = bar_width(question)
    begin = question.end - BARS * width
    clauses = events.key_clauses(question.key)
    request = events.asking.request(begin, question.end, {"t": time.buckets(width, begin)}, *clauses)

    def read(answer: Answer) -> Sequence[tuple[Millis, float]]:
        counts: dict[Millis, float] = defaultdict(float)
        for bucket in answer.buckets("t"):
            counts[time.bucket_start(bucket["key"]) + width] += bucket["doc_count"]
        return [(edge, counts[edge]) for edge in range(begin + width, question.end + 1, width)]

    return request, read


def bar_width(question: Question) -> Millis:
    """Return the width of a chart's bars."""
    return max((question.end - question.start) // BARS, 1)


ASK: Mapping[Ask, Callable[[Events, Question], Asked]] = {
    Ask.NEWEST: _newest,
    Ask.VALUES: _values,
    Ask.FIRST: _first,
    Ask.FIRST_OF_ANY: _first,
    Ask.FIRST_DOCUMENT: _first,
    Ask.ALIVE: _alive,
    Ask.SAMPLES: _samples,
    Ask.EVIDENCE: _evidence,
    Ask.CHART: _chart,
    Ask.TOP: counted.top,
    Ask.TABLE: counted.table,
    Ask.RELATED: counted.related,
}
"""How each question is asked, but for those that divide buckets; see Details."""
