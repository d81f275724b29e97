"""What passes of delivery leave behind: decisions, metrics, and which receivers are unwell."""

from __future__ import annotations

import logging
from dataclasses import replace

from alerter.clock import Clock, Millis
from alerter.metrics import Metrics
from alerter.model.incident import Decision, Delivery, Incident, Reason
from alerter.model.trouble import Trouble
from alerter.notifiers.protocol import NotifierError
from alerter.state.protocol import State, StateError

log = logging.getLogger(__name__)
MOST_CODES = 50
"""Error codes that a metric names; later ones are counted as ``other``."""
MOST_KEPT = 1_000
"""Decisions, the newest, that are kept for the next pass when the state takes none."""


class Journal:
    """Keeps what happened until the end of a pass, then writes it in one request."""

    def __init__(self, state: State, metrics: Metrics, clock: Clock) -> None:
        self.metrics = metrics
        self._state = state
        self._clock = clock
        self._decisions: list[Decision] = []
        self._troubles: dict[str, Trouble] = {}
        self._codes: set[str] = set()
        self._said = ""

    def note(
        self,
        incident: Incident,
        delivery: Delivery,
        outcome: str,
        detail: str = "",
        *,
        reason: str = "",
        until: Millis | None = None,
    ) -> None:
        """Record a decision about a delivery, now; ``reason`` is the delivery's unless it is another one."""
        decision = Decision(
            self._clock.now(), incident.rule, incident.key, outcome, reason or str(delivery.reason), incident.id, until,
            receiver=delivery.receiver, detail=detail, route=delivery.route,
        )  # fmt: skip
        self._decisions.append(decision)

    def dropped(
        self, incident: Incident, delivery: Delivery, reason: Reason, detail: str, until: Millis | None
    ) -> None:
        """Record that a message is not sent, and why."""
        self.count(delivery, "dropped")
        self.note(incident, delivery, "suppressed", detail, reason=str(reason), until=until)

    def count(self, delivery: Delivery, outcome: str) -> None:
        """Count a message by its outcome."""
        self.metrics.messages.labels(str(delivery.kind), outcome).inc()

    def unwell(self, receiver: str, channel: str, error: NotifierError) -> None:
        """Note that a call of a receiver failed."""
        now = self._clock.now()
        known = self._troubles.get(receiver) or Trouble(receiver, channel, "", "", now, 0, now)
        self._troubles[receiver] = replace(
            known,
            channel=channel,
            failure=str(error.failure),
            code=error.code,
            count=known.count + 1,
            retry_at=now + error.retry_after,
        )
        self.metrics.delivery_errors.labels(receiver, str(error.failure), self._bounded(error.code)).inc()

    def tries_again(self, receiver: str, at: Millis) -> None:
        """Note when a receiver that is unwell is tried again (wall clock)."""
        if receiver in self._troubles:
            self._troubles[receiver] = replace(self._troubles[receiver], retry_at=at)

    def refused(self, receiver: str, error: NotifierError) -> None:
        """Count a payload that was refused; a plainer one is tried, so the receiver is not unwell."""
        self.metrics.delivery_errors.labels(receiver, str(error.failure), self._bounded(error.code)).inc()

    def well(self, receiver: str) -> None:
        """Note that a call of a receiver succeeded."""
        self._troubles.pop(receiver, None)

    def troubles(self) -> list[Trouble]:
        """Return what is wrong now, oldest first."""
        return sorted(self._troubles.values(), key=lambda t: (t.since, t.receiver))

    def write(self) -> None:
        """Append the decisions to the record. That it takes none fails no pass: it is said once, and tried again.

        What the state refuses for good is not tried again.
        """
        taken, self._decisions = self._decisions, []
        try:
            self._state.record(taken)
        except StateError as error:
            if error.kind != "rejected":
                self._decisions = taken[-MOST_KEPT:]
            self.metrics.state_failed(error.kind)
            if error.reason != self._said:
                log.error("decisions cannot be recorded, messages go out all the same: %s", error.reason)
            self._said = error.reason
            return
        if taken and self._said:
            log.info("decisions are recorded again")
            self._said = ""

    def _bounded(self, code: str) -> str:
        if code not in self._codes and len(self._codes) >= MOST_CODES:
            return "other"
        self._codes.add(code)
        return code
