"""The count curve: questions about the number of events in windows, for one key of a rule."""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from typing import Protocol

from alerter.clock import Millis


class Curve(Protocol):
    """C(t), the number of events with time at or before t, as differences; all spans are ``(start, end]``."""

    def count(self, start: Millis, end: Millis) -> int:
        """Return the number of events in the span."""

    def times(self, start: Millis, end: Millis) -> Sequence[Millis]:
        """Return the events' times in the span, oldest first, ties repeated."""

    def first(self) -> Millis | None:
        """Return the time of the oldest event known."""

    def last(self, at: Millis) -> Millis | None:
        """Return the time of the newest event at or before ``at``."""


class EventCurve:
    """A curve over all event times, eight bytes each."""

    __slots__ = ("_times",)

    def __init__(self, times: array[int] | None = None) -> None:
        """Take ascending times."""
        self._times = times if times is not None else array("q")

    def append(self, at: Millis) -> None:
        """Add an event not older than the newest one."""
        self._times.append(at)

    def count(self, start: Millis, end: Millis) -> int:
        """Return the number of events in ``(start, end]``."""
        return bisect_right(self._times, end) - bisect_right(self._times, start)

    def times(self, start: Millis, end: Millis) -> Sequence[Millis]:
        """Return the times in ``(start, end]``."""
        return self._times[bisect_right(self._times, start) : bisect_right(self._times, end)]

    def first(self) -> Millis | None:
        """Return the oldest time."""
        return self._times[0] if self._times else None

    def last(self, at: Millis) -> Millis | None:
        """Return the newest time at or before ``at``."""
        position = bisect_right(self._times, at)
        return self._times[position - 1] if position else None


EMPTY = EventCurve()
"""The curve of a key without events."""


def distinct(times: Sequence[Millis]) -> Iterator[tuple[Millis, int]]:
    """Yield each time once, with the number of events at it."""
    at = 0
    while at < len(times):
        after = bisect_right(times, times[at], at)
        yield times[at], after - at
        at = after


def rank_after(times: Sequence[Millis], consumed_at: Millis | None, ties: int) -> int:
    """Return how many of the ascending times are consumed: all before ``consumed_at`` and ``ties`` of that instant."""
    if consumed_at is None:
        return 0
    before = bisect_left(times, consumed_at)
    same = bisect_right(times, consumed_at) - before
    return before + min(ties, same)
