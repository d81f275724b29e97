"""One history: a world, engines that watch it, and what a seed lets happen to them."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import lru_cache
from random import Random
from unittest.mock import patch

from alerter.clock import HOUR, MINUTE, SECOND, Millis
from alerter.config import Settings
from alerter.detectors import first_checkpoint
from alerter.model.rule import Rule
from alerter.project import Project
from alerter.routing.tree import Routing
from alerter.sources.embedded import EmbeddedSource
from alerter.sources.protocol import Answer, SearchRequest, SourceError
from tests.simulation import befallen
from tests.simulation.machine import TTL, Machine, project_of, request_key
from tests.simulation.slack import Workspace
from tests.simulation.store import Store
from tests.simulation.world import DELAY, PROPERTIES, START, World, make_world

SAME_WORLD = 8
"""So many seeds share a world, and what is known of it."""
STEPS = (SECOND, 3 * SECOND, 7 * SECOND, 12 * SECOND)
PAUSES = (0, 0, SECOND, 5 * SECOND, TTL // 2, TTL + 5 * SECOND, 3 * TTL)
DEEPEST = 2
MOST_ENGINES = 4


@dataclass(frozen=True)
class Kind:
    """What may happen: chances of each fault per I/O call, and how many engines there are."""

    faults: tuple[str, ...] = ()
    chance: float = 0.03
    engines: tuple[int, ...] = (1,)
    meanwhile: float = 0.0
    late: bool = False
    outages: tuple[str, ...] = ()
    jumps: tuple[Millis, ...] = ()
    closing: bool = False
    deleting: bool = False
    silencing: bool = False
    editing: bool = False
    joining: bool = False
    grouping: bool = False


EVERY = ("error", "lost", "partly", "crash", "crash after")
AREAS = ("state", "source", "slack")
MANY = (2, 2, 3)
JUMPS = (-HOUR, HOUR, -7 * SECOND, 7 * SECOND, -5 * MINUTE, 5 * MINUTE)
KINDS: dict[str, Kind] = {
    "calm": Kind(),
    "errors": Kind(("error", "lost", "partly")),
    "crashes": Kind(("crash", "crash after")),
    "outages": Kind(("error", "lost", "crash after"), 0.01, outages=AREAS),
    "mixed": Kind(EVERY, 0.05, meanwhile=0.02),
    "channels": Kind(EVERY, 0.01, closing=True, deleting=True),
    "late": Kind(EVERY, late=True),
    "clocks": Kind(
        ("error", "crash after"), 0.01, jumps=(-HOUR, HOUR, -7 * SECOND, 7 * SECOND, -5 * MINUTE, 5 * MINUTE)
    ),
    "silences": Kind(EVERY, 0.01, silencing=True),
    "edits": Kind(EVERY, 0.01, engines=(1, 2), editing=True),
    "fleet": Kind(engines=MANY, meanwhile=0.05, joining=True),
    "partitions": Kind(("error", "lost"), 0.01, engines=MANY, meanwhile=0.02, outages=AREAS),
    "fleet mixed": Kind(EVERY, 0.02, engines=MANY, meanwhile=0.03, outages=AREAS, joining=True),
    "groups": Kind(EVERY, 0.03, grouping=True),
    "groups fleet": Kind(EVERY, 0.02, engines=MANY, meanwhile=0.03, outages=AREAS, joining=True, grouping=True),
}
"""What ``--kind`` names; each has its own seeds."""


@lru_cache(maxsize=4)
def world_of(kind: str, number: int) -> World:
    """Return the world of some seeds."""
    what = KINDS[kind]
    dice = Random(f"world {kind} {number}")
    return make_world(dice, late=what.late, fallback=what.closing, grouping=what.grouping)


class History:
    """Runs one seed; ``wrong`` holds what was seen to be wrong on the way, ``trace`` what happened when traced."""

    def __init__(self, kind: str, seed: int, *, traced: bool = False) -> None:
        self.kind = KINDS[kind]
        self.dice = Random(f"history {kind} {seed}")
        self.world = world_of(kind, seed // SAME_WORLD)
        self.start = self.now = START + DELAY
        self.rules: tuple[Rule, ...] = self.world.rules
        self.store = Store()
        self.space = Workspace()
        self.busy = True
        self.ticking = True
        self.wrong: list[str] = []
        self.trace: list[str] = []
        self.happened = 0
        self.jumped: Millis = 0
        self._traced = traced
        self._stack: list[Machine] = []
        self.chance = self.kind.chance * self.dice.choice([0.2, 1, 1, 3])
        self.source = EmbeddedSource((), properties=PROPERTIES) if self.world.late else self.world.shared
        self._arrived = 0
        for rule in self.rules:
            self.store.put("checkpoints", rule.name, first_checkpoint(rule, START), None, 0, self)
        number = self.dice.choice(self.kind.engines)
        self.machines = [Machine(self, n) for n in range(number)]

    def run(self) -> None:
        """Let everything happen, and settle."""
        with ExitStack() as patched:
            for name, value in self._seams().items():
                patched.enter_context(patch(f"alerter.service.{name}", value))
            for machine in self.machines:
                machine.start()
            while self.now < self.world.busy:
                self._befall()
                self.step(self.dice.choice(STEPS))
            self._calm_down()
            while self.now < self.world.end + DELAY + SECOND:
                self.step(min(10 * SECOND, self.world.end + DELAY + SECOND - self.now))
            self.ticking = False
            if self.kind.editing:
                for machine in (*self.machines, *self.machines):
                    self.step(SECOND)
                    machine.sweep()
            for length in (*[10 * SECOND] * 60, *[MINUTE] * 70, *[10 * SECOND] * 200):
                if self.settled:
                    break
                self.step(length)
            for machine in self.machines:
                if not machine.gone:
                    machine.leave()

    @property
    def settled(self) -> bool:
        """Whether nothing is left to be told, and every rule was evaluated (by whom, is known)."""
        return not any(incident.unfinished for incident in self.store.values("incidents"))

    def step(self, length: Millis, *, but: Sequence[Machine] = ()) -> None:
        """Let time pass, and every engine (but those that stand still) do its work."""
        self.now += length
        for machine in self.machines:
            machine.clock.true = self.now
        self._arrive()
        for machine in self.dice.sample(self.machines, len(self.machines)):
            if machine not in but:
                self._stack.append(machine)
                try:
                    machine.act()
                finally:
                    self._stack.pop()

    def _calm_down(self) -> None:
        self.busy = False
        self.note(None, "calm from here on")
        for machine in self.machines:
            machine.cut.clear()
            machine.clock.offset = 0
            if machine.down_until is not None:
                machine.down_until = self.now
        self.space.closed.clear()

    def _arrive(self) -> None:
        if not self.world.late:
            return
        events = self.world.events
        first = self._arrived
        while self._arrived < len(events) and events[self._arrived].arrives <= self.now:
            self._arrived += 1
        self.source.extend(event.body() for event in events[first : self._arrived])

    # --- what the seed lets happen -----------------------------------------------------------------------------

    def _befall(self) -> None:
        """Throw what happens to machines from outside."""
        dice, kind = self.dice, self.kind
        machine = dice.choice(self.machines)
        if kind.outages and dice.random() < 0.1:
            self._cut(machine)
        if kind.jumps and dice.random() < 0.1:
            machine.clock.offset = dice.choice([0, *kind.jumps])
            self.jumped = max(self.jumped, machine.clock.offset)
            self.note(machine, f"clock is off by {machine.clock.offset}")
        if kind.closing and dice.random() < 0.1:
            channel, length = dice.choice(["#one", "#two"]), dice.choice([10, 40, 90]) * SECOND
            self.space.closed[channel] = self.now + length
            self.note(None, f"{channel} is closed for {length}")
        if kind.deleting and self.space.messages and dice.random() < 0.1:
            self.space.deleted.add(dice.choice(self.space.messages).ts)
        if kind.joining and dice.random() < 0.08:
            self._come_and_go(machine)
        if kind.silencing and dice.random() < 0.15:
            befallen.silence(self)
        if kind.editing and dice.random() < 0.1:
            befallen.edit(self)

    def _cut(self, machine: Machine) -> None:
        area, length = self.dice.choice(self.kind.outages), self.dice.choice([10, 40, 90]) * SECOND
        for one in self.machines if self.dice.random() < 0.5 else [machine]:
            one.cut[area] = self.now + length
        self.note(machine, f"{area} is gone for {length}")

    def _come_and_go(self, machine: Machine) -> None:
        """Let an engine join, stop as told to, or stop so and never come back."""
        there = [one for one in self.machines if not one.gone]
        what = self.dice.choice(["join", "stop", "go"])
        if what == "join" and len(self.machines) < MOST_ENGINES:
            self.machines.append(Machine(self, len(self.machines)))
            self.machines[-1].start()
            self.happened += 1
        elif what != "join" and machine.down_until is None and machine.ready:
            machine.leave()
            machine.gone = what == "go" and len(there) > 1

    def _meanwhile(self, machine: Machine, name: str) -> None:
        """Let other threads of the process, or other engines, run while one waits for an answer."""
        dice = self.dice
        if len(self._stack) > DEEPEST:
            return
        if dice.random() < 0.3:
            self.note(machine, f"  {name} waits, the process goes on")
            machine.beside()
            return
        length = dice.choice(PAUSES)
        self.note(machine, f"  {name} stands still for {length}")
        still, until = list(self._stack), self.now + length
        while True:
            self.step(min(TTL // 4, until - self.now), but=still)
            if self.now >= until:
                return

    def fate(self, machine: Machine, area: str, name: str) -> str:
        """Return what becomes of an I/O call, after what happens while it is under way."""
        if not self.busy or self.now >= self.world.busy:
            if self._traced:
                self.note(machine, f"  {name}")
            return ""
        kind, dice = self.kind, self.dice
        if kind.meanwhile and dice.random() < kind.meanwhile:
            self._meanwhile(machine, name)
        fate = ""
        if self.now < machine.cut.get(area, 0):
            fate = dice.choice(["error", "error", "lost"])
        elif kind.faults and dice.random() < self.chance:
            fate = dice.choice(kind.faults)
        if fate:
            self.happened += 1
            self.note(machine, f"  {name}: {fate}")
        elif self._traced:
            self.note(machine, f"  {name}")
        return fate

    def blame(self, what: str) -> None:
        """Note that something is wrong."""
        self.note(None, f"WRONG: {what}")
        self.wrong.append(what)

    def note(self, machine: Machine | None, what: str) -> None:
        """Add a line to the trace."""
        if self._traced:
            name = machine.name if machine else "-"
            self.trace.append(f"{(self.now - self.start) / SECOND:7.1f} {name} {what}")

    # --- the seams of the service ------------------------------------------------------------------------------

    def project(self) -> Project:
        """Return rules and routes as the files say now."""
        return project_of(self)

    def _seams(self) -> dict[str, object]:
        def notifiers(_routing: Routing, settings: Settings) -> object:
            return next(m for m in self.machines if m.name == settings.instance).notifiers()

        return {"make_notifiers": notifiers, "load_project": lambda _settings, keep=None: self.project()}

    def answers(self, requests: Sequence[SearchRequest]) -> list[Answer | SourceError]:
        """Answer searches; those of a world in which all has arrived are answered once for all its histories."""
        if self.world.late:
            return self.source.search(requests)
        known = self.world.answers
        found: list[Answer | SourceError] = []
        for request in requests:
            key = request_key(request)
            if key not in known:
                (known[key],) = self.source.search([request])
            found.append(known[key])
        return found
