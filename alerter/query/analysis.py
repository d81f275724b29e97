"""Elasticsearch's analyzers: a text becomes tokens at positions.

The standard analyzer follows the word boundaries of Unicode (UAX #29) as Lucene's StandardTokenizer does; runs of
Katakana, Hangul, South-East Asian scripts and emoji are tokenised approximately.
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

_SINGLE = (
    "\u2e80-\u2fff\u3005\u3007\u3021-\u3029\u3038-\u303b\u3041-\u3096\u309d-\u309f\u3400-\u4dbf\u4e00-\u9fff"
    "\uf900-\ufaff\U00020000-\U0003ffff"
)
_MARK = "\u0300-\u036f\u0483-\u0489\u0591-\u05bd\u0610-\u061a\u064b-\u065f\u0900-\u0903\u093a-\u094f\u200d\ufe0f"
_EMOJI = "\u2600-\u27bf\U0001f300-\U0001faff\U0001f1e6-\U0001f1ff"
_LETTER = rf"(?:(?![{_SINGLE}])[^\W\d_])"
_MID_LETTER = ":\u00b7\u0387\u055f\u05f4\u2027\ufe13\ufe55\uff1a"
_MID_BOTH = ".'\u2018\u2019\u2024\ufe52\uff07\uff0e"
_MID_NUMBER = ",;\u037e\u0589\u060c\u060d\u066c\u07f8\u2044\ufe10\ufe14\ufe50\ufe54\uff0c\uff1b"

_WORD = re.compile(
    rf"[{_SINGLE}][{_MARK}]*"
    rf"|(?:{_LETTER}|\d|_)"
    rf"(?:{_LETTER}|\d|_|[{_MARK}]"
    rf"|(?<=[^\W\d_{_SINGLE}])[{_MID_LETTER}{_MID_BOTH}](?={_LETTER})"
    rf"|(?<=\d)[{_MID_NUMBER}{_MID_BOTH}](?=\d))*"
    rf"|[{_EMOJI}][{_MARK}\U0001f3fb-\U0001f3ff]*"
)
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
    words = _ASCII_WORD.findall(text.lower()) if text.isascii() else [lower(word) for word in _WORD.findall(text)]
    found = []
    for word in words:
        if "_" in word and not word.strip("_"):
            continue
        if len(word) > MAX_TOKEN:
            found += [word[i : i + MAX_TOKEN] for i in range(0, len(word), MAX_TOKEN)]
        else:
            found.append(word)
    return found


def keyword(text: str) -> list[str]:
    """Return the text as one token."""
    return [text]


def whitespace(text: str) -> list[str]:
    """Return what stands between blanks."""
    return text.split()


def simple(text: str) -> list[str]:
    """Return the lower-case runs of letters."""
    return [lower(word) for word in re.findall(r"[^\W\d_]+", text)]


ANALYZERS = {"standard": standard, "keyword": keyword, "whitespace": whitespace, "simple": simple}


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
