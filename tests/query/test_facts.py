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


def test_fuzzy_words_shorter_than_their_prefix() -> None:
    """A word that is shorter than ``prefix_length`` is shared as a whole, and may go on."""
    for fixed in (2, 3, 9):
        assert _ids({"fuzzy": {"word": {"value": "40", "fuzziness": 1, "prefix_length": fixed}}}) == ["2"]


@pytest.mark.parametrize("wordless", ["*", '"*"', "(*)", "-*"])
def test_operators_wait_behind_what_has_no_words(wordless: str) -> None:
    """In the simple syntax an operator before a text without words joins what comes next."""
    assert _ids({"simple_query_string": {"query": f"42 + {wordless} ok", "fields": ["word"]}}) == []
    for empty in ("()", '""', "-()"):
        assert _ids({"simple_query_string": {"query": f"42 + {empty} ok", "fields": ["word"]}}) == ["1", "3"]


def test_quoted_stars_leave_ranges_open() -> None:
    """A star is an open end of a range also where it is quoted or escaped."""
    for text in ('word:["*" TO 42]', "word:[\\* TO 42]", 'word:[* TO "42"]'):
        assert _ids({"query_string": {"query": text}}) == ["1", "2"]
    assert _ids({"query_string": {"query": 'word:[41 TO "*"]'}}) == ["1", "3"]


def test_ranges_behind_the_last_date() -> None:
    """A server counts on behind the last date at the first one; that is not imitated."""
    with pytest.raises(UnsupportedQuery, match="behind the last one"):
        _ids({"query_string": {"query": "t:>9223372036854775807"}})


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


def test_dates_of_any_size() -> None:
    """Milliseconds reach as far as 64 bits do; an end in whole seconds is the end of its second; texts cut to zero."""
    evaluator = Evaluator(
        [
            Document("1", {"d": 9223372036854775807}),
            Document("2", {"s": 3.5}),
            Document("3", {"d": "9223372036854775808"}),
        ],
        {"d": {"type": "date"}, "s": {"type": "date", "format": "epoch_second"}},
    )
    assert [rejection.id for rejection in evaluator.rejections] == ["3"]
    assert _found(evaluator, {"range": {"d": {"gte": "9223372036854775807"}}}) == ["1"]
    assert _found(evaluator, {"range": {"s": {"lte": "3"}}}) == ["2"]
    negative = Evaluator([Document("1", {"d": -5}), Document("2", {"d": -2})], {"d": {"type": "date"}})
    mean = negative.search({"size": 0, "aggs": {"a": {"avg": {"field": "d"}}}})["aggregations"]["a"]
    assert mean == {"value": -3.5, "value_as_string": "1969-12-31T23:59:59.997Z"}


@pytest.mark.parametrize(("text", "accepted"), [("x" * 32_766, 1), ("x" * 32_767, 0), ("日" * 10_923, 0)])
def test_keywords_too_long_to_index(text: str, accepted: int) -> None:
    """A keyword without a limit of its own rejects a document with more than 32,766 bytes in it."""
    assert Evaluator([Document("1", {"k": text})], {"k": {"type": "keyword"}}).count == accepted


def test_after_a_long_keyword() -> None:
    """What stands for a missing value may be longer than the field keeps, and a page may begin behind it."""
    evaluator = Evaluator([Document("1", {"k": "a"}), Document("2", {})], {"k": {"type": "keyword", "ignore_above": 3}})
    body = {"sort": [{"k": {"order": "asc", "missing": "abcde"}}], "search_after": ["abcde"]}
    assert evaluator.search(body)["hits"]["hits"] == []


@pytest.mark.parametrize(
    "body",
    [
        {"fields": [{"field": "group.keyword", "format": "yyyy"}]},
        {"_source": ["a.*"], "query": {"ids": {"values": ["4"]}}},
        {"size": 0, "aggs": {"a": {"histogram": {"field": "huge", "interval": 7, "min_doc_count": 1, "keyed": True}}}},
    ],
)
def test_refused_since_servers_differ(body: dict[str, Any]) -> None:
    """Formats of strings, objects in arrays of arrays, and digits in which versions of Java differ are refused."""
    last = {"a": [[{"b": 1}]], "huge": 1_234_567_890_123_456_789}
    evaluator = Evaluator(
        [*map(Document, "123", SOURCES), Document("4", last), Document("5", {"n": 1.2345678901234567e-9})]
    )
    with pytest.raises(UnsupportedQuery):
        evaluator.search(body)


@pytest.mark.parametrize(
    "body",
    [
        {
            "terms": {"field": "huge", "missing": 1, "order": {"m": "desc"}, "size": 1},
            "aggs": {"m": {"avg": {"field": "n"}}},
        },
        {"sum": {"field": "huge"}},
        {"date_histogram": {"field": "nosuch", "fixed_interval": "1d", "extended_bounds": {"min": 1, "max": 2}}},
        {
            "composite": {
                "sources": [{"h": {"terms": {"field": "huge", "missing_bucket": True, "missing_order": "last"}}}],
                "after": {"h": 1},
            }
        },
    ],
)
def test_aggregations_refused_since_a_server_is_inexact(body: dict[str, Any]) -> None:
    """Orders by what some of many terms lack, sums that cancel out, bounds of nothing, missing values after a page."""
    huge = [1 << 62, -(1 << 62), *range(20)]
    evaluator = Evaluator(
        Document(str(at), {"huge": value, **({"n": 1} if at else {})}) for at, value in enumerate(huge)
    )
    with pytest.raises(UnsupportedQuery):
        evaluator.search({"size": 0, "aggs": {"a": body}})


def test_terms_beyond_the_type() -> None:
    """One term beyond a whole type matches nothing, a list with such a term is an error; a fraction never is."""
    with pytest.raises(RejectedQuery):
        _ids({"terms": {"n": [1, 1 << 70]}})
    assert _ids({"term": {"n": 1 << 70}}) == []
    assert _ids({"terms": {"n": [1, 1.5]}}) == ["1"]


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2026-00-10", None),
        ("2026-01-00", None),
        ("0000-01-01", -62_167_219_200_000),
        ("-2026-03-10", -126_095_702_400_000),
        ("2026-03-10T11:00:00UTC+02:00", 1_773_133_200_000),
        ("2026-03-10T11:00:00Etc/GMT+1", 1_773_144_000_000),
        ("2026-03-10T11:00:00PST8PDT", 1_773_165_600_000),
        ("2026-03-10T11:00:00EST", None),
        ("2026-03-10T11:00:00+18:01", None),
        ("-2026", None),
        ("2026-03-10T11:00:59.999Z", 1_773_140_459_999),
        ("2026-03-10T11:00:60.000Z", None),
        ("2026-03-10T24:00:00.000Z", None),
        ("2026-02-30T11:00:00.000Z", None),
        ("2026-03-10T11:00:00.1_0Z", None),
        ("2026-03-10T11:00:\u0660\u0660.000Z", None),
        ("-2026-03-10T11:00:0.000Z", None),
    ],
)
def test_what_is_a_date(text: str, instant: int | None) -> None:
    """Years to 0 and before it and zones of all kinds are dates; month 0, day 0, EST and plain numbers are not."""
    evaluator = Evaluator([Document("1", {"d": text})])
    view = evaluator.field("d")
    assert view is not None
    assert (view.type.kind, view.cell(0)) == (("text", (text,)) if instant is None else ("date", (instant,)))


@pytest.mark.parametrize("zone", ["+1:30", "+130", "+01:3000", "UTC+1:30", "-18:00:01", "EST", "posix/UTC"])
def test_what_is_no_time_zone(zone: str) -> None:
    """An offset is written in one of Java's ways, and a zone is one that Java knows."""
    with pytest.raises(RejectedQuery):
        _ids({"range": {"t": {"gte": "2026-03-10", "time_zone": zone}}})


@pytest.mark.parametrize(("text", "found"), [("x", ["2"]), ("*:x", ["2"]), ("_r\\*:x", []), ("_raw:x", ["1"])])
def test_fields_of_ones_own_that_look_like_a_servers(text: str, found: list[str]) -> None:
    """A field whose name begins with a stroke is found by its name, not by looking in all fields."""
    evaluator = _of('{"_raw": "x"}', '{"message": "x"}')
    assert _found(evaluator, {"query_string": {"query": text}}) == found


def test_a_range_takes_the_words_behind_it() -> None:
    """Bare words side by side are one text, which is a range where it begins with a sign of one."""
    evaluator = _of('{"m": "alpha"}', '{"m": "beta"}')
    assert _found(evaluator, {"query_string": {"query": "m:(<alphb beta)"}}) == ["1"]
    assert _found(evaluator, {"query_string": {"query": "<alphb beta", "default_field": "m"}}) == ["1"]


@pytest.mark.parametrize(
    ("line", "taken"),
    [
        ('{"a":' * 20 + "1" + "}" * 20, True),
        ('{"a":' * 20 + "null" + "}" * 20, True),
        ('{"a":' * 21 + "1" + "}" * 21, False),
        ('{"a":' * 20 + "{}" + "}" * 20, False),
        ('{"a":' * 19 + '[{"b": 1}]' + "}" * 19, True),
        ('{"a":' * 20 + '[{"b": 1}]' + "}" * 20, False),
        ('{"a":' * 19 + '{"x.y": null}' + "}" * 19, False),
        ('{"' + ".".join("a" * 20) + '": 1}', True),
        ('{"' + ".".join("a" * 21) + '": []}', False),
        ('{"a":' * 980 + "1" + "}" * 980, False),
        ('{"l": ' + "[" * 60 + "1" + "]" * 60 + "}", True),
    ],
)
def test_depth_of_a_mapping(line: str, taken: bool) -> None:
    """A field stands in at most 19 objects, by nesting or by dots; arrays are none, nor are nulls."""
    evaluator = _of(line, line, '{"n": 1}')
    reasons = {(rejection.type, rejection.reason[:60]) for rejection in evaluator.rejections}
    wanted = ("document_parsing_exception", "failed to parse: Limit of mapping depth [20] has been exceed")
    assert reasons == (set() if taken else {wanted})
    assert evaluator.count == (3 if taken else 1)


@pytest.mark.parametrize(
    ("nested", "dots", "reason"),
    [
        (19, 1, ""),
        (0, 20, ""),
        (20, 1, " due to object field [" + ".".join(["o"] * 20) + "]"),
        (10, 11, " due to object field [" + ".".join(["o"] * 10 + ["d"] * 10) + "]"),
        (0, 25, " due to object field [" + ".".join(["d"] * 20) + "]"),
        (21, 0, ""),
    ],
)
def test_depth_of_an_explicit_mapping(nested: int, dots: int, reason: str) -> None:
    """Objects nested more than 20 deep cannot be read, and names that make more than 19 of them are refused."""
    properties: dict[str, Any] = {".".join("d" * dots): {"type": "keyword"}} if dots else {}
    for _ in range(nested):
        properties = {"o": {"properties": properties}}
    if nested < 21 and not reason:
        assert Evaluator((), properties).count == 0
        return
    with pytest.raises(RejectedQuery) as no:
        Evaluator((), properties)
    assert no.value.reason.endswith(f"Limit of mapping depth [20] has been exceeded{reason}")
    assert no.value.type == ("mapper_parsing_exception" if nested > 20 else "illegal_argument_exception")


@pytest.mark.parametrize("depth", [101, 500, 960])
def test_arrays_within_arrays(depth: int) -> None:
    """A value in more arrays than is safe to read later is rejected with its field, also with objects between them."""
    between = '{"o": ' + '[[[[[[{"p":' * 18 + "1" + "}]]]]]]" * 18 + "}"
    evaluator = _of('{"l": ' + "[" * depth + "1" + "]" * depth + "}", between, '{"l": ' + "[" * 100 + "]" * 100 + "}")
    assert [rejection.reason for rejection in evaluator.rejections] == [
        "[l] is nested in more than 100 arrays, a limit here",
        "[" + ".".join(["o", *"p" * 16]) + "] is nested in more than 100 arrays, a limit here",
    ]
    assert evaluator.count == 1
