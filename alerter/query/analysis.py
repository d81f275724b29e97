"""Elasticsearch's analyzers: a text becomes tokens at positions.

The standard analyzer follows the word boundaries of Unicode (UAX #29) as Lucene's StandardTokenizer does.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass

MAX_TOKEN = 255
"""Longer tokens are cut into pieces of this length."""

GAP = 100
"""Positions between two values of an array, so that phrases do not cross them."""

_ASCII_WORD = re.compile(r"[A-Za-z0-9_]+(?:(?:(?<=[A-Za-z])[:.'](?=[A-Za-z])|(?<=[0-9])[,;.'](?=[0-9]))[A-Za-z0-9_]+)*")


@dataclass(frozen=True)
class Tokens:
    """The tokens of all values of a field in one document, with their positions."""

    words: tuple[str, ...]
    positions: Sequence[int]


def lower(text: str) -> str:
    """Lower each character on its own, as Lucene does; Python's ``lower`` looks at neighbours and may lengthen."""
    if text.isascii():
        return text.lower()
    return "".join("i" if c == "\u0130" else c.lower() for c in text)


def standard(text: str) -> list[str]:
    """Return the lower-case words of a text in order."""
    if text.isascii():
        words = _ASCII_WORD.findall(text.lower())
        if all(len(word) <= MAX_TOKEN for word in words):
            return [word for word in words if word[0] != "_" or word.strip("_")]
    from alerter.query.wordbreak import words_of

    return [lower(word) for word in words_of(text, MAX_TOKEN)]


def tokenize(values: Sequence[str]) -> Tokens:
    """Analyse the values of a text field; each further value starts 100 positions on."""
    if len(values) == 1:
        words = tuple(map(sys.intern, standard(values[0])))
        return Tokens(words, range(len(words)))
    found: list[str] = []
    positions: list[int] = []
    start = 0
    for value in values:
        words = tuple(map(sys.intern, standard(value)))
        found += words
        positions += range(start, start + len(words))
        start += len(words) + GAP
    return Tokens(tuple(found), positions)
