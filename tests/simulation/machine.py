"""One engine process: the production service with its own clock, and every I/O call of it a place for a fault."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, TypeVar

import orjson

from alerter.clock import MINUTE, Millis
from alerter.config import Settings
from alerter.notifiers.protocol import Notifier
from alerter.project import Project
from alerter.service import Service
from alerter.sources.embedded import EmbeddedSource
from alerter.sources.protocol import Answer, Hit, SearchRequest, SourceError
from alerter.state.protocol import Conflict, StateError
from tests.simulation.slack import Line
from tests.simulation.store import Door
from tests.simulation.world import DELAY

if TYPE_CHECKING:
    from tests.simulation.history import History

T = TypeVar("T")
TTL: Millis = 30_000
FLEET = {"members", "save_member", "drop_member", "rulesets", "save_ruleset"}
"""Calls under the lock of the engine's membership: another thread's beat would wait for it."""


class Crash(BaseException):
    """A process is gone: nothing of it runs any more, whatever its handlers would like to do."""

    def __init__(self, machine: Machine) -> None:
        super().__init__(machine.name)
        self.machine = machine


class Clock:
    """A machine's clock: right by ``offset``, until somebody sets it."""

    def __init__(self, now: Millis, offset: Millis) -> None:
        self.true = now
        self.offset = offset

    def now(self) -> Millis:
        return self.true + self.offset

    def monotonic(self) -> Millis:
        return self.true

    def wait(self, length: Millis, wake: object = None) -> None:
        raise AssertionError("nothing waits in a simulation")


class Machine:
    """A place where an engine runs; ``process`` counts its starts."""

    def __init__(self, sim: History, number: int, offset: Millis = 0) -> None:
        self.sim = sim
        self.name = f"engine {number}"
        self.clock = Clock(sim.now, offset)
        self.process = 0
        self.dead = False
        self.ready = False
        self.down_until: Millis | None = None
        self.cut: dict[str, Millis] = {}
        self.doing: list[str] = []
        self.calls: list[str] = []
        self.gone = False
        self.stale = False
        self.ticked: Millis = 0

    # --- life --------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Begin as a process does that knows nothing."""
        self.process += 1
        self.dead, self.ready, self.stale, self.down_until = False, False, False, None
        self.door = Door(self.sim.store, self)
        settings = Settings(instance=self.name, lease_ttl=TTL)
        self.service = Service(settings, self.sim.project(), Asked(self), self.door, self.clock)  # type: ignore[arg-type]
        self.sim.note(self, "starts")

    def act(self) -> None:
        """Do what the process's threads would have done since the last time."""
        if self.gone:
            return
        if self.down_until is not None:
            if self.sim.now < self.down_until:
                return
            self.start()
        with self.alive():
            if not self.ready:
                self._become_ready()
                return
            jobs = [self.renew, self.tick, self.deliver]
            if self.stale:
                self.stale = False
                jobs.append(self.reload)
            self.sim.dice.shuffle(jobs)
            for job in jobs:
                job()

    def renew(self) -> None:
        with self.at("renew"):
            hurried = self.service.renew()
        if hurried and "tick" not in self.doing:
            with self.at("tick"):
                self.service.tick(hurried)

    def tick(self) -> None:
        """Evaluate at nominal instants, as the scheduler does."""
        due = (self.clock.now() - DELAY) // MINUTE
        if due != self.ticked and self.sim.ticking:
            self.ticked = due
            with self.at("tick"):
                self.service.tick(self.service.project.rules)

    def deliver(self) -> None:
        with self.at("deliver"):
            self.service.deliver()

    def beside(self) -> None:
        """Do in the middle of something what another thread of the process does."""
        if not self.ready:
            return
        jobs = [] if self.calls and FLEET.intersection(self.calls) else [self.renew]
        if "deliver" not in self.doing:
            jobs.append(self.deliver)
        if jobs:
            self.sim.dice.choice(jobs)()

    def reload(self) -> None:
        """Take over the world's rules as they are now, and look for what removed ones left."""
        with self.at("reload"):
            self.service.reload(force=True)

    def sweep(self) -> None:
        """Look for what removed rules left, as is done every few minutes."""
        with self.alive(), self.at("sweep"):
            self.service.sweep()

    def leave(self) -> None:
        """Stop as told to: deliver once more, let go of everything."""
        with self.alive(), self.at("leave"):
            self.service.deliver()
            self.service.leave()
        if self.down_until is None:
            self.down_until = self.sim.now + self.sim.dice.choice([0, 5_000, TTL])

    def _become_ready(self) -> None:
        with suppress(StateError, Conflict), self.at("start"):
            self.service.fleet.beat()
            self.service.forget_removed()
            self.service.tick(self.service.project.rules, punctual=False)
            self.ready = True

    @contextmanager
    def alive(self) -> Iterator[None]:
        """End here what a crash of this machine unwinds."""
        try:
            yield
        except Crash as crash:
            if crash.machine is not self or self.doing:
                raise
            self.down_until = self.sim.now + self.sim.dice.choice([0, 1_000, 15_000, 2 * TTL])
            self.sim.note(self, f"is down until {self.down_until - self.sim.start}")

    @contextmanager
    def at(self, what: str) -> Iterator[None]:
        self.sim.note(self, what)
        self.doing.append(what)
        try:
            yield
        finally:
            self.doing.pop()

    # --- I/O ---------------------------------------------------------------------------------------------------

    def io(
        self,
        area: str,
        name: str,
        call: Callable[[], T],
        fail: Callable[[], T],
        *,
        partly: Callable[[], object] | None = None,
        lost: Callable[[], T] | None = None,
    ) -> T:
        """Make a call, or what a fault makes of it: ``fail`` gives its error, ``lost`` that of a time-out."""
        self._mind_life()
        self.calls.append(name)
        try:
            fate = self.sim.fate(self, area, name)
        finally:
            self.calls.pop()
        self._mind_life()
        if fate == "crash":
            self._crash(name)
        if fate == "error":
            return fail()
        if fate == "partly" and partly is not None:
            partly()
            return fail()
        done = call()
        if fate == "crash after":
            self._crash(f"after {name}")
        if fate in ("lost", "partly"):
            return (lost or fail)()
        return done

    def mind_fence(self, name: str) -> None:
        """Blame an engine that begins to write or send although its beats did not arrive for too long."""
        if not self.dead and "leave" not in self.doing and not self.service.fleet.valid():
            self.sim.blame(f"{self.name}: {name} in {self.doing} while it may not trust its leases")

    def _mind_life(self) -> None:
        if self.dead:
            raise Crash(self)

    def _crash(self, where: str) -> None:
        self.sim.note(self, f"  crashes: {where}")
        self.dead = True
        raise Crash(self)

    def notifiers(self) -> Mapping[str, Notifier]:
        """Return the ways to Slack of this process."""
        receivers = self.sim.world.routing.receivers
        return {name: Line(self.sim.space, one.channel, self) for name, one in receivers.items()}  # type: ignore[misc]


class Asked:
    """The Source protocol for one process."""

    kind = "elasticsearch"

    def __init__(self, machine: Machine) -> None:
        self.requests = 0
        self._machine = machine

    def search(self, requests: Sequence[SearchRequest]) -> list[Answer | SourceError]:
        dice = self._machine.sim.dice

        def fail() -> list[Answer | SourceError]:
            return [SourceError("unreachable", "simulated") for _ in requests]

        def partly() -> list[Answer | SourceError]:
            answers = self._machine.sim.answers(requests)
            return [SourceError("incomplete", "simulated") if dice.random() < 0.5 else answer for answer in answers]

        return self._machine.io("source", "search", lambda: self._machine.sim.answers(requests), fail, lost=partly)

    def scan(self, request: SearchRequest, page: int = 10_000) -> Iterator[Sequence[Hit]]:
        return iter(self._io("scan", lambda: list(self._inner.scan(request, page))))

    def field_types(self, index: str, fields: Sequence[str]) -> Mapping[str, frozenset[str]]:
        return self._io("field_types", lambda: self._inner.field_types(index, fields))

    def close(self) -> None:
        """Hold nothing."""

    @property
    def _inner(self) -> EmbeddedSource:
        return self._machine.sim.source

    def _io(self, name: str, call: Callable[[], T]) -> T:
        return self._machine.io("source", name, call, _unreachable)


def _unreachable() -> Any:
    raise SourceError("unreachable", "simulated")


def request_key(request: SearchRequest) -> bytes:
    """Return what tells two requests apart."""
    return orjson.dumps(request.body, option=orjson.OPT_SORT_KEYS)


def project_of(sim: History) -> Project:
    """Return the rules and routes as files would say them now."""
    return Project(sim.rules, sim.world.routing, (), ())
