"""Every parameter of every query and aggregation that is answered: it is taken as a server takes it, or refused."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest

from alerter.query.aggregations.tree import IMPLEMENTED as AGGREGATIONS
from alerter.query.dsl import IMPLEMENTED as QUERIES
from alerter.query.evaluator import Document, Evaluator, RejectedQuery, UnsupportedQuery
from tests.conformance.judge import same
from tests.conformance.live import Server, simplify
from tests.servers.elastic import Node

SOURCES: list[dict[str, Any]] = [
    {"seq": 1, "m": "Login failed badly", "k": "ERROR", "n": 5, "t": "2026-03-10T11:00:00.000Z"},
    {"seq": 2, "m": "login ok", "k": "info", "n": 50, "t": "2026-03-10T12:00:00.000Z"},
    {"seq": 3, "m": "logon failed", "k": "error", "t": "2026-03-11T12:00:00.000Z"},
    {"seq": 4, "n": 500},
]
EVALUATOR = Evaluator([Document(str(number), source) for number, source in enumerate(SOURCES, 1)])

# a valid body, and each parameter that Elasticsearch 8 and 9 know with values; "" stands for the body of the field
QUERY_TABLE: dict[str, tuple[dict[str, Any], dict[str, list[Any]]]] = {
    "match_all": ({}, {"boost": [2], "_name": ["x"]}),
    "match_none": ({}, {"boost": [2], "_name": ["x"]}),
    "term": ({"k.keyword": {"value": "error"}}, {"case_insensitive": [True, False], "boost": [2], "_name": ["x"]}),
    "terms": ({"k.keyword": ["error", "info"]}, {"boost": [2], "_name": ["x"]}),
    "ids": ({"values": ["1", "3"]}, {"boost": [2], "_name": ["x"]}),
    "exists": ({"field": "n"}, {"boost": [2], "_name": ["x"]}),
    "range": (
        {"t": {"gte": "2026-03-10T12:00:00.000Z"}},
        {
            "gt": ["2026-03-10"],
            "lt": ["2026-03-11"],
            "lte": ["2026-03-11"],
            "from": ["2026-03-11"],
            "to": ["2026-03-11"],
            "include_lower": [False],
            "include_upper": [False],
            "format": ["strict_date_optional_time"],
            "time_zone": ["+02:00"],
            "relation": ["within", "intersects"],
            "boost": [2],
            "_name": ["x"],
        },
    ),
    "prefix": (
        {"k.keyword": {"value": "err"}},
        {"case_insensitive": [True], "rewrite": ["constant_score"], "boost": [2], "_name": ["x"]},
    ),
    "wildcard": (
        {"k.keyword": {"value": "e*r"}},
        {"case_insensitive": [True], "wildcard": ["i*"], "rewrite": ["constant_score"], "boost": [2], "_name": ["x"]},
    ),
    "regexp": (
        {"k.keyword": {"value": "e.*"}},
        {
            "case_insensitive": [True],
            "flags": ["NONE", "ALL"],
            "max_determinized_states": [1000],
            "rewrite": ["constant_score"],
            "boost": [2],
            "_name": ["x"],
        },
    ),
    "fuzzy": (
        {"m": {"value": "logim"}},
        {
            "fuzziness": [1, 2, "AUTO"],
            "prefix_length": [1, 4],
            "max_expansions": [50],
            "transpositions": [False],
            "rewrite": ["constant_score"],
            "boost": [2],
            "_name": ["x"],
        },
    ),
    "bool": (
        {"should": [{"term": {"m": "login"}}, {"term": {"m": "failed"}}]},
        {
            "must": [[{"term": {"m": "failed"}}]],
            "filter": [{"exists": {"field": "n"}}],
            "must_not": [{"exists": {"field": "n"}}],
            "minimum_should_match": [2, "50%", "-1"],
            "adjust_pure_negative": [False],
            "boost": [2],
            "_name": ["x"],
        },
    ),
    "constant_score": ({"filter": {"term": {"m": "ok"}}}, {"boost": [2], "_name": ["x"]}),
    "dis_max": ({"queries": [{"term": {"m": "ok"}}]}, {"tie_breaker": [0.5], "boost": [2], "_name": ["x"]}),
    "match": (
        {"m": {"query": "login badly"}},
        {
            "operator": ["and", "OR"],
            "minimum_should_match": [2],
            "analyzer": ["whitespace", "keyword"],
            "fuzziness": [1],
            "prefix_length": [1],
            "max_expansions": [50],
            "fuzzy_transpositions": [False],
            "fuzzy_rewrite": ["constant_score"],
            "lenient": [True],
            "zero_terms_query": ["all"],
            "auto_generate_synonyms_phrase_query": [False],
            "cutoff_frequency": [0.1],
            "boost": [2],
            "_name": ["x"],
        },
    ),
    "match_phrase": (
        {"m": {"query": "login badly"}},
        {"slop": [1], "analyzer": ["whitespace"], "zero_terms_query": ["all"], "boost": [2], "_name": ["x"]},
    ),
    "match_phrase_prefix": (
        {"m": {"query": "login bad"}},
        {
            "slop": [1],
            "analyzer": ["standard"],
            "max_expansions": [5],
            "zero_terms_query": ["all"],
            "boost": [2],
            "_name": ["x"],
        },
    ),
    "match_bool_prefix": (
        {"m": {"query": "login bad"}},
        {
            "operator": ["and"],
            "minimum_should_match": [2],
            "analyzer": ["standard"],
            "fuzziness": [1],
            "prefix_length": [1],
            "max_expansions": [50],
            "fuzzy_transpositions": [False],
            "fuzzy_rewrite": ["constant_score"],
            "boost": [2],
            "_name": ["x"],
        },
    ),
    "multi_match": (
        {"query": "login badly", "fields": ["m", "k"]},
        {
            "type": ["phrase", "cross_fields", "bool_prefix", "most_fields", "phrase_prefix"],
            "operator": ["and"],
            "minimum_should_match": [2],
            "analyzer": ["whitespace"],
            "fuzziness": [1],
            "prefix_length": [1],
            "max_expansions": [50],
            "fuzzy_transpositions": [False],
            "fuzzy_rewrite": ["constant_score"],
            "slop": [1],
            "tie_breaker": [0.3],
            "lenient": [True],
            "zero_terms_query": ["all"],
            "auto_generate_synonyms_phrase_query": [False],
            "boost": [2],
            "_name": ["x"],
        },
    ),
    "query_string": (
        {"query": "logi* OR k:(info error)"},
        {
            "default_field": ["m"],
            "fields": [["m", "k"]],
            "default_operator": ["and"],
            "analyzer": ["whitespace"],
            "quote_analyzer": ["whitespace"],
            "allow_leading_wildcard": [False],
            "fuzzy_prefix_length": [1],
            "fuzzy_max_expansions": [50],
            "fuzzy_rewrite": ["constant_score"],
            "fuzzy_transpositions": [False],
            "fuzziness": [1],
            "phrase_slop": [1],
            "analyze_wildcard": [True],
            "rewrite": ["constant_score"],
            "lenient": [True, False],
            "time_zone": ["+02:00"],
            "minimum_should_match": [2],
            "type": ["phrase", "cross_fields", "most_fields"],
            "tie_breaker": [0.3],
            "max_determinized_states": [1000],
            "auto_generate_synonyms_phrase_query": [False],
            "enable_position_increments": [True, False],
            "escape": [True],
            "quote_field_suffix": [".keyword"],
            "boost": [2],
            "_name": ["x"],
        },
    ),
    "simple_query_string": (
        {"query": "logi* | (info error)"},
        {
            "fields": [["m", "k"]],
            "default_operator": ["and"],
            "analyzer": ["whitespace"],
            "flags": ["AND|OR", "NONE"],
            "lenient": [True, False],
            "minimum_should_match": [2],
            "analyze_wildcard": [True],
            "quote_field_suffix": [".keyword"],
            "fuzzy_prefix_length": [1],
            "fuzzy_max_expansions": [50],
            "fuzzy_transpositions": [False],
            "auto_generate_synonyms_phrase_query": [False],
            "boost": [2],
            "_name": ["x"],
        },
    ),
}
_METRIC = ({"field": "n"}, {"missing": [7], "format": ["0.0"]})
AGGREGATION_TABLE: dict[str, tuple[dict[str, Any], dict[str, list[Any]]]] = {
    **dict.fromkeys(("min", "max", "avg", "sum", "stats", "value_count"), _METRIC),
    "cardinality": (
        {"field": "k.keyword"},
        {"missing": ["x"], "precision_threshold": [100], "rehash": [True], "execution_hint": ["direct"]},
    ),
    "percentiles": (
        {"field": "n"},
        {
            "percents": [[50]],
            "keyed": [False],
            "missing": [7],
            "format": ["0.0"],
            "tdigest": [{"compression": 200}],
            "hdr": [{"number_of_significant_value_digits": 3}],
        },
    ),
    "top_hits": (
        {"sort": [{"seq": "asc"}], "_source": False},
        {
            "from": [1],
            "size": [2],
            "_source": [["m"]],
            "docvalue_fields": [["n"]],
            "fields": [["m"]],
            "track_scores": [False],
            "explain": [False, True],
            "version": [True],
            "seq_no_primary_term": [True],
            "stored_fields": [["_none_"]],
            "script_fields": [{}],
            "highlight": [{"fields": {"m": {}}}],
        },
    ),
    "terms": (
        {"field": "k.keyword"},
        {
            "size": [1],
            "shard_size": [5],
            "order": [{"_key": "desc"}, [{"_count": "asc"}, {"_key": "asc"}]],
            "min_doc_count": [0, 2],
            "shard_min_doc_count": [1],
            "include": ["e.*", ["info"], {"partition": 0, "num_partitions": 2}],
            "exclude": ["e.*", ["info"]],
            "missing": ["none"],
            "format": ["0"],
            "show_term_doc_count_error": [True],
            "collect_mode": ["breadth_first"],
            "execution_hint": ["map"],
            "value_type": ["string"],
        },
    ),
    "date_histogram": (
        {"field": "t", "fixed_interval": "12h"},
        {
            "offset": ["1h"],
            "time_zone": ["+02:00", "Europe/Berlin"],
            "min_doc_count": [1],
            "format": ["yyyy-MM-dd HH"],
            "keyed": [True],
            "missing": ["2026-03-12"],
            "order": [{"_key": "desc"}],
            "extended_bounds": [{"min": "2026-03-09", "max": "2026-03-12"}],
            "hard_bounds": [{"min": "2026-03-10", "max": "2026-03-11"}],
        },
    ),
    "histogram": (
        {"field": "n", "interval": 100},
        {
            "offset": [10],
            "min_doc_count": [1],
            "format": ["0.0"],
            "keyed": [True],
            "missing": [7],
            "order": [{"_key": "desc"}],
            "extended_bounds": [{"min": -100, "max": 1000}],
            "hard_bounds": [{"min": 0, "max": 100}],
        },
    ),
    "range": (
        {"field": "n", "ranges": [{"to": 50}, {"from": 50}]},
        {"keyed": [True], "missing": [7], "format": ["0.0"]},
    ),
    "date_range": (
        {"field": "t", "ranges": [{"to": "2026-03-11"}, {"from": "2026-03-11"}]},
        {"keyed": [True], "missing": ["2026-03-12"], "format": ["yyyy-MM-dd"], "time_zone": ["+02:00"]},
    ),
    "filter": ({"term": {"m": "ok"}}, {}),
    "filters": (
        {"filters": {"a": {"term": {"m": "ok"}}}},
        {"other_bucket": [True], "other_bucket_key": ["rest"], "keyed": [False]},
    ),
    "missing": ({"field": "n"}, {"missing": [7]}),
    "global": ({}, {}),
    "composite": ({"sources": [{"k": {"terms": {"field": "k.keyword"}}}]}, {"size": [1], "after": [{"k": "error"}]}),
}


def _with(body: dict[str, Any], name: str, value: Any) -> dict[str, Any]:
    """Add a parameter where the type takes it: in the options of its one field, or beside it."""
    inner = next(iter(body.values()), None) if len(body) == 1 else None
    if isinstance(inner, dict) and ("value" in inner or "query" in inner or "gte" in inner):
        field = next(iter(body))
        kept = {} if name in ("wildcard", "gt") else inner
        return {field: {**kept, name: value}}
    return {**body, name: value}


def _cases() -> list[tuple[str, str, dict[str, Any]]]:
    found = []
    for kind, table in (("query", QUERY_TABLE), ("aggregation", AGGREGATION_TABLE)):
        for type, (body, parameters) in table.items():
            for name, values in [("nosuch", [1]), *parameters.items()]:
                for value in values:
                    changed = _with(body, name, value)
                    whole = {"query": {type: changed}} if kind == "query" else {"aggs": {"a": {type: changed}}}
                    plain = {"size": 10 if kind == "query" else 0, "sort": [{"seq": "asc"}], "_source": False}
                    found.append((f"{kind} {type}", name, {**plain, **whole}))
    return found


def _ask(body: dict[str, Any]) -> Any:
    try:
        return simplify(EVALUATOR.search(body, 0))
    except UnsupportedQuery as error:
        return {"refused": error.name}
    except RejectedQuery as error:
        return {"error": {"type": error.type, "reason": error.reason}}


def test_tables_are_whole() -> None:
    """Whatever is answered has a row, so that a new query cannot come without one."""
    assert set(QUERY_TABLE) | {"kql"} == QUERIES
    assert set(AGGREGATION_TABLE) == AGGREGATIONS


@pytest.mark.parametrize("case", [case for case in _cases() if case[1] == "nosuch"], ids=lambda case: case[0])
def test_unknown_parameter(case: tuple[str, str, dict[str, Any]]) -> None:
    """A parameter that no server knows is an error, never ignored."""
    assert "ids" not in _ask(case[2]), case


def test_each_parameter_as_a_server_takes_it(es: Node) -> None:
    """Each known and unknown parameter gives the server's answer, an error for an error, or is refused."""
    server, index = Server(es.url), f"test-fuzz-{uuid.uuid4().hex[:12]}"
    cases = _cases()
    try:
        server.load(index, [json.dumps(source) for source in SOURCES], {})
        answers = map(simplify, server.ask(index, [body for *_, body in cases]))
        wrong, refused = [], []
        for (type, name, body), there in zip(cases, answers, strict=True):
            here = _ask(body)
            if "refused" in here:
                refused.append(f"{type} [{name}]: {here['refused']}")
            elif not ("error" in here and "error" in there) and not same(there, here):
                wrong.append(f"{type} [{name}] {json.dumps(body)}\n  here  {here}\n  there {there}")
    finally:
        server.call("DELETE", f"{index}?ignore_unavailable=true")
    print("\n".join(refused))
    assert not wrong, "\n".join(wrong)
    assert len(refused) < len(cases) / 5
