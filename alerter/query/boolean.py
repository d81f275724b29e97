"""The boolean query of the DSL."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from alerter.query import match
from alerter.query.clauses import flag
from alerter.query.context import Context
from alerter.query.dsl import compile_query
from alerter.query.errors import QueryError, RejectedQuery, UnsupportedQuery, content
from alerter.query.nodes import All, Bool, Node, Nothing

Body = Mapping[str, Any]
_OCCURS = ("must", "filter", "should", "must_not")
_CONTENT = "x_content_parse_exception"


def bool_query(context: Context, body: Body) -> Node:
    """Compile ``bool``."""
    groups: dict[str, list[Node]] = {}
    failures: list[RejectedQuery] = []
    for key, value in body.items():
        if key in _OCCURS:
            groups[key] = []
            for each in value if isinstance(value, list) else [] if value is None else [value]:
                try:
                    groups[key].append(_clause_in_bool(context, key, each, isinstance(value, list)))
                except RejectedQuery as failure:
                    failures.append(failure)
        elif key not in ("minimum_should_match", "adjust_pure_negative", "boost", "_name"):
            raise content(f"[bool] unknown field [{key}]")
    if failures:
        raise _failure(context, failures, groups)
    must = groups.get("must", []) + groups.get("filter", [])
    should, must_not = groups.get("should", []), groups.get("must_not", [])
    if not must and not should and not must_not:
        return All()
    minimum = 0
    if body.get("minimum_should_match") is not None:
        minimum = match.minimum_of(len(should), body["minimum_should_match"])
    if not must and not should:
        return Bool(must_not=must_not) if flag("bool", body, "adjust_pure_negative", True) else Nothing()
    if should and not must:
        minimum = max(minimum, 1)
    return Bool(must, should, must_not, minimum)


def _failure(context: Context, failures: list[RejectedQuery], groups: Mapping[str, list[Node]]) -> QueryError:
    """Choose what to raise for clauses that are wrong; a server may not look at them where nothing can match anyway."""
    early = next((failure for failure in failures if failure.type in ("parsing_exception", _CONTENT)), None)
    if early is not None:
        return early
    everything = range(context.store.count)
    empty = any(not node.filter(everything) for key in ("must", "filter") for node in groups.get(key, ()))
    full = any(len(node.filter(everything)) == len(everything) for node in groups.get("must_not", ()))
    if empty or full:
        return UnsupportedQuery("a wrong clause beside one that leaves nothing to match", failures[0].reason)
    return failures[0]


def _clause_in_bool(context: Context, key: str, clause: Any, listed: bool) -> Node:
    if not isinstance(clause, Mapping) and not listed:
        raise content(f"[bool] {key} doesn't support values of this type")
    try:
        return compile_query(context, clause)
    except RejectedQuery as error:
        if error.type != "illegal_argument_exception":
            raise
        raise content(f"[bool] failed to parse field [{key}]: {error.reason}") from None
