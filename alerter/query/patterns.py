"""Wildcards and fuzzy terms; none of them can be made to run for ever by a hostile text."""

from __future__ import annotations

import re
from collections.abc import Callable

from alerter.query.errors import UnsupportedQuery, argument

Test = Callable[[str], bool]


_FOLDED = {letter: letter + 32 for letter in range(65, 91)}


def fold(text: str) -> str:
    """Lower the letters a to z only, which is what ``case_insensitive`` means."""
    return text.translate(_FOLDED)


def unescaped(pattern: str) -> list[str]:
    """Split a wildcard pattern into ``*``, ``?`` and literal characters; a literal star comes as ``\\*``."""
    parts, i = [], 0
    while i < len(pattern):
        if pattern[i] == "\\" and i + 1 < len(pattern):
            parts.append(pattern[i : i + 2])
            i += 2
        else:
            parts.append(pattern[i] if pattern[i] in "*?" else "\\" + pattern[i])
            i += 1
    return parts


def wildcard(pattern: str, ignore_case: bool = False) -> Test:
    """Compile ``*`` (any run) and ``?`` (one character); the whole text must fit.

    Each run is matched once and never given back (an atomic group), so the cost is linear in the text.
    """
    pieces: list[list[str]] = [[]]
    for part in unescaped(pattern):
        if part == "*":
            pieces.append([])
        else:
            pieces[-1].append("." if part == "?" else re.escape(part[1]))
    text = ["".join(piece) for piece in pieces]
    if len(text) == 1:
        expression = text[0]
    else:
        expression = text[0] + "".join(f"(?>.*?{piece})" for piece in text[1:-1] if piece) + ".*" + text[-1]
    compiled = re.compile(expression, re.DOTALL | (re.IGNORECASE | re.ASCII if ignore_case else 0))
    return lambda value: compiled.fullmatch(value) is not None


def prefix(start: str, ignore_case: bool = False) -> Test:
    """Test whether a text begins so."""
    if ignore_case:
        folded = fold(start)
        return lambda value: fold(value).startswith(folded)
    return lambda value: value.startswith(start)


def simple_match(pattern: str) -> Test:
    """Compile a pattern over field names, in which only ``*`` means something."""
    compiled = re.compile(".*".join(re.escape(part) for part in pattern.split("*")), re.DOTALL)
    return lambda name: compiled.fullmatch(name) is not None


def fuzzy(term: str, edits: int, fixed: int = 0, transpositions: bool = True) -> Test:
    """Test whether a text is within ``edits`` edits of a term and shares its first ``fixed`` characters."""
    fixed = min(fixed, len(term))

    def test(value: str) -> bool:
        if value == term:
            return True
        if abs(len(value) - len(term)) > edits or value[:fixed] != term[:fixed]:
            return False
        return _distance(term, value, edits, transpositions) <= edits

    return test


def _distance(a: str, b: str, limit: int, transpositions: bool) -> int:
    """Count edits (insert, delete, replace, swap neighbours); anything above ``limit`` is ``limit + 1``."""
    before: list[int] = []
    last = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        row = [i]
        for j, y in enumerate(b, 1):
            best = min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (x != y))
            if transpositions and i > 1 and j > 1 and x == b[j - 2] and a[i - 2] == y:
                best = min(best, before[j - 2] + 1)
            row.append(best)
        if min(row) > limit and min(last) > limit:
            return limit + 1
        before, last = last, row
    return last[-1]


def fuzziness(value: object, term: str) -> int:
    """Resolve ``AUTO``, ``AUTO:3,6``, 0, 1 or 2 for a term; raises RejectedQuery for anything else."""
    text = str(value).upper()
    if text == "AUTO" or text.startswith("AUTO:"):
        try:
            low, high = (int(part) for part in text[5:].split(",")) if ":" in text else (3, 6)
        except ValueError:
            raise UnsupportedQuery(f"fuzziness [{value}]") from None
        return 0 if len(term) < low else 1 if len(term) < high else 2
    try:
        number = float(text)
    except ValueError:
        raise UnsupportedQuery(f"fuzziness [{value}]") from None
    if number not in (0, 1, 2):
        raise argument(f"Valid edit distances are [0, 1, 2] but was [{value}]")
    return int(number)
