"""Queries in EQL and ES|QL, looked at only so far as to know that they select single events.

Which events a rule has must not depend on how its time is divided into questions: what makes one row of several
events, or ends after some, would.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from alerter.model.language import Language

_PIECE = re.compile(
    r'"""(?:.|\n)*?"""|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'|`(?:``|[^`])*`|//[^\n]*|/\*(?:.|\n)*?\*/|\||[^"\'`/|]+|.',
    re.DOTALL,
)
"""A string, a quoted name, a comment, a pipe, or other text."""
_WORD = re.compile(r"\s*([A-Za-z_]+)")
BY_EVENT = frozenset(
    {"from", "where", "eval", "keep", "drop", "rename", "grok", "dissect", "enrich", "lookup", "mv_expand", "sort"}
)
"""Commands of ES|QL that look at one row at a time, or only order them."""


@dataclass(frozen=True)
class Cleaned:
    """A query as it is sent; ``left_out`` is a command at its end that it had."""

    text: str
    left_out: str = ""


@dataclass(frozen=True)
class Refusal:
    """Why a query is not taken, and what to do."""

    message: str
    hint: str


def of_single_events(language: Language, text: str) -> Cleaned | Refusal:
    """Return the query, or why it does not select single events."""
    commands, nested = _commands(text)
    found = _eql(commands) if language is Language.EQL else _esql(commands)
    if nested and isinstance(found, Cleaned):
        message = "a query within the query has several events of which one may decide about another"
        return Refusal(message, "take it out: the filter's other clauses select documents too")
    return found


def _eql(commands: list[str]) -> Cleaned | Refusal:
    kind = _first_word(commands[0])
    if kind in ("sequence", "sample"):
        return Refusal(f"{kind} answers with groups of events, and a rule judges single ones", "write: any where ...")
    if len(commands) > 1:
        pipe = commands[1].strip()
        return Refusal(f"| {pipe[:40]} leaves events out", "remove it: a rule looks at all events of its window")
    return Cleaned(commands[0].strip())


def _esql(commands: list[str]) -> Cleaned | Refusal:
    left_out = ""
    if len(commands) > 1 and _first_word(commands[-1]) == "limit":
        left_out = f"| {commands.pop().strip()}"
    if _first_word(commands[0]) != "from":
        return Refusal("the query does not begin with FROM", 'like FROM logs-* | WHERE level == "error"')
    for command in commands:
        word = _first_word(command)
        if word not in BY_EVENT:
            named = word.upper() or "an empty command"
            message = f"{named} does not look at one event at a time, and the rule itself counts and groups"
            return Refusal(message, f"allowed are {', '.join(sorted(name.upper() for name in BY_EVENT))}")
    return Cleaned("|".join(commands).strip(), left_out)


def _commands(text: str) -> tuple[list[str], bool]:
    """Return what stands between the pipes, as it is written, and whether there are pipes in parentheses."""
    commands, depth, nested = [""], 0, False
    for piece in _PIECE.findall(text):
        if piece == "|" and not depth:
            commands.append("")
            continue
        commands[-1] += piece
        nested |= piece == "|"
        if piece[0] not in "\"'`/":
            depth += sum((c == "(") - (c == ")") for c in piece)
    return commands, nested


def _first_word(command: str) -> str:
    plain = re.sub(r"//[^\n]*|/\*(?:.|\n)*?\*/", " ", command)
    found = _WORD.match(plain)
    return found[1].lower() if found else ""
