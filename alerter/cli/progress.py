"""A progress bar on stderr, on a terminal only."""

from __future__ import annotations

import sys
from types import TracebackType

from alerter.clock import SECOND, Clock, Millis, SystemClock
from alerter.notifiers.text import safe_line

BAR = 24
AFTER: Millis = SECOND
"""What is done sooner than this needs no bar."""


class Progress:
    """Shows how many of some things are done, and which one is under way; nothing where stderr is no terminal."""

    def __init__(self, total: int, things: str, clock: Clock | None = None) -> None:
        self._total = total
        self._things = things
        self._clock = clock or SystemClock()
        self._began = self._clock.monotonic()
        self._shown = 0
        self._done = 0
        self._what = ""
        self._part = 0.0

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.clear()

    def at(self, done: int, what: str = "") -> None:
        """Show that so many are done, and what comes now."""
        self._done, self._what, self._part = done, what, 0.0
        self.more()

    def reached(self, part: float) -> None:
        """Show that at least this part of the one under way is done; ``part`` is from 0 to 1."""
        self._part = min(max(part, self._part), 1.0)
        self.more()

    def more(self, text: str = "") -> None:
        """Show what was done for the one under way."""
        waited = self._clock.monotonic() - self._began
        if not sys.stderr.isatty() or waited < AFTER:
            return
        full = int(BAR * (self._done + self._part) / max(self._total, 1))
        head = f"[{'#' * full}{'.' * (BAR - full)}] {self._done}/{self._total} {self._things}, {waited // SECOND} s"
        self.clear()
        self._write(safe_line(f"{head}  {self._what}  {text}")[:100].rstrip())

    def clear(self) -> None:
        """Take the bar away, so that other lines can be printed."""
        if self._shown:
            self._write(f"\r{' ' * self._shown}\r")
            self._shown = 0

    def _write(self, text: str) -> None:
        sys.stderr.write(text)
        sys.stderr.flush()
        self._shown = len(text)
