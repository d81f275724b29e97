"""What a lint is, what it looks at, and what it says."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Generic, TypeVar

from alerter.lint.queries import Leaf, leaves
from alerter.model.rule import Position, Rule
from alerter.routing.tree import Routing
from alerter.ruleset.yaml_positions import Document
from alerter.sources.parts import Types

Path = tuple[Any, ...]


@dataclass(frozen=True)
class Found:
    """One finding of a lint: what is wrong, what to do, and where.

    The place is a path in the subject's document, its key with ``key``. ``part`` narrows it to these characters of the
    text that stands there, ``offset`` characters after its beginning. ``at`` is a place in another file.
    """

    message: str
    hint: str = ""
    path: Path = ()
    key: bool = False
    part: str = ""
    offset: int = 0
    at: Position | None = None


@dataclass
class Subject:
    """A rule document of a known type; ``rule`` is None when an error keeps it from loading."""

    document: Document
    rule: Rule | None = None
    big_index: bool = True
    """Whether its index has, or may have, so many documents that the cost of a clause matters."""
    types: Types = field(default_factory=dict)
    """Types of the index's fields; empty where none is known."""

    @property
    def options(self) -> Mapping[str, Any]:
        """The options as written; without a rule the values may have any shape."""
        found: Mapping[str, Any] = self.document.value
        return found

    @cached_property
    def leaves(self) -> tuple[Leaf, ...]:
        """Every clause of the filters that asks something of a field."""
        return tuple(leaf for path, written in self.filters for leaf in leaves(written, path))

    @property
    def filters(self) -> Iterator[tuple[Path, Any]]:
        """Yield the filters as written, with their paths: the rule's own, and those of ``alive`` and a percentage."""
        alive = self.options.get("alive")
        inner = alive.get("filter") if isinstance(alive, Mapping) else None
        of_share = self.options.get("match_bucket_filter")
        named = (
            (("filter",), self.options.get("filter")),
            (("alive", "filter"), inner),
            (("match_bucket_filter",), of_share),
        )
        yield from ((path, written) for path, written in named if written is not None)


@dataclass(frozen=True)
class Built:
    """A rule that loads, with its document."""

    rule: Rule
    subject: Subject


@dataclass(frozen=True)
class Scene:
    """All rules that load, the routes they meet (None: not known), and which of the rules' files have a test."""

    rules: Sequence[Built]
    routing: Routing | None = None
    tested: frozenset[str] = frozenset()
    whole: bool = True
    """Whether these are all rules that the routes will meet."""


S = TypeVar("S")


@dataclass(frozen=True)
class Lint(Generic[S]):
    """An id, a severity, and the function that looks; docs/check.md has a section of that id."""

    id: str
    severity: str
    look: Callable[[S], Iterator[Found]] = field(repr=False)
