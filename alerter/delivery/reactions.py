"""Pure: what a failure means for a delivery."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace

from tenacity import RetryCallState, wait_exponential

from alerter.clock import MINUTE, SECOND, Millis
from alerter.engine.heard import fallback_id
from alerter.model.incident import Delivery, DeliveryState, Reason
from alerter.model.route import Receiver
from alerter.notifiers.protocol import Failure, NotifierError

PROBE: Millis = 3 * MINUTE
_BACK_OFF = wait_exponential(multiplier=2, max=120)


@dataclass(frozen=True)
class Looks:
    """After an unclear outcome the message is looked for at these ages before it is sent again; milliseconds."""

    first: Millis = 5 * SECOND
    second: Millis = 20 * SECOND


LOOKS = Looks()


@dataclass(frozen=True)
class Reaction:
    """The delivery's new state, a delivery that takes its place, and for how long its place must wait."""

    delivery: Delivery
    instead: Delivery | None = None
    block: Millis = 0
    level: int = logging.WARNING


def react(
    delivery: Delivery, error: NotifierError, now: Millis, fallback: Receiver | None, looks: Looks = LOOKS
) -> Reaction:
    """Return what to do about a failed attempt; ``now`` is the wall clock."""
    known = delivery.error if delivery.reason is Reason.FALLBACK else str(error.failure)
    sent = None if delivery.sent is None else min(delivery.sent, now)  # another machine's clock may be ahead
    delivery = replace(delivery, error=known, sent=sent)
    if error.failure is Failure.UNCLEAR:
        return _unclear(delivery, now, looks)
    return _REACTIONS[error.failure](delivery, error, now, fallback)


def _wait(delivery: Delivery, error: NotifierError, now: Millis, _fallback: Receiver | None) -> Reaction:
    wait = error.retry_after or _back_off(delivery.attempts)
    planned = replace(delivery, state=DeliveryState.PLANNED, not_before=now + wait)
    return Reaction(planned, block=error.retry_after, level=logging.INFO)


def _unclear(delivery: Delivery, now: Millis, looks: Looks) -> Reaction:
    wait = max(looks.first, _back_off(delivery.attempts - 1) if delivery.attempts > 1 else 0)
    return Reaction(replace(delivery, state=DeliveryState.UNCLEAR, not_before=now + wait, looks=0))


def _refused(delivery: Delivery, error: NotifierError, _now: Millis, fallback: Receiver | None) -> Reaction:
    failed = replace(delivery, state=DeliveryState.FAILED, error=error.code)
    instead = _instead(delivery, error, fallback) if fallback else None
    return Reaction(failed, instead, level=logging.ERROR)


def _channel(delivery: Delivery, error: NotifierError, now: Millis, fallback: Receiver | None) -> Reaction:
    if fallback is None:
        planned = replace(delivery, state=DeliveryState.PLANNED, not_before=now + PROBE)
        return Reaction(planned, block=PROBE, level=logging.ERROR)
    failed = replace(delivery, state=DeliveryState.FAILED, error=error.code)
    return Reaction(failed, _instead(delivery, error, fallback), level=logging.ERROR)


def _credentials(delivery: Delivery, error: NotifierError, now: Millis, fallback: Receiver | None) -> Reaction:
    planned = replace(delivery, state=DeliveryState.PLANNED, not_before=now + 30 * SECOND)
    instead = _instead(delivery, error, fallback) if fallback else None
    return Reaction(planned, instead, block=30 * SECOND, level=logging.ERROR)


def _instead(delivery: Delivery, error: NotifierError, fallback: Receiver) -> Delivery:
    return replace(
        delivery,
        id=fallback_id(delivery, fallback.name),
        receiver=fallback.name,
        channel=fallback.channel,
        reason=Reason.FALLBACK,
        state=DeliveryState.PLANNED,
        attempts=0,
        looks=0,
        sent=None,
        tried=None,
        by="",
        note="",
        not_before=0,
        group=None,
        error=f"sent here because {delivery.channel} cannot be posted to: {error.code}",
    )


_REACTIONS: dict[Failure, Callable[[Delivery, NotifierError, Millis, Receiver | None], Reaction]] = {
    Failure.WAIT: _wait,
    Failure.DEGRADE: _refused,
    Failure.CHANNEL: _channel,
    Failure.CREDENTIALS: _credentials,
    Failure.GONE: _wait,
}


def _back_off(attempts: int) -> Millis:
    """Return the wait after so many attempts: 2 s, 4 s, 8 s ... at most two minutes."""
    state = RetryCallState(retry_object=None, fn=None, args=(), kwargs={})  # type: ignore[arg-type]
    state.attempt_number = max(attempts, 1)
    return round(_BACK_OFF(state) * SECOND)
