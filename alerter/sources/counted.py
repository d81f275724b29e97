"""What messages show of a match beside samples: most frequent values, rows of a table, the other events."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from alerter.detectors.protocol import Question
from alerter.model.rule import Rule
from alerter.model.texts import Top
from alerter.redact import hide
from alerter.sources.protocol import Answer, Hit, SearchRequest

if TYPE_CHECKING:
    from alerter.sources.events import Events

MOST_RELATED = 100
"""Related events that are given; there may be more."""
PER_SHARD = 1_000
"""Values that each shard reports of a field: of fields with no more the counts are exact."""
MOST_ROWS = 1_000
"""Different rows of a table that are counted; where there are more, the table says so."""
UNCOUNTED = frozenset({"text", "match_only_text", "object", "nested"})
"""Types without values that could be counted."""
PLACE = frozenset({"_id", "_index"})
"""What ElastAlert adds to a document."""
NOTHING = "None"
"""What a table shows for a missing value, as ElastAlert does."""

Types = Mapping[str, frozenset[str]]
Asked = tuple[SearchRequest, Callable[[Answer], Any]]
Row = tuple[tuple[str, ...], int]


def named_fields(rule: Rule, types: Types, warnings: list[str]) -> dict[str, str]:
    """Return the field to count by for each name in the rule's options; what has none is left out, and said."""
    found = {}
    for name in rule.texts.counted:
        base = name.removesuffix(".keyword")
        tried = (name, f"{base}.keyword", base)
        field = next((n for n in tried if types.get(n) and types[n].isdisjoint(UNCOUNTED)), None)
        if field is not None:
            found[name] = field
        else:
            warnings.append(f"field_missing: {name} cannot be counted for messages: not there yet, or analysed text")
    return found


def top(events: Events, question: Question) -> Asked:
    """Ask for the most frequent values of each field, of the events that the filter selects."""
    named, texts = events.asking.named, events.rule.texts
    fields = [(name, named[name]) for name in texts.top if name in named]
    shape = {"size": texts.top_number, "shard_size": PER_SHARD}
    aggregations = {f"top{n}": {"terms": {"field": field, **shape}} for n, (_, field) in enumerate(fields)}
    clauses = events.key_clauses(question.key)
    request = events.asking.request(question.start, question.end, aggregations, *clauses)

    def read(answer: Answer) -> Sequence[Top]:
        return [_top(events.rule, name, answer, f"top{n}") for n, (name, _) in enumerate(fields)]

    return request, read


def _top(rule: Rule, name: str, answer: Answer, aggregation: str) -> Top:
    rows = tuple((shown(rule, name, _key(bucket)), int(bucket["doc_count"])) for bucket in answer.buckets(aggregation))
    return Top(name, rows, int(answer.aggregation(aggregation).get("sum_other_doc_count", 0)))


def table(events: Events, question: Question) -> Asked:
    """Ask for the number of events of each combination of the columns' values; one of them must have a field."""
    assert events.rule.texts.table is not None
    named, columns = events.asking.named, events.rule.texts.table.columns
    sources = [
        {f"c{n}": {"terms": {"field": named[column.path], "missing_bucket": True}}}
        for n, column in enumerate(columns)
        if column.path in named
    ]
    aggregations = {"rows": {"composite": {"size": MOST_ROWS, "sources": sources}}}
    clauses = events.key_clauses(question.key)
    request = events.asking.request(question.start, question.end, aggregations, *clauses)

    def read(answer: Answer) -> Sequence[Row]:
        found = [(bucket["key"], int(bucket["doc_count"])) for bucket in answer.buckets("rows")]
        cells = [(f"c{n}", column.path) for n, column in enumerate(columns)]
        return ordered((tuple(shown(events.rule, p, key.get(c)) for c, p in cells), count) for key, count in found)

    return request, read


def related(events: Events, question: Question) -> Asked:
    """Ask for the newest events of the window, and for how many there are; the newest itself is none of them."""
    asking = events.asking
    filters = [*asking.clauses(question.start, question.end), *events.key_clauses(question.key)]
    body: dict[str, Any] = {
        "size": MOST_RELATED + 1,
        "query": {"bool": {"filter": filters}},
        "sort": asking.time.sort("desc"),
        "track_total_hits": True,
    }
    if events.rule.include:
        body["_source"] = asking.shown()

    def read(answer: Answer) -> tuple[Sequence[Mapping[str, Any]], int]:
        return [hit.source or {} for hit in answer.hits[1:]], max((answer.total or 0) - 1, 0)

    return asking.over(question.start, question.end, body), read


def document_of(rule: Rule, hit: Hit) -> Mapping[str, Any]:
    """Return a document as messages see it: with ``_id`` and ``_index`` where ElastAlert's texts may name them."""
    alert, source = rule.texts.alert, hit.source or {}
    named = alert.text.jinja or alert.subject.jinja or not PLACE.isdisjoint(alert.paths)
    return {"_id": hit.id, "_index": hit.index, **source} if named else source


def ordered(rows: Iterable[Row]) -> list[Row]:
    """Return rows with the most frequent first."""
    return sorted(rows, key=lambda row: (-row[1], row[0]))


def _key(bucket: Mapping[str, Any]) -> Any:
    return bucket.get("key_as_string", bucket["key"])


def shown(rule: Rule, name: str, value: Any) -> str:
    """Return a value as messages show it."""
    if value is None:
        return NOTHING
    return str(hide(name, value if isinstance(value, str | int | float) else str(value), rule.redact))
