"""What is done about a receiver that cannot be reached, and about messages that are gone."""

from __future__ import annotations

import logging
from dataclasses import replace

from alerter.clock import SECOND, Millis
from alerter.delivery.changes import as_edited, as_reacted, with_delivery, without_post
from alerter.delivery.reactions import PROBE, react
from alerter.delivery.tasks import failed_over, post_of
from alerter.delivery.tools import Tools
from alerter.model.incident import Delivery, DeliveryState, Incident, Post, Reason, digest
from alerter.model.route import Receiver
from alerter.notifiers.protocol import Failure, NotifierError, Posted
from alerter.timetext import time_text

log = logging.getLogger(__name__)


class Failing:
    """Reacts to failed attempts, and remembers which receivers need not be tried for a while."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        self._dead: dict[str, tuple[Millis, NotifierError]] = {}

    def failed(self, incident: Incident, delivery: Delivery, error: NotifierError, *, called: bool = True) -> None:
        """React to a failed attempt; not ``called``: it was not even tried, for the same reason as one before."""
        if error.failure is Failure.GONE and post_of(incident, delivery.receiver):
            self._gone(incident, delivery, error)
            return
        fallback = self._fallback(delivery, error)
        reaction = react(delivery, error, self._tools.clock.now(), fallback, self._tools.looks)
        report, after = self._tools.report, reaction.delivery
        self._tools.journal.count(delivery, str(error.failure))
        if after.error != delivery.error or after.state is not DeliveryState.PLANNED:
            outcome = "unclear" if after.state is DeliveryState.UNCLEAR else "failed"
            self._tools.journal.note(incident, delivery, outcome, f"{delivery.channel} {error.code}")
        report.failed += after.state is DeliveryState.FAILED
        report.postponed += after.state is not DeliveryState.FAILED
        if called:
            self._block(delivery, error, reaction.block, dead=fallback is not None)
            again = self._tries_again(after, reaction.block)
            log.log(reaction.level, "receiver %s (%s): %s%s", delivery.receiver, delivery.channel, error, again)
        self._tools.change(incident.id, lambda current: as_reacted(current, reaction))

    def _block(self, delivery: Delivery, error: NotifierError, length: Millis, *, dead: bool) -> None:
        """Let the place wait; what has a fallback is not tried again for a while."""
        now, rates = self._tools.clock.monotonic(), self._tools.rates
        place = self._tools.place(delivery.receiver, delivery.channel)
        if length and error.editing:
            rates.block_edits(place, now + length)
        elif length:
            rates.block(place, now + length)
        if dead and error.failure in (Failure.CHANNEL, Failure.CREDENTIALS):
            self._dead[delivery.receiver] = (now + (length or PROBE), error)

    def _tries_again(self, after: Delivery, block: Millis) -> str:
        """Note when the receiver is tried again, and return it as words; "" where nothing is tried again."""
        clock, (dead, _) = self._tools.clock, self._dead.get(after.receiver, (0, None))
        wait = max(block, dead - clock.monotonic() if dead else 0)
        if after.state is DeliveryState.FAILED and not wait:
            return ""
        at = max(clock.now() + wait, after.not_before)
        self._tools.journal.tries_again(after.receiver, at)
        return f"; {'looked for' if after.state is DeliveryState.UNCLEAR else 'tried again'} at {time_text(at)}"

    def known_dead(self, incident: Incident, delivery: Delivery) -> bool:
        """Treat a delivery as failed, without a call, while its receiver is known not to be reached."""
        until, error = self._dead.get(delivery.receiver, (0, None))
        if error is not None and self._tools.clock.monotonic() >= until:
            del self._dead[delivery.receiver]  # this one tries again
            return False
        if error is not None:
            self.failed(incident, delivery, error, called=False)
        return error is not None

    def works(self, receiver: str) -> None:
        """Note that a message reached a receiver."""
        self._dead.pop(receiver, None)

    def _gone(self, incident: Incident, delivery: Delivery, error: NotifierError) -> None:
        """The message to edit is gone: forget it, and post a new one in the next pass."""
        note = self._instead_of(incident, delivery.receiver)
        self._tools.journal.note(incident, delivery, "failed", f"{delivery.channel} {error.code}")
        self._tools.journal.count(delivery, str(error.failure))
        log.warning("receiver %s: the earlier message is gone: %s", delivery.receiver, error)
        again = replace(delivery, state=DeliveryState.PLANNED, not_before=0, note=note, tried=None)
        self._tools.change(incident.id, lambda current: without_post(with_delivery(current, again), delivery.receiver))

    def _instead_of(self, incident: Incident, receiver: str) -> str:
        post = post_of(incident, receiver)
        url = self._tools.notifiers[receiver].link(Posted(post.address, post.ts)) if post else ""
        return f"in place of an earlier message: {url}" if url else "the earlier message is gone"

    def _fallback(self, delivery: Delivery, error: NotifierError) -> Receiver | None:
        """Return the fallback receiver; with bad credentials only one that goes another way."""
        receiver = self._tools.routing.receivers.get(delivery.receiver)
        name = receiver.fallback if receiver else None
        if name is None or name not in self._tools.notifiers:
            return None
        own, other = self._tools.notifiers[delivery.receiver], self._tools.notifiers[name]
        if error.failure is Failure.CREDENTIALS and (own.kind, own.editable) == (other.kind, other.editable):
            return None
        return self._tools.routing.receivers.get(name)

    def redirect(self, incident: Incident, delivery: Delivery) -> None:
        """Send to the fallback what follows a message that went there, unless it is planned there already."""
        first = failed_over(incident, delivery)
        receiver = self._tools.routing.receivers.get(delivery.receiver)
        there = receiver.fallback if receiver else None
        planned = any((d.receiver, d.kind, d.at) == (there, delivery.kind, delivery.at) for d in incident.deliveries)
        if first is None or there is None or planned:
            self._tools.drop(incident, delivery, Reason.FALLBACK)
        else:
            self.failed(incident, delivery, NotifierError(Failure.CHANNEL, first.error), called=False)

    def not_edited(self, incident: Incident, post: Post, last: Delivery, error: NotifierError) -> None:
        """React to an edit that failed: wait, post a new message where it is gone, else leave it as it is."""
        now, later = self._tools.clock.now(), ""
        if error.failure in (Failure.WAIT, Failure.UNCLEAR, Failure.CREDENTIALS):
            wait = max(error.retry_after, 10 * SECOND)
            place = self._tools.place(post.receiver, post.channel)
            self._tools.rates.block_edits(place, self._tools.clock.monotonic() + wait)
            self._tools.journal.tries_again(post.receiver, now + wait)
            later = f"; tried again at {time_text(now + wait)}"
        elif error.failure is Failure.GONE and incident.resolved is None:
            note = self._instead_of(incident, post.receiver)
            again = replace(
                last, id=digest("gone", incident.id, post.receiver, post.ts), state=DeliveryState.PLANNED,
                attempts=0, looks=0, not_before=0, sent=None, tried=None, by="", recheck=0, error="", note=note,
            )  # fmt: skip
            self._tools.change(incident.id, lambda i: _posted_again(i, again))
        else:
            self._tools.journal.note(incident, last, "failed", f"{post.channel} {error.code}")
            self._tools.change(incident.id, lambda i: as_edited(i, post.receiver, incident.revision, now, edited=False))
        log.warning("receiver %s: the message could not be edited: %s%s", post.receiver, error, later)


def _posted_again(incident: Incident, again: Delivery) -> Incident:
    """Return the incident without a message that is gone, to be posted anew; its end, if planned by now, will be."""
    left = without_post(incident, again.receiver)
    return left if left.resolved is not None else replace(left, deliveries=(*left.deliveries, again))
