"""Any text is either a query or one of the two errors; no text crashes or stalls a parser."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerter.query import lucene
from alerter.query.evaluator import Document, Evaluator, QueryError, RejectedQuery
from alerter.query.kql import kql_to_dsl
from alerter.query.patterns import wildcard
from alerter.query.regexps import compile_regexp

EVALUATOR = Evaluator(
    [
        Document(
            "1", {"level": "ERROR", "status": 500, "@timestamp": "2026-03-10T11:00:00Z", "message": "login failed"}
        ),
        Document("2", {"level": "info", "status": 200, "@timestamp": 1773143400000, "tags": ["a", "b"], "ok": True}),
    ]
)
PIECES = st.sampled_from(
    [
        "level",
        "status",
        "message",
        ":",
        "(",
        ")",
        "[",
        "]",
        "{",
        "}",
        " TO ",
        " AND ",
        " OR ",
        "NOT ",
        "!",
        "+",
        "-",
        "~",
        "^",
        "*",
        "?",
        "/",
        "\\",
        '"',
        " ",
        "a",
        "login",
        "500",
        ">=",
        "<",
        "2026-03-10",
        "now-1h",
        "||/d",
        "_exists_",
        "é",
        "本",
        "\n",
        " and ",
        " or ",
        "not ",
        ",",
        "|",
        "&&",
        "&",
        "#",
        "@",
        "<1-9>",
        "2",
        "0.5",
    ]
)
TEXTS = st.one_of(st.lists(PIECES, max_size=12).map("".join), st.text(max_size=20))


def _survives(body: dict[str, object]) -> None:
    try:
        EVALUATOR.search({"query": body}, 1773144000000)
    except QueryError:
        return


@settings(max_examples=400, deadline=None)
@given(TEXTS)
def test_query_string(text: str) -> None:
    """``query_string`` answers or raises one of the two errors."""
    _survives({"query_string": {"query": text}})
    _survives({"query_string": {"query": text, "default_field": "message", "default_operator": "AND"}})


@settings(max_examples=300, deadline=None)
@given(TEXTS)
def test_simple_query_string(text: str) -> None:
    """``simple_query_string`` over all fields finds every text to be a query."""
    _survives({"simple_query_string": {"query": text}})


@settings(max_examples=300, deadline=None)
@given(TEXTS)
def test_kql(text: str) -> None:
    """KQL translates or raises, and what it translates to is answered or refused."""
    _survives({"kql": text})


@settings(max_examples=300, deadline=None)
@given(TEXTS, st.text(max_size=30))
def test_patterns(pattern: str, value: str) -> None:
    """Wildcards and regular expressions compile or are rejected, and match without crashing."""
    assert wildcard(pattern)(value) in (True, False)
    try:
        assert compile_regexp(pattern)(value) in (True, False)
    except RejectedQuery:
        return


def test_hostile_repetition_is_cheap() -> None:
    """An expression that makes backtracking engines stall is matched in polynomial time."""
    assert not compile_regexp("(a|aa)+b")("a" * 200)
    assert not compile_regexp("((a*)*)*b")("a" * 200)
    assert not wildcard("*a*a*a*a*a*a*b")("a" * 2000)


def test_positions() -> None:
    """A broken query says where it is broken."""
    with pytest.raises(RejectedQuery) as caught:
        lucene.parse("level:error AND (status:500")
    assert caught.value.offset == 27
    with pytest.raises(RejectedQuery) as broken:
        kql_to_dsl('level: "open')
    assert broken.value.offset == 7


def test_nodes_know_their_place() -> None:
    """Each item of the tree keeps the position at which it begins."""
    group = lucene.parse("level:error  status:[400 TO 499]")
    second = group.clauses[1].item
    assert isinstance(second, lucene.Range)
    assert (second.at, second.low, second.high) == (20, "400", "499")


def test_kql_is_plain_dsl() -> None:
    """The translation is what Kibana sends, so that a server answers it too."""
    assert kql_to_dsl("level: error and not status >= 500") == {
        "bool": {
            "filter": [{"match": {"level": "error"}}, {"bool": {"must_not": [{"range": {"status": {"gte": "500"}}}]}}]
        }
    }
    assert kql_to_dsl('user.*: "a b"') == {
        "multi_match": {"type": "phrase", "fields": ["user.*"], "query": "a b", "lenient": True}
    }
    assert kql_to_dsl("path: C\\:*") == {"query_string": {"fields": ["path"], "query": "C\\:*"}}
    assert kql_to_dsl("") == kql_to_dsl("*") == {"match_all": {}}
