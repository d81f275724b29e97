"""What people are told: messages to receivers, why, and where each one stands."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from alerter.clock import Millis
from alerter.model.texts import Counts, Table


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
    GROUPED = "grouped"


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


SETTLED = (DeliveryState.SENT, DeliveryState.FAILED, DeliveryState.DROPPED)
"""Nothing more is done about such a message."""


@dataclass(frozen=True)
class Group:
    """What a message is told together with, and when; all instants are event time.

    ``id`` stands for route, receiver and the values of ``labels``. What is first told of a group waits for ``wait``,
    what is told later for the next multiple of ``interval`` after that; with a ``cron``, for its next fire time.
    ``since`` is the instant whose evaluation planned the message, which is computed ``delay`` later (wall clock);
    ``by_match``: the group's clock starts at the match instead. ``severity`` is the incident's, ``key`` the words of
    its key, ``opened`` its begin (0: unknown); ``quiet``: it is an end that nobody is told of by itself. With a
    ``table`` the message sums those of its members, and with ``table_only`` it names no members beside.
    """

    id: str
    labels: tuple[tuple[str, str], ...]
    wait: Millis
    interval: Millis
    since: Millis
    delay: Millis = 0
    cron: str = ""
    timezone: str = "UTC"
    by_match: bool = False
    severity: str = "warning"
    key: str = ""
    opened: Millis = 0
    quiet: bool = False
    table: Table | None = None
    table_only: bool = False


@dataclass(frozen=True)
class Delivery:
    """One message to one receiver, planned in the same write as the change it tells.

    ``at`` is the event-time instant it speaks of, ``text`` its plain text, ``not_before`` (wall clock) when to try,
    ``sent`` (wall clock) the last attempt, ``tried`` the first one, ``looks`` how often an unclear one was looked for.
    ``raised``: the severity rose with it. ``by`` is the session of the engine that claimed it last. ``recheck`` (wall
    clock, 0: never) is when a message that was sent twice is looked for once more. ``note`` is what it says of itself.
    ``group``: it is told with others. ``digest`` is the document of the storm's digest, or of the group, that tells of
    it in its place.
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
    group: Group | None = None

    @property
    def is_settled(self) -> bool:
        """Whether nothing more is done about it."""
        return self.state in SETTLED

    @property
    def in_digest(self) -> bool:
        """Whether a storm's digest or its group's message tells of it instead of a message of its own."""
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


@dataclass(frozen=True)
class News:
    """A message of an incident that its group is yet to tell."""

    incident: str
    delivery: Delivery


@dataclass(frozen=True)
class Row:
    """One incident in a group's message, by its own message's words; ``quiet``: nobody is told of its end.

    ``key`` is the part of the words that names its key, ``counts`` are the rows of its table.
    """

    incident: str
    severity: str
    words: str
    over: bool = False
    quiet: bool = False
    counts: Counts = ()
    key: str = ""


@dataclass(frozen=True)
class Roll:
    """What a group's document knows of its members, in the order in which they came up.

    ``birth`` (event time) is when the first one did, ``delay`` how much later that is computed (wall clock), ``told``
    the last instant at which anything was told. ``news`` is yet to be told, ``rows`` were; ``left`` are members that
    are over and no row any more, ``gone`` the newest of them, ``tally`` the rows of their tables; ``loud``: one of them
    is no quiet one. ``ended`` (event time) is when the last one that was told to be over ended; 0: none. ``receiver``,
    ``channel`` and ``route`` are those of its messages.
    """

    group: Group
    birth: Millis
    delay: Millis
    told: Millis | None = None
    news: tuple[News, ...] = ()
    rows: tuple[Row, ...] = ()
    left: int = 0
    tally: Counts = ()
    loud: bool = False
    ended: Millis = 0
    receiver: str = ""
    channel: str = ""
    route: str = ""
    gone: tuple[str, ...] = ()

    @property
    def firing(self) -> int:
        """How many members fire."""
        return sum(not row.over for row in self.rows)

    @property
    def total(self) -> int:
        """How many members there were."""
        return len(self.rows) + self.left
