"""Lucene's classic query syntax, parsed into a tree that keeps source positions.

The grammar is that of Lucene 8 and 9 (QueryParser.jj), tokens by longest match; what its parser rejects is rejected.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from alerter.query.errors import RejectedQuery

_ESCAPED = r"\\."
_START = rf'(?:[^\s\u3000+\-!():^\[\]"{{}}~*?\\/]|{_ESCAPED})'
_CHAR = rf"(?:{_START}|[-+])"
_SPACE = re.compile("[ \t\n\r\u3000]+")
_TOKENS: list[tuple[str, re.Pattern[str]]] = [
    (name, re.compile(pattern, re.DOTALL))
    for name, pattern in (
        ("AND", r"AND|&&"),
        ("OR", r"OR|\|\|"),
        ("NOT", r"NOT|!"),
        ("PLUS", r"\+"),
        ("MINUS", r"-"),
        ("BAREOPER", "[+\\-!][ \t\n\r\u3000]"),
        ("LPAREN", r"\("),
        ("RPAREN", r"\)"),
        ("COLON", r":"),
        ("STAR", r"\*"),
        ("CARAT", r"\^"),
        ("QUOTED", rf'"(?:[^"\\]|{_ESCAPED})*"'),
        ("TERM", rf"{_START}{_CHAR}*"),
        ("FUZZY_SLOP", rf"~{_CHAR}*"),
        ("PREFIXTERM", rf"{_START}{_CHAR}*\*"),
        ("WILDTERM", rf"(?:{_START}|[*?])(?:{_CHAR}|[*?])*"),
        ("REGEXPTERM", r"/(?:\\/|[^/])*/"),
        ("RANGEIN_START", r"\["),
        ("RANGEEX_START", r"\{"),
    )
]
_RANGE_TOKENS = [
    ("RANGE_TO", re.compile("TO")),
    ("RANGEIN_END", re.compile(r"\]")),
    ("RANGEEX_END", re.compile(r"\}")),
    ("RANGE_QUOTED", re.compile(r'"(?:\\"|[^"])+"', re.DOTALL)),
    ("RANGE_GOOP", re.compile(r"[^ \]}]+", re.DOTALL)),
]
_NUMBER = re.compile(r"\d+(?:\.\d+)?", re.ASCII)
_NO_MULTI = {"COLON", "STAR", "FUZZY_SLOP", "CARAT", "AND", "OR"}


@dataclass(frozen=True)
class Token:
    """A token and where it begins."""

    kind: str
    text: str
    at: int


@dataclass(frozen=True)
class Words:
    """Bare words that are analysed together; ``several`` when more than one stood side by side."""

    field: str | None
    text: str
    at: int
    several: bool = False


@dataclass(frozen=True)
class Quoted:
    """A phrase; ``slop`` is None where none was written."""

    field: str | None
    text: str
    at: int
    slop: int | None = None


@dataclass(frozen=True)
class Pattern:
    """A term with wildcards, a prefix (without its star), or a regular expression (without its slashes)."""

    kind: str
    field: str | None
    text: str
    at: int


@dataclass(frozen=True)
class Fuzzy:
    """A word that may be misspelt; ``amount`` is what stood behind the tilde."""

    field: str | None
    text: str
    amount: str
    at: int


@dataclass(frozen=True)
class Range:
    """A range; an end of None is open."""

    field: str | None
    low: str | None
    high: str | None
    with_low: bool
    with_high: bool
    at: int


@dataclass(frozen=True)
class Clause:
    """One clause: how it is joined (``AND``, ``OR`` or empty), its sign (``+``, ``-`` or empty), what it holds."""

    joined: str
    sign: str
    item: Item


@dataclass(frozen=True)
class Group:
    """Clauses in order; a tree's root, and what stands in parentheses."""

    clauses: Sequence[Clause]
    at: int


Item = Words | Quoted | Pattern | Fuzzy | Range | Group


class SyntaxFailure(Exception):
    """A text that is no query; ``at`` is the place in it."""

    def __init__(self, reason: str, at: int) -> None:
        super().__init__(reason)
        self.reason, self.at = reason, at


@lru_cache(maxsize=256)
def parse(text: str, field: str | None = None) -> Group:
    """Parse a query string; words without a field get ``field``. Raises RejectedQuery with the position."""
    try:
        return _Parser(tokens_of(text), field).parse()
    except SyntaxFailure as failure:
        reason = f"Failed to parse query [{text}]: {failure.reason} at column {failure.at + 1}"
        raise RejectedQuery("query_shard_exception", reason, offset=failure.at) from None
    except RecursionError:
        raise RejectedQuery("query_shard_exception", "Failed to parse query: nested too deeply") from None


def tokens_of(text: str) -> list[Token]:
    """Split a query string into tokens; the last one is ``EOF``."""
    found: list[Token] = []
    at, table = 0, _TOKENS
    while True:
        space = _SPACE.match(text, at)
        if space and (table is _TOKENS or table is _RANGE_TOKENS):
            at = space.end()
        if at >= len(text):
            found.append(Token("EOF", "", at))
            return found
        if found and found[-1].kind == "CARAT":
            number = _NUMBER.match(text, at)
            if not number or space:
                raise SyntaxFailure("a number is expected after ^", at)
            found.append(Token("NUMBER", number[0], at))
            at = number.end()
            continue
        kind, end = "", at
        for name, pattern in table:
            match = pattern.match(text, at)
            if match and match.end() > end:
                kind, end = name, match.end()
        if not kind:
            raise SyntaxFailure(f"unexpected {text[at]!r}", at)
        found.append(Token(kind, text[at:end], at))
        at = end
        if kind in ("RANGEIN_START", "RANGEEX_START"):
            table = _RANGE_TOKENS
        elif kind in ("RANGEIN_END", "RANGEEX_END"):
            table = _TOKENS


def unescape(text: str, at: int = 0) -> str:
    """Drop escapes; ``\\u0061`` is a character by number. Raises SyntaxFailure for a broken one."""
    if "\\" not in text:
        return text
    found, i = [], 0
    while i < len(text):
        if text[i] != "\\":
            found.append(text[i])
            i += 1
        elif text[i + 1 : i + 2] == "u":
            digits = text[i + 2 : i + 6]
            if not re.fullmatch(r"[0-9a-fA-F]{4}", digits):
                raise SyntaxFailure("a broken unicode escape sequence", at + i)
            found.append(chr(int(digits, 16)))
            i += 6
        elif i + 1 < len(text):
            found.append(text[i + 1])
            i += 2
        else:
            raise SyntaxFailure("a term can not end with an escape character", at + i)
    return "".join(found)


class _Parser:
    def __init__(self, tokens: list[Token], field: str | None) -> None:
        self.tokens, self.at, self.field = tokens, 0, field

    def parse(self) -> Group:
        group = self._query(self.field)
        self._expect("EOF")
        return group

    def _peek(self, ahead: int = 0) -> str:
        place = self.at + ahead
        return self.tokens[place].kind if place < len(self.tokens) else "EOF"

    def _next(self) -> Token:
        token = self.tokens[self.at]
        self.at += 1
        return token

    def _take(self, *kinds: str) -> Token | None:
        return self._next() if self._peek() in kinds else None

    def _expect(self, *kinds: str) -> Token:
        if self._peek() not in kinds:
            token = self.tokens[self.at]
            what = "the end of the query" if token.kind == "EOF" else repr(token.text)
            raise SyntaxFailure(f"unexpected {what}", token.at)
        return self._next()

    def _query(self, field: str | None) -> Group:
        start = self.tokens[self.at].at
        clauses = [self._words(field) or self._clause("", field)]
        while self._peek() not in ("EOF", "RPAREN"):
            words = self._words(field)
            if words:
                clauses.append(words)
                continue
            joint = self._take("AND", "OR")
            clauses.append(self._clause(joint.kind if joint else "", field))
        return Group(clauses, start)

    def _words(self, field: str | None) -> Clause | None:
        """Read several bare words side by side; None when there is only one, or an operator follows the second."""
        if not (self._peek() == "TERM" and self._peek(1) == "TERM" and self._peek(2) not in _NO_MULTI):
            return None
        first = self._next()
        texts = [first.text]
        while self._peek() == "TERM" and self._peek(1) not in _NO_MULTI:
            texts.append(self._next().text)
        return Clause("", "", Words(field, unescape(" ".join(texts), first.at), first.at, several=True))

    def _clause(self, joined: str, field: str | None) -> Clause:
        sign = self._take("PLUS", "MINUS", "NOT")
        mark = "" if sign is None else "+" if sign.kind == "PLUS" else "-"
        if self._peek() in ("TERM", "STAR") and self._peek(1) == "COLON":
            name = self._next()
            self._next()
            field = "*" if name.kind == "STAR" else unescape(name.text, name.at)
        if self._take("LPAREN"):
            group = self._query(field)
            self._expect("RPAREN")
            if self._take("CARAT"):
                self._expect("NUMBER")
            return Clause(joined, mark, group)
        return Clause(joined, mark, self._term(field))

    def _term(self, field: str | None) -> Item:
        token = self._expect(
            "TERM",
            "STAR",
            "PREFIXTERM",
            "WILDTERM",
            "REGEXPTERM",
            "NUMBER",
            "BAREOPER",
            "QUOTED",
            "RANGEIN_START",
            "RANGEEX_START",
        )
        if token.kind in ("RANGEIN_START", "RANGEEX_START"):
            return self._range(field, token)
        tilde = self._suffixes()
        if token.kind == "QUOTED":
            return Quoted(field, unescape(token.text[1:-1], token.at), token.at, _slop(tilde))
        if token.kind in ("STAR", "WILDTERM"):
            return Pattern("wildcard", field, token.text, token.at)
        if token.kind == "PREFIXTERM":
            return Pattern("prefix", field, token.text[:-1], token.at)
        if token.kind == "REGEXPTERM":
            return Pattern("regexp", field, token.text[1:-1], token.at)
        text = token.text[0] if token.kind == "BAREOPER" else unescape(token.text, token.at)
        if tilde is not None:
            return Fuzzy(field, text, tilde.text[1:], token.at)
        return Words(field, text, token.at)

    def _suffixes(self) -> Token | None:
        """Read ``^2`` and ``~2`` in either order."""
        tilde = self._take("FUZZY_SLOP")
        if self._take("CARAT"):
            self._expect("NUMBER")
            tilde = tilde or self._take("FUZZY_SLOP")
        return tilde

    def _range(self, field: str | None, start: Token) -> Range:
        low = self._expect("RANGE_GOOP", "RANGE_QUOTED", "RANGE_TO")
        self._expect("RANGE_TO")
        high = self._expect("RANGE_GOOP", "RANGE_QUOTED", "RANGE_TO")
        end = self._expect("RANGEIN_END", "RANGEEX_END")
        if self._take("CARAT"):
            self._expect("NUMBER")
        return Range(field, _end(low), _end(high), start.kind == "RANGEIN_START", end.kind == "RANGEIN_END", start.at)


def _end(token: Token) -> str | None:
    """Return one end of a range; None: open, which a star means also where it is quoted or escaped."""
    text = unescape(token.text[1:-1] if token.kind == "RANGE_QUOTED" else token.text, token.at)
    return None if text == "*" else text


def _slop(tilde: Token | None) -> int | None:
    if tilde is None:
        return None
    try:
        return int(float(tilde.text[1:]))
    except (ValueError, OverflowError):
        return None
