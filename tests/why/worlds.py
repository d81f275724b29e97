"""Random worlds through the real engine with routes that mute and hold back, silences, restarts, and a courier."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Any

from alerter.clock import MINUTE, SECOND, ManualClock
from alerter.delivery.courier import Courier
from alerter.detectors import first_checkpoint
from alerter.engine.audience import silence_check
from alerter.engine.tick import Engine
from alerter.model.incident import Change, Decision, Incident, Transition
from alerter.model.route import Receiver
from alerter.model.silence import Matcher, Silence
from alerter.notifiers.protocol import Failure
from alerter.routing.intervals import Interval
from alerter.routing.matchers import parse_matcher
from alerter.routing.tree import Node, Routing, Timers
from alerter.sources.reader import Reader
from alerter.state.sqlite import SqliteState
from alerter.why.records import Records
from tests.delivery.fakes import FakeNotifier, fail
from tests.exact.running import embedded
from tests.exact.worlds import World

ANNOUNCED = (Change.OPENED, Change.REPEATED, Change.REOPENED, Change.RAISED)


@dataclass(frozen=True)
class Happened:
    """What the engine told itself, and what it kept of it."""

    transitions: tuple[Transition, ...]
    incidents: tuple[Incident, ...]
    decisions: tuple[Decision, ...]
    silences: tuple[Silence, ...]
    routing: Routing
    digests: tuple[Incident, ...] = ()

    def of(self, incident: str) -> list[Decision]:
        """Return the decisions of an incident, by time."""
        return [d for d in self.decisions if d.incident == incident]

    def records(self, now: int) -> Records:
        """Return what ``alerter why`` would read."""
        by_incident = {i.id: self.of(i.id) for i in self.incidents}
        return Records(now, 0, self.incidents, by_incident, digests=self.digests, silences=self.silences)


def throw_routing(dice: Random) -> Routing:
    """Return three receivers for every incident, some muted for a while or with a repeat interval of their own."""
    receivers = {name: Receiver(name, "slack", {"channel": f"#{name}"}) for name in ("default", "a", "b", "c")}
    routes = tuple(
        Node(
            name,
            f"route > {name}",
            (parse_matcher('rule=~".*"'),),
            continues=name != "c",
            mute=dice.choice([(), (), ("lunch",)]),
            timers=Timers(repeat_interval=dice.choice([None, 0, 30 * SECOND, 5 * MINUTE])),
        )
        for name in ("a", "b", "c")
    )
    minutes = sorted(dice.sample(range(11 * 60, 11 * 60 + 15), 2))
    lunch = (Interval(times=((minutes[0], minutes[1]),)),)
    return Routing(Node("default", "route", routes=routes), receivers, {"lunch": lunch})


def throw_silences(dice: Random, world: World) -> tuple[Silence, ...]:
    """Return up to two silences of the rule within the span."""
    found = []
    for number in range(dice.choice([0, 0, 1, 2])):
        start = dice.randint(world.start, world.end)
        end = start + dice.choice([1, 5_000, 60_000, 300_000])
        made = Silence(f"s{number}", (Matcher("rule", "=", world.rule.name),), start, end, "jin", "deploy", start)
        found.append(made)
    return tuple(found)


def live(dice: Random, world: World, *, deliver: bool) -> Happened:
    """Evaluate a world from cut to cut; with ``deliver`` a courier tells what is planned, and some attempts fail."""
    where, silences = throw_routing(dice), throw_silences(dice, world)
    state = SqliteState(":memory:")
    state.init()
    state.save_checkpoint(first_checkpoint(world.rule, world.start), None)
    for silence in silences:
        state.save_silence(silence, None)
    source = embedded(world)
    clock = ManualClock(world.start)
    notifiers = {name: FakeNotifier(editable=name != "c") for name in where.receivers}
    courier = Courier(state, notifiers, where, clock, silenced=silence_check(lambda: silences))  # type: ignore[arg-type]
    engine, told = Engine(Reader(source), state, where, gaps=False), list[Transition]()
    for nth, cut in enumerate(world.cuts):
        if nth in world.restarts:
            engine = Engine(Reader(source), state, where, gaps=False)
        now = cut + world.rule.query_delay
        report = engine.tick([world.rule], now)
        assert not report.failures
        told += report.outcomes[world.rule.name].transitions
        clock.advance(max(now - clock.now(), 0))
        for _ in range(3 * deliver):
            _break(dice, notifiers)
            courier.deliver()
            clock.advance(SECOND)
    happened = Happened(
        tuple(told),
        tuple(v.value for v in state.incidents() if v.value.type != "digest"),
        tuple(reversed(state.decisions(limit=None))),
        silences,
        where,
        tuple(v.value for v in state.incidents() if v.value.type == "digest"),
    )
    state.close()
    return happened


def _break(dice: Random, notifiers: dict[str, Any]) -> None:
    """Let some next calls fail, each in its own way."""
    for notifier in notifiers.values():
        if dice.random() < 0.2:
            notifier.failures.append(fail(dice.choice([Failure.WAIT, Failure.UNCLEAR, Failure.DEGRADE]), "broken"))
