"""The silences that are not over, as delivery and the alerter's own incidents ask for them all the time."""

from __future__ import annotations

from collections.abc import Sequence

from alerter.clock import SECOND, Clock, Millis
from alerter.model.silence import Silence
from alerter.state.protocol import State


class Silences:
    """Reads them from the state at most once a second. Raises StateError."""

    def __init__(self, state: State, clock: Clock) -> None:
        self._state = state
        self._clock = clock
        self._known: Sequence[Silence] = ()
        self._at: Millis = -SECOND

    def __call__(self) -> Sequence[Silence]:
        """Return those that are not over."""
        now = self._clock.monotonic()
        if not self._at <= now < self._at + SECOND:
            self._known = [stored.value for stored in self._state.silences(self._clock.now())]
            self._at = now
        return self._known
