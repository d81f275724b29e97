"""The closed list: whatever Elasticsearch knows by name is implemented or refused by name."""

from __future__ import annotations

from typing import Any

import pytest

from alerter.query.aggregations.tree import IMPLEMENTED as AGGREGATIONS_HERE
from alerter.query.dsl import IMPLEMENTED as QUERIES_HERE
from alerter.query.evaluator import Document, Evaluator, RejectedQuery, UnsupportedQuery
from alerter.query.names import AGGREGATIONS, QUERIES, SEARCH

EVALUATOR = Evaluator([Document("1", {"level": "error", "@timestamp": "2026-03-10T11:00:00Z", "n": 1})])

PARAMETERS = {
    "term": ["value", "boost", "case_insensitive", "_name"],
    "terms": ["boost", "_name"],
    "range": ["gt", "gte", "lt", "lte", "format", "relation", "time_zone", "boost", "from", "to"],
    "match": [
        "query",
        "analyzer",
        "auto_generate_synonyms_phrase_query",
        "fuzziness",
        "max_expansions",
        "prefix_length",
        "fuzzy_transpositions",
        "fuzzy_rewrite",
        "lenient",
        "operator",
        "minimum_should_match",
        "zero_terms_query",
    ],
    "wildcard": ["value", "boost", "case_insensitive", "rewrite", "wildcard"],
    "regexp": ["value", "flags", "case_insensitive", "max_determinized_states", "rewrite"],
    "fuzzy": ["value", "fuzziness", "max_expansions", "prefix_length", "transpositions", "rewrite"],
}


def _ask(body: dict[str, Any]) -> str:
    try:
        EVALUATOR.search(body, 0)
    except UnsupportedQuery as error:
        return f"refused {error.name}"
    except RejectedQuery as error:
        return f"rejected {error.reason}"
    return "answered"


@pytest.mark.parametrize("name", sorted(QUERIES))
def test_query_names(name: str) -> None:
    """A query that Elasticsearch knows is never called unknown: it is implemented, or refused by its name."""
    answer = _ask({"query": {name: {}}})
    if name in QUERIES_HERE:
        assert "unknown query" not in answer
    else:
        assert answer == f"refused query [{name}]"


@pytest.mark.parametrize("name", sorted(AGGREGATIONS))
def test_aggregation_names(name: str) -> None:
    """The same for aggregations."""
    answer = _ask({"size": 0, "aggs": {"a": {name: {"field": "n"}}}})
    if name in AGGREGATIONS_HERE:
        assert "Unknown aggregation" not in answer
    else:
        assert answer == f"refused aggregation [{name}]"


@pytest.mark.parametrize("name", sorted(SEARCH))
def test_search_parameters(name: str) -> None:
    """A search parameter that Elasticsearch knows is answered, or refused by its name, but never ignored."""
    answer = _ask({name: {"x": 1}})
    assert "Unknown key for a value" not in answer or name in ("fields", "docvalue_fields", "_source")


@pytest.mark.parametrize("query", sorted(PARAMETERS))
def test_unknown_parameters(query: str) -> None:
    """A parameter that no server knows is never ignored."""
    for body in ({"level": {"nosuch": 1}}, {"level": {"value": "x", "query": "x", "nosuch": 1}}):
        assert _ask({"query": {query: body}}) != "answered"


@pytest.mark.parametrize(("query", "name"), [(query, name) for query, names in PARAMETERS.items() for name in names])
def test_known_parameters(query: str, name: str) -> None:
    """A parameter that a server knows is not called unknown."""
    short = {"term": "value", "match": "query"}.get(query, "value")
    body: dict[str, Any] = {"level": ["error"], name: 1} if query == "terms" else {"level": {short: "error", name: 1}}
    if query == "range":
        body = {"level": {"gte": "a", name: "b"}}
    assert "does not support [" + name not in _ask({"query": {query: body}})


def test_unknown_names_are_rejected() -> None:
    """What no server knows is rejected with Elasticsearch's type, not refused as missing."""
    for body in ({"query": {"nosuch": {}}}, {"aggs": {"a": {"nosuch": {}}}}, {"nosuch": 1}):
        with pytest.raises(RejectedQuery) as caught:
            EVALUATOR.search(body)
        assert caught.value.type == "parsing_exception"


@pytest.mark.parametrize(
    ("query", "total"),
    [
        ({"term": {"_type": "error"}}, 0),
        ({"range": {"_size": {"gte": 1}}}, 0),
        ({"exists": {"field": "_type"}}, 0),
        *(({"query_string": {"query": text}}, 0) for text in ("_type:error", "_type:*", "_x:[1 TO 2]", '_type:"a b"')),
        ({"query_string": {"query": "NOT _type:error"}}, 1),
    ],
)
def test_other_names_that_begin_so_are_fields_without_values(query: dict[str, Any], total: int) -> None:
    """Document types are no field any more, as on servers since Elasticsearch 8; old rules still name them."""
    found = EVALUATOR.search({"query": query, "aggs": {"n": {"cardinality": {"field": "_id.keyword"}}}})
    assert (found["hits"]["total"]["value"], found["aggregations"]["n"]["value"]) == (total, 0)


def test_what_a_server_keeps_of_each_document_is_refused() -> None:
    """Metadata have values on a server, which files do not tell."""
    for query in ({"term": {"_routing": "a"}}, {"query_string": {"query": "_seq_no:1"}}, {"exists": {"field": "_t*"}}):
        with pytest.raises(UnsupportedQuery):
            EVALUATOR.search({"query": query})
