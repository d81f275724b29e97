"""What happens, whoever watches: rules, events, routes; thrown by dice, the same for all engines and faults."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from random import Random
from typing import Any

from alerter.clock import MINUTE, SECOND, Millis
from alerter.engine.dryrun import dry_run
from alerter.model.incident import Incident
from alerter.model.route import Receiver
from alerter.model.rule import Condition, Flatline, Frequency, Realert, Rule, Spike, SpikeType, ValueList
from alerter.model.silence import Matcher
from alerter.routing.tree import Node, Routing, Timers
from alerter.sources.embedded import EmbeddedSource
from alerter.testing import rule

START: Millis = 1_773_140_400_000
"""A full minute: 2026-03-10T11:00:00Z."""
DELAY: Millis = 2 * SECOND
"""The rules' ``query_delay``."""
PROPERTIES: dict[str, Any] = {"@timestamp": {"type": "date"}} | {
    name: {"type": "keyword"} for name in ("w", "k", "user")
}


@dataclass(frozen=True)
class Event:
    """A document of one rule, and when it can be seen."""

    at: Millis
    arrives: Millis
    fields: tuple[tuple[str, str], ...]

    def body(self) -> dict[str, Any]:
        """Return it as it is indexed."""
        return {"@timestamp": self.at, **dict(self.fields)}


@dataclass(frozen=True)
class World:
    """Faults happen in ``(start, busy]``; by ``end`` everything must be as if there had been none."""

    rules: tuple[Rule, ...]
    events: tuple[Event, ...]
    routing: Routing
    busy: Millis
    end: Millis
    late: bool

    @cached_property
    def expected(self) -> dict[str, Incident]:
        """Return the incidents that a dry run over all events finds, by id."""
        source = self.source()
        runs = [dry_run(rule, source, self.routing, START, self.end) for rule in self.rules]
        return {incident.id: incident for run in runs for incident in run.incidents}

    def source(self) -> EmbeddedSource:
        """Return a source in which everything has arrived."""
        return EmbeddedSource(documents=[event.body() for event in self.events], properties=PROPERTIES)

    @cached_property
    def shared(self) -> EmbeddedSource:
        """Return such a source for all histories of this world; nobody may add to it."""
        return self.source()

    @cached_property
    def answers(self) -> dict[bytes, Any]:
        """Return what the shared source answered before, by request."""
        return {}


def make_world(
    dice: Random, *, late: bool = False, fallback: bool = False, grouping: bool = False, minutes: int = 3
) -> World:
    """Throw a world of one or two rules (seldom up to four) and a few minutes."""
    rules = tuple(_rule(dice, f"r{n}") for n in range(dice.choice([1, 1, 1, 2, 2, 3, 4])))
    busy = START + dice.randint(2, minutes) * MINUTE
    events = [event for one in rules for event in _events(dice, one, busy, late)]
    if dice.random() < 0.7:  # so that windows without events are known to be covered
        events.append(Event(START - 10 * MINUTE, START - 10 * MINUTE, (("w", "nobody's"),)))
    events.sort(key=lambda event: event.arrives)
    timers = _grouping(dice) if grouping else Timers(storm=None)
    return World(rules, tuple(events), _routing(dice, fallback, timers), busy, busy + 4 * MINUTE, late)


def _rule(dice: Random, name: str) -> Rule:
    condition = _condition(dice)
    event_type = isinstance(condition, ValueList)
    return rule(
        condition,
        name=name,
        type="blacklist" if event_type else type(condition).__name__.lower(),
        filter=({"term": {"w": name}},),
        query_key=dice.choice([(), (), ("k",)]),
        realert=Realert(dice.choice([0, 30, 60]) * SECOND, written=True),
        resolve_after=dice.choice([30, 60]) * SECOND if event_type else dice.choice([None, None, 10 * SECOND, MINUTE]),
        known_keys_for=5 * MINUTE,
        domain=dice.choice(["order", "user"]),
        query_delay=DELAY,
    )


def _condition(dice: Random) -> Condition:
    length = dice.choice([10, 30, 60]) * SECOND
    match dice.choice(["frequency", "frequency", "flatline", "blacklist", "spike"]):
        case "frequency":
            return Frequency(dice.randint(2, 3), length)
        case "flatline":
            return Flatline(dice.randint(1, 2), length, forget_keys=dice.random() < 0.3)
        case "blacklist":
            return ValueList("user", ("eve",), deny=True)
        case _:
            return Spike(2, dice.choice(list(SpikeType)), length, threshold_cur=dice.choice([0, 2]))


def _events(dice: Random, one: Rule, busy: Millis, late: bool) -> list[Event]:
    """Throw a thin stream and some bursts, from a minute before the start on."""
    ats = [dice.randint(START - MINUTE, busy) for _ in range(dice.randint(0, 6))]
    for _ in range(dice.randint(1, 3)):
        at = dice.randint(START, busy)
        for _ in range(dice.randint(2, 4)):
            ats.append(at)
            at += dice.choice([0, 1, 500, 3_000, 10_000])
    found = []
    for at in sorted(at for at in ats if at <= busy):
        fields = (("w", one.name), ("k", dice.choice("aab")), ("user", dice.choice(["eve", "bob"])))
        lateness = dice.choice([0, 0, 3, 30, 100]) * SECOND if late else 0
        found.append(Event(at, at + lateness, fields))
        if late and dice.random() < 0.1:
            found.append(found[-1])
    return found


def _grouping(dice: Random) -> Timers:
    """Throw what incidents have in common that are one message, and short timers."""
    by = dice.choice([(), ("domain",), ("rule",), ("k",), ("...",)])
    return Timers(by, dice.choice([0, 10, 40]) * SECOND, dice.choice([10, 30, 90]) * SECOND, storm=None)


def _routing(dice: Random, fallback: bool, timers: Timers) -> Routing:
    """Throw one or two Slack channels; with ``fallback`` the first one's stand-in is the second."""
    receivers = {
        "one": Receiver("one", "slack", {"channel": "#one"}, "two" if fallback else None),
        "two": Receiver("two", "slack", {"channel": "#two"}),
    }
    order = Node("two", "route/order", (Matcher("domain", "=", "order"),), dice.random() < 0.3, timers=timers)
    every = Node("one", "route/all", timers=timers)
    return Routing(Node("one", "route", timers=timers, routes=dice.choice([(), (order,), (order, every)])), receivers)
