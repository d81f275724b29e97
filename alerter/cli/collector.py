"""The garbage collector in commands, which make much that stays: modules, rules, tests, documents."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def seldom_collected() -> Iterator[None]:
    """Let it look less often: what is loaded stays, and looking at it again and again is a tenth of the time."""
    usual = gc.get_threshold()
    gc.set_threshold(300_000, 20, 50)
    try:
        yield
    finally:
        gc.set_threshold(*usual)
