"""How many searches a cluster is asked at once: less when it is busy, slowly more while it answers."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

MOST = 8
"""Searches in flight at most: each may hold many rules' questions, and the threads that ask are fewer."""
LESS = 0.8
"""Factor at a refusal: quick, since a server that refuses does so to everybody."""
MORE = 1.05
"""Factor at an answer: from half of a limit back to the whole in 15 answers."""


class Pressure:
    """The limit of one cluster, between 1 and ``most``; any thread may call.

    Around each search: ``with pressure.slot(): ...``; then ``good()``, or ``busy()`` when the server answered 429, 503
    or ``es_rejected_execution_exception``. Other errors say nothing about load: neither is to be called.
    """

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._limit = float(most)
        self._in_flight = 0
        self._older = 0
        self._changed = threading.Condition()

    @property
    def limit(self) -> int:
        """Searches that may be in flight now."""
        return int(self._limit)

    @property
    def in_flight(self) -> int:
        """Searches that are in flight now."""
        return self._in_flight

    @contextmanager
    def slot(self) -> Iterator[None]:
        """Hold one of the places, waiting until one is free."""
        with self._changed:
            self._changed.wait_for(lambda: self._in_flight < self.limit)
            self._in_flight += 1
        try:
            yield
        finally:
            with self._changed:
                self._in_flight -= 1
                self._changed.notify_all()

    def good(self) -> None:
        """Note an answer: the limit grows by a twentieth, up to ``most``."""
        with self._changed:
            self._older = max(self._older - 1, 0)
            self._limit = min(self._limit * MORE, float(self._most))
            self._changed.notify_all()

    def busy(self) -> None:
        """Note a refusal: the limit shrinks by a fifth, to no less than 1.

        Refusals of searches sent before the last retreat belong to it: a burst refused at once is one retreat.
        """
        with self._changed:
            if self._older:
                self._older -= 1
                return
            self._limit = max(self._limit * LESS, 1.0)
            self._older = max(self._in_flight - 1, 0)
