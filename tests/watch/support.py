"""One or several watches over one state, with a fleet that a test writes down."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from alerter.clock import SECOND, ManualClock
from alerter.cluster.fleet import View
from alerter.config import WatchSettings
from alerter.model.heartbeat import Failing, FailingRule, Heartbeat
from alerter.model.incident import Delivery, DeliveryState, Incident, Kind, Reason
from alerter.model.member import Member
from alerter.model.route import Receiver
from alerter.model.silence import Silence
from alerter.routing.tree import Node, Routing
from alerter.state.protocol import State
from alerter.state.sqlite import SqliteState
from alerter.timetext import parse_instant
from alerter.watch.look import Watch

NOON = parse_instant("2026-03-10T12:00:00Z")
EVERY = 15 * SECOND


class Peers:
    """A fleet in which a watch leads everything, or nothing."""

    def __init__(self, *instances: str) -> None:
        self.leading = True
        self.fenced = False
        self.living: dict[str, Member] = {name: member(name) for name in instances}

    def chosen(self, name: str) -> bool:
        return self.leading

    def valid(self) -> bool:
        return not self.fenced

    @property
    def view(self) -> View:
        return View(dict(self.living))


def member(instance: str, version: str = "1.0", ruleset: str = "same") -> Member:
    """Return an engine's record."""
    return Member(instance, f"session of {instance}", NOON, version, ruleset)


def beat(instance: str, at: int = NOON, **changes: Any) -> Heartbeat:
    """Return a heartbeat."""
    values = {"version": "1.0", "started": NOON, "rules": 40, **changes}
    return Heartbeat(instance=instance, beat=at, **values)


def failing(kind: str, since: int, *names: str, number: int = 0) -> Failing:
    """Return rules that fail in one way."""
    rules = tuple(FailingRule(name, since, f"{kind} reason") for name in names)
    return Failing(kind, "default", number or len(names), since, rules)


def planned(id: str, at: int, channel: str = "#order", receiver: str = "order") -> Incident:
    """Return an incident with a message that waits."""
    delivery = Delivery(f"d-{id}", Kind.FIRING, receiver, channel, at, Reason.FIRST_MATCH, "text")
    return Incident(id, "refunds", "any", None, {"domain": "order"}, at, deliveries=(delivery,))


class Desk:
    """A watch named ``a`` with its state and clock; ``default`` falls back to ``spare``."""

    def __init__(self, *others: str, after: WatchSettings | None = None, state: State | None = None) -> None:
        self.clock = ManualClock(NOON)
        self.state = state or SqliteState(":memory:")
        self.state.init()
        self.peers = Peers("a", *others)
        self.own = beat("a")
        self.silences: list[Silence] = []
        self.after = after or WatchSettings()
        default = Receiver("default", "slack", {"channel": "#alerts"}, "spare")
        self.routing = Routing(Node("default", "route"), {"default": default, "spare": Receiver("spare", "console")})
        self.delivering = True
        self.watch = self.start()

    def start(self, peers: Peers | None = None) -> Watch:
        """Return a watch that knows nothing yet."""
        return Watch(
            self.state,
            self.clock,
            peers or self.peers,
            self.after,
            own=lambda: replace(self.own, beat=self.clock.now()),
            routing=lambda: self.routing,
            silences=lambda: self.silences,
        )

    def passes(self, length: int, watch: Watch | None = None) -> int:
        """Look every 15 s for a length of time; return how many incidents were written."""
        written = 0
        for _ in range(length // EVERY):
            self.clock.advance(EVERY)
            written += (watch or self.watch).look()
            if self.delivering:
                self.send()
        return written

    def incidents(self) -> list[Incident]:
        """Return the alerter's own incidents, oldest first."""
        found = [v.value for v in self.state.incidents() if v.value.labels.get("domain") == "alerter"]
        return sorted(found, key=lambda incident: (incident.opened, incident.id))

    def told(self) -> list[tuple[str, str, str]]:
        """Return kind, receiver and reason of every message, by incident."""
        return [(str(d.kind), d.receiver, str(d.reason)) for i in self.incidents() for d in i.deliveries]

    def send(self) -> None:
        """Take every message of the own incidents for delivered."""
        for stored in self.state.unfinished():
            done = tuple(replace(d, state=DeliveryState.SENT) for d in stored.value.deliveries)
            if stored.value.labels.get("domain") == "alerter":
                self.state.save_incident(replace(stored.value, deliveries=done), stored.version)
