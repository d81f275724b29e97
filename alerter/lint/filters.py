"""Filters that Elasticsearch reads otherwise than their author, or that cost more than they look."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from alerter.lint.messages import sought
from alerter.lint.model import Found, Path, Subject
from alerter.lint.queries import Leaf
from alerter.lint.regexes import expressions
from alerter.query import lucene

_NO_OPERATORS = re.compile(r'\\.|"(?:\\.|[^"\\])*"|/(?:\\.|[^/\\])*/', re.DOTALL)
_LOWER = re.compile(r"(?<=[\s)])(?:and|or|And|Or)(?=[\s(])")
_NOW = re.compile(r"(?<![\w.])now(?=$|[-+/\s\]}\"|])(?P<steps>[-+/\dyMwdhHms]*)", re.ASCII)
_NAMES = re.compile(r"[\w.@-]+(?=\s*:)")
"""What may be a field in KQL."""
_ROUNDS = re.compile(r"/[yMwd]")


def query_lowercase_operator(subject: Subject) -> Iterator[Found]:
    """``and`` or ``or`` in a query string, which Lucene takes for a word."""
    for leaf in subject.leaves:
        if leaf.name != "query_string" or leaf.text is None:
            continue
        query, path = leaf.text
        found = _LOWER.search(_NO_OPERATORS.sub(lambda quoted: "x" * len(quoted.group()), query))
        if found is not None:
            word = found.group()
            message = f"{word} is searched for as a word: operators are written in capitals"
            hint = f'write {word.upper()}; to search for the word, "{word}"'
            yield Found(message, hint, path, part=word, offset=found.start())


def leading_wildcard(subject: Subject) -> Iterator[Found]:
    """A pattern that begins with ``*`` or ``?``, or an expression with ``.*``: every term of the field is tried."""
    for leaf in subject.leaves if subject.big_index else ():
        for text, path, at, names in (*_patterns(leaf), *expressions(leaf)):
            if text.strip(".*") and text.startswith(("*", "?", ".*", ".+")):
                shown = sought(text, names, subject)
                message = f"{shown} begins with a wildcard: every value of the field is tried"
                hint = "search for whole words, or map the field as wildcard"
                yield Found(message, hint, path, part=text, offset=at)


def quoted_wildcard(subject: Subject) -> Iterator[Found]:
    """``*`` within quotes, where it is no wildcard."""
    for leaf in subject.leaves:
        for item in leaf.terms:
            if isinstance(item, lucene.Quoted) and re.search(r"\*\s*$|^\s*\*|\w\*\w", item.text) and leaf.text:
                message = f'"{sought(item.text, leaf.of(item), subject)}": within quotes * is no wildcard'
                hint = "leave out the quotes, and escape blanks: Order\\ *; on a text field search for its words"
                yield Found(message, hint, leaf.text[1], part=f'"{item.text}"', offset=item.at)


def date_math_utc(subject: Subject) -> Iterator[Found]:
    """``now/d`` without ``time_zone``: the day begins at midnight in UTC."""
    for leaf in subject.leaves:
        rounded = (now for now in _nows(leaf) if _ROUNDS.search(now[2]) and not _zoned(leaf))
        for path, text, now in islice(rounded, 1):
            hint = "give the clause its time_zone: Europe/Berlin"
            yield Found(f"{now} is rounded in UTC, not in local time", hint, path, part=now, offset=text.find(now))


def now_in_filter(subject: Subject) -> Iterator[Found]:
    """``now`` in a filter: the server's clock, not the rule's window."""
    for leaf in subject.leaves:
        for path, text, now in islice(_nows(leaf), 1):
            message = f"{now} is the server's clock when it is asked, not the end of the rule's window"
            hint = "leave it out: timeframe says how far back the rule looks; late runs and dry runs else differ"
            yield Found(message, hint, path, part=now, offset=text.find(now))


def _patterns(leaf: Leaf) -> Iterator[tuple[str, Path, int, tuple[str, ...]]]:
    """Yield the wildcard patterns of a clause: as written, path, offset in the text there, fields."""
    if leaf.name == "wildcard":
        value, path = leaf.value
        if isinstance(value, str) and value:
            yield value, path, 0, (leaf.field or "",)
    elif leaf.name == "kql" and leaf.text is not None:
        for found in re.finditer(r"(?:^|(?<=[:\s(]))\*[^\s()\"*:]+\*?", leaf.text[0]):
            yield found.group(), leaf.path, found.start(), tuple(_NAMES.findall(leaf.text[0]))
    for item in leaf.terms:
        if isinstance(item, lucene.Pattern) and item.kind == "wildcard" and item.text and leaf.text is not None:
            yield item.text, leaf.text[1], item.at, leaf.of(item)


def _nows(leaf: Leaf) -> Iterator[tuple[Path, str, str]]:
    """Yield each bound of a range that speaks of ``now``: its path, the text there, and the expression."""
    for path, text in _bounds(leaf):
        found = _NOW.search(text)
        if found is not None:
            yield path, text, found.group()


def _bounds(leaf: Leaf) -> Iterator[tuple[Path, str]]:
    if leaf.name == "range" and leaf.field is not None:
        inner = leaf.body[leaf.field]
        for name in ("gt", "gte", "lt", "lte", "from", "to"):
            if isinstance(inner, Mapping) and isinstance(inner.get(name), str):
                yield (*leaf.path, leaf.field, name), inner[name]
    if leaf.text is None:
        return
    if leaf.name == "kql" and re.search(r"[<>]=?\s*\"?now", leaf.text[0]):
        yield leaf.path, leaf.text[0]
    for item in leaf.terms:
        if isinstance(item, lucene.Range):
            yield from ((leaf.text[1], end) for end in (item.low, item.high) if end)


def _zoned(leaf: Leaf) -> bool:
    body: Any = leaf.body
    if leaf.name == "range" and isinstance(body, Mapping):
        body = body.get(leaf.field)
    return isinstance(body, Mapping) and bool(body.get("time_zone"))
