"""One pass over the outbox: claim, check again, send, record; every failure has its reaction."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from alerter.clock import SECOND, Clock, Millis
from alerter.delivery.rates import Rates
from alerter.delivery.reactions import Reaction, react
from alerter.delivery.tasks import Task, failed_over, post_of, tasks
from alerter.engine.telling import Obstacle
from alerter.metrics import Metrics
from alerter.model.incident import Decision, Delivery, DeliveryState, Incident, Kind, Post, Reason
from alerter.notifiers.protocol import Failure, Notifier, NotifierError, Outgoing, Posted
from alerter.routing.tree import Routing
from alerter.state.protocol import Conflict, State

log = logging.getLogger(__name__)
DELAY_SAID = 60 * SECOND
"""A message later than this says so."""


@dataclass
class Report:
    """What one pass did."""

    sent: int = 0
    edited: int = 0
    postponed: int = 0
    failed: int = 0
    dropped: int = 0


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
    ) -> None:
        self.notifiers = notifiers
        self._state = state
        self._routing = routing
        self._clock = clock
        self._silenced = silenced or (lambda _incident, _now: None)
        self._metrics = metrics or Metrics()
        self._rates = Rates()

    def deliver(self) -> Report:
        """Send what is due and allowed now; the rest waits for the next pass. Raises StateError."""
        report = Report()
        now = self._clock.now()
        unfinished = [stored.value for stored in self._state.unfinished()]
        self._measure(unfinished, now)
        for task in tasks(unfinished, now):
            if task.delivery is not None:
                self._deliver(task, task.delivery, report)
            elif task.post is not None:
                self._refresh(task.incident, task.post, report)
        return report

    # --- one delivery ------------------------------------------------------------------------------------------

    def _deliver(self, task: Task, delivery: Delivery, report: Report) -> None:
        stored = self._state.incident(task.incident)
        if stored is None:
            return
        incident = stored.value
        notifier = self.notifiers.get(delivery.receiver)
        if notifier is None or failed_over(incident, delivery):
            self._finish(
                incident.id, delivery, DeliveryState.DROPPED, "no_receiver" if notifier is None else "fallback"
            )
            report.dropped += 1
            return
        if delivery.state in (DeliveryState.SENDING, DeliveryState.UNCLEAR):
            self._reconcile(incident, delivery, notifier, report)
            return
        obstacle = self._silenced(incident, self._clock.now())
        if obstacle is not None and delivery.kind in (Kind.FIRING, Kind.REPEAT):
            self._drop_silenced(incident, delivery, obstacle)
            report.dropped += 1
            return
        if not self._rates.may_post(self._place(delivery, notifier), self._clock.monotonic()):
            report.postponed += 1
            return
        claimed = replace(
            delivery, state=DeliveryState.SENDING, attempts=delivery.attempts + 1, sent=self._clock.now(), looks=0
        )
        try:
            self._state.save_incident(_with(incident, claimed), stored.version)
        except Conflict:
            return  # changed meanwhile: next pass
        self._send(_with(incident, claimed), claimed, notifier, report)

    def _send(self, incident: Incident, delivery: Delivery, notifier: Notifier, report: Report) -> None:
        note = self._note(delivery)
        for plain in range(4):
            message = Outgoing(incident, delivery, first=True, plain=plain, note=note)
            try:
                posted, root = self._transmit(message, notifier)
            except NotifierError as error:
                if error.failure is Failure.DEGRADE and plain < 3:
                    log.warning("receiver %s refused the message (%s), sending a plainer one", delivery.receiver, error)
                    continue
                self._failed(incident, delivery, error, report)
                return
            self._sent(incident, delivery, posted if root else None, report)
            return

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

        self._change(incident.id, change)

    def _failed(self, incident: Incident, delivery: Delivery, error: NotifierError, report: Report) -> None:
        receiver = self._routing.receivers.get(delivery.receiver)
        fallback = self._routing.receivers.get(receiver.fallback) if receiver and receiver.fallback else None
        reaction = react(delivery, error, self._clock.now(), fallback)
        self._metrics.messages.labels(str(delivery.kind), str(error.failure)).inc()
        report.failed += reaction.delivery.state is DeliveryState.FAILED
        report.postponed += reaction.delivery.state is not DeliveryState.FAILED
        log.log(reaction.level, "receiver %s (%s): %s", delivery.receiver, delivery.channel, error)
        if reaction.block:
            place = self._place(delivery, self.notifiers[delivery.receiver])
            self._rates.block(place, self._clock.monotonic() + reaction.block)
        self._change(incident.id, lambda current: _reacted(current, reaction))

    # --- unclear outcomes --------------------------------------------------------------------------------------

    def _reconcile(self, incident: Incident, delivery: Delivery, notifier: Notifier, report: Report) -> None:
        """Settle an outcome that is not known: look for the message before anything is posted again."""
        if delivery.state is DeliveryState.SENDING:  # the process that sent it is gone
            error = NotifierError(Failure.UNCLEAR, "interrupted")
            self._failed(incident, delivery, error, report)
            return
        post = post_of(incident, delivery.receiver)
        posted = Posted(post.address, post.ts) if post and notifier.editable else None
        message = Outgoing(incident, delivery)
        try:
            found = notifier.find(message, (delivery.sent or self._clock.now()) - 60 * SECOND, posted)
        except NotifierError as error:
            if error.failure is Failure.UNCLEAR:
                self._again(incident, delivery, "possible_repeat")
            else:
                self._change(
                    incident.id, lambda i: _with(i, replace(delivery, not_before=self._clock.now() + 20 * SECOND))
                )
            return
        if found is not None:
            self._sent(incident, delivery, found if posted is None else None, report)
        elif delivery.looks < 1:
            later = replace(delivery, looks=delivery.looks + 1, not_before=self._clock.now() + 15 * SECOND)
            self._change(incident.id, lambda i: _with(i, later))
        else:
            self._again(incident, delivery, "")

    def _again(self, incident: Incident, delivery: Delivery, mark: str) -> None:
        planned = replace(delivery, state=DeliveryState.PLANNED, looks=0, error=mark)
        self._change(incident.id, lambda current: _with(current, planned))

    # --- refreshing --------------------------------------------------------------------------------------------

    def _refresh(self, id: str, post: Post, report: Report) -> None:
        stored = self._state.incident(id)
        notifier = self.notifiers.get(post.receiver)
        if stored is None or notifier is None or not notifier.editable:
            self._change(id, lambda i: _edited(i, post.receiver, i.revision, self._clock.now()))
            return
        incident = stored.value
        if not self._rates.may_edit(post.channel, self._clock.monotonic()):
            report.postponed += 1
            return
        last = next(d for d in reversed(incident.deliveries) if d.receiver == post.receiver)
        message = Outgoing(incident, last, first=False)
        try:
            notifier.update(message, Posted(post.address, post.ts))
        except NotifierError as error:
            log.warning("receiver %s: the message could not be edited: %s", post.receiver, error)
            if error.failure is not Failure.GONE:
                self._rates.block(post.channel, self._clock.monotonic() + max(error.retry_after, 10 * SECOND))
                return
        report.edited += 1
        self._change(id, lambda i: _edited(i, post.receiver, incident.revision, self._clock.now()))

    # --- shared ------------------------------------------------------------------------------------------------

    def _finish(self, id: str, delivery: Delivery, state: DeliveryState, error: str) -> None:
        self._change(id, lambda i: _with(i, replace(delivery, state=state, error=error)))

    def _drop_silenced(self, incident: Incident, delivery: Delivery, obstacle: Obstacle) -> None:
        reason, detail, until = obstacle
        self._finish(incident.id, delivery, DeliveryState.DROPPED, str(reason))
        decision = Decision(
            self._clock.now(), incident.rule, incident.key, "suppressed", str(reason), incident.id, until,
            receiver=delivery.receiver, detail=detail,
        )  # fmt: skip
        self._state.record([decision])

    def _change(self, id: str, change: Callable[[Incident], Incident]) -> None:
        """Change an incident's document, again when somebody was quicker."""
        for _ in range(10):
            stored = self._state.incident(id)
            if stored is None:
                return
            try:
                self._state.save_incident(change(stored.value), stored.version)
                return
            except Conflict:
                continue
        log.error("incident %s kept changing; its delivery is settled in the next pass", id)

    def _place(self, delivery: Delivery, notifier: Notifier) -> str:
        return delivery.channel if notifier.kind == "slack" else f"{notifier.kind} {delivery.receiver} {delivery.id}"

    def _note(self, delivery: Delivery) -> str:
        if delivery.error == "possible_repeat":
            return "possible repeat: the first attempt had no answer"
        if delivery.reason is Reason.FALLBACK:
            return delivery.error
        first = delivery.sent
        if delivery.attempts > 1 and first is not None and delivery.error == str(Failure.WAIT):
            return "delayed by the receiver's limits"
        return ""

    def _measure(self, unfinished: list[Incident], now: Millis) -> None:
        outbox = [d for i in unfinished for d in i.outbox]
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
