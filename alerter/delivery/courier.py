"""One pass over the outbox: claim, check again, send, record; every failure has its reaction."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress

from alerter.clock import SECOND, Clock, Millis
from alerter.delivery.attempts import NotAllowed
from alerter.delivery.changes import as_edited, as_sent, with_delivery
from alerter.delivery.digests import as_shown, is_waiting, revision_shown, shows
from alerter.delivery.failing import Failing
from alerter.delivery.groups import Groups
from alerter.delivery.journal import Journal
from alerter.delivery.reactions import LOOKS, Looks
from alerter.delivery.reconcile import Reconciler
from alerter.delivery.storm import Storms
from alerter.delivery.tasks import Task, due, failed_over, is_ahead, is_held, is_storm, post_of, tasks
from alerter.delivery.tools import Report, Tools
from alerter.engine.heard import ends_unheard
from alerter.engine.telling import Obstacle
from alerter.metrics import Metrics
from alerter.model.changed import changed
from alerter.model.incident import Delivery, DeliveryState, Incident, Kind, Post, Reason
from alerter.model.trouble import Trouble
from alerter.notifiers.protocol import Failure, Notifier, NotifierError, Outgoing, Posted
from alerter.routing.tree import Routing
from alerter.state.protocol import Conflict, State
from alerter.timetext import length_text

__all__ = ["Courier", "Report"]
log = logging.getLogger(__name__)
DELAY_SAID = 60 * SECOND
"""A message that waited longer than this says so."""
MANY = 1_000
"""Of more incidents than this the list is read again only after as many milliseconds, at most ``LONGEST``."""
LONGEST: Millis = 5 * SECOND
NEWEST = 100
"""Incidents that are looked at between, so that a new one goes out in its order."""


class Courier:
    """Delivers what incidents plan; one pass at a time, one incident document per step.

    Of several engines each delivers what is ``mine``, at its ``share`` of the rates, while it is ``allowed`` to, and
    names its ``session`` in what it claims. ``living`` sessions are given time to record what they claimed.
    """

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
        session: Callable[[], str] = lambda: "",
        living: Callable[[], Collection[str]] = tuple,
        mine: Callable[[Incident], bool] | None = None,
        share: Callable[[], int] | None = None,
        allowed: Callable[[], bool] | None = None,
    ) -> None:
        self.notifiers = notifiers
        self._state = state
        self._clock = clock
        self._metrics = metrics or Metrics()
        self._mine = mine or (lambda _incident: True)
        self._journal = Journal(state, self._metrics, clock)
        self._tools = Tools(
            state,
            notifiers,
            routing,
            clock,
            self._journal,
            silenced=silenced or (lambda _incident, _now: None),
            session=session,
            living=living,
            allowed=allowed or (lambda: True),
            share=share or (lambda: 1),
            looks=looks,
        )
        self._rates = self._tools.rates
        self._ledger = self._tools.ledger
        self._reconciler = Reconciler(self._tools, self._sent)
        self._failing = Failing(self._tools)
        self._storms = Storms(self._tools)
        self._groups = Groups(self._tools)
        self._waiting: dict[str, Millis] = {}
        self._full: set[tuple[str, str]] = set()
        self._list_again: Millis = 0
        self._fresh = True

    def troubles(self) -> list[Trouble]:
        """Return which receivers are unwell now, the longest first; each is cleared by its next success."""
        return self._journal.troubles()

    def deliver(self) -> Report:
        """Send what is due and allowed now; the rest waits for the next pass. Raises StateError."""
        report = self._tools.report = Report(idle=False)
        try:
            self._tools.check()
            self._pass(report)
        except NotAllowed:
            log.info("nothing is sent until this engine's place in the fleet is certain again")
        finally:
            with suppress(NotAllowed):
                self._ledger.settle()
                self._tools.check()
                self._journal.write()
        return report

    def _pass(self, report: Report) -> None:
        now = self._clock.now()
        listed = self._listed()
        report.idle = all(is_waiting(incident) or is_ahead(incident, now) for incident in listed)
        self._rates.share = max(self._tools.share(), 1)
        self._groups.fold(listed)
        self._storms.fold(self._ledger.listed(), fresh=self._fresh)
        unfinished = self._ledger.listed()
        self._measure(unfinished, now)
        self._full.clear()
        for task in tasks(unfinished, now, fresh=self._fresh):
            if task.is_new and task.place in self._full:
                report.postponed += 1
            elif task.delivery is not None:
                self._deliver(task, task.delivery, report)
            elif task.post is not None:
                self._refresh(task.incident, task.post, report)
        self._fresh = False

    def _listed(self) -> list[Incident]:
        """Read what is to be delivered. Where that is very much it is read seldom, and between what is new only."""
        now = self._clock.monotonic()
        if now < self._list_again:
            newest = self._state.incidents(limit=NEWEST)
            return self._ledger.go_on((s for s in newest if s.value.unfinished), self._mine)
        listed = self._ledger.begin(stored for stored in self._state.unfinished() if self._mine(stored.value))
        self._list_again = now + (min(len(listed), LONGEST) if len(listed) > MANY else 0)
        return listed

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
            self._tools.drop(incident, delivery, Reason.NO_RECEIVER)
        elif delivery.state is DeliveryState.SENDING:
            self._left_behind(incident, delivery)
        elif delivery.state is DeliveryState.UNCLEAR:
            self._reconciler.settle(incident, delivery, notifier)
        elif delivery.state is DeliveryState.SENT:
            self._reconciler.recheck(incident, delivery, notifier)
        elif is_held(incident, delivery):
            self._kept_back(incident, delivery)
        elif failed_over(incident, delivery):
            self._failing.redirect(incident, delivery)
        elif self._failing.known_dead(incident, delivery):
            return
        elif not self._could_send(delivery, notifier):
            self._full.add(task.place)
            report.postponed += 1
        elif self._kept_back(incident, delivery) or self._storms.tells_end(incident, delivery):
            return
        elif self._may_send(incident, delivery, notifier):
            self._claim(incident, delivery, notifier, stored.version)

    def _left_behind(self, incident: Incident, delivery: Delivery) -> None:
        """React to a claim whose process, or pass, is gone; that of a living engine is left to it for a while."""
        if self._tools.claims.under_way(delivery):
            self._tools.report.postponed += 1
        else:
            self._failing.failed(incident, delivery, NotifierError(Failure.UNCLEAR, "interrupted"))

    def _kept_back(self, incident: Incident, delivery: Delivery) -> bool:
        """Drop what is silenced by now (a group asks that of its members), and the end of what was never told."""
        obstacle = None if incident.roll else self._tools.silenced(incident, self._clock.now())
        if obstacle is not None and delivery.kind in (Kind.FIRING, Kind.REPEAT):
            self._tools.drop(incident, delivery, obstacle[0], obstacle)
            return True
        if delivery.kind is Kind.RESOLVED and ends_unheard(incident, delivery):
            self._tools.drop(incident, delivery, Reason.NEVER_TOLD)
            return True
        return False

    def _could_send(self, delivery: Delivery, notifier: Notifier) -> bool:
        now, place = self._clock.monotonic(), self._tools.place(delivery.receiver, delivery.channel)
        if notifier.kind != "slack":
            return not self._rates.is_blocked(place, now)
        return self._rates.could_post(place, now)

    def _may_send(self, incident: Incident, delivery: Delivery, notifier: Notifier) -> bool:
        """Whether the rates allow it now; what edits a posted message takes a token of the edits too."""
        if notifier.kind != "slack":
            return True
        now, place = self._clock.monotonic(), self._tools.place(delivery.receiver, delivery.channel)
        edits = notifier.editable and delivery.kind is not Kind.REPEAT and post_of(incident, delivery.receiver)
        may = not edits or self._rates.may_edit(place, now)
        may = may and self._rates.may_post(place, now)
        self._tools.report.postponed += not may
        return may

    def _claim(self, incident: Incident, delivery: Delivery, notifier: Notifier, version: str) -> None:
        now = self._clock.now()
        if is_storm(incident):
            incident, delivery = self._storms.shown(incident, delivery)
            if not incident.matches:
                self._storms.empty(incident, delivery)
                return
        claimed = changed(
            delivery,
            state=DeliveryState.SENDING,
            attempts=delivery.attempts + 1,
            sent=now,
            tried=now if delivery.tried is None else delivery.tried,
            looks=0,
            by=self._tools.session(),
        )
        self._tools.check()
        try:
            self._ledger.claim(with_delivery(incident, claimed), version)
        except Conflict:
            return  # changed meanwhile: next pass
        self._send(with_delivery(incident, claimed), claimed, notifier)

    def _send(self, incident: Incident, delivery: Delivery, notifier: Notifier) -> None:
        message = Outgoing(incident, delivery, first=True, note=self._note(delivery))
        try:
            posted, root = self._transmit(message, notifier)
        except NotifierError as error:
            self._failing.failed(incident, delivery, error)
        else:
            self._sent(incident, delivery, posted if root else None, "delivered")

    def _transmit(self, message: Outgoing, notifier: Notifier) -> tuple[Posted, bool]:
        """Post a root, or edit it and add a line; returns where it is and whether it is a new root."""
        post = post_of(message.incident, message.delivery.receiver)
        if post is None or not notifier.editable:
            return self._tools.degrading(notifier, message, notifier.post), True
        posted = Posted(post.address, post.ts)
        if message.delivery.kind is not Kind.REPEAT:
            try:
                edit = changed(message, first=False)
                self._tools.degrading(notifier, edit, lambda plainer: notifier.update(plainer, posted))
            except NotifierError as error:
                error.editing = True
                raise
        return self._tools.degrading(notifier, message, lambda plainer: notifier.reply(plainer, posted)), False

    def _sent(self, incident: Incident, delivery: Delivery, root: Posted | None, outcome: str) -> None:
        now = self._clock.now()
        self._tools.report.sent += 1
        self._journal.count(delivery, "sent")
        self._journal.note(incident, delivery, outcome, delivery.channel)
        self._failing.works(delivery.receiver)
        doubtful = delivery.recheck and outcome == "delivered"
        done = changed(delivery, looks=0, recheck=now + delivery.recheck if doubtful else 0)
        edited = root is None and delivery.kind is not Kind.REPEAT
        self._ledger.owe(
            incident.id, lambda current: as_sent(current, done, root, revision_shown(incident), now, edited=edited)
        )

    def _note(self, delivery: Delivery) -> str:
        """Return what a message says of itself: that it may be a repeat, why it is here, that it is late."""
        if delivery.reason is Reason.FALLBACK:
            return ", ".join(filter(None, (delivery.error, delivery.note)))
        late = self._clock.now() - self._waiting.get(delivery.id, self._clock.now())
        delayed = f"delayed {length_text(late)} by the receiver's limits" if late > DELAY_SAID else ""
        return ", ".join(filter(None, (delivery.note, delayed)))

    # --- refreshing --------------------------------------------------------------------------------------------

    def _refresh(self, id: str, post: Post, report: Report) -> None:
        stored = self._ledger.current(id)
        notifier = self.notifiers.get(post.receiver)
        if stored is None or notifier is None or not notifier.editable:
            self._tools.change(id, lambda i: as_edited(i, post.receiver, i.revision, self._clock.now(), edited=False))
            return
        incident = stored.value
        if not self._rates.may_edit(self._tools.place(post.receiver, post.channel), self._clock.monotonic()):
            report.postponed += 1
            return
        last = next(d for d in reversed(incident.deliveries) if d.receiver == post.receiver)
        if is_storm(incident):
            incident, last = self._storms.shown(incident, last, edit=True)
        if shows(post, stored.value, incident):
            self._tools.change(id, lambda i: as_edited(i, post.receiver, 0, self._clock.now(), edited=False))
            return
        posted = Posted(post.address, post.ts)
        message = Outgoing(incident, last, first=False)
        try:
            self._tools.degrading(notifier, message, lambda plainer: notifier.update(plainer, posted))
        except NotifierError as error:
            self._failing.not_edited(incident, post, last, error)
            return
        report.edited += 1
        if incident.resolved is not None or incident.matches > stored.value.matches:  # over, or a digest that grew
            self._journal.note(incident, last, "edited", post.channel, reason=incident.resolve_reason)
        shown, now = revision_shown(incident), self._clock.now()
        self._tools.change(id, lambda i: as_edited(as_shown(i, incident), post.receiver, shown, now))

    # --- what waits --------------------------------------------------------------------------------------------

    def _measure(self, unfinished: list[Incident], now: Millis) -> None:
        outbox = [d for i in unfinished for d in i.outbox]
        self._waiting = {d.id: self._waiting.get(d.id, now) for d in outbox}
        self._metrics.outbox.set(len(outbox))
        self._metrics.outbox_age.set(max((now - d.at for d in outbox), default=0) / SECOND)
