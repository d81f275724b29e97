"""The only place that reads the time, and the only way to wait."""

from __future__ import annotations

import threading
import time
from typing import Protocol

Millis = int
"""Whole milliseconds since the epoch, UTC; also lengths of time."""

SECOND: Millis = 1_000
MINUTE: Millis = 60 * SECOND
HOUR: Millis = 60 * MINUTE
DAY: Millis = 24 * HOUR


class Clock(Protocol):
    """What the engine knows of time."""

    def now(self) -> Millis:
        """Return the wall clock's time; may jump in both directions."""

    def monotonic(self) -> Millis:
        """Return a time that never goes back; only differences mean anything."""

    def wait(self, length: Millis, wake: threading.Event | None = None) -> None:
        """Wait for ``length`` milliseconds, or until ``wake`` is set."""


def thread_seconds() -> float:
    """Return the CPU time this thread has used so far; only differences mean anything."""
    return time.thread_time()


class SystemClock:
    """The machine's clock."""

    def now(self) -> Millis:
        """Return the wall clock's time."""
        return time.time_ns() // 1_000_000

    def monotonic(self) -> Millis:
        """Return the monotonic clock's time."""
        return time.monotonic_ns() // 1_000_000

    def wait(self, length: Millis, wake: threading.Event | None = None) -> None:
        """Wait for ``length`` milliseconds, or until ``wake`` is set."""
        (wake or threading.Event()).wait(max(length, 0) / 1000)


class ManualClock:
    """A clock that stands still until it is told to move; waiting moves it."""

    def __init__(self, now: Millis) -> None:
        self._now = now
        self._monotonic = 0

    def now(self) -> Millis:
        """Return the time last set."""
        return self._now

    def monotonic(self) -> Millis:
        """Return the sum of all forward moves."""
        return self._monotonic

    def wait(self, length: Millis, wake: threading.Event | None = None) -> None:  # noqa: ARG002 - protocol
        """Advance by ``length`` at once."""
        self.advance(length)

    def advance(self, length: Millis) -> None:
        """Move forward by ``length`` milliseconds."""
        self._now += length
        self._monotonic += max(length, 0)

    def set(self, now: Millis) -> None:
        """Jump the wall clock to ``now``, in either direction; the monotonic clock only follows forwards."""
        self._monotonic += max(now - self._now, 0)
        self._now = now
