"""What a state keeps of a rule that a running engine evaluates."""

from __future__ import annotations

from typing import Any

from alerter.clock import DAY, HOUR, MINUTE, SECOND
from alerter.model.heartbeat import Heartbeat
from alerter.model.incident import Checkpoint, DeliveryState
from alerter.why.records import Asked, Definition, Records
from tests.delivery.fakes import NOW, delivery
from tests.engine.support import storm

LATER = NOW + 10 * MINUTE
ASKED = Asked("a rule", NOW - HOUR, LATER)
RULE = Definition(storm(name="a rule"))
CHECKPOINT = Checkpoint("a rule", "m", LATER, NOW - DAY)
BEAT = Heartbeat("host:9797", "1", NOW - DAY, LATER)
SENT = delivery(state=DeliveryState.SENT, sent=NOW + 2 * SECOND, attempts=1, route="route > order")


def records(**changes: Any) -> Records:
    """Return what a state keeps of a rule that is evaluated by a running engine."""
    known: dict[str, Any] = {"now": LATER, "kept_since": NOW - 14 * DAY, "checkpoint": CHECKPOINT, "heartbeats": [BEAT]}
    return Records(**{**known, **changes})
