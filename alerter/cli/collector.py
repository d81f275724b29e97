"""The garbage collector in commands, which make much that stays: modules, rules, tests, documents."""

from __future__ import annotations

import atexit
import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def seldom_collected() -> Iterator[None]:
    """Let it look less often: what is loaded stays, and looking at it again and again is a tenth of the time.

    When the process ends it does not look at all: the system takes the memory back as a whole.
    """
    usual = gc.get_threshold()
    gc.set_threshold(300_000, 20, 50)
    atexit.unregister(gc.freeze)  # once is enough, however many commands a process runs
    atexit.register(gc.freeze)
    try:
        yield
    finally:
        gc.set_threshold(*usual)
