"""Facts of meaning found by asking a live server, which the recorded cases do not hold."""

from __future__ import annotations

from typing import Any

import pytest

from alerter.query.analysis import standard
from alerter.query.evaluator import Document, Evaluator, RejectedQuery, UnsupportedQuery
from alerter.sources.embedded_files import LineParser

SOURCES: list[dict[str, Any]] = [
    {"t": "2026-03-10T11:00:00Z", "word": "42", "n": 1, "big": "x" * 300, "group": "a"},
    {"t": 2026, "word": "404", "n": "", "group": "b"},
    {"t": "2026-03-11", "word": "ok", "n": "7.9", "group": "b", "score": 3},
]
EVALUATOR = Evaluator([Document(str(number), source) for number, source in enumerate(SOURCES, 1)])


def _ids(query: dict[str, Any]) -> list[str]:
    return [hit["_id"] for hit in EVALUATOR.search({"query": query, "sort": ["_doc"]})["hits"]["hits"]]


def test_numbers_in_date_ranges_are_milliseconds() -> None:
    """A number as a bound is milliseconds since 1970, also where the mapping would read it as a year."""
    assert _ids({"range": {"t": {"gte": "2026", "lt": "2027"}}}) == ["1", "2", "3"]
    assert _ids({"range": {"t": {"gte": 2026, "lt": 2027}}}) == []
    with pytest.raises(RejectedQuery) as caught:
        _ids({"range": {"t": {"gte": "2026-03-10", "lt": 5}}})
    assert caught.value.type == "parse_exception"


def test_slashed_dates_are_dates() -> None:
    """Dates with slashes are mapped as dates of their own format, which also takes milliseconds, but no zone."""
    evaluator = Evaluator(
        [
            Document("1", {"a": "2026/03/10", "b": "2026/03/10 +0000"}),
            Document("2", {"a": 5}),
            Document("3", {"a": "x"}),
        ]
    )
    assert evaluator.count == 2
    kinds = {name: view.type.kind for name in ("a", "b") if (view := evaluator.field(name)) is not None}
    assert kinds == {"a": "date", "b": "text"}


def test_empty_text_in_a_number() -> None:
    """An empty text in a number is no value, and not an error; a fraction is cut."""
    assert _ids({"exists": {"field": "n"}}) == ["1", "3"]
    assert _ids({"term": {"n": 7}}) == ["3"]


def test_short_fuzzy_words() -> None:
    """As many edits as the shorter word has letters are allowed."""
    assert _ids({"fuzzy": {"word": {"value": "404", "fuzziness": 2}}}) == ["1", "2"]


def test_ignored_values() -> None:
    """A hit names the fields that leave out a value because it is too long."""
    first, second = EVALUATOR.search({"sort": ["_doc"], "size": 2})["hits"]["hits"]
    assert first["_ignored"] == ["big.keyword"]
    assert "_ignored" not in second


@pytest.mark.parametrize(("metric", "last"), [("max", "a"), ("min", "b"), ("avg", "b")])
def test_order_by_nothing(metric: str, last: str) -> None:
    """Ordered downwards, the greatest of no values comes last, the least and the average of none come first."""
    aggregations = {
        "g": {"terms": {"field": "group.keyword", "order": {"m": "desc"}}, "aggs": {"m": {metric: {"field": "score"}}}}
    }
    buckets = EVALUATOR.search({"size": 0, "aggs": aggregations})["aggregations"]["g"]["buckets"]
    assert buckets[-1]["key"] == last


def test_conjunction_with_a_minimum() -> None:
    """Where all words are required, no optional ones are left for a minimum to be met by."""
    assert _ids({"match": {"word": {"query": "ok ok", "operator": "and", "minimum_should_match": 1}}}) == []


def _of(*lines: str) -> Evaluator:
    parser = LineParser()
    documents = [parser.parse(line.encode(), str(number)) for number, line in enumerate(lines, 1)]
    return Evaluator([document for document in documents if document is not None])


def _found(evaluator: Evaluator, query: dict[str, Any]) -> list[str]:
    return [hit["_id"] for hit in evaluator.search({"query": query, "sort": ["_doc"]})["hits"]["hits"]]


def test_numbers_as_they_are_written() -> None:
    """A text keeps a number's spelling; zero and minus zero are two numbers; a date is no fraction of a thousand."""
    evaluator = _of('{"t": "x", "f": 0.5}', '{"t": 1E5, "f": 0.0}', '{"t": 1.10, "f": -0.0}')
    assert _found(evaluator, {"term": {"t.keyword": "1E5"}}) == ["2"]
    assert _found(evaluator, {"term": {"t.keyword": "1.10"}}) == ["3"]
    assert _found(evaluator, {"term": {"f": 0}}) == ["2"]
    assert _found(evaluator, {"range": {"f": {"lt": 0}}}) == ["3"]
    assert _of('{"d": "2026-03-10"}', '{"d": 1.5e12}', '{"d": 1500000000000.5}').count == 2


def test_lengths_are_counted_in_utf_16() -> None:
    """128 flames and a letter are 257 units, too long for a keyword, though Python counts 129."""
    evaluator = _of('{"m": "' + "\U0001f525" * 128 + '"}', '{"m": "' + "\U0001f525" * 128 + 'a"}')
    assert _found(evaluator, {"exists": {"field": "m.keyword"}}) == ["1"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("カタカナ語 한국어x ไทย", ["カタカナ", "語", "한국어x", "ไทย"]),
        ("a\u00adb e\u0301 \U0001f468\u200d\U0001f4bb!", ["a\u00adb", "e\u0301", "\U0001f468\u200d\U0001f4bb"]),
        ('א"ב 1,000.5 3:4', ['א"ב', "1,000.5", "3", "4"]),
    ],
)
def test_words_of_any_script(text: str, words: list[str]) -> None:
    """Words end where Unicode says: Katakana, Hangul, Thai, soft hyphens, emoji sequences, Hebrew quotes."""
    assert standard(text) == words


def test_a_wrong_clause_nobody_looks_at() -> None:
    """A server may not notice a wrong clause beside one that matches nothing, so that the request is refused."""
    wrong = {"term": {"n": "x"}}
    with pytest.raises(UnsupportedQuery):
        _ids({"bool": {"must": [{"term": {"nosuch": 1}}, wrong]}})
    with pytest.raises(RejectedQuery):
        _ids({"bool": {"must": [{"term": {"n": 1}}, wrong]}})
