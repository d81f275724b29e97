"""Slack as a list of messages, and each engine's way to it, where faults happen."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from alerter.clock import SECOND, Millis
from alerter.model.incident import Kind
from alerter.notifiers.protocol import Failure, NotifierError, Outgoing, Posted
from tests.simulation.befallen import mind_silence

if TYPE_CHECKING:
    from tests.simulation.machine import Machine


LOOKED_FOR: Millis = 5 * SECOND
"""A post that is under way for longer may be looked for by then, and sent again."""


@dataclass
class Message:
    """What people see: a root, or a line below one. ``revision`` is the newest the root shows, ``pointer`` a copy
    that names the original."""

    ts: str
    channel: str
    delivery: str
    incident: str
    kind: Kind
    thread: str | None
    at: Millis
    by: str
    revision: int
    pointer: bool = False


@dataclass
class Workspace:
    """All channels; ``closed`` ones refuse posts until an instant, ``deleted`` are the messages that people removed.

    By delivery: how often it could not be found although it was there (``blind``), or was long under way (``held_up``).
    """

    messages: list[Message] = field(default_factory=list)
    closed: dict[str, Millis] = field(default_factory=dict)
    blind: dict[str, int] = field(default_factory=dict)
    held_up: dict[str, int] = field(default_factory=dict)
    deleted: set[str] = field(default_factory=set)

    def root(self, ts: str) -> Message | None:
        """Return a root that is still there."""
        return next((m for m in self.messages if m.ts == ts and m.thread is None and ts not in self.deleted), None)

    def copies(self, delivery: str) -> list[Message]:
        """Return all messages of a delivery, those people removed and those that only name another one too."""
        return [m for m in self.messages if m.delivery == delivery]

    def told(self, delivery: str) -> list[Message]:
        """Return the messages of a delivery, those people removed included, copies that point elsewhere not."""
        return [m for m in self.messages if m.delivery == delivery and not m.pointer]


class Line:
    """The Notifier protocol for one receiver of one process."""

    kind = "slack"
    editable = True

    def __init__(self, space: Workspace, channel: str, machine: Machine) -> None:
        self._space = space
        self._channel = channel
        self._machine = machine

    def post(self, message: Outgoing) -> Posted:
        return self._posting("post", message, None)

    def reply(self, message: Outgoing, posted: Posted) -> Posted:
        return self._posting("reply", message, posted)

    def update(self, message: Outgoing, posted: Posted) -> None:
        def edit() -> None:
            self._present(posted).revision = message.incident.revision

        self._machine.io("slack", "update", edit, lambda: self._refuse(message, may_degrade=True))

    def find(self, message: Outgoing, since: Millis, posted: Posted | None) -> Posted | None:
        found = self.copies(message, since, posted)
        return found[0] if found else None

    def copies(self, message: Outgoing, since: Millis, posted: Posted | None) -> list[Posted]:
        oldest = since // SECOND * SECOND
        thread = posted.ts if posted else None

        def look() -> list[Posted]:
            if posted is not None:
                self._present(posted)
            found = [
                m for m in self._space.messages if m.delivery == message.delivery.id and m.channel == self._channel
            ]
            seen = [m for m in found if m.thread == thread and m.at >= oldest and m.ts not in self._space.deleted]
            if len(seen) < len(found):  # out of sight: removed, or older than was asked for
                self._blind(message)
            return [Posted(self._channel, m.ts) for m in seen]

        return self._machine.io("slack", "find", look, lambda: self._cannot_look(message))

    def point(self, message: Outgoing, copy: Posted, to: Posted) -> None:
        def edit() -> None:
            self._present(copy).pointer = True

        self._machine.io("slack", "point", edit, lambda: self._refuse(message, may_degrade=False))

    def link(self, posted: Posted) -> str:
        return f"link {posted.ts}"

    def check(self) -> list[tuple[str, str]]:
        return [("ok", "simulated")]

    # --- inside ------------------------------------------------------------------------------------------------

    def _posting(self, name: str, message: Outgoing, posted: Posted | None) -> Posted:
        asked = self._machine.sim.now

        def accept() -> Posted:
            if self._machine.sim.now - asked >= LOOKED_FOR:
                self._space.held_up[message.delivery.id] = self._space.held_up.get(message.delivery.id, 0) + 1
            if self._machine.sim.now < self._space.closed.get(self._channel, 0):
                raise NotifierError(Failure.CHANNEL, "is_archived")
            if posted is not None:
                self._present(posted)
            if message.delivery.kind in (Kind.FIRING, Kind.REPEAT) and self._machine.sim.kind.silencing:
                mind_silence(self._machine.sim, message.incident)
            return self._accept(message, posted)

        self._machine.mind_fence(name)
        return self._machine.io(
            "slack", name, accept, lambda: self._refuse(message, may_degrade=message.plain < 3), lost=_no_answer
        )

    def _accept(self, message: Outgoing, posted: Posted | None) -> Posted:
        delivery, sim = message.delivery, self._machine.sim
        ts = f"{len(self._space.messages) + 1}"
        self._space.messages.append(
            Message(
                ts, self._channel, delivery.id, message.incident.id, delivery.kind, posted.ts if posted else None,
                sim.now, self._machine.name, message.incident.revision,
            )
        )  # fmt: skip
        sim.note(self._machine, f"  posted {delivery.kind} {delivery.id[:6]} of {message.incident.id[:6]} as {ts}")
        return Posted(self._channel, ts)

    def _present(self, posted: Posted) -> Message:
        found = self._space.root(posted.ts)
        if found is None:
            raise NotifierError(Failure.GONE, "message_not_found")
        return found

    def _refuse(self, message: Outgoing, *, may_degrade: bool) -> Any:
        """Fail without having done anything."""
        code = self._machine.sim.dice.choice(["ratelimited", "timeout", "invalid_auth", "refused", "invalid_blocks"])
        if code == "timeout":
            raise NotifierError(Failure.UNCLEAR, code)
        if code == "invalid_auth":
            raise NotifierError(Failure.CREDENTIALS, code)
        if code == "invalid_blocks" and may_degrade:
            raise NotifierError(Failure.DEGRADE, code)
        raise NotifierError(Failure.WAIT, code, retry_after=self._machine.sim.dice.choice([0, 5, 30]) * SECOND)

    def _cannot_look(self, message: Outgoing) -> Any:
        code = self._machine.sim.dice.choice(["unreachable", "unreachable", "missing_scope"])
        if code == "missing_scope":
            self._blind(message)
            raise NotifierError(Failure.CREDENTIALS, code)
        raise NotifierError(Failure.WAIT, code, retry_after=5 * SECOND)

    def _blind(self, message: Outgoing) -> None:
        id = message.delivery.id
        self._space.blind[id] = self._space.blind.get(id, 0) + 1


def _no_answer() -> Any:
    raise NotifierError(Failure.UNCLEAR, "timeout")
