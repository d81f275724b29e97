"""Running many tests in several processes: which of them pass. The others are run again by whoever asked."""

from __future__ import annotations

import gc
import os
import signal
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor, Future, ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context

FEW = 100
"""Tests for which another process is worth its start: about a second of work."""
_SHARE = 16
"""Tests that a process takes at a time."""

Test = Callable[[int], bool]
"""Runs the test of a number and returns whether it passed."""


def processes(tests: int) -> int:
    """Return in how many processes to run so many tests by default: one for each CPU and FEW tests.

    One where a process cannot be forked as it is, with all that was loaded.
    """
    if not sys.platform.startswith("linux"):
        return 1
    return max(1, min(len(os.sched_getaffinity(0)), tests // FEW))


def passed(test: Test, number: int, jobs: int, done: Callable[[int], None]) -> set[int]:
    """Run the tests 0 to ``number`` - 1 in ``jobs`` processes; return those known to have passed.

    What a process could not say, because it failed or was ended, is simply not among them. ``done`` is told now and
    then how many were run.
    """
    known: set[int] = set()
    try:
        with _frozen(), ProcessPoolExecutor(jobs, get_context("fork"), _begin, (test, number)) as pool:
            asked = {pool.submit(_share, start): start for start in range(0, number, _SHARE)}
            for future, start in asked.items():
                known.update(_answer(future))
                done(min(start + _SHARE, number))
    except (OSError, ValueError, NotImplementedError, ImportError, BrokenExecutor):  # no fork, semaphores or processes
        pass
    return known


@contextmanager
def _frozen() -> Iterator[None]:
    """Keep the collector from what is loaded: looking at it would copy it into each process."""
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


_known: list[tuple[Test, int]] = []
"""In a process of the pool: what it was begun with."""


def _begin(test: Test, number: int) -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C ends it without a word
    _known.append((test, number))


def _share(start: int) -> list[int]:
    test, number = _known[0]
    return [n for n in range(start, min(start + _SHARE, number)) if test(n)]


def _answer(future: Future[list[int]]) -> list[int]:
    return future.result() if future.exception() is None else []
