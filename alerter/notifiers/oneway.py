"""What all receivers share that can only be sent to: no edits, no threads, no reading back."""

from __future__ import annotations

from alerter.clock import Millis
from alerter.notifiers.protocol import Failure, NotifierError, Outgoing, Posted


class OneWay:
    """Base of notifiers that can only post: an edit does nothing, a reply is a post of its own."""

    editable = False

    def post(self, message: Outgoing) -> Posted:
        """Post the message; what the notifier itself must say how."""
        raise NotImplementedError

    def update(self, message: Outgoing, posted: Posted) -> None:
        """Do nothing: there is nothing to edit."""

    def reply(self, message: Outgoing, posted: Posted) -> Posted:  # noqa: ARG002 - protocol
        """Post the message like any other."""
        return self.post(message)

    def find(self, message: Outgoing, since: Millis, posted: Posted | None) -> Posted | None:  # noqa: ARG002
        """Raise: what was sent cannot be read back."""
        raise NotifierError(Failure.UNCLEAR, "no_read_back")

    def copies(self, message: Outgoing, since: Millis, posted: Posted | None) -> list[Posted]:  # noqa: ARG002
        """Raise: what was sent cannot be read back."""
        raise NotifierError(Failure.UNCLEAR, "no_read_back")

    def point(self, message: Outgoing, copy: Posted, to: Posted) -> None:
        """Do nothing: there is nothing to edit."""

    def link(self, posted: Posted) -> str:  # noqa: ARG002 - protocol
        """Return nothing: what was sent has no address."""
        return ""
