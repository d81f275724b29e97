"""What the parts of delivery work with: documents, notifiers, rates, journal, and the right to send."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from alerter.clock import Clock, Millis
from alerter.delivery.attempts import NotAllowed, attempted
from alerter.delivery.changes import with_delivery
from alerter.delivery.claims import Claims
from alerter.delivery.journal import Journal
from alerter.delivery.ledger import Change, Ledger
from alerter.delivery.rates import Rates
from alerter.delivery.reactions import LOOKS, Looks
from alerter.engine.telling import Obstacle
from alerter.model.changed import changed
from alerter.model.incident import Delivery, DeliveryState, Incident, Reason
from alerter.notifiers.protocol import Failure, Notifier, NotifierError, Outgoing
from alerter.routing.tree import Routing
from alerter.state.protocol import State

log = logging.getLogger(__name__)
T = TypeVar("T")
PLAINEST = 3


@dataclass
class Report:
    """What one pass did."""

    sent: int = 0
    edited: int = 0
    postponed: int = 0
    failed: int = 0
    dropped: int = 0
    idle: bool = True


@dataclass
class Tools:
    """Shared by the parts of one courier; ``report`` is that of the pass under way.

    ``allowed`` is asked right before every claim and every call of a notifier, ``share`` says among how many engines
    the rates are divided, ``session`` names this process in what it claims, ``living`` are the sessions of all
    engines alive.
    """

    state: State
    notifiers: Mapping[str, Notifier]
    routing: Routing
    clock: Clock
    journal: Journal
    silenced: Callable[[Incident, Millis], Obstacle | None]
    session: Callable[[], str]
    living: Callable[[], Collection[str]]
    allowed: Callable[[], bool]
    share: Callable[[], int]
    looks: Looks = LOOKS
    rates: Rates = field(default_factory=Rates)
    report: Report = field(default_factory=Report)

    def __post_init__(self) -> None:
        self.ledger = Ledger(self.state, self.check)
        self.claims = Claims(self.clock, self.session, self.living)

    def place(self, receiver: str, channel: str) -> str:
        """Return what has a rate and a storm of its own: a bot's channel; else the receiver.

        Receivers that go by webhooks of their own may be in different workspaces, whose channels share their names.
        """
        notifier = self.notifiers.get(receiver)
        shared = notifier is not None and notifier.kind == "slack" and notifier.editable
        return channel if shared else f"receiver {receiver}"

    def check(self) -> None:
        """Raise NotAllowed when this engine may neither write nor send now."""
        if not self.allowed():
            raise NotAllowed

    def call(self, notifier: Notifier, message: Outgoing, attempt: Callable[[Outgoing], T]) -> T:
        """Call a notifier, and note how it is. Raises NotifierError, NotAllowed."""

        def checked(outgoing: Outgoing) -> T:
            self.check()
            return attempt(outgoing)

        receiver = message.delivery.receiver
        try:
            found = attempted(checked, message)
        except NotifierError as error:
            if error.failure is Failure.DEGRADE:
                self.journal.refused(receiver, error)
            elif error.failure is not Failure.GONE and notifier.kind:
                self.journal.unwell(receiver, message.delivery.channel, error)
            raise
        self.journal.well(receiver)
        return found

    def degrading(self, notifier: Notifier, message: Outgoing, attempt: Callable[[Outgoing], T]) -> T:
        """Try everything, then without chart, without sample, text only; a bug in formatting is a refusal too."""
        for plain in range(PLAINEST):
            try:
                return self.call(notifier, changed(message, plain=plain), attempt)
            except NotifierError as error:
                if error.failure is not Failure.DEGRADE:
                    raise
                delivery = message.delivery
                log.warning("receiver %s: %s; sending a plainer message", delivery.receiver, error)
                self.journal.count(delivery, str(Failure.DEGRADE))
                self.journal.note(message.incident, delivery, "degraded", f"{delivery.channel} {error.code}")
        return self.call(notifier, changed(message, plain=PLAINEST), attempt)

    def change(self, id: str, change: Change) -> None:
        """Change an incident's document now."""
        self.ledger.change(id, change)

    def finish(self, id: str, delivery: Delivery, state: DeliveryState, error: str) -> None:
        """Write that nothing more is done about a delivery."""
        self.change(id, lambda i: with_delivery(i, changed(delivery, state=state, error=error)))

    def drop(self, incident: Incident, delivery: Delivery, reason: Reason, obstacle: Obstacle | None = None) -> None:
        """Leave a message unsent, for a reason that can be looked up."""
        self.report.dropped += 1
        self.finish(incident.id, delivery, DeliveryState.DROPPED, str(reason))
        detail, until = (obstacle[1], obstacle[2]) if obstacle else ("", None)
        self.journal.dropped(incident, delivery, reason, detail, until)
