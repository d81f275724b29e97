"""Known keys, whose absence means something (flatline, falls), and how long a key has been there."""

from __future__ import annotations

from dataclasses import replace

from alerter.clock import Millis
from alerter.detectors.protocol import Events
from alerter.incidents import Lifecycle
from alerter.windows import Curve


class Known:
    """Tells whether a key was seen in ``(t - known_keys_for, t]``, from the curve and the checkpoint's memory."""

    def __init__(self, events: Events, life: Lifecycle, curve: Curve) -> None:
        self._events = events
        self._life = life
        self._curve = curve

    def at(self, instant: Millis) -> bool:
        """Whether the key is known; without a ``query_key`` there is nothing to know."""
        if self._life.key is None:
            return True
        last = self.last_seen(instant)
        if last is None or last <= instant - self._life.rule.known_keys_for:
            return False
        return not self._life.memory.forgotten or last > (self._life.memory.announced or last)

    def last_seen(self, instant: Millis) -> Millis | None:
        """Return the key's newest event at or before an instant."""
        newest, before = self._curve.last(instant), self._life.memory.last_seen
        if before is None or before > instant:
            return newest
        return before if newest is None else max(newest, before)

    def is_old(self, instant: Millis) -> bool:
        """Whether the key's own first event is at or before ``instant``; instants must not go back.

        The data is asked at most once per key: what is remembered is the first event, or an event old enough for
        this instant and so for all later ones.
        """
        first = self._life.memory.first_seen
        if first is None:
            first = self._curve.first()
            if first is None or first > instant:
                asked = self._events.first_event(self._life.key)
                first = min((at for at in (first, asked) if at is not None), default=None)
            if first is None:
                return False
            self._life.memory = replace(self._life.memory, first_seen=first)
        return first <= instant

    def remember(self, end: Millis) -> None:
        """Note when the key was seen last, before the span's events are let go."""
        last = self.last_seen(end)
        forgotten = self._life.memory.forgotten and not self.at(end)
        self._life.memory = replace(self._life.memory, last_seen=last, forgotten=forgotten)
