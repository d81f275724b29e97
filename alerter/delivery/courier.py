"""One pass over the outbox: claim, check again, send, record; every failure has its reaction."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TypeVar

from alerter.clock import SECOND, Clock, Millis
from alerter.delivery.attempts import attempted
from alerter.delivery.ledger import Ledger
from alerter.delivery.rates import Rates
from alerter.delivery.reactions import LOOKS, Looks, Reaction, react
from alerter.delivery.tasks import Task, due, failed_over, heard, post_of, tasks
from alerter.engine.telling import Obstacle
from alerter.metrics import Metrics
from alerter.model.incident import Decision, Delivery, DeliveryState, Incident, Kind, Post, Reason
from alerter.model.route import Receiver
from alerter.notifiers.protocol import Failure, Notifier, NotifierError, Outgoing, Posted
from alerter.routing.tree import Routing
from alerter.state.protocol import Conflict, State
from alerter.timetext import length_text

log = logging.getLogger(__name__)
T = TypeVar("T")
DELAY_SAID = 60 * SECOND
"""A message that waited longer than this says so."""
PLAINEST = 3
MOST_LOOKS = 10
"""How often a read-back that must wait is tried before the message is sent again."""
POSSIBLE_REPEAT = "possible_repeat"


@dataclass
class Report:
    """What one pass did."""

    sent: int = 0
    edited: int = 0
    postponed: int = 0
    failed: int = 0
    dropped: int = 0
    idle: bool = True


class Courier:
    """Delivers what incidents plan; one pass at a time, one incident document per step."""

    def __init__(
        self,
        state: State,
        notifiers: Mapping[str, Notifier],
        routing: Routing,
        clock: Clock,
        *,
        silenced: Callable[[Incident, Millis], Obstacle | None] | None = None,
        metrics: Metrics | None = None,
        looks: Looks = LOOKS,
    ) -> None:
        self.notifiers = notifiers
        self._state = state
        self._routing = routing
        self._clock = clock
        self._silenced = silenced or (lambda _incident, _now: None)
        self._metrics = metrics or Metrics()
        self._looks = looks
        self._rates = Rates()
        self._waiting: dict[str, Millis] = {}
        self._fresh = True
        self._ledger = Ledger(state)

    def deliver(self) -> Report:
        """Send what is due and allowed now; the rest waits for the next pass. Raises StateError."""
        report = Report()
        now = self._clock.now()
        unfinished = self._ledger.begin(self._state.unfinished())
        self._measure(unfinished, now)
        report.idle = not unfinished
        try:
            for task in tasks(unfinished, now, fresh=self._fresh):
                if task.delivery is not None:
                    self._deliver(task, task.delivery, report)
                elif task.post is not None:
                    self._refresh(task.incident, task.post, report)
        finally:
            self._ledger.settle()
        self._fresh = False
        return report

    # --- one delivery ------------------------------------------------------------------------------------------

    def _deliver(self, task: Task, delivery: Delivery, report: Report) -> None:
        stored = self._ledger.current(task.incident)
        # The list may lag behind the document: then the claim conflicts, and the next pass sees what there is.
        current = None if stored is None else due(stored.value, delivery.id, self._clock.now(), fresh=self._fresh)
        if stored is None or current is None:
            return
        incident, delivery = stored.value, current
        notifier = self.notifiers.get(delivery.receiver)
        if notifier is None:
            self._drop(incident, delivery, Reason.NO_RECEIVER, report)
            return
        if delivery.state in (DeliveryState.SENDING, DeliveryState.UNCLEAR):
            self._reconcile(incident, delivery, notifier, report)
            return
        if failed_over(incident, delivery):
            self._redirect(incident, delivery, report)
            return
        obstacle = self._silenced(incident, self._clock.now())
        if obstacle is not None and delivery.kind in (Kind.FIRING, Kind.REPEAT):
            self._drop(incident, delivery, obstacle[0], report, obstacle)
            return
        if delivery.kind is Kind.RESOLVED and not heard(incident, delivery.receiver):
            self._drop(incident, delivery, Reason.NEVER_TOLD, report)
            return
        if not self._may_send(incident, delivery, notifier):
            report.postponed += 1
            return
        claimed = replace(
            delivery, state=DeliveryState.SENDING, attempts=delivery.attempts + 1, sent=self._clock.now(), looks=0
        )
        try:
            self._ledger.claim(_with(incident, claimed), stored.version)
        except Conflict:
            return  # changed meanwhile: next pass
        self._send(_with(incident, claimed), claimed, notifier, report)

    def _may_send(self, incident: Incident, delivery: Delivery, notifier: Notifier) -> bool:
        """Whether the rates allow it now; what edits a posted message takes a token of the edits too."""
        if notifier.kind != "slack":
            return not self._rates.is_blocked(delivery.receiver, self._clock.monotonic())
        now = self._clock.monotonic()
        edits = notifier.editable and delivery.kind is not Kind.REPEAT and post_of(incident, delivery.receiver)
        if edits and not self._rates.may_edit(delivery.channel, now):
            return False
        return self._rates.may_post(delivery.channel, now)

    def _send(self, incident: Incident, delivery: Delivery, notifier: Notifier, report: Report) -> None:
        message = Outgoing(incident, delivery, first=True, note=self._note(delivery))
        try:
            posted, root = self._degrading(message, lambda plainer: self._transmit(plainer, notifier))
        except NotifierError as error:
            self._failed(incident, delivery, error, report)
        else:
            self._sent(incident, delivery, posted if root else None, report)

    def _degrading(self, message: Outgoing, attempt: Callable[[Outgoing], T]) -> T:
        """Try everything, then without chart, without sample, text only; a bug in formatting is a refusal too."""
        for plain in range(PLAINEST):
            try:
                return attempted(attempt, replace(message, plain=plain))
            except NotifierError as error:
                if error.failure is not Failure.DEGRADE:
                    raise
                log.warning("receiver %s: %s; sending a plainer message", message.delivery.receiver, error)
                self._metrics.messages.labels(str(message.delivery.kind), str(Failure.DEGRADE)).inc()
        return attempted(attempt, replace(message, plain=PLAINEST))

    def _transmit(self, message: Outgoing, notifier: Notifier) -> tuple[Posted, bool]:
        """Post a root, or edit it and add a line; returns where it is and whether it is a new root."""
        post = post_of(message.incident, message.delivery.receiver)
        if post is None or not notifier.editable:
            return notifier.post(message), True
        posted = Posted(post.address, post.ts)
        try:
            if message.delivery.kind is not Kind.REPEAT:
                notifier.update(replace(message, first=False), posted)
            return notifier.reply(message, posted), False
        except NotifierError as error:
            if error.failure is not Failure.GONE:
                raise
            return notifier.post(replace(message, note="the earlier message is gone")), True

    def _sent(self, incident: Incident, delivery: Delivery, root: Posted | None, report: Report) -> None:
        now = self._clock.now()
        report.sent += 1
        self._metrics.messages.labels(str(delivery.kind), "sent").inc()

        def change(current: Incident) -> Incident:
            done = replace(delivery, state=DeliveryState.SENT, sent=now, error="")
            posts = [p for p in current.posts if root is None or p.receiver != delivery.receiver]
            if root is not None:
                posts.append(Post(delivery.receiver, delivery.channel, root.address, root.ts, incident.revision, now))
            elif delivery.kind is not Kind.REPEAT:
                posts = [
                    replace(p, revision=incident.revision, edited=now) if p.receiver == delivery.receiver else p
                    for p in posts
                ]
            return replace(_with(current, done), posts=tuple(posts))

        self._ledger.owe(incident.id, change)

    def _failed(self, incident: Incident, delivery: Delivery, error: NotifierError, report: Report) -> None:
        reaction = react(delivery, error, self._clock.now(), self._fallback(delivery, error), self._looks)
        self._metrics.messages.labels(str(delivery.kind), str(error.failure)).inc()
        report.failed += reaction.delivery.state is DeliveryState.FAILED
        report.postponed += reaction.delivery.state is not DeliveryState.FAILED
        log.log(reaction.level, "receiver %s (%s): %s", delivery.receiver, delivery.channel, error)
        if reaction.block:
            slack = self.notifiers[delivery.receiver].kind == "slack"
            place = delivery.channel if slack else delivery.receiver
            self._rates.block(place, self._clock.monotonic() + reaction.block)
        self._ledger.change(incident.id, lambda current: _reacted(current, reaction))

    def _fallback(self, delivery: Delivery, error: NotifierError) -> Receiver | None:
        """Return the fallback receiver; with bad credentials only one that goes another way."""
        receiver = self._routing.receivers.get(delivery.receiver)
        name = receiver.fallback if receiver else None
        if name is None or name not in self.notifiers:
            return None
        own, other = self.notifiers[delivery.receiver], self.notifiers[name]
        if error.failure is Failure.CREDENTIALS and (own.kind, own.editable) == (other.kind, other.editable):
            return None
        return self._routing.receivers.get(name)

    def _redirect(self, incident: Incident, delivery: Delivery, report: Report) -> None:
        """Send to the fallback what follows a message that went there, unless it is planned there already."""
        first = failed_over(incident, delivery)
        receiver = self._routing.receivers.get(delivery.receiver)
        there = receiver.fallback if receiver else None
        if (
            first is None
            or there is None
            or any((d.receiver, d.kind, d.at) == (there, delivery.kind, delivery.at) for d in incident.deliveries)
        ):
            self._drop(incident, delivery, Reason.FALLBACK, report)
        else:
            self._failed(incident, delivery, NotifierError(Failure.CHANNEL, first.error), report)

    # --- unclear outcomes --------------------------------------------------------------------------------------

    def _reconcile(self, incident: Incident, delivery: Delivery, notifier: Notifier, report: Report) -> None:
        """Settle an outcome that is not known: look for the message before anything is posted again."""
        if delivery.state is DeliveryState.SENDING:  # the process that sent it is gone
            error = NotifierError(Failure.UNCLEAR, "interrupted")
            self._failed(incident, delivery, error, report)
            return
        post = post_of(incident, delivery.receiver)
        posted = Posted(post.address, post.ts) if post and notifier.editable else None
        since = (delivery.sent or self._clock.now()) - 60 * SECOND
        try:
            found = attempted(lambda message: notifier.find(message, since, posted), Outgoing(incident, delivery))
        except NotifierError as error:
            self._blind(incident, delivery, error)
            return
        if found is not None:
            self._sent(incident, delivery, found if posted is None else None, report)
        elif delivery.looks < 1:
            self._look_later(incident, delivery, self._looks.second - self._looks.first)
        else:
            self._again(incident, delivery, "")

    def _blind(self, incident: Incident, delivery: Delivery, error: NotifierError) -> None:
        """What was posted cannot be read back: try to look again for a while, then send again or hold it."""
        receiver = self._routing.receivers.get(delivery.receiver)
        if error.failure is Failure.WAIT and delivery.looks < MOST_LOOKS:
            self._look_later(incident, delivery, max(error.retry_after, self._looks.second))
        elif receiver is not None and receiver.options.get("on_unclear") == "hold":
            log.error("receiver %s: it is not known whether %s arrived; held", delivery.receiver, delivery.id)
            self._finish(incident.id, delivery, DeliveryState.FAILED, "unclear, held")
        else:
            self._again(incident, delivery, POSSIBLE_REPEAT)

    def _look_later(self, incident: Incident, delivery: Delivery, wait: Millis) -> None:
        later = replace(delivery, looks=delivery.looks + 1, not_before=self._clock.now() + wait)
        self._ledger.change(incident.id, lambda current: _with(current, later))

    def _again(self, incident: Incident, delivery: Delivery, mark: str) -> None:
        kept = delivery.error if delivery.reason is Reason.FALLBACK else mark
        planned = replace(delivery, state=DeliveryState.PLANNED, looks=0, not_before=0, error=kept)
        self._ledger.change(incident.id, lambda current: _with(current, planned))

    # --- refreshing --------------------------------------------------------------------------------------------

    def _refresh(self, id: str, post: Post, report: Report) -> None:
        stored = self._ledger.current(id)
        notifier = self.notifiers.get(post.receiver)
        if stored is None or notifier is None or not notifier.editable:
            self._ledger.change(id, lambda i: _edited(i, post.receiver, i.revision, self._clock.now()))
            return
        incident = stored.value
        if not self._rates.may_edit(post.channel, self._clock.monotonic()):
            report.postponed += 1
            return
        last = next(d for d in reversed(incident.deliveries) if d.receiver == post.receiver)
        posted = Posted(post.address, post.ts)
        try:
            self._degrading(Outgoing(incident, last, first=False), lambda plainer: notifier.update(plainer, posted))
        except NotifierError as error:
            log.warning("receiver %s: the message could not be edited: %s", post.receiver, error)
            if error.failure in (Failure.WAIT, Failure.UNCLEAR, Failure.CREDENTIALS):
                self._rates.block_edits(post.channel, self._clock.monotonic() + max(error.retry_after, 10 * SECOND))
                return
        report.edited += 1
        self._ledger.change(id, lambda i: _edited(i, post.receiver, incident.revision, self._clock.now()))

    # --- shared ------------------------------------------------------------------------------------------------

    def _finish(self, id: str, delivery: Delivery, state: DeliveryState, error: str) -> None:
        self._ledger.change(id, lambda i: _with(i, replace(delivery, state=state, error=error)))

    def _drop(
        self, incident: Incident, delivery: Delivery, reason: Reason, report: Report, obstacle: Obstacle | None = None
    ) -> None:
        """Leave a message unsent, for a reason that can be looked up."""
        report.dropped += 1
        self._metrics.messages.labels(str(delivery.kind), "dropped").inc()
        self._finish(incident.id, delivery, DeliveryState.DROPPED, str(reason))
        decision = Decision(
            self._clock.now(), incident.rule, incident.key, "suppressed", str(reason), incident.id,
            obstacle[2] if obstacle else None, receiver=delivery.receiver, detail=obstacle[1] if obstacle else "",
        )  # fmt: skip
        self._state.record([decision])

    def _note(self, delivery: Delivery) -> str:
        if delivery.error == POSSIBLE_REPEAT:
            return "possible repeat: the first attempt had no answer"
        if delivery.reason is Reason.FALLBACK:
            return delivery.error
        late = self._clock.now() - self._waiting.get(delivery.id, self._clock.now())
        return f"delayed {length_text(late)} by the receiver's limits" if late > DELAY_SAID else ""

    def _measure(self, unfinished: list[Incident], now: Millis) -> None:
        outbox = [d for i in unfinished for d in i.outbox]
        self._waiting = {d.id: self._waiting.get(d.id, now) for d in outbox}
        self._metrics.outbox.set(len(outbox))
        self._metrics.outbox_age.set(max((now - d.at for d in outbox), default=0) / SECOND)


def _with(incident: Incident, delivery: Delivery) -> Incident:
    """Return the incident with one delivery replaced."""
    return replace(incident, deliveries=tuple(delivery if d.id == delivery.id else d for d in incident.deliveries))


def _edited(incident: Incident, receiver: str, revision: int, now: Millis) -> Incident:
    posts = tuple(replace(p, revision=revision, edited=now) if p.receiver == receiver else p for p in incident.posts)
    return replace(incident, posts=posts)


def _reacted(incident: Incident, reaction: Reaction) -> Incident:
    changed = _with(incident, reaction.delivery)
    if reaction.instead is None or any(d.id == reaction.instead.id for d in changed.deliveries):
        return changed
    return replace(changed, deliveries=(*changed.deliveries, reaction.instead))
