"""Who was told of an incident, and for those who were not, why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from alerter.clock import Millis
from alerter.engine.groups import next_told
from alerter.model.incident import Decision, Delivery, DeliveryState, Incident, Kind, Reason
from alerter.why.words import obstacle_text, reason_text, when

FIRST = (Kind.FIRING, Kind.REPEAT, Kind.DIGEST)
"""The messages by which somebody learns that something fires."""


@dataclass(frozen=True)
class Hearing:
    """One receiver: ``told`` at a wall-clock time, or None; then ``why`` says what stands between."""

    receiver: str
    channel: str
    told: Millis | None
    why: str = ""

    @property
    def place(self) -> str:
        """The channel, with the receiver where that has another name."""
        return self.channel if self.channel == self.receiver else f"{self.channel} ({self.receiver})"


@dataclass(frozen=True)
class Digest:
    """A message that tells of several incidents; ``shown`` is when it was posted or edited (wall clock), any order."""

    document: Incident
    shown: tuple[Millis, ...]

    @classmethod
    def of(cls, document: Incident, decisions: Sequence[Decision]) -> Digest:
        """Return a digest with the times that its document and the decisions about it know."""
        noted = [d.at for d in decisions if d.outcome in ("delivered", "found", "edited")]
        sent = [d.sent or d.at for d in document.deliveries if d.state is DeliveryState.SENT]
        return cls(document, (*noted, *sent, *(post.edited for post in document.posts if post.edits)))


def hearings(
    incident: Incident, decisions: Sequence[Decision], digests: Sequence[Digest], now: Millis
) -> list[Hearing]:
    """Return what each receiver that the incident was routed to heard of it, or why it did not; as routed first."""
    deliveries = [d for d in incident.deliveries if d.kind in FIRST]
    untold = [d for d in decisions if d.receiver and d.outcome in ("suppressed", "digested", "refreshed")]
    found = []
    for receiver in dict.fromkeys([*(d.receiver for d in deliveries), *(d.receiver for d in untold)]):
        mine = [d for d in deliveries if d.receiver == receiver]
        reasons = [d for d in untold if d.receiver == receiver]
        joined = min((d.at for d in reasons if d.outcome == "digested"), default=incident.opened)
        telling = _telling(receiver, mine, digests)
        known = _Digests(telling, max(joined, incident.opened), _held_back(mine, telling))
        found.append(_hearing(receiver, mine, reasons, known, now))
    return found


@dataclass(frozen=True)
class _Digests:
    """The digests that tell a receiver of an incident, which was put in at ``joined``.

    ``held_back``: a group has it, and all that it was given waits for the group's instant.
    """

    telling: Sequence[Digest]
    joined: Millis
    held_back: bool = False

    @property
    def told(self) -> Millis | None:
        """When it was posted or edited first with the incident in it."""
        if self.held_back:
            return None
        return min((at for digest in self.telling for at in digest.shown if at >= self.joined), default=None)

    @property
    def last(self) -> Delivery | None:
        """The message that waits, or else the last one."""
        made = [d for digest in self.telling for d in digest.document.deliveries if d.kind in FIRST]
        return min(made, key=lambda d: d.state is DeliveryState.SENT, default=None)

    @property
    def grouped(self) -> bool:
        """Whether the message of a group tells of it."""
        return any(digest.document.roll is not None for digest in self.telling)

    @property
    def place(self) -> str:
        """What tells of it."""
        return "the message of its group" if self.grouped else "a digest"

    @property
    def next(self) -> Millis | None:
        """When its group tells next what came up (wall clock)."""
        rolls = [d.document.roll for d in self.telling if d.document.roll is not None]
        due = [(at, roll.delay) for roll in rolls if (at := next_told(roll)) is not None]
        return min((at + delay for at, delay in due), default=None)


def _telling(receiver: str, deliveries: Sequence[Delivery], digests: Sequence[Digest]) -> list[Digest]:
    """Return those that the receiver's messages name, perhaps of another place; without names, the receiver's own."""
    named = {delivery.digest for delivery in deliveries if delivery.digest}
    if named:
        return [digest for digest in digests if digest.document.id in named]
    return [digest for digest in digests if any(d.receiver == receiver for d in digest.document.deliveries)]


def _held_back(deliveries: Sequence[Delivery], digests: Sequence[Digest]) -> bool:
    """Whether groups have taken over messages and none of them is told yet."""
    waiting = {n.delivery.id for d in digests if d.document.roll is not None for n in d.document.roll.news}
    given = [delivery.id for delivery in deliveries if delivery.in_digest]
    return bool(given) and waiting.issuperset(given)


def _hearing(
    receiver: str, deliveries: Sequence[Delivery], reasons: Sequence[Decision], digests: _Digests, now: Millis
) -> Hearing:
    channel = deliveries[0].channel if deliveries else receiver
    sent = [d for d in deliveries if d.state is DeliveryState.SENT]
    if sent:
        first = min(sent, key=lambda d: d.sent or d.at)
        note = first.error if first.reason is Reason.FALLBACK else first.note
        return Hearing(receiver, channel, first.sent or first.at, note)
    waiting = [d for d in deliveries if d.state is not DeliveryState.DROPPED]
    if waiting:
        return Hearing(receiver, channel, None, delivery_text(waiting[-1], now))
    given = any(d.in_digest for d in deliveries)  # then no repeat is no reason: what it would repeat is the group's
    last = max((d for d in reasons if not given or d.outcome != "refreshed"), key=lambda d: d.at, default=None)
    if last is None or last.outcome == "digested" or (given and digests.told is not None):
        why = reason_text(deliveries[-1].error) if deliveries else reason_text(Reason.CATCH_UP)
        return _digested(receiver, channel, digests, why, now)
    return Hearing(receiver, channel, None, obstacle_text(last, now))


def _digested(receiver: str, channel: str, digests: _Digests, why: str, now: Millis) -> Hearing:
    """Return what became of a message that was dropped: a digest may tell of it."""
    if digests.told is not None:
        return Hearing(receiver, channel, digests.told, f"in {digests.place}{'' if digests.grouped else ': ' + why}")
    last, later = digests.last, digests.next
    if last is None:
        return Hearing(receiver, channel, None, why if later is None else f"{why}, at {when(later, now)}")
    shows = "which does not show it yet" if later is None else f"which shows it at {when(later, now)}"
    where = shows if last.state is DeliveryState.SENT else delivery_text(last, now)
    return Hearing(receiver, channel, None, f"in {digests.place}, {where}: {why}")


def delivery_text(delivery: Delivery, now: Millis) -> str:
    """Return where a message stands: waiting, sent, failed, dropped; with attempts and the last error."""
    tries = "" if delivery.attempts < 2 else f" after {delivery.attempts} attempts"
    error = f": {delivery.error}" if delivery.error else ""
    match delivery.state:
        case DeliveryState.SENT:
            return f"delivered at {when(delivery.sent or delivery.at, now)}{tries}"
        case DeliveryState.FAILED:
            return f"failed{tries}{error}"
        case DeliveryState.DROPPED:
            return f"not sent: {reason_text(delivery.error)}"
        case DeliveryState.UNCLEAR:
            return f"it is not known whether the message arrived; it is looked for{tries}{error}"
        case DeliveryState.SENDING:
            return f"being sent{tries}{error}"
        case _:
            later = f", next at {when(delivery.not_before, now)}" if delivery.not_before > now else ""
            return f"waiting to be sent{tries}{error}{later}"


def verdict(incident: Incident, heard: Sequence[Hearing], now: Millis) -> tuple[bool, str]:
    """Return whether anybody was told, and one sentence: whom when, or why not; and how the incident ended."""
    told = [h for h in heard if h.told is not None]
    untold = [f"{h.place}: {h.why}" for h in heard if h.told is None]
    parts = []
    if told:
        parts.append("told: " + ", ".join(f"{h.place} at {when(h.told or 0, now)}{_aside(h)}" for h in told))
        parts += [f"not told: {', '.join(untold)}"] if untold else []
    else:
        parts.append("not told: " + (", ".join(untold) or "no receiver is on record"))
    if incident.resolved is None:
        parts.append("still firing")
    else:
        parts.append(f"resolved {when(incident.resolved, now)} ({reason_text(incident.resolve_reason)})")
        parts += [f"that is not told yet: {place}" for place in _still_to_say(incident, now)]
    return bool(told), "; ".join(parts)


def _still_to_say(incident: Incident, now: Millis) -> list[str]:
    """Return the receivers that do not know yet that it is over, and why."""
    last = [d for d in incident.deliveries if d.kind is Kind.RESOLVED and d.at == incident.resolved]
    done = (DeliveryState.SENT, DeliveryState.DROPPED)
    return [f"{d.channel} ({d.receiver}): {delivery_text(d, now)}" for d in last if d.state not in done]


def _aside(heard: Hearing) -> str:
    return f" ({heard.why})" if heard.why else ""
