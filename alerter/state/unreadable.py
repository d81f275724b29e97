"""Records that cannot be read: named once, and left out of lists, so that one of them stops nothing else."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from typing import TypeVar

from alerter.sources.protocol import UNREADABLE
from alerter.state.codec import loads
from alerter.state.protocol import StateError

log = logging.getLogger(__name__)
S = TypeVar("S")
T = TypeVar("T")
MOST_NAMED = 1_000


def read(shape: type[T], text: str, place: str) -> T:
    """Return the record of a JSON text. Raises StateError naming the place."""
    try:
        return loads(shape, text)
    except UNREADABLE as error:
        reason = f"{place} cannot be read: {type(error).__name__}: {error}"
        raise StateError("incomplete", reason[:300], "was it edited by hand?") from None


class Unreadable:
    """Reads lists; remembers what was said."""

    def __init__(self) -> None:
        self._named: set[str] = set()

    def leave_out(self, found: Iterable[S], read: Callable[[S], T]) -> list[T]:
        """Return what can be read of a list."""
        kept: list[T] = []
        for each in found:
            try:
                kept.append(read(each))
            except StateError as error:
                if error.reason not in self._named and len(self._named) < MOST_NAMED:
                    self._named.add(error.reason)
                    log.error("%s; it is left out", error.reason)
        return kept
