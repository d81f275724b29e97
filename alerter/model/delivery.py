"""What people are told: messages to receivers, why, and where each one stands."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from alerter.clock import Millis


class Reason(StrEnum):
    """Why something was told or not; logged, stored, shown and asserted."""

    FIRST_MATCH = "first_match"
    REPEAT = "repeat_due"
    REOPENED = "reopened"
    SEVERITY_RAISED = "severity_raised"
    SILENCE_ENDED = "silence_ended"
    CONDITION_OVER = "condition_over"
    QUIET = "quiet"
    KEY_FORGOTTEN = "key_forgotten"
    RULE_REMOVED = "rule_removed"
    RULE_CHANGED = "rule_changed"
    LATE_DATA = "late_data"
    REALERT = "realert"
    STILL = "still_firing"
    REPEAT_INTERVAL = "repeat_interval"
    SILENCE = "silence"
    MUTE_TIME = "mute_time"
    OUTSIDE_ACTIVE_TIME = "outside_active_time"
    INHIBITED = "inhibited"
    CATCH_UP = "catch_up"
    STORM = "storm"
    GAP = "gap"
    ENHANCEMENT = "enhancement"
    FALLBACK = "fallback"
    NO_RECEIVER = "no_receiver"
    NEVER_TOLD = "never_told"
    TEST = "test"


class Kind(StrEnum):
    """What a message is (contract section 1)."""

    FIRING = "firing"
    REPEAT = "repeat"
    RESOLVED = "resolved"
    DIGEST = "digest"
    INFO = "info"


class DeliveryState(StrEnum):
    """Where a planned message stands."""

    PLANNED = "planned"
    SENDING = "sending"
    SENT = "sent"
    UNCLEAR = "unclear"
    FAILED = "failed"
    DROPPED = "dropped"


@dataclass(frozen=True)
class Delivery:
    """One message to one receiver, planned in the same write as the change it tells.

    ``at`` is the event-time instant it speaks of, ``text`` its plain text, ``not_before`` (wall clock) when to try,
    ``sent`` (wall clock) the last attempt, ``tried`` the first one, ``looks`` how often an unclear one was looked for.
    ``raised``: the severity rose with it. ``by`` is the session of the engine that claimed it last. ``recheck`` (wall
    clock, 0: never) is when a message that was sent twice is looked for once more. ``note`` is what it says of itself.
    ``digest`` is the storm digest that tells of it in its place.
    """

    id: str
    kind: Kind
    receiver: str
    channel: str
    at: Millis
    reason: Reason
    text: str
    state: DeliveryState = DeliveryState.PLANNED
    attempts: int = 0
    looks: int = 0
    not_before: Millis = 0
    sent: Millis | None = None
    error: str = ""
    route: str = ""
    raised: bool = False
    by: str = ""
    tried: Millis | None = None
    recheck: Millis = 0
    note: str = ""
    digest: str = ""

    @property
    def in_storm_digest(self) -> bool:
        """Whether a storm digest tells of it instead of a message of its own."""
        return bool(self.digest) and self.state is DeliveryState.DROPPED


@dataclass(frozen=True)
class Earlier:
    """Messages of long ago that an incident counts instead of listing: to whom, how they ended, the newest's ``at``."""

    receiver: str
    channel: str
    kind: Kind
    state: DeliveryState
    number: int
    until: Millis


@dataclass(frozen=True)
class Post:
    """The one message of an incident at one receiver, once posted: edited until ``revision`` is the incident's.

    ``address`` is the notifier's own reference (Slack: channel id), ``ts`` the message's id there, "" where a
    notifier can neither edit nor reply. ``edited`` (wall clock) is the last edit or the post, ``edits`` counts them.
    """

    receiver: str
    channel: str
    address: str = ""
    ts: str = ""
    revision: int = 0
    edited: Millis = 0
    edits: int = 0
