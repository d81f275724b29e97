"""A trap between an engine and its servers: kills the engine at one step, to the letter."""

from __future__ import annotations

import threading
from collections.abc import Callable
from enum import Enum

from tests.reliability.steps import slack_step, state_step
from tests.support.fault_proxy import FaultProxy, Request
from tests.support.slack_proxy import SlackProxy

TAKE_IN = 0.03
"""Seconds that a process has to take in an answer before it is killed; what it asks meanwhile is held."""


class Moment(Enum):
    """When a process is killed, told from one of its requests."""

    ARRIVED = "before it is forwarded"
    CARRIED_OUT = "before its answer goes back"
    ANSWERED = "after its answer"


class Dropped(ConnectionAbortedError):
    """The request's sender is dead: it goes no further."""


class Trap:
    """Counts steps; at the ``nth`` one named ``step`` it calls ``kill``, once. Without a step it only counts."""

    def __init__(self, step: str = "", nth: int = 1, moment: Moment = Moment.ARRIVED) -> None:
        self.step, self.nth, self.moment = step, nth, moment
        self.kill: Callable[[], None] = lambda: None
        self.fired = threading.Event()
        self.steps: list[str] = []
        self._frozen = False
        self._lock = threading.Lock()

    def arrived(self, step: str) -> bool:
        """Take note of a request (``step`` is "" for reads); returns whether it is the one."""
        if self._frozen and not self.fired.is_set():
            self.fired.wait(10)
            raise Dropped
        if not step:
            return False
        with self._lock:
            self.steps.append(step)
            caught = step == self.step and self.steps.count(step) == self.nth and not self.fired.is_set()
        if caught and self.moment is Moment.ARRIVED:
            self._strike()
            raise Dropped
        return caught

    def forwarded(self) -> None:
        """The caught request was carried out."""
        if self.moment is Moment.CARRIED_OUT:
            self._strike()
            raise Dropped
        self._frozen = True

    def answered(self) -> None:
        """The caught request's answer was sent: nothing the process asks from here on goes further."""
        self.fired.wait(TAKE_IN)
        self._strike()

    def _strike(self) -> None:
        self.kill()
        self.fired.set()


class Trapped(FaultProxy):
    """A proxy that tells a trap of every request."""

    trap = Trap()

    def __init__(self, upstream: str, *arguments: str) -> None:
        """Begin to forward; ``arguments`` are those of the kind of proxy."""
        self._caught: set[int] = set()
        super().__init__(upstream, *arguments)

    def step(self, request: Request) -> str:
        """Return the name of what a request does; "" for reads."""
        raise NotImplementedError

    def arrived(self, request: Request) -> None:
        """Tell the trap."""
        if self.trap.arrived(self.step(request)):
            self._caught.add(request.number)

    def forwarded(self, request: Request) -> None:
        """Tell the trap of the request that it caught."""
        if request.number in self._caught:
            self.trap.forwarded()

    def answered(self, request: Request) -> None:
        """Tell the trap of the request that it caught."""
        if request.number in self._caught:
            self._caught.discard(request.number)
            self.trap.answered()


class TrappedElastic(Trapped):
    """Steps are the writes into the state indices of ``prefix``."""

    prefix = ""

    def step(self, request: Request) -> str:
        """Name the write."""
        return state_step(request, self.prefix)


class TrappedSlack(Trapped, SlackProxy):
    """Steps are posts, replies and edits."""

    def step(self, request: Request) -> str:
        """Name the call."""
        return slack_step(request)
