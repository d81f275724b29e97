"""What delivery needs of a notifier, and how a notifier says what went wrong."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from alerter.clock import Millis
from alerter.model.incident import Delivery, Incident


class Failure(StrEnum):
    """The classes of reference/slack.md section 6; each has its reaction in delivery."""

    WAIT = "wait"
    """Nothing was posted; try again after ``retry_after``."""
    UNCLEAR = "unclear"
    """It may have been posted: look before posting again."""
    DEGRADE = "degrade"
    """The payload was refused: send a plainer one."""
    CHANNEL = "channel"
    """This place cannot be posted to: use the fallback receiver."""
    CREDENTIALS = "credentials"
    """Nothing can be posted with these credentials: keep the outbox."""
    GONE = "gone"
    """The message to edit or reply to is gone: post a new root."""


class NotifierError(Exception):
    """A message was not (certainly) delivered. ``code`` is the service's own word; no secret is ever in the text."""

    def __init__(self, failure: Failure, code: str, detail: str = "", retry_after: Millis = 0) -> None:
        super().__init__(f"{code}: {detail}" if detail else code)
        self.failure = failure
        self.code = code
        self.detail = detail
        self.retry_after = retry_after
        self.editing = False
        """Whether an edit failed: its limit holds up no new message."""


@dataclass(frozen=True)
class Posted:
    """Where a message is: the notifier's address and id; both "" where nothing can be edited."""

    address: str = ""
    ts: str = ""


@dataclass(frozen=True)
class Outgoing:
    """One message to send: the incident as it is now and the delivery that tells of it.

    ``first`` is true for the first post of the incident there (mentions are used), ``plain`` counts how far it has
    been degraded: 0 everything, 1 no chart, 2 no sample, 3 headline and text only. ``note`` is one more context
    line ("delayed 3 min", "possible repeat", "sent here because #x is archived").
    """

    incident: Incident
    delivery: Delivery
    first: bool = True
    plain: int = 0
    note: str = ""
    members: tuple[Incident, ...] = ()


class Notifier(Protocol):
    """Sends to one kind of receiver. Methods raise NotifierError only."""

    kind: str
    editable: bool
    """Whether a posted message can be edited and replied to."""

    def post(self, message: Outgoing) -> Posted:
        """Post a new root message."""

    def update(self, message: Outgoing, posted: Posted) -> None:
        """Show the incident as it is now in the posted message; idempotent, notifies nobody."""

    def reply(self, message: Outgoing, posted: Posted) -> Posted:
        """Add one line below the posted message."""

    def find(self, message: Outgoing, since: Millis, posted: Posted | None) -> Posted | None:
        """Look for this delivery among what was posted since (wall clock); None when it is certainly not there.

        Raises NotifierError when it cannot be known (no right to read back).
        """

    def copies(self, message: Outgoing, since: Millis, posted: Posted | None) -> list[Posted]:
        """Return every message of this delivery posted since (wall clock), oldest first. Raises as ``find``."""

    def point(self, message: Outgoing, copy: Posted, to: Posted) -> None:
        """Edit a copy of the message into a line that points to the one that stays."""

    def link(self, posted: Posted) -> str:
        """Return a link to a posted message; "" where there is none. Never raises."""

    def check(self) -> list[tuple[str, str]]:
        """Try access without sending: (``ok`` or a problem code, a line for people) for each finding."""
