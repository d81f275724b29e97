"""What a request shows of hidden fields: nothing of their values, whatever clause asks for them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from alerter.model.rule import Redaction
from alerter.query.lucene import parse
from alerter.sources.hidden import hidden

HIDES = Redaction(fields=("ssn", "user.card"))


@pytest.mark.parametrize(
    "clause",
    [
        {"term": {"ssn": "SECRET"}},
        {"query_string": {"query": "ssn:SECRET AND level:SHOWN"}},
        {"query_string": {"query": 'level:SHOWN (ssn:(SECRET OR "SECRET b"~2) NOT user.card:SECRET*)'}},
        {"query_string": {"query": "ssn:(SECRET SECRET) level:SHOWN"}},
        {"query_string": {"query": "level:SHOWN ssn:[SECRET TO SECRET] ssn:/SECRET/ ssn:SECRET~1^2"}},
        {"query_string": {"query": "SECRET level:SHOWN", "default_field": "ssn"}},
        {"query_string": {"query": "SECRET SECRET +level:SHOWN", "fields": ["level", "ssn^3"]}},
        {"query_string": {"query": r"s\sn:SECRET level:SHOWN"}},
        {"query_string": {"query": r"user.\*:SECRET level:SHOWN"}},
    ],
)
def test_only_the_hidden_value_of_a_query_is_hidden(clause: dict[str, Any]) -> None:
    """The rest of a query string stays, and it stays one that can be parsed."""
    body = hidden({"query": {"bool": {"must": [clause, {"term": {"level": "SHOWN"}}]}}}, HIDES)
    shown = json.dumps(body)
    assert "SECRET" not in shown
    assert "redacted:" in shown
    mine = body["query"]["bool"]["must"][0]
    if "query_string" in mine:
        assert "level:SHOWN" in mine["query_string"]["query"]
        parse(mine["query_string"]["query"])


@pytest.mark.parametrize(
    "clause",
    [
        {"simple_query_string": {"query": "SECRET", "fields": ["ssn"]}},
        {"multi_match": {"query": "SECRET", "fields": ["level", "user.card^2"]}},
        {"multi_match": {"query": "SECRET", "fields": ["user.*"]}},
        {"combined_fields": {"query": "SECRET", "fields": ["ssn"]}},
        {"more_like_this": {"like": ["SECRET"], "fields": ["ssn"]}},
        {"query_string": {"query": "level:(SECRET"}},
    ],
)
def test_the_whole_text_is_hidden(clause: dict[str, Any]) -> None:
    """Where a field is hidden, and where a text cannot be told apart."""
    shown = json.dumps(hidden({"query": clause}, HIDES))
    assert "SECRET" not in shown
    assert "redacted:" in shown


@pytest.mark.parametrize(
    "clause",
    [
        {"query_string": {"query": "level:ERROR AND NOT host:(a b)", "fields": ["message", "*"]}},
        {"multi_match": {"query": "a", "fields": ["level", "lev*"]}},
        {"simple_query_string": {"query": "a"}},
    ],
)
def test_what_asks_nothing_of_hidden_fields_is_as_it_was(clause: dict[str, Any]) -> None:
    """A request without hidden fields can be sent again as it is."""
    assert hidden({"query": clause, "fields": [{"field": "ssn"}]}, HIDES) == {
        "query": clause,
        "fields": [{"field": "ssn"}],
    }
