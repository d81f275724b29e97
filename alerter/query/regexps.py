"""Lucene's regular expressions: anchored, with intervals ``<1-99>``, complement ``~`` and intersection ``&``.

An expression without nested repetition becomes one of Python's. All others are matched by sets of end positions,
which takes polynomial time whatever the text, so that hostile logs cannot stall an evaluation.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from alerter.query.errors import UnsupportedQuery, argument
from alerter.query.patterns import Test

FLAGS = {"INTERSECTION", "COMPLEMENT", "EMPTY", "ANYSTRING", "INTERVAL", "AUTOMATON", "NONE", "ALL"}
_CLASSES = {"d": r"\d", "D": r"\D", "w": r"\w", "W": r"\W", "s": r"\s", "S": r"\S"}
_HUGE = 1_000_000

Ends = Callable[[str, int], set[int]]


@dataclass(frozen=True)
class _Piece:
    """A parsed part: how to find its ends, and Python's spelling of it where there is a safe one."""

    ends: Ends
    python: str | None
    single: bool = False
    """Matches exactly one character; only such parts may be repeated in Python's spelling."""


def compile_regexp(pattern: str, flags: str | None = None, ignore_case: bool = False) -> Test:
    """Compile an expression; raises RejectedQuery where Lucene would."""
    wanted = set((flags or "ALL").upper().split("|"))
    for flag in wanted - FLAGS:
        raise argument(f"Unknown regexp flag [{flag}]")
    options = FLAGS if "ALL" in wanted else wanted
    piece = _Parser(pattern, options, ignore_case).parse()
    if piece.python is not None:
        compiled = re.compile(piece.python, re.DOTALL | re.ASCII | (re.IGNORECASE if ignore_case else 0))
        return lambda text: compiled.fullmatch(text) is not None
    return lambda text: len(text) in piece.ends(text, 0)


def _one(expression: str, ignore_case: bool) -> _Piece:
    compiled = re.compile(expression, re.DOTALL | re.ASCII | (re.IGNORECASE if ignore_case else 0))

    def ends(text: str, start: int) -> set[int]:
        return {start + 1} if start < len(text) and compiled.match(text[start]) else set()

    return _Piece(ends, expression, single=True)


def _join(parts: list[_Piece]) -> _Piece:
    if len(parts) == 1:
        return parts[0]

    def ends(text: str, start: int) -> set[int]:
        here = {start}
        for part in parts:
            here = {end for at in here for end in part.ends(text, at)}
            if not here:
                break
        return here

    spelt = [part.python for part in parts]
    return _Piece(ends, None if None in spelt else "".join(s for s in spelt if s is not None))


def _either(a: _Piece, b: _Piece) -> _Piece:
    python = None if a.python is None or b.python is None else f"(?:{a.python}|{b.python})"
    return _Piece(lambda text, start: a.ends(text, start) | b.ends(text, start), python)


def _both(a: _Piece, b: _Piece) -> _Piece:
    return _Piece(lambda text, start: a.ends(text, start) & b.ends(text, start), None)


def _without(a: _Piece) -> _Piece:
    return _Piece(lambda text, start: set(range(start, len(text) + 1)) - a.ends(text, start), None)


def _repeat(part: _Piece, low: int, high: int) -> _Piece:
    def ends(text: str, start: int) -> set[int]:
        here, done, count = {start}, set[int](), 0
        while here and count < high:
            if count >= low:
                new = here - done
                if not new:
                    break
                done |= new
                here = new
            following = {end for at in here for end in part.ends(text, at)}
            if count < low and following == here:
                return done | following
            here, count = following, count + 1
        return done | here if count >= low else done

    bounds = f"{{{low},{'' if high == _HUGE else high}}}"
    return _Piece(ends, f"{part.python}{bounds}" if part.single and part.python else None)


def _interval(low: int, high: int, digits: int) -> _Piece:
    def ends(text: str, start: int) -> set[int]:
        found, at = set[int](), start
        while at < len(text) and "0" <= text[at] <= "9" and at - start < 30:
            at += 1
            if low <= int(text[start:at]) <= high and (digits == 0 or at - start == digits):
                found.add(at)
        return found

    return _Piece(ends, None)


class _Parser:
    def __init__(self, text: str, options: set[str], ignore_case: bool) -> None:
        self.text, self.at, self.options, self.ignore_case = text, 0, options, ignore_case

    def parse(self) -> _Piece:
        if not self.text:
            return _Piece(lambda _, start: {start}, "")
        piece = self._union()
        if self.at < len(self.text):
            raise argument(f"end-of-string expected at position {self.at}")
        return piece

    def _peek(self, letters: str) -> bool:
        return self.at < len(self.text) and self.text[self.at] in letters

    def _take(self, letter: str) -> bool:
        if self._peek(letter):
            self.at += 1
            return True
        return False

    def _next(self) -> str:
        if self.at >= len(self.text):
            raise argument("unexpected end-of-string")
        self.at += 1
        return self.text[self.at - 1]

    def _union(self) -> _Piece:
        piece = self._intersection()
        while self._take("|"):
            piece = _either(piece, self._intersection())
        return piece

    def _intersection(self) -> _Piece:
        piece = self._concatenation()
        while "INTERSECTION" in self.options and self._take("&"):
            piece = _both(piece, self._concatenation())
        return piece

    def _concatenation(self) -> _Piece:
        parts = [self._repetition()]
        while (
            self.at < len(self.text)
            and not self._peek(")|")
            and not ("INTERSECTION" in self.options and self._peek("&"))
        ):
            parts.append(self._repetition())
        return _join(parts)

    def _repetition(self) -> _Piece:
        piece = self._complement()
        while self._peek("?*+{"):
            sign = self._next()
            if sign == "{":
                low = self._number()
                high = low
                if self._take(","):
                    high = self._number() if self._peek("0123456789") else _HUGE
                if not self._take("}"):
                    raise argument(f"expected '}}' at position {self.at}")
                if low > high:
                    raise argument(f"invalid repetition range(out of order): {low}..{high}")
            else:
                low, high = {"?": (0, 1), "*": (0, _HUGE), "+": (1, _HUGE)}[sign]
            piece = _repeat(piece, low, high)
        return piece

    def _number(self) -> int:
        start = self.at
        while self._peek("0123456789"):
            self.at += 1
        if start == self.at:
            raise argument(f"integer expected at position {self.at}")
        return min(int(self.text[start : self.at]), _HUGE)

    def _complement(self) -> _Piece:
        if "COMPLEMENT" in self.options and self._take("~"):
            return _without(self._complement())
        if self._take("["):
            return self._class()
        return self._simple()

    def _class(self) -> _Piece:
        negated = self._take("^")
        parts = []
        while True:
            if self.at >= len(self.text):
                raise argument(f"expected ']' at position {self.at}")
            parts.append(self._class_part())
            if self._take("]"):
                break
        if self.ignore_case and any(letter.isalpha() for part in parts for letter in re.sub(r"\\.", "", part)):
            raise UnsupportedQuery("a set of letters in a regexp with [case_insensitive]")
        return _one(f"[{'^' if negated else ''}{''.join(parts)}]", self.ignore_case)

    def _class_part(self) -> str:
        if self._peek("\\") and self.text[self.at + 1 : self.at + 2].isalpha():
            self.at += 2
            return self._letter_class(self.text[self.at - 1])
        low = self._character()
        if self._peek("-") and self.text[self.at + 1 : self.at + 2] not in ("]", ""):
            self.at += 1
            high = self._character()
            if low > high:
                raise argument(f"invalid range: from ({ord(low)}) cannot be > to ({ord(high)})")
            return f"{re.escape(low)}-{re.escape(high)}"
        return re.escape(low)

    @staticmethod
    def _letter_class(letter: str) -> str:
        if letter.isascii() and letter.isalpha() and letter not in _CLASSES:
            raise argument(f"invalid character class \\{ord(letter)}")
        return _CLASSES.get(letter, re.escape(letter))

    def _character(self) -> str:
        self._take("\\")
        return self._next()

    def _simple(self) -> _Piece:
        sign = self._next()
        if sign == ".":
            return _one(".", self.ignore_case)
        if sign == "#" and "EMPTY" in self.options:
            return _Piece(lambda _, __: set(), None)
        if sign == "@" and "ANYSTRING" in self.options:
            return _repeat(_one(".", False), 0, _HUGE)
        if sign == '"':
            end = self.text.find('"', self.at)
            if end < 0:
                raise argument(f"expected '\"' at position {len(self.text)}")
            letters, self.at = self.text[self.at : end], end + 1
            return _join([_one(re.escape(c), self.ignore_case) for c in letters] or [_repeat(_one(".", False), 0, 0)])
        if sign == "(":
            if self._take(")"):
                return _Piece(lambda _, start: {start}, "")
            piece = self._union()
            if not self._take(")"):
                raise argument(f"expected ')' at position {self.at}")
            return _Piece(piece.ends, None if piece.python is None else f"(?:{piece.python})", piece.single)
        if sign == "<" and self.options & {"INTERVAL", "AUTOMATON"}:
            return self._angle()
        if sign == "\\":
            letter = self._next()
            return _one(self._letter_class(letter), self.ignore_case)
        return _one(re.escape(sign), self.ignore_case)

    def _angle(self) -> _Piece:
        end = self.text.find(">", self.at)
        if end < 0:
            raise argument(f"expected '>' at position {len(self.text)}")
        body, self.at = self.text[self.at : end], end + 1
        bounds = re.fullmatch(r"(\d+)-(\d+)", body, re.ASCII)
        if not bounds or "INTERVAL" not in self.options:
            raise argument(f"interval syntax error at position {self.at - 1}")
        a, b = bounds[1], bounds[2]
        digits = len(a) if len(a) == len(b) else 0
        return _interval(min(int(a), int(b)), max(int(a), int(b)), digits)
