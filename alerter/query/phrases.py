"""Phrases over tokens with positions: exact, with slop, and with a last word cut short."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from alerter.query.analysis import Tokens
from alerter.query.errors import UnsupportedQuery

Want = Callable[[str], bool] | str
"""A word, or a test for the last word of a prefix phrase."""


def refuse_repeated(phrase: Sequence[Want]) -> None:
    """Refuse a sloppy phrase in which one place of a text could stand for two of its words."""
    texts = [want for want in phrase if isinstance(want, str)]
    tests = [want for want in phrase if not isinstance(want, str)]
    if len(set(texts)) < len(texts) or any(test(text) for test in tests for text in texts):
        raise UnsupportedQuery("a sloppy phrase with repeated words")


def contains(tokens: Tokens, phrase: Sequence[Want], slop: int) -> bool:
    """Tell whether the words stand in order, moved by at most ``slop`` positions in all."""
    places: list[list[int]] = []
    for offset, want in enumerate(phrase):
        words = zip(tokens.positions, tokens.words, strict=True)
        if isinstance(want, str):
            if want not in tokens.words:
                return False
            found = [position - offset for position, word in words if word == want]
        else:
            found = [position - offset for position, word in words if want(word)]
        if not found:
            return False
        places.append(found)
    if slop == 0:
        return bool(set(places[0]).intersection(*places[1:]))
    return _narrowest(places) <= slop


def _narrowest(places: list[list[int]]) -> int:
    """Return the least spread of one adjusted position from each list."""
    merged = sorted((position, which) for which, positions in enumerate(places) for position in positions)
    last: dict[int, int] = {}
    best = 1 << 60
    for position, which in merged:
        last[which] = position
        if len(last) == len(places):
            best = min(best, position - min(last.values()))
    return best
