"""The real ``alerter run`` as a process of its own, with its log, that can be killed, paused and stopped."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from tests.acceptance.shop import binary

GENEROUS = 120.0
"""Seconds in which whatever is waited for has long happened."""
LOOKS = 0.2
ROOT = Path(__file__).parents[2]
TRACE = "Traceback (most recent call last)"


class TooLong(AssertionError):
    """What was waited for did not happen."""


def until(condition: Callable[[], object], what: str, seconds: float = GENEROUS) -> None:
    """Wait until something is true. Raises TooLong."""
    pause, end = threading.Event(), time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise TooLong(f"not within {seconds:.0f} s: {what}")
        pause.wait(LOOKS)


class Process:
    """One engine: ``start`` begins a process, again and again; all write to one log."""

    def __init__(self, folder: Path, environ: Mapping[str, str], command: Sequence[str] = ()) -> None:
        self._folder = folder
        self._environ = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "HOME": str(folder), **environ}
        self._command = [*(command or (binary(),)), "run"]
        self._process: subprocess.Popen[bytes] | None = None
        self.starts = 0

    def start(self, **environ: str) -> None:
        """Begin a process; ``environ`` is for this one only."""
        with (self._folder / "engine.log").open("ab") as log:
            self._process = subprocess.Popen(
                self._command, cwd=self._folder, env={**self._environ, **environ}, stdin=subprocess.DEVNULL,
                stdout=log, stderr=log,
            )  # fmt: skip
        self.starts += 1

    @property
    def running(self) -> bool:
        """Whether there is a process."""
        return self._process is not None and self._process.poll() is None

    @property
    def code(self) -> int | None:
        """Return how the last process ended: 0 cleanly, -9 killed; None while it runs."""
        return None if self._process is None else self._process.poll()

    def signal(self, number: signal.Signals) -> None:
        """Send a signal; a process that is gone hears nothing."""
        if self._process is not None:
            self._process.send_signal(number)

    def kill(self) -> None:
        """End the process as a failing machine does."""
        self.signal(signal.SIGKILL)

    def stop(self) -> int:
        """Stop cleanly; returns the exit code."""
        self.signal(signal.SIGTERM)
        return self.wait()

    def wait(self) -> int:
        """Wait for the end; returns the exit code. Raises TooLong with the log."""
        assert self._process is not None
        try:
            return self._process.wait(GENEROUS)
        except subprocess.TimeoutExpired:
            raise TooLong(f"the engine does not end\n{self.log()}") from None

    def log(self) -> str:
        """Return what all processes said."""
        file = self._folder / "engine.log"
        return file.read_text("utf-8", "replace") if file.exists() else ""

    def joined(self, name: str) -> bool:
        """Whether the last process started has joined the fleet; from then on it hears signals."""
        log = self.log()
        latest = log.rpartition(f", instance {name}")[2]
        return log.count(f", instance {name}") == self.starts and "engines: " in latest
