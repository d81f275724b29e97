"""Claims that other living engines hold: a rule may change hands while its old holder waits for an answer."""

from __future__ import annotations

from collections.abc import Callable, Collection

from alerter.clock import SECOND, Clock, Millis
from alerter.model.incident import Delivery

PATIENCE: Millis = 30 * SECOND
"""For how long a living engine's claim is left alone: three times the time-out of a call, so that it is recorded."""


class Claims:
    """Remembers since when it has seen each claim of another living session, on the monotonic clock."""

    def __init__(self, clock: Clock, session: Callable[[], str], living: Callable[[], Collection[str]]) -> None:
        self._clock = clock
        self._session = session
        self._living = living
        self._seen: dict[tuple[str, str, int], Millis] = {}

    def under_way(self, delivery: Delivery) -> bool:
        """Whether another engine may still be sending this message; our own is left behind, passes being single."""
        if delivery.by == self._session() or delivery.by not in self._living():
            return False
        claim, now = (delivery.id, delivery.by, delivery.attempts), self._clock.monotonic()
        first = self._seen.get(claim, now)
        self._seen = {seen: at for seen, at in self._seen.items() if now - at < 2 * PATIENCE} | {claim: first}
        return now - first < PATIENCE
