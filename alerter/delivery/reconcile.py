"""Unclear outcomes: a message is looked for before it is sent again, and once more after it was."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace

from alerter.clock import MINUTE, Millis
from alerter.delivery.changes import with_delivery
from alerter.delivery.tasks import post_of
from alerter.delivery.tools import Tools
from alerter.model.incident import Delivery, DeliveryState, Incident, Reason
from alerter.notifiers.protocol import Failure, Notifier, NotifierError, Outgoing, Posted
from alerter.timetext import time_text

log = logging.getLogger(__name__)
MOST_LOOKS = 10
"""How often a read-back that must wait is tried before the message is sent again."""
MARGIN: Millis = MINUTE
"""Messages are looked for from this long before the first attempt."""
WIDE_MARGIN: Millis = 65 * MINUTE
"""The same at the last look before a message is sent again: this machine's clock may be an hour ahead."""
RECHECK: Millis = MINUTE
"""A message that was sent again is looked for so long after: the first attempt may have arrived late."""
POSSIBLE_REPEAT = "possible repeat: the first attempt had no answer"
Sent = Callable[[Incident, Delivery, Posted | None, str], None]


class Reconciler:
    """Settles what is not known. ``sent`` records a delivery as sent: the new root, if it is one, and the outcome."""

    def __init__(self, tools: Tools, sent: Sent) -> None:
        self._tools = tools
        self._sent = sent

    def settle(self, incident: Incident, delivery: Delivery, notifier: Notifier) -> None:
        """Look for a message whose outcome is not known; found: record it, not found twice: plan it again."""
        thread = _thread(incident, delivery, notifier)
        last = delivery.looks >= 1
        if not self._tools.rates.may_look(self._tools.clock.monotonic()):
            self._tools.report.postponed += 1
            return
        since = self._since(delivery, WIDE_MARGIN if last and notifier.editable else MARGIN)
        try:
            message = Outgoing(incident, delivery)
            found = self._tools.call(notifier, message, lambda m: notifier.find(m, since, thread))
        except NotifierError as error:
            self._blind(incident, delivery, error)
            return
        if found is not None:
            self._sent(incident, delivery, found if thread is None else None, "found")
        elif not last:
            looks = self._tools.looks
            self._look_later(incident, delivery, looks.second - looks.first)
        else:
            self._again(incident, delivery, "")

    def recheck(self, incident: Incident, delivery: Delivery, notifier: Notifier) -> None:
        """Look whether a message that was sent again is there twice; every copy but the one on record points to it."""
        if not notifier.editable or not self._tools.rates.may_look(self._tools.clock.monotonic()):
            if not notifier.editable:
                self._settled(incident, delivery)
            return
        post = post_of(incident, delivery.receiver)
        thread = Posted(post.address, post.ts) if post else None
        message = Outgoing(incident, delivery)
        since = self._since(delivery, MARGIN)
        try:
            copies = self._tools.call(notifier, message, lambda m: notifier.copies(m, since, None))
            if not copies and thread:
                copies = self._tools.call(notifier, message, lambda m: notifier.copies(m, since, thread))
            self._fold(notifier, message, copies, thread)
        except NotifierError as error:
            if error.failure is Failure.WAIT and delivery.looks < MOST_LOOKS:
                self._settled(incident, delivery, again=max(error.retry_after, RECHECK))
                return
            log.info("receiver %s: whether %s is there twice is not known: %s", delivery.receiver, delivery.id, error)
        self._settled(incident, delivery)

    # --- inside ------------------------------------------------------------------------------------------------

    def _fold(self, notifier: Notifier, message: Outgoing, copies: list[Posted], root: Posted | None) -> None:
        """Keep the message on record, else (a line in the thread) the first one; the others point to it."""
        if len(copies) < 2:
            return
        kept = next((copy for copy in copies if root and copy.ts == root.ts), copies[0])
        for copy in copies:
            if copy != kept:
                self._tools.call(notifier, message, _pointing(notifier, copy, kept))
        delivery = message.delivery
        log.warning(
            "receiver %s: %s was sent twice; the second one points to the first", delivery.receiver, delivery.id
        )
        self._tools.journal.count(delivery, "doubled")

    def _settled(self, incident: Incident, delivery: Delivery, *, again: Millis = 0) -> None:
        later = self._tools.clock.now() + again if again else 0
        done = replace(delivery, recheck=later, looks=delivery.looks + 1)
        self._tools.change(incident.id, lambda current: with_delivery(current, done))

    def _since(self, delivery: Delivery, margin: Millis) -> Millis:
        now = self._tools.clock.now()
        known = [at for at in (delivery.tried, delivery.sent, now) if at is not None]
        return min(known) - margin  # by now the clock may have been set back

    def _blind(self, incident: Incident, delivery: Delivery, error: NotifierError) -> None:
        """What was posted cannot be read back: try to look again for a while, then send again or hold it."""
        receiver = self._tools.routing.receivers.get(delivery.receiver)
        if error.failure is Failure.WAIT and delivery.looks < MOST_LOOKS:
            wait = max(error.retry_after, self._tools.looks.second)
            later = time_text(self._tools.clock.now() + wait)
            about = (delivery.receiver, delivery.id, error, later)
            log.info("receiver %s: %s cannot be looked for: %s; tried again at %s", *about)
            self._look_later(incident, delivery, wait)
        elif receiver is not None and receiver.options.get("on_unclear") == "hold":
            log.error("receiver %s: it is not known whether %s arrived; held", delivery.receiver, delivery.id)
            self._tools.journal.note(incident, delivery, "failed", f"{delivery.channel} unclear, held")
            self._tools.finish(incident.id, delivery, DeliveryState.FAILED, "unclear, held")
        else:
            self._again(incident, delivery, POSSIBLE_REPEAT)

    def _look_later(self, incident: Incident, delivery: Delivery, wait: Millis) -> None:
        now = self._tools.clock.now()
        sent = min(delivery.sent or now, now)
        later = replace(delivery, looks=delivery.looks + 1, not_before=now + wait, sent=sent)
        self._tools.change(incident.id, lambda current: with_delivery(current, later))

    def _again(self, incident: Incident, delivery: Delivery, note: str) -> None:
        kept = delivery.error if delivery.reason is Reason.FALLBACK else ""
        planned = replace(
            delivery,
            state=DeliveryState.PLANNED,
            looks=0,
            not_before=0,
            error=kept,
            note=note or delivery.note,
            recheck=RECHECK,  # counted from when it is sent
        )
        self._tools.change(incident.id, lambda current: with_delivery(current, planned))


def _thread(incident: Incident, delivery: Delivery, notifier: Notifier) -> Posted | None:
    """Return the root below which the message would be; None when it is a root of its own."""
    post = post_of(incident, delivery.receiver)
    return Posted(post.address, post.ts) if post and notifier.editable else None


def _pointing(notifier: Notifier, copy: Posted, kept: Posted) -> Callable[[Outgoing], None]:
    return lambda message: notifier.point(message, copy, kept)
