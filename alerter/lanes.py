"""Rules that are due wait here: those alike are taken together, costly ones one by one, none twice at a time."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Collection, Iterable, Sequence
from enum import StrEnum

from alerter.model.rule import Rule
from alerter.progress import HEAVY_SECONDS

log = logging.getLogger(__name__)
MOST_TOGETHER = 250
"""Rules evaluated in one tick at most: what a tick reads once is shared, and the rules behind it wait for little."""


class Lane(StrEnum):
    """Which threads evaluate a rule."""

    LIGHT = "light"
    HEAVY = "heavy"


THREADS = {Lane.LIGHT: 3, Lane.HEAVY: 2}
"""Threads of a cluster: they wait for answers most of the time, and two rules that take minutes hold up only others
that do."""


class Lanes:
    """The due rules of one cluster, without threads of its own; any thread may call.

    A rule that becomes due while it waits is evaluated once, up to the newest instant; one that becomes due while it
    is evaluated is evaluated again right after. ``seconds`` says what a run of a rule takes on average.
    """

    def __init__(self, seconds: Callable[[str], float]) -> None:
        self._seconds = seconds
        self._waiting: dict[str, Rule] = {}
        self._running: set[str] = set()
        self._closed = False
        self._changed = threading.Condition(threading.RLock())

    def add(self, rules: Iterable[Rule]) -> None:
        """Let these rules be evaluated; one that waits already keeps its place."""
        with self._changed:
            self._waiting.update((rule.name, rule) for rule in rules)
            self._changed.notify_all()

    def keep(self, names: Collection[str]) -> None:
        """Drop the waiting rules that are not named: they are gone."""
        with self._changed:
            self._waiting = {name: rule for name, rule in self._waiting.items() if name in names}

    def take(self, lane: Lane) -> tuple[Rule, ...]:
        """Return what a thread of the lane shall evaluate now, longest waiting first; empty when there is nothing.

        A heavy rule comes alone. Light ones come together while their runs take HEAVY_SECONDS in sum.
        """
        with self._changed:
            taken: list[Rule] = []
            room = HEAVY_SECONDS
            for name, rule in self._waiting.items():
                seconds = self._seconds(name)
                if name in self._running or (seconds > HEAVY_SECONDS) is not (lane is Lane.HEAVY):
                    continue
                room -= seconds
                if taken and room < 0:
                    break
                taken.append(rule)
                if lane is Lane.HEAVY or len(taken) == MOST_TOGETHER:
                    break
            for rule in taken:
                del self._waiting[rule.name]
                self._running.add(rule.name)
            return tuple(taken)

    def done(self, rules: Iterable[Rule]) -> None:
        """Note that what was taken is evaluated, or has failed."""
        with self._changed:
            self._running.difference_update(rule.name for rule in rules)
            self._changed.notify_all()

    def close(self) -> None:
        """Hand out nothing more; what waits is evaluated after the next start."""
        with self._changed:
            self._closed = True
            self._waiting.clear()
            self._changed.notify_all()

    def next(self, lane: Lane) -> tuple[Rule, ...]:
        """Return what ``take`` does, waiting until there is something; empty once closed."""
        with self._changed:
            while not self._closed:
                taken = self.take(lane)
                if taken:
                    return taken
                self._changed.wait()
            return ()


class Crew:
    """The threads that evaluate the rules of one cluster."""

    def __init__(self, cluster: str, lanes: Lanes, tick: Callable[[Sequence[Rule]], object]) -> None:
        self.lanes = lanes
        self._tick = tick
        self._threads = [
            threading.Thread(target=self._work, args=[lane], name=f"rules {cluster} {lane} {number}")
            for lane, size in THREADS.items()
            for number in range(size)
        ]

    def start(self) -> None:
        """Begin to evaluate."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Evaluate nothing more, and wait for what is being evaluated."""
        self.lanes.close()
        for thread in self._threads:
            if thread.ident is not None:
                thread.join()

    def _work(self, lane: Lane) -> None:
        while rules := self.lanes.next(lane):
            try:
                self._tick(rules)
            except Exception as error:  # a bug met by these rules never stops the thread
                log.error("%d rules not evaluated, a bug: %s: %s", len(rules), type(error).__name__, error)
                log.debug("where", exc_info=error)
            finally:
                self.lanes.done(rules)
