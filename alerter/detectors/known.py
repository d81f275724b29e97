"""Known keys, whose absence means something (flatline, falls), and how long a key has been there."""

from __future__ import annotations

from alerter.clock import Millis
from alerter.detectors.protocol import Events
from alerter.incidents import Lifecycle
from alerter.model.changed import changed
from alerter.schedule import next_instant
from alerter.windows import Coarse, Curve, Cut


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
        if not self._seen_after(instant - self._life.rule.known_keys_for, instant):
            return False
        announced = self._life.memory.announced
        return not self._life.memory.forgotten or announced is None or self._seen_after(announced, instant)

    def _seen_after(self, at: Millis, instant: Millis) -> bool:
        """Whether the key's newest event at or before ``instant`` is after ``at``. Raises Coarse."""
        before = self._life.memory.last_seen
        if before is not None and at < before <= instant:
            return True
        newest = self._curve.newest(instant)
        if newest is None or newest[1] <= at:
            return False
        if newest[0] < at:
            raise Coarse([Cut(*newest)])
        return True

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
            self._life.memory = changed(self._life.memory, first_seen=first)
        return first <= instant

    def remember(self, end: Millis) -> None:
        """Note when the key was seen last, before the span's events are let go."""
        forgotten = self._life.memory.forgotten and not self.at(end)
        before, newest = self._life.memory.last_seen, self._curve.newest(end)
        if newest is not None:
            self._tell_apart(*newest)
        last = max((at for at in (before, newest and newest[1]) if at is not None), default=None)
        self._life.memory = changed(self._life.memory, last_seen=last, forgotten=forgotten)

    def _tell_apart(self, start: Millis, end: Millis) -> None:
        """Make sure that a bucket's end may stand for its newest event: no instant that asks lies in between."""
        if end - start == 1:
            return
        length, announced = self._life.rule.known_keys_for, self._life.memory.announced
        asked = next_instant(self._life.rule.schedule, start + length) < end + length
        if asked or (announced is not None and start < announced < end):
            raise Coarse([Cut(start, end)])
