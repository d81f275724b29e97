"""The clauses of a filter, at any depth, with their places; nothing of them is trusted to have the right shape."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

from alerter.query import lucene
from alerter.query.errors import QueryError

Path = tuple[Any, ...]
BY_FIELD = frozenset(
    {
        "term", "terms", "match", "match_phrase", "match_phrase_prefix", "match_bool_prefix", "range", "wildcard",
        "prefix", "regexp", "fuzzy",
    }
)  # fmt: skip
"""Clauses of the form ``{name: {field: what}}``."""
OTHERS = frozenset({"exists", "ids", "multi_match", "query_string", "simple_query_string", "kql", "match_none"})
VALUE_KEYS = ("value", "query", "wildcard")
"""Where the long form of a clause holds what is sought: ``{field: {value: ...}}``."""


@dataclass(frozen=True)
class Leaf:
    """A clause that asks something of fields: its name, its body, and the body's path."""

    name: str
    body: Any
    path: Path

    @property
    def field(self) -> str | None:
        """The one field of a clause that has one."""
        if self.name == "exists" and isinstance(self.body, Mapping):
            return str(self.body.get("field", "")) or None
        if self.name in BY_FIELD and isinstance(self.body, Mapping):
            return next((str(n) for n in self.body if n not in ("boost", "_name")), None)
        return None

    @property
    def value(self) -> tuple[Any, Path]:
        """What is sought in the one field, and its path; None when there is none."""
        name = self.field
        if name is None or self.name == "exists":
            return None, self.path
        inner = self.body.get(name)
        path = (*self.path, name)
        if isinstance(inner, Mapping):
            key = next((k for k in VALUE_KEYS if k in inner), None)
            return (inner[key], (*path, key)) if key else (None, path)
        return inner, path

    @property
    def targets(self) -> tuple[str, ...]:
        """The fields of ``default_field`` and ``fields``, without boosts."""
        body = self.body if isinstance(self.body, Mapping) else {}
        listed = body.get("fields")
        names = [body.get("default_field"), *(listed if isinstance(listed, list) else [listed])]
        return tuple(name.partition("^")[0] for name in names if isinstance(name, str))

    def of(self, item: lucene.Item) -> tuple[str, ...]:
        """Return the fields of a word of the query string: its own, else the clause's."""
        own = getattr(item, "field", None)
        return (own,) if own else self.targets

    @property
    def text(self) -> tuple[str, Path] | None:
        """The text of a query string or of KQL, and its path."""
        if self.name == "kql" and isinstance(self.body, str):
            return self.body, self.path
        if self.name == "query_string" and isinstance(self.body, Mapping) and isinstance(self.body.get("query"), str):
            return self.body["query"], (*self.path, "query")
        return None

    @cached_property
    def tree(self) -> lucene.Group | None:
        """The parsed query string; None for anything else, and for one that cannot be parsed."""
        if self.name != "query_string" or self.text is None:
            return None
        found = parsed(self.text[0])
        return found if isinstance(found, lucene.Group) else None

    @property
    def terms(self) -> Iterator[lucene.Item]:
        """Yield what a query string seeks, left to right, without its parentheses."""
        if self.tree is not None:
            yield from _items(self.tree)


@lru_cache(maxsize=4096)
def parsed(query: str) -> lucene.Group | QueryError:
    """Return the tree of a query string, or why there is none."""
    try:
        return lucene.parse(query)
    except QueryError as error:
        return error


def leaves(node: Any, path: Path) -> Iterator[Leaf]:
    """Yield the clauses of a filter below a node; ``path`` is the node's."""
    if isinstance(node, list):
        for n, inner in enumerate(node):
            yield from leaves(inner, (*path, n))
    elif isinstance(node, Mapping):
        for name, inner in node.items():
            if name in BY_FIELD or name in OTHERS:
                yield Leaf(name, inner, (*path, name))
            else:
                yield from leaves(inner, (*path, name))


def _items(group: lucene.Group) -> Iterator[lucene.Item]:
    for clause in group.clauses:
        if isinstance(clause.item, lucene.Group):
            yield from _items(clause.item)
        else:
            yield clause.item
