"""Who was told of an incident, and for those who were not, why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from alerter.clock import Millis
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


def hearings(
    incident: Incident, decisions: Sequence[Decision], digests: Sequence[Incident], now: Millis
) -> list[Hearing]:
    """Return what each receiver that the incident was routed to heard of it, or why it did not; as routed first."""
    deliveries = [d for d in incident.deliveries if d.kind in FIRST]
    untold = [d for d in decisions if d.receiver and d.outcome in ("suppressed", "digested", "refreshed")]
    found = []
    for receiver in dict.fromkeys([*(d.receiver for d in deliveries), *(d.receiver for d in untold)]):
        mine = [d for d in deliveries if d.receiver == receiver]
        reasons = [d for d in untold if d.receiver == receiver]
        found.append(_hearing(receiver, mine, reasons, digests, now))
    return found


def _hearing(
    receiver: str, deliveries: Sequence[Delivery], reasons: Sequence[Decision], digests: Sequence[Incident], now: Millis
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
    last = max(reasons, key=lambda d: d.at, default=None)
    if last is None or last.outcome == "digested":
        return _digested(receiver, channel, deliveries, digests, now)
    return Hearing(receiver, channel, None, obstacle_text(last, now))


def _digested(
    receiver: str, channel: str, deliveries: Sequence[Delivery], digests: Sequence[Incident], now: Millis
) -> Hearing:
    """Return what became of a message that was dropped: a digest may tell of it, perhaps in another place."""
    why = reason_text(deliveries[-1].error) if deliveries else reason_text(Reason.CATCH_UP)
    named = {delivery.digest for delivery in deliveries if delivery.digest}
    telling = [
        delivery
        for digest in digests
        for delivery in digest.deliveries
        if delivery.kind is Kind.DIGEST and (digest.id in named or (not named and delivery.receiver == receiver))
    ]
    sent = [delivery.sent or delivery.at for delivery in telling if delivery.state is DeliveryState.SENT]
    if sent:
        return Hearing(receiver, channel, min(sent), f"in a digest: {why}")
    waits = f"in a digest, {delivery_text(telling[0], now)}: " if telling else ""
    return Hearing(receiver, channel, None, f"{waits}{why}")


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
