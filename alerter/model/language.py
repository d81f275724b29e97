"""Filters in a language that only a server evaluates, and that answer with events: EQL and ES|QL."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Language(StrEnum):
    """The languages, by the name of their clause."""

    EQL = "eql"
    ESQL = "esql"

    @property
    def called(self) -> str:
        """How it is spoken of."""
        return "EQL" if self is Language.EQL else "ES|QL"


@dataclass(frozen=True)
class ServerQuery:
    """One query; what else the rule's filter holds selects among the documents before the query does."""

    language: Language
    text: str


def server_query(clauses: Iterable[Mapping[str, Any]]) -> ServerQuery | None:
    """Return the query among the clauses of a filter, of which there is at most one."""
    found = ((name, clause[name]) for clause in clauses for name in Language if _is_of(clause, name))
    return next((ServerQuery(name, text) for name, text in found), None)


def plain_clauses(clauses: Iterable[Mapping[str, Any]]) -> tuple[Mapping[str, Any], ...]:
    """Return the clauses that are query DSL or KQL."""
    return tuple(clause for clause in clauses if not any(_is_of(clause, name) for name in Language))


def _is_of(clause: Mapping[str, Any], language: Language) -> bool:
    return len(clause) == 1 and isinstance(clause.get(language), str)
