"""Elasticsearch's query DSL, a closed list: each clause becomes a node, or is refused by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from alerter.query import leaves, patterns
from alerter.query.clauses import (
    check,
    field_of,
    flag,
    zone_of,
)
from alerter.query.context import Context
from alerter.query.dates import date_format
from alerter.query.errors import RejectedQuery, UnsupportedQuery, argument, content, parsing, shard
from alerter.query.fieldtypes import as_text
from alerter.query.names import METADATA, QUERIES
from alerter.query.nodes import All, Ids, Node, Nothing, any_of
from alerter.query.store import View

Body = Mapping[str, Any]


def compile_query(context: Context, clause: Any) -> Node:
    """Compile a clause; raises UnsupportedQuery or RejectedQuery."""
    if not isinstance(clause, Mapping):
        raise parsing(f"[_na] query malformed, must start with start_object, found [{clause!r}]")
    if not clause:
        raise argument("query malformed, empty clause found")
    if len(clause) > 1:
        raise parsing(f"[{next(iter(clause))}] malformed query, expected [END_OBJECT] but found [FIELD_NAME]")
    name, body = next(iter(clause.items()))
    handler = _HANDLERS.get(name)
    if handler is None:
        if name in QUERIES:
            raise UnsupportedQuery(f"query [{name}]")
        if not isinstance(body, Mapping):
            raise parsing(f"[{name}] query malformed, no start_object after query name")
        raise parsing(f"unknown query [{name}]")
    if name != "kql" and not isinstance(body, Mapping):
        raise parsing(f"[{name}] query malformed, no start_object after query name")
    return handler(context, body)


def view_of(context: Context, name: str) -> View | None:
    """Find a mapped field; raises UnsupportedQuery for metadata fields."""
    if name in METADATA and name not in context.store.views:
        raise UnsupportedQuery(f"the metadata field [{name}]")
    return context.store.views.get(name)


def _match_all(_: Context, body: Body) -> Node:
    check("match_all", body, set())
    return All()


def _match_none(_: Context, body: Body) -> Node:
    check("match_none", body, set())
    return Nothing()


def _term(context: Context, body: Body) -> Node:
    name, options = field_of("term", body, "value", {"value", "case_insensitive"})
    value = options.get("value")
    if value is None:
        raise argument("value cannot be null")
    if isinstance(value, (list, dict)):
        raise parsing("[term] query does not support array of values")
    if name == "_id":
        return Ids(lambda: context.store.with_ids([as_text(value)]))
    view = view_of(context, name)
    return Nothing() if view is None else leaves.term(context, view, value, flag("term", options, "case_insensitive"))


def _terms(context: Context, body: Body) -> Node:
    fields = {name: value for name, value in body.items() if name not in ("boost", "_name")}
    if len(fields) > 1:
        raise parsing("[terms] query does not support multiple fields")
    if not fields:
        raise parsing("[terms] query requires a field name, followed by array of terms or a document lookup")
    name, values = next(iter(fields.items()))
    if isinstance(values, Mapping):
        raise UnsupportedQuery("terms lookup")
    if not isinstance(values, list):
        raise parsing(f"[terms] query does not support [{name}]")
    if any(value is None for value in values):
        raise parsing("No value specified for terms query")
    if any(isinstance(value, (list, dict)) for value in values):
        raise parsing("[terms] query does not support nested arrays")
    if len(values) > 65_536:
        raise argument(
            "The number of terms used in the Terms Query request has exceeded the allowed maximum of [65536]"
        )
    if name == "_id":
        return Ids(lambda: context.store.with_ids(map(as_text, values)))
    view = view_of(context, name)
    if view is None:
        return Nothing()
    if view.type.kind == "keyword" or view.type.is_text:
        wanted = frozenset(map(as_text, values))
        return leaves.strings(context, view, ("terms", wanted), lambda: wanted.__contains__)
    if view.type.is_number:
        for value in values:
            leaves.in_bounds(view, value)
    return any_of([leaves.term(context, view, value) for value in values])


def _ids(context: Context, body: Body) -> Node:
    check("ids", body, {"values"})
    values = body.get("values")
    if values is None:
        raise UnsupportedQuery("the query [ids] without [values]")
    listed = values if isinstance(values, list) else [values]
    return Ids(lambda: context.store.with_ids(map(str, listed)))


def _exists(context: Context, body: Body) -> Node:
    check("exists", body, {"field"})
    name = body.get("field")
    if isinstance(name, (list, dict)):
        raise parsing("[exists] unknown token [START_ARRAY] after [field]")
    if name == "":
        raise argument("field name is null or empty")
    if not name:
        raise parsing("[exists] must be provided with a [field]")
    if name == "*":
        raise shard("failed to create query: Cannot run exists query on _field_names")
    return leaves.exists(context, str(name))


def _range(context: Context, body: Body) -> Node:
    allowed = {
        "gt",
        "gte",
        "lt",
        "lte",
        "from",
        "to",
        "include_lower",
        "include_upper",
        "format",
        "time_zone",
        "relation",
    }
    name, options = field_of("range", body, None, allowed)
    for old in ("from", "to", "include_lower", "include_upper"):
        if old in options:
            raise UnsupportedQuery(f"range parameter [{old}]")
    if str(options.get("relation", "intersects")).lower() not in ("intersects", "within", "contains", "disjoint"):
        raise argument(f"Unknown range relation [{options['relation']}]")
    view = view_of(context, name)
    if "format" in options and not isinstance(options["format"], str):
        raise content("[range] failed to parse field [format]")
    zone = zone_of(options)
    if view is None:
        return Nothing()
    if "relation" in options:
        raise UnsupportedQuery("range parameter [relation]")
    if len({"gt", "gte"} & set(options)) > 1 or len({"lt", "lte"} & set(options)) > 1:
        raise UnsupportedQuery("two lower or two upper bounds of a range")
    low, high = options.get("gte", options.get("gt")), options.get("lte", options.get("lt"))
    for value in (low, high):
        if isinstance(value, (list, dict)):
            raise UnsupportedQuery("a list or an object as the bound of a range")
    form = date_format(options["format"]) if view.type.is_date and "format" in options else None
    exclusive_low = options.get("gt") is not None
    exclusive_high = options.get("lt") is not None
    bounds = leaves.Bounds(low, high, not exclusive_low, not exclusive_high, form, zone)
    if low is None and high is None:
        return leaves.exists(context, name)
    return leaves.span(context, view, bounds)


def _string_query(
    name: str, key: str, allowed: set[str], build: Callable[[Context, View, str, Body], Node]
) -> Callable[[Context, Body], Node]:
    def handle(context: Context, body: Body) -> Node:
        field, options = field_of(name, body, key, {key, *allowed})
        value = options.get(key, options.get("wildcard"))
        if value is None:
            raise argument("value cannot be null")
        if isinstance(value, (list, dict)):
            raise parsing(f"[{name}] query does not support array of values")
        view = view_of(context, field)
        if view is None and name == "regexp":
            leaves.check_regexp(as_text(value), options.get("flags"))
        return Nothing() if view is None else build(context, view, as_text(value), options)

    return handle


def _regexp(context: Context, view: View, pattern: str, options: Body) -> Node:
    flags = options.get("flags")
    if flags is not None and not isinstance(flags, str):
        raise UnsupportedQuery("regexp parameter [flags] that is no text")
    return leaves.regexp(context, view, pattern, flags, flag("regexp", options, "case_insensitive"))


def _fuzzy(context: Context, view: View, word: str, options: Body) -> Node:
    edits = patterns.fuzziness(options.get("fuzziness", "AUTO"), word)
    fixed, most = int(options.get("prefix_length", 0)), int(options.get("max_expansions", 50))
    return leaves.fuzzy(context, view, word, edits, fixed, flag("fuzzy", options, "transpositions", True), most)


def _constant_score(context: Context, body: Body) -> Node:
    for key in body:
        if key not in ("filter", "boost", "_name"):
            raise parsing(f"[constant_score] query does not support [{key}]")
    if "filter" not in body:
        raise parsing("[constant_score] requires a 'filter' element")
    return compile_query(context, body["filter"])


def _dis_max(context: Context, body: Body) -> Node:
    check("dis_max", body, {"queries", "tie_breaker"})
    queries = body.get("queries")
    if not queries:
        raise parsing("[dis_max] requires 'queries' field with at least one clause")
    return any_of([compile_query(context, each) for each in (queries if isinstance(queries, list) else [queries])])


def _kql(context: Context, body: Any) -> Node:
    from alerter.query.kql import kql_to_dsl

    text = body.get("query") if isinstance(body, Mapping) else body
    if isinstance(body, Mapping):
        check("kql", body, {"query"})
    if not isinstance(text, str):
        raise parsing("[kql] query must be a text")
    key = ("kql", text)
    if key not in context.plans:
        node = compile_query(context, kql_to_dsl(text))
        if "now" in text:
            return node
        context.plans[key] = node
    return context.plans[key]


def _later(module: str, name: str) -> Callable[[Context, Body], Node]:
    """Import a query's module at its first use, which keeps start-up short."""

    @cache
    def found() -> Callable[[Context, Body], Node]:
        from importlib import import_module

        handler: Callable[[Context, Body], Node] = getattr(import_module(f"alerter.query.{module}"), name)
        return handler

    return lambda context, body: found()(context, body)


_HANDLERS: dict[str, Callable[[Context, Any], Node]] = {
    "match_all": _match_all,
    "match_none": _match_none,
    "term": _term,
    "terms": _terms,
    "ids": _ids,
    "exists": _exists,
    "range": _range,
    "prefix": _string_query(
        "prefix",
        "value",
        {"rewrite", "case_insensitive"},
        lambda context, view, text, options: leaves.prefix(
            context, view, text, flag("prefix", options, "case_insensitive")
        ),
    ),
    "wildcard": _string_query(
        "wildcard",
        "value",
        {"wildcard", "rewrite", "case_insensitive"},
        lambda context, view, text, options: leaves.wildcard(
            context, view, text, flag("wildcard", options, "case_insensitive")
        ),
    ),
    "regexp": _string_query(
        "regexp", "value", {"flags", "max_determinized_states", "rewrite", "case_insensitive"}, _regexp
    ),
    "fuzzy": _string_query(
        "fuzzy", "value", {"fuzziness", "prefix_length", "max_expansions", "transpositions", "rewrite"}, _fuzzy
    ),
    "bool": _later("boolean", "bool_query"),
    "constant_score": _constant_score,
    "dis_max": _dis_max,
    "kql": _kql,
    "match": _later("fulltext", "match_query"),
    "match_phrase": _later("fulltext", "match_phrase"),
    "match_phrase_prefix": _later("fulltext", "match_phrase_prefix"),
    "match_bool_prefix": _later("fulltext", "match_bool_prefix"),
    "multi_match": _later("fulltext", "multi_match"),
    "query_string": _later("querystring", "query_string"),
    "simple_query_string": _later("simplequery", "simple_query_string"),
}

IMPLEMENTED = frozenset(_HANDLERS)
"""The names of all queries that are answered here."""

__all__ = ["IMPLEMENTED", "RejectedQuery", "compile_query", "view_of"]
