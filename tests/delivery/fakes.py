"""A notifier whose answers a test writes down, and the incidents it is given."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from alerter.clock import ManualClock, Millis
from alerter.delivery.courier import Courier
from alerter.metrics import Metrics
from alerter.model.incident import Delivery, Incident, Kind, Reason, View
from alerter.model.route import Receiver
from alerter.notifiers.protocol import Failure, NotifierError, Outgoing, Posted
from alerter.routing.tree import Node, Routing, Timers
from alerter.state.sqlite import SqliteState

NOW = 1_773_140_700_000


@dataclass
class FakeNotifier:
    """Takes everything, or fails as often as ``failures`` says; ``lose`` posts and then gives no answer."""

    kind: str = "slack"
    editable: bool = True
    failures: list[Exception] = field(default_factory=list)
    calls: list[tuple[str, Outgoing]] = field(default_factory=list)
    there: list[str] = field(default_factory=list)
    lose: int = 0
    blind: NotifierError | None = None
    twice: list[str] = field(default_factory=list)
    twice_below: list[str] = field(default_factory=list)
    since: list[Millis] = field(default_factory=list)

    def post(self, message: Outgoing) -> Posted:
        return self._take("post", message)

    def update(self, message: Outgoing, posted: Posted) -> None:
        self._take("update", message)

    def reply(self, message: Outgoing, posted: Posted) -> Posted:
        return self._take("reply", message)

    def find(self, message: Outgoing, since: Millis, posted: Posted | None) -> Posted | None:
        self.calls.append(("find", message))
        self.since.append(since)
        if self.blind:
            raise self.blind
        return Posted("C1", "found") if message.delivery.id in self.there else None

    def copies(self, message: Outgoing, since: Millis, posted: Posted | None) -> list[Posted]:
        self.calls.append(("copies", message))
        if self.blind:
            raise self.blind
        return [Posted("C1", ts) for ts in (self.twice if posted is None else self.twice_below)]

    def point(self, message: Outgoing, copy: Posted, to: Posted) -> None:
        self.calls.append((f"point {copy.ts} to {to.ts}", message))

    def link(self, posted: Posted) -> str:
        return f"https://slack.example.org/{posted.ts}"

    def check(self) -> list[tuple[str, str]]:
        return [("ok", "fake")]

    def _take(self, how: str, message: Outgoing) -> Posted:
        self.calls.append((how, message))
        if self.failures:
            raise self.failures.pop(0)
        if how != "update":
            self.there.append(message.delivery.id)
        if self.lose:
            self.lose -= 1
            raise NotifierError(Failure.UNCLEAR, "timeout")
        return Posted("C1", f"{len(self.calls)}") if self.editable else Posted()

    @property
    def done(self) -> list[str]:
        """What was called, in order."""
        return [how for how, _ in self.calls]


def fail(failure: Failure, code: str = "code", retry_after: Millis = 0) -> NotifierError:
    """Return an error of a class."""
    return NotifierError(failure, code, retry_after=retry_after)


def incident(id: str = "i1", *deliveries: Delivery, **changes: Any) -> Incident:
    """Return a firing incident with these deliveries."""
    made = Incident(
        id=id, rule="cancellations", type="frequency", key=(("user.name", "x"),),
        labels={"domain": "order", "severity": "warning"}, opened=NOW, matches=1, count=42, peak=42,
        view=View(title="cancellations jump", sentence="42 in 5 min (threshold 10)"), deliveries=deliveries,
    )  # fmt: skip
    return replace(made, **changes)


def delivery(id: str = "d1", kind: Kind = Kind.FIRING, **changes: Any) -> Delivery:
    """Return a planned delivery to the receiver ``order``."""
    made = Delivery(id, kind, "order", "#order", NOW, Reason.FIRST_MATCH, f"[{kind.upper()}] text")
    return replace(made, **changes)


class Desk:
    """A courier with its state, clock and two receivers; ``order`` falls back to ``spare`` when asked for."""

    def __init__(
        self,
        notifier: FakeNotifier | None = None,
        *,
        fallback: bool = False,
        storm: Millis | None = None,
        **options: Any,
    ) -> None:
        self.storm = storm
        self.clock = ManualClock(NOW)
        self.state = SqliteState(":memory:")
        self.state.init()
        self.ours: Callable[[Incident], bool] = lambda _incident: True
        self.engines = 1
        self.living: set[str] = set()
        self.permits: Iterator[bool] | None = None
        self.order = notifier or FakeNotifier()
        self.spare = FakeNotifier(kind="console", editable=False)
        self.more: dict[str, FakeNotifier] = {}
        order = Receiver("order", "slack", {"channel": "#order", **options}, "spare" if fallback else None)
        self.obstacle: Any = None
        self.metrics = Metrics()
        self.routing = Routing(
            Node("order", "route", timers=Timers(storm=self.storm)),
            {"order": order, "spare": Receiver("spare", "console")},
        )
        self.restart()

    def restart(self, session: str = "") -> None:
        """Begin as a new process would, which knows nothing but what is stored."""
        self.courier = Courier(
            self.state,
            {"order": self.order, "spare": self.spare, **self.more},
            self.routing,
            self.clock,
            silenced=lambda _incident, _now: self.obstacle,
            metrics=self.metrics,
            session=lambda: session,
            living=lambda: self.living,
            mine=lambda incident: self.ours(incident),
            share=lambda: self.engines,
            allowed=lambda: self.permits is None or next(self.permits),
        )

    def plan(self, *incidents: Incident) -> None:
        """Write incidents; known ones are replaced."""
        for made in incidents:
            stored = self.state.incident(made.id)
            self.state.save_incident(made, stored.version if stored else None)

    def change(self, id: str = "i1", *more: Delivery, **changes: Any) -> None:
        """Change an incident as the engine would, with more deliveries planned."""
        found = self.read(id)
        changed = replace(found, revision=found.revision + 1, deliveries=(*found.deliveries, *more), **changes)
        self.plan(changed)

    def read(self, id: str = "i1") -> Incident:
        """Return an incident as stored."""
        stored = self.state.incident(id)
        assert stored is not None
        return stored.value

    def passes(self, seconds: int) -> None:
        """Let the loop run once a second."""
        for _ in range(seconds):
            self.courier.deliver()
            self.clock.advance(1_000)
