"""Filters that can match nothing, whatever the index holds."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from alerter.lint.messages import sought
from alerter.lint.model import Found, Path, Subject
from alerter.lint.queries import BY_FIELD, OTHERS, Leaf, leaves
from alerter.query import lucene
from alerter.query.datemath import resolve
from alerter.query.dates import DEFAULT, DateFormat, date_format
from alerter.query.errors import QueryError

_ALL = "match_all"
HINT = "the rule would never see an event"
_LISTS = re.compile(
    r"(?i)(?:^|[._])(?:args|body|category|content|desc\w*|error|exception|groups?|hosts?|ips?|labels?|line|log|messages?|"
    r"msg|names?|original|permissions|query|related|roles?|scopes?|stack\w*|summary|tags?|text|title|types?|users?)$"
)
"""Last parts of names of fields that often hold several values or words, so that two at once are no contradiction."""
_EXACT = frozenset(
    {
        "boolean", "byte", "constant_keyword", "double", "float", "half_float", "integer", "keyword", "long",
        "scaled_float", "short", "unsigned_long",
    }
)  # fmt: skip
"""Types whose fields are compared as a whole."""
_EVERYTHING = re.compile(r"^\s*(?:NOT\s+|-|!)\s*\*(?::\*)?\s*$")
_UNLESS = "nothing can match, unless it is a list or analysed text"
_ANY_TIME = 1_700_000_000_000
"""What ``now`` is while two bounds are compared; any instant does."""


@dataclass
class _Conjunction:
    """What every event must meet and must not meet, as canonical texts with their paths."""

    subject: Subject
    required: dict[str, Path] = field(default_factory=dict)
    forbidden: dict[str, Path] = field(default_factory=dict)
    exact: dict[str, dict[str, Found]] = field(default_factory=dict)
    """By field, each value that it must have, with what is said when there is another one."""
    first: dict[str, str] = field(default_factory=dict)

    def must_be(
        self, name: str | None, value: Any, path: Path, part: str = "", offset: int = 0, *, sure: bool = False
    ) -> None:
        """Note that a field must have a value.

        Left alone are fields whose names are those of lists or texts, and what has words or networks in it. Of a field
        whose type is not known, a query string tells nothing (``sure``: only known fields count).
        """
        if not name or name.startswith("_") or "*" in name or isinstance(value, Mapping | list) or "/" in str(value):
            return
        known = self.subject.types.get(name, frozenset({"keyword"}) if name.endswith(".keyword") else frozenset())
        if _LISTS.search(name.removesuffix(".keyword")) or not known <= _EXACT or (sure and not known):
            return
        others = self.exact.setdefault(name, {})
        shown = sought(value, (name,), self.subject)
        first = self.first.setdefault(name, shown)
        message = f"{name} would have to be {first} and {shown} at once: {_UNLESS}"
        others.setdefault(_alike(value), Found(message, "join them with OR, or write terms", path, False, part, offset))


def matches_nothing(subject: Subject) -> Iterator[Found]:
    """A filter that no document can meet, whatever the index holds."""
    for leaf in subject.leaves:
        yield from _hollow(leaf)
        yield from _upside_down(leaf, subject)
    for path, written in subject.filters:
        yield from _contradictions(written, path, subject)


def _hollow(leaf: Leaf) -> Iterator[Found]:
    """Clauses that say nothing to look for."""
    if leaf.name == "match_none":
        yield Found("match_none matches nothing", HINT, leaf.path, True)
    elif leaf.name == "ids" and isinstance(leaf.body, Mapping) and leaf.body.get("values") == []:
        yield Found("ids: none is listed, so nothing matches", HINT, (*leaf.path, "values"))
    elif leaf.name == "terms" and leaf.field is not None and leaf.body[leaf.field] == []:
        yield Found(f"terms: no value of {leaf.field} is listed, so nothing matches", HINT, (*leaf.path, leaf.field))
    elif leaf.name == "query_string" and leaf.text is not None:
        text, path = leaf.text
        if not text.strip():
            yield Found("an empty query string matches nothing", "leave the filter out to select every document", path)
        elif _EVERYTHING.search(text):
            yield Found("NOT * leaves out every document", HINT, path)


def _upside_down(leaf: Leaf, subject: Subject) -> Iterator[Found]:
    """Ranges whose lower bound is above the upper one."""
    if leaf.name == "range" and leaf.field is not None:
        inner = leaf.body[leaf.field]
        if isinstance(inner, Mapping):
            low, high = (
                next((k for k in keys if k in inner), None) for keys in (("gt", "gte", "from"), ("lt", "lte", "to"))
            )
            if low and high and _above(inner[low], inner[high], equal=low == "gt" or high == "lt"):
                above, below = (sought(inner[end], (leaf.field,), subject) for end in (low, high))
                message = f"{leaf.field}: nothing is above {above} and below {below}"
                yield Found(message, HINT, (*leaf.path, leaf.field, low))
    for item in leaf.terms:
        if not isinstance(item, lucene.Range) or leaf.text is None or item.low is None or item.high is None:
            continue
        if _above(item.low, item.high, equal=not (item.with_low and item.with_high)):
            first, last = (sought(end, leaf.of(item), subject) for end in (item.low, item.high))
            message = f"nothing is between {first} and {last}"
            yield Found(message, HINT, leaf.text[1], part=item.low, offset=leaf.text[0].find(item.low, item.at))


def _above(low: Any, high: Any, *, equal: bool) -> bool:
    """Tell whether a lower bound is above an upper one (or the same, with ``equal``); False where that is not known."""
    for read in (_number, _instant):
        first, last = read(low), read(high)
        if first is not None and last is not None:
            return first > last or (equal and first == last)
    return False


def _number(value: Any) -> float | None:
    try:
        return None if isinstance(value, bool) or value is None else float(value)
    except (TypeError, ValueError, OverflowError):
        return None


def _alike(value: Any) -> str:
    """Return a text that is the same for values that one field may have at once: case, and how a number is written."""
    number = _number(value)
    return str(value).lower() if number is None else repr(number)


def _instant(value: Any) -> float | None:
    form: DateFormat = date_format(DEFAULT)
    try:
        return resolve(value, form, _ANY_TIME) if isinstance(value, str) else None
    except QueryError:
        return None


def _contradictions(written: Any, path: Path, subject: Subject) -> Iterator[Found]:
    both = _Conjunction(subject, required={_ALL: path})
    _collect(written, path, both)
    for clause, at in both.forbidden.items():
        if clause in both.required:
            yield Found("the filter asks for this and excludes it: nothing can match", HINT, at)
    for values in both.exact.values():
        yield from list(values.values())[1:]


def _collect(node: Any, path: Path, into: _Conjunction) -> None:
    """Add what a filter requires and forbids; alternatives say neither."""
    if isinstance(node, list):
        for n, inner in enumerate(node):
            _collect(inner, (*path, n), into)
    elif isinstance(node, Mapping) and isinstance(node.get("bool"), Mapping):
        clauses = node["bool"]
        for name in ("must", "filter"):
            _collect(clauses.get(name), (*path, "bool", name), into)
        _forbid(clauses.get("must_not"), (*path, "bool", "must_not"), into)
    elif isinstance(node, Mapping):
        for name, inner in node.items():
            if name in ("query", "filter", "constant_score"):
                _collect(inner, (*path, name), into)
            elif name in BY_FIELD or name in OTHERS:
                _require(Leaf(name, inner, (*path, name)), into)


def _require(leaf: Leaf, into: _Conjunction) -> None:
    into.required.setdefault(_canonical(leaf.name, leaf.body), leaf.path)
    if leaf.name == "term":
        into.must_be(leaf.field, leaf.value[0], leaf.value[1])
    _words(leaf, into)


def _forbid(node: Any, path: Path, into: _Conjunction) -> None:
    for n, inner in enumerate(node if isinstance(node, list) else [node] if node else []):
        if isinstance(inner, Mapping) and set(inner) == {"match_all"}:
            into.forbidden.setdefault(_ALL, path)
        at = (*path, n) if isinstance(node, list) else path
        found = list(leaves(inner, at))
        if len(found) == 1 and isinstance(inner, Mapping) and set(inner) == {found[0].name}:
            into.forbidden.setdefault(_canonical(found[0].name, found[0].body), found[0].path)


def _words(leaf: Leaf, into: _Conjunction) -> None:
    """Add the clauses of a query string that Lucene requires or forbids."""
    if leaf.tree is None or leaf.text is None:
        return
    clauses = leaf.tree.clauses
    every = isinstance(leaf.body, Mapping) and str(leaf.body.get("default_operator", "or")).lower() == "and"
    for n, clause in enumerate(clauses):
        name = _canonical("lucene", repr(_without_place(clause.item)))
        joints = {clause.joined, clauses[n + 1].joined if n + 1 < len(clauses) else ""}
        joined = "AND" in joints or (every and "OR" not in joints) or len(clauses) == 1
        if clause.sign == "-":
            into.forbidden.setdefault(name, leaf.text[1])
        elif clause.sign == "+" or joined:
            into.required.setdefault(name, leaf.text[1])
            if isinstance(clause.item, lucene.Words | lucene.Quoted) and not getattr(clause.item, "several", False):
                item = clause.item
                into.must_be(item.field, item.text, leaf.text[1], item.text, item.at, sure=True)


def _without_place(item: lucene.Item) -> Any:
    return {name: value for name, value in vars(item).items() if name not in ("at", "clauses")} | (
        {"clauses": [(c.joined, c.sign, _without_place(c.item)) for c in item.clauses]}
        if isinstance(item, lucene.Group)
        else {"kind": type(item).__name__, "pattern": getattr(item, "kind", "")}
    )


def _canonical(name: str, body: Any) -> str:
    return json.dumps([name, body], sort_keys=True, default=str)
