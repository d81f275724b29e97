"""Filters that Elasticsearch refuses to read, whatever the index holds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from alerter.lint.model import Found, Path, Subject
from alerter.lint.queries import parsed
from alerter.model.language import Language
from alerter.query.errors import QueryError, RejectedQuery
from alerter.query.names import QUERIES
from alerter.ruleset.suggest import did_you_mean

if TYPE_CHECKING:
    from alerter.query.evaluator import Evaluator

_ANY_TIME = 1_700_000_000_000
_OCCURS = ("must", "filter", "should", "must_not", "mustNot")
_BOOL = (*_OCCURS, "minimum_should_match", "adjust_pure_negative", "boost", "_name")
_INNER: Mapping[str, tuple[str, ...]] = {
    "bool": _OCCURS,
    "boosting": ("positive", "negative"),
    "constant_score": ("filter",),
    "dis_max": ("queries",),
    "function_score": ("query",),
    "has_child": ("query",),
    "has_parent": ("query",),
    "nested": ("query",),
    "script_score": ("query",),
}
"""Queries that hold others, and where."""
_FORMER = {
    "and": "write bool: {must: [...]}",
    "or": "write bool: {should: [...]}",
    "not": "write bool: {must_not: ...}",
    "missing": "write bool: {must_not: {exists: {field: ...}}}",
    "type": "leave it out: Elasticsearch has no document types any more, an index holds one kind of documents",
}
"""Clauses of former Elasticsearch, which rules of that time still have."""


@cache
def _nowhere() -> Evaluator:
    """Return an evaluator without documents: it reads every clause and finds nothing."""
    from alerter.query.evaluator import Evaluator

    return Evaluator()


def refused_filter(subject: Subject) -> Iterator[Found]:
    """A clause or a query string that Elasticsearch refuses to read."""
    for path, written in subject.filters:
        for n, item in enumerate(written if isinstance(written, list) else [written]):
            yield from _item(item, (*path, n) if isinstance(written, list) else path)
    for leaf in subject.leaves:
        if leaf.name == "query_string" and leaf.text is not None:
            yield from _query(*leaf.text)
            options = {**leaf.body, "query": "x"}
            reason = _refusal(leaf.name, options) if len(options) > 1 else ""
        else:
            reason = "" if leaf.name == "kql" else _refusal(leaf.name, leaf.body)
        if reason:
            yield Found(f"Elasticsearch refuses this clause: {reason}", "", leaf.path, key=True)


def _item(item: Any, path: Path) -> Iterator[Found]:
    """Look at one item of a filter: a clause, or several below ``query``; odd shapes are named elsewhere."""
    if not isinstance(item, Mapping) or len(item) != 1:
        return
    name, inner = next(iter(item.items()))
    if name == "query":
        for n, wrapped in enumerate(inner if isinstance(inner, list) else [inner]):
            yield from _item(wrapped, (*path, name, n) if isinstance(inner, list) else (*path, name))
    elif name not in set(Language):
        yield from _clause(item, path)


def _clause(clause: Any, path: Path) -> Iterator[Found]:
    """Look at the names of a clause and of those within it."""
    if not isinstance(clause, Mapping) or len(clause) != 1:
        found = ", ".join(map(str, clause)) if isinstance(clause, Mapping) else type(clause).__name__
        message = f"Elasticsearch refuses this clause: one query is expected, found {found or 'none'}"
        yield Found(message, "like term: {level: ERROR}; several ones are a list", path)
        return
    name, body = next(iter(clause.items()))
    at = (*path, name)
    if name not in QUERIES:
        yield Found(f"Elasticsearch knows no query {name}", _instead(str(name), body), at, key=True)
    elif name in _INNER and not isinstance(body, Mapping):
        yield Found(f"Elasticsearch refuses this clause: {name} is a mapping of its options", "", at, key=True)
    elif name in _INNER:
        yield from _options(name, body, at)
        for place in _INNER[name]:
            yield from _within(name, body.get(place), (*at, place))


def _instead(name: str, body: Any) -> str:
    """Return what to write in place of a query that does not exist."""
    near = _FORMER.get(name) or did_you_mean(name, QUERIES)
    if near or isinstance(body, Mapping):
        return near or "a clause is a query's name and what it asks for, like term: {level: ERROR}"
    return f"write terms: {{{name}: [...]}}" if isinstance(body, list) else f"write term: {{{name}: ...}}"


def _options(name: str, body: Mapping[Any, Any], path: Path) -> Iterator[Found]:
    """Look at the options of a query that holds others, which are looked at by themselves."""
    if name == "bool":
        for key in body:
            if key not in _BOOL:
                near = did_you_mean(str(key), _BOOL) or "it has must, filter, should, must_not, minimum_should_match"
                yield Found(f"Elasticsearch refuses this clause: bool has no {key}", near, (*path, key), key=True)
        return
    reason = _refusal(name, {k: {"match_all": {}} if v and k in _INNER[name] else v for k, v in body.items()})
    if reason:
        yield Found(f"Elasticsearch refuses this clause: {reason}", "", path, key=True)


def _within(name: str, inner: Any, path: Path) -> Iterator[Found]:
    if isinstance(inner, list) and name in ("bool", "dis_max"):
        for n, clause in enumerate(inner):
            yield from _clause(clause, (*path, n))
    elif inner is not None:
        yield from _clause(inner, path)


def _query(text: str, path: Path) -> Iterator[Found]:
    tree = parsed(text) if text.strip() else None
    if isinstance(tree, QueryError):
        reason = tree.reason.rpartition("]: ")[2].rpartition(" at column ")[0] or tree.reason
        reason = reason.replace("unexpected the end of the query", "it ends too early")
        at = min(len(text) if tree.offset is None else tree.offset, len(text) - 1)
        hint = "escape what is meant as a character, as in \\( \\: \\/, or put it in quotes"
        message = f"Elasticsearch refuses this query: {reason}"
        yield Found(message, hint, path, part=text[at].strip(), offset=at)


def _refusal(name: str, body: Any) -> str:
    """Return why a clause is refused whatever the mapping, "" when it is not."""
    try:
        _nowhere().search({"query": {name: body}, "size": 0}, now=_ANY_TIME)
    except RejectedQuery as error:
        return error.reason[:200]
    except QueryError:
        return ""  # what is not evaluated here may well be answered by a cluster
    return ""
