"""Kibana's query language, translated into Elasticsearch's DSL; the translation needs no data and no server."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from alerter.query.errors import RejectedQuery, UnsupportedQuery

Clause = dict[str, Any]

_SPECIAL = '\\():<>"*{}'
_KEYWORD = re.compile(r"\s+(?:or|and)\s+|\s*\bnot\s+", re.IGNORECASE)
_JOINT = {word: re.compile(rf"\s*\b{word}(?=[\s(]|$)", re.IGNORECASE) for word in ("or", "and", "not")}
_OPERATORS = {"<=": "lte", ">=": "gte", "<": "lt", ">": "gt"}
_LUCENE = re.compile(r'([+\-=&|><!(){}\[\]^"~?:\\/\s])')


@dataclass(frozen=True)
class _Value:
    """A literal: its pieces between stars, and whether it was quoted."""

    pieces: Sequence[str]
    quoted: bool
    at: int

    @property
    def text(self) -> str:
        return "*".join(self.pieces)

    @property
    def wild(self) -> bool:
        return len(self.pieces) > 1

    @property
    def anything(self) -> bool:
        return self.wild and not any(self.pieces)


def kql_to_dsl(text: str) -> Clause:
    """Translate a KQL expression; raises RejectedQuery with the position of what is no KQL."""
    parser = _Parser(text)
    if not text.strip():
        return {"match_all": {}}
    try:
        return parser.parse()
    except RecursionError:
        raise parser.failure("nested too deeply", 0) from None


class _Parser:
    def __init__(self, text: str, prefix: str = "") -> None:
        self.text, self.at, self.prefix = text, 0, prefix

    def failure(self, reason: str, at: int) -> RejectedQuery:
        return RejectedQuery("parsing_exception", f"[kql] {reason} at column {at + 1} of [{self.text}]", offset=at)

    def parse(self) -> Clause:
        clause = self._either()
        self._blanks()
        if self.at < len(self.text):
            raise self.failure(f"unexpected {self.text[self.at]!r}", self.at)
        return clause

    def _blanks(self) -> None:
        while self.at < len(self.text) and self.text[self.at].isspace():
            self.at += 1

    def _sign(self, sign: str) -> bool:
        start = self.at
        self._blanks()
        if self.text.startswith(sign, self.at):
            self.at += len(sign)
            return True
        self.at = start
        return False

    def _joint(self, word: str) -> bool:
        found = _JOINT[word].match(self.text, self.at)
        if found:
            self.at = found.end()
        return found is not None

    def _either(self) -> Clause:
        clauses = [self._both()]
        while self._joint("or"):
            clauses.append(self._both())
        return _any(clauses)

    def _both(self) -> Clause:
        clauses = [self._not()]
        while self._joint("and"):
            clauses.append(self._not())
        return clauses[0] if len(clauses) == 1 else {"bool": {"filter": clauses}}

    def _not(self) -> Clause:
        if self._joint("not"):
            return {"bool": {"must_not": [self._not()]}}
        if self._sign("("):
            clause = self._either()
            self._close(")")
            return clause
        return self._expression()

    def _close(self, sign: str) -> None:
        if not self._sign(sign):
            raise self.failure(f"{sign!r} is missing", self.at)

    def _expression(self) -> Clause:
        field = self._value()
        for sign, name in _OPERATORS.items():
            if self._sign(sign):
                bound = self._value()
                if (bound.wild and not bound.quoted) or field.wild:
                    raise UnsupportedQuery("a wildcard in a KQL range", offset=field.at)
                return {"range": {self._name(field): {name: bound.text}}}
        if not self._sign(":"):
            return _anywhere(field)
        if self._sign("{"):
            return self._nested(field)
        if self._sign("("):
            clause = self._values(field, "or")
            self._close(")")
            return clause
        return self._about(field, self._value())

    def _name(self, field: _Value) -> str:
        return self.prefix + field.text

    def _nested(self, field: _Value) -> Clause:
        outer, path = self.prefix, self._name(field)
        self.prefix = path + "."
        clause = self._either()
        self.prefix = outer
        self._close("}")
        return {"nested": {"path": path, "query": clause, "score_mode": "none"}}

    def _values(self, field: _Value, word: str) -> Clause:
        """Read ``(a or b and not c)``, the values of one field."""

        def inner() -> Clause:
            return self._values(field, "and") if word == "or" else self._one_value(field)

        clauses = [inner()]
        while self._joint(word):
            clauses.append(inner())
        if word == "or" or len(clauses) == 1:
            return _any(clauses)
        return {"bool": {"filter": clauses}}

    def _one_value(self, field: _Value) -> Clause:
        if self._joint("not"):
            return {"bool": {"must_not": [self._one_value(field)]}}
        if self._sign("("):
            clause = self._values(field, "or")
            self._close(")")
            return clause
        return self._about(field, self._value())

    def _about(self, field: _Value, value: _Value) -> Clause:
        name = self._name(field)
        if value.anything and not value.quoted:
            return {"match_all": {}} if name == "*" else {"exists": {"field": name}}
        if name == "*":
            return _anywhere(value)
        if value.wild and not value.quoted:
            return {"query_string": {"fields": [name], "query": _escaped(value)}}
        if field.wild and not field.quoted:
            kind = "phrase" if value.quoted else "best_fields"
            return {"multi_match": {"type": kind, "fields": [name], "query": value.text, "lenient": True}}
        return {("match_phrase" if value.quoted else "match"): {name: value.text}}

    def _value(self) -> _Value:
        self._blanks()
        start = self.at
        if self.text.startswith('"', self.at):
            return self._quoted(start)
        pieces = [""]
        while self.at < len(self.text):
            letter = self.text[self.at]
            if letter == "\\":
                pieces[-1] += self._escape()
            elif letter == "*":
                pieces.append("")
                self.at += 1
            elif letter in _SPECIAL or _KEYWORD.match(self.text, self.at):
                break
            else:
                pieces[-1] += letter
                self.at += 1
        pieces[-1] = pieces[-1].rstrip() if self.at > 0 and self.text[self.at - 2 : self.at] != "\\ " else pieces[-1]
        if pieces == [""]:
            what = repr(self.text[self.at]) if self.at < len(self.text) else "the end"
            raise self.failure(f"a value is missing before {what}", self.at)
        return _Value(pieces, False, start)

    def _quoted(self, start: int) -> _Value:
        self.at += 1
        found = ""
        while self.at < len(self.text) and self.text[self.at] != '"':
            if self.text[self.at] == "\\":
                found += self._escape()
            else:
                found += self.text[self.at]
                self.at += 1
        if self.at >= len(self.text):
            raise self.failure("a quote is not closed", start)
        self.at += 1
        return _Value([found], True, start)

    def _escape(self) -> str:
        rest = self.text[self.at + 1 : self.at + 6]
        code = re.fullmatch(r"u([0-9a-fA-F]{4})", rest)
        if code:
            self.at += 6
            return chr(int(code[1], 16))
        word = re.match(r"(?:and|or|not)\b", self.text[self.at + 1 :], re.IGNORECASE)
        if word:
            self.at += 1 + word.end()
            return word[0]
        if not rest:
            raise self.failure("nothing follows the backslash", self.at)
        self.at += 2
        return {"t": "\t", "r": "\r", "n": "\n"}.get(rest[0], rest[0])


def _any(clauses: list[Clause]) -> Clause:
    if len(clauses) == 1:
        return clauses[0]
    return {"bool": {"should": clauses, "minimum_should_match": 1}}


def _anywhere(value: _Value) -> Clause:
    if value.anything and not value.quoted:
        return {"match_all": {}}
    if value.wild and not value.quoted:
        return {"query_string": {"query": _escaped(value)}}
    kind = "phrase" if value.quoted else "best_fields"
    return {"multi_match": {"type": kind, "query": value.text, "lenient": True}}


def _escaped(value: _Value) -> str:
    return "*".join(_LUCENE.sub(r"\\\1", piece).replace("*", "\\*") for piece in value.pieces)
