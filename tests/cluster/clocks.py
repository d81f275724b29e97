"""A manual clock that a pacemaker's thread may wait on too."""

from __future__ import annotations

import threading

from alerter.clock import ManualClock, Millis

PACEMAKER = "pacemaker"
LOOKS = 2_000
"""How often a beat is looked for, 5 ms of real time apart, before a test is given up."""


class SharedClock(ManualClock):
    """Moved by the test's thread alone; a move stops at each instant a pacemaker waits for, until it has beaten."""

    def __init__(self, now: Millis) -> None:
        super().__init__(now)
        self._changed = threading.Condition()
        self._due: dict[threading.Thread, Millis] = {}

    def wait(self, length: Millis, wake: threading.Event | None = None) -> None:
        """Advance, or in a pacemaker's thread wait until somebody has advanced so far or ``wake`` is set."""
        me = threading.current_thread()
        if me.name != PACEMAKER:
            self.advance(length)
            return
        with self._changed:
            due = self._due[me] = self._monotonic + length
            while self._monotonic < due and not (wake is not None and wake.is_set()):
                self._changed.wait(0.005)

    def advance(self, length: Millis) -> None:
        """Move forward by ``length`` milliseconds, beat by beat."""
        end = self._monotonic + length
        with self._changed:
            self._let_beat()
            while self._monotonic < end:
                super().advance(min([end, *map(self._due.__getitem__, _pacemakers())]) - self._monotonic)
                self._let_beat()

    def _let_beat(self) -> None:
        """Return once every pacemaker waits for an instant that is still to come."""
        for _ in range(LOOKS):
            if all(self._due.get(thread, 0) > self._monotonic for thread in _pacemakers()):
                return
            self._changed.notify_all()
            self._changed.wait(0.005)
        raise AssertionError("a beat does not end")


def _pacemakers() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == PACEMAKER]
