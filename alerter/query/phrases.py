"""Phrases over tokens with positions: exact, with slop, and with a last word cut short."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from alerter.query.analysis import Tokens
from alerter.query.errors import UnsupportedQuery

Want = Callable[[str], bool] | str
"""A word, or a test for the last word of a prefix phrase."""

_COMBINATIONS = 50_000


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
    texts = {want for want in phrase if isinstance(want, str)}
    overlapping = any(want(text) for want in phrase if not isinstance(want, str) for text in texts)
    repeated = overlapping or len(texts) < sum(isinstance(w, str) for w in phrase)
    return _distinct(places, slop) if repeated else _narrowest(places) <= slop


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


def _distinct(places: list[list[int]], slop: int) -> bool:
    """As ``_narrowest``, where a word that occurs twice must be found at two places."""
    budget = _COMBINATIONS

    def search(index: int, low: int, high: int, used: frozenset[int]) -> bool:
        nonlocal budget
        budget -= 1
        if budget < 0:
            raise UnsupportedQuery("a sloppy phrase with many repeated words")
        if index == len(places):
            return True
        for adjusted in places[index]:
            place = adjusted + index
            new_low, new_high = min(low, adjusted), max(high, adjusted)
            if (
                place not in used
                and new_high - new_low <= slop
                and search(index + 1, new_low, new_high, used | {place})
            ):
                return True
        return False

    return any(search(1, first, first, frozenset({first})) for first in places[0])
