"""A whole engine in memory: embedded events, SQLite, a notifier that records."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from alerter.clock import MINUTE, Millis
from alerter.engine.tick import Engine
from alerter.model.incident import Delivery
from alerter.model.route import Receiver
from alerter.model.rule import AnyEvent, Frequency, Realert, Rule
from alerter.routing.matchers import parse_matcher
from alerter.routing.tree import Node, Routing, Timers
from alerter.sources.embedded import EmbeddedSource
from alerter.sources.reader import Reader
from alerter.state.sqlite import SqliteState
from alerter.testing import rule
from alerter.timetext import iso, parse_instant

T0: Millis = parse_instant("2026-03-10T11:00:00Z")


def documents(seconds: Iterable[float], **fields: Any) -> list[dict[str, Any]]:
    """Return a document for each second after T0."""
    return [{"@timestamp": iso(T0 + round(s * 1000)), "level": "error", **fields} for s in seconds]


def routing(**settings: Any) -> Routing:
    """Return two channels by domain, and a default."""
    receivers = {n: Receiver(n, "console") for n in ("default", "user", "order")}
    routes = tuple(
        Node(
            n,
            f"route > {n}",
            (parse_matcher(f"domain={n}"),),
            timers=settings.get("timers", Timers()),
            mute=settings.get("mute", ()),
        )
        for n in ("user", "order")
    )
    return Routing(Node("default", "route", routes=routes), receivers, settings.get("intervals", {}))


class World:
    """One engine and its parts; ``tick`` evaluates up to so many seconds after T0."""

    def __init__(self, events: list[dict[str, Any]], rules: list[Rule], where: Routing | None = None) -> None:
        self.source = EmbeddedSource(documents=events)
        self.state = SqliteState(":memory:")
        self.state.init()
        self.rules = rules
        self.routing = where or routing()
        self.engine = Engine(Reader(self.source), self.state, self.routing)

    def tick(self, seconds: float) -> Any:
        """Evaluate up to that instant."""
        return self.engine.tick(self.rules, T0 + round(seconds * 1000) + 2000)

    def deliveries(self) -> list[Delivery]:
        """Return all planned messages by time."""
        found = [d for v in self.state.incidents() for d in v.value.deliveries]
        return sorted(found, key=lambda d: (d.at, d.kind))

    def told(self) -> list[tuple[str, str, float]]:
        """Return (kind, receiver, seconds) of each planned message."""
        return [(str(d.kind), d.receiver, (d.at - T0) / 1000) for d in self.deliveries()]


def storm(**settings: Any) -> Rule:
    """Return three events in a minute, domain user."""
    defaults: dict[str, Any] = {"domain": "user", "realert": Realert(MINUTE, written=True)}
    return rule(Frequency(3, MINUTE), **{**defaults, **settings})


def single(**settings: Any) -> Rule:
    """Return a rule on which every event is a match."""
    return rule(AnyEvent(), domain="user", **settings)
