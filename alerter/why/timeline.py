"""The timeline of an incident: its decisions by time, and from its document what no decision is kept of."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from alerter.clock import MINUTE, SECOND, Millis
from alerter.model.incident import Decision, Delivery, DeliveryState, Incident
from alerter.model.silence import Silence
from alerter.plurals import many
from alerter.routing.labels import labels_of
from alerter.why.hearing import delivery_text
from alerter.why.words import decision_text, reason_text, when

CLOSE: Millis = 5 * SECOND
"""A delivery's decision and its place in the document are written within this time of each other."""
_RANK = {"skipped": 0, "fired": 1, "reopened": 1, "repeated": 1, "raised": 1, "silenced": 2, "suppressed": 3}
_RANK |= {"refreshed": 3, "resolved": 1, "planned": 4, "digested": 4, "edits": 6}

_ENDED = {DeliveryState.SENT: "delivered", DeliveryState.FAILED: "failed", DeliveryState.DROPPED: "not sent"}


@dataclass(frozen=True)
class Entry:
    """One line of an account. ``origin``: ``decision`` (recorded as it was made), ``document`` (of the incident, or of
    a silence) or ``now`` (asked again).

    ``number`` like decisions follow each other until ``last``.
    """

    at: Millis
    outcome: str
    text: str
    reason: str = ""
    receiver: str = ""
    until: Millis | None = None
    number: int = 1
    last: Millis | None = None
    route: str = ""
    detail: str = ""
    origin: str = "decision"


def timeline(
    incident: Incident, decisions: Sequence[Decision], silences: Sequence[Silence], now: Millis
) -> tuple[Entry, ...]:
    """Return everything that is known of an incident, by time."""
    entries = [
        *(entry_of(d, now) for d in decisions),
        *_unrecorded(incident, decisions, now),
        *_silences(incident, silences, now),
    ]
    return folded(sorted(entries, key=lambda e: (e.at, _RANK.get(e.outcome, 5))))


def entry_of(decision: Decision, now: Millis) -> Entry:
    """Return a decision as a line."""
    return Entry(
        at=decision.at,
        outcome=decision.outcome,
        text=decision_text(decision, now),
        reason=decision.reason,
        receiver=decision.receiver,
        until=decision.until,
        number=decision.count,
        route=decision.route,
        detail=decision.detail,
    )


def as_of_now(decision: Decision, now: Millis) -> Entry:
    """Return what would be decided now as the last line of a timeline."""
    return replace(entry_of(decision, now), text=f"as of now: {decision_text(decision, now)}", origin="now")


def folded(entries: Sequence[Entry]) -> tuple[Entry, ...]:
    """Fold runs of the same outcome for the same reason into the first of them; other receivers part no run."""
    found: list[Entry] = []
    latest: dict[str, int] = {}
    for entry in entries:
        at = latest.get(entry.receiver)
        if at is not None and _alike(found[at], entry):
            number = found[at].number + entry.number
            found[at] = replace(found[at], number=number, last=entry.at, until=entry.until)
        else:
            latest[entry.receiver] = len(found)
            found.append(entry)
    return tuple(found)


def _alike(one: Entry, other: Entry) -> bool:
    return one.outcome in ("suppressed", "refreshed", "repeated", "edited") and (
        (one.outcome, one.reason, one.receiver) == (other.outcome, other.reason, other.receiver)
    )


def _unrecorded(incident: Incident, decisions: Sequence[Decision], now: Millis) -> Iterator[Entry]:
    """Yield what the document says and no decision: after a crash, or when decisions are too old to be kept."""
    if not any(d.outcome == "fired" for d in decisions):
        yield _told_by_document(incident.opened, "fired", "an incident opened", "first_match")
    for delivery in incident.deliveries:
        yield from _of_delivery(delivery, decisions, now)
    yield from _earlier(incident, decisions)
    for post in incident.posts:
        if post.edits:
            times = "once" if post.edits == 1 else f"{post.edits:,} times so far"
            text = f"the message in {post.channel} ({post.receiver}) was edited {times}, here the last time"
            yield Entry(post.edited, "edits", text, receiver=post.receiver, number=post.edits, origin="document")
    if incident.resolved is not None and not any(
        d.outcome == "resolved" and d.at == incident.resolved for d in decisions
    ):
        text = f"resolved ({reason_text(incident.resolve_reason)})"
        yield _told_by_document(incident.resolved, "resolved", text, incident.resolve_reason)


def _earlier(incident: Incident, decisions: Sequence[Decision]) -> Iterator[Entry]:
    """Yield the messages of long ago that the document only counts, unless each of them is on record by itself."""
    for earlier in incident.earlier:
        total = sum(e.number for e in incident.earlier if e.receiver == earlier.receiver)
        planned = (d for d in decisions if d.outcome == "planned" and d.receiver == earlier.receiver)
        if sum(d.at <= earlier.until for d in planned) >= total:
            continue
        what = many(earlier.number, f"earlier {earlier.kind}")
        text = f"{what} to {earlier.channel} ({earlier.receiver}) {_ENDED[earlier.state]}, here the last of them"
        yield Entry(earlier.until, "earlier", text, receiver=earlier.receiver, number=earlier.number, origin="document")


def _of_delivery(delivery: Delivery, decisions: Sequence[Decision], now: Millis) -> Iterator[Entry]:
    """Yield the plan of a message and what became of it, as far as no decision says so."""
    named = f"{delivery.kind} to {delivery.channel} ({delivery.receiver})"
    mine = [d for d in decisions if d.receiver == delivery.receiver and d.reason == str(delivery.reason)]
    if not any(d.outcome in ("planned", "digested") and d.at == delivery.at for d in mine):
        route = f"; by the route {delivery.route}" if delivery.route else ""
        text = f"{named} planned: {reason_text(delivery.reason)}{route}"
        yield _told_by_document(delivery.at, "planned", text, str(delivery.reason), delivery.receiver, delivery.route)
    done = delivery.sent or delivery.at
    if delivery.state is DeliveryState.SENT:
        if any(d.outcome in ("delivered", "found") and abs(d.at - done) <= CLOSE for d in mine):
            return
        late = done - delivery.at
        text = f"{named} delivered" + (f" after {delivery.attempts} attempts" if delivery.attempts > 1 else "")
        text += f", {late // MINUTE} min after what it tells" if late >= MINUTE else ""
        yield _told_by_document(done, "delivered", text, str(delivery.reason), delivery.receiver)
    elif not any(d.outcome in ("suppressed", "digested") for d in _left_out(delivery, decisions)):
        text = f"{named}: {delivery_text(delivery, now)}"
        outcome = "waiting" if delivery.state is DeliveryState.PLANNED else str(delivery.state)
        yield _told_by_document(done, outcome, text, delivery.error, delivery.receiver)


def _left_out(delivery: Delivery, decisions: Sequence[Decision]) -> Iterator[Decision]:
    """Yield the decisions by which a planned message was left unsent."""
    if delivery.state is DeliveryState.DROPPED:
        yield from (d for d in decisions if d.receiver == delivery.receiver and d.at >= delivery.at)


def _told_by_document(
    at: Millis, outcome: str, text: str, reason: str = "", receiver: str = "", route: str = ""
) -> Entry:
    return Entry(at, outcome, text, reason, receiver, route=route, origin="document")


def _silences(incident: Incident, silences: Sequence[Silence], now: Millis) -> Iterator[Entry]:
    """Yield the silences that covered a part of the incident's life, as they are by now."""
    labels = labels_of(incident)
    over = incident.resolved if incident.resolved is not None else now
    for silence in silences:
        end = silence.end if silence.expired is None else min(silence.end, silence.expired)
        if not all(m.matches(labels) for m in silence.matchers) or end <= incident.opened or silence.start > over:
            continue
        ended = ", ended by hand" if silence.expired is not None and silence.expired < silence.end else ""
        matchers = " ".join(str(m) for m in silence.matchers)
        text = f"silence {silence.id} of {matchers} by {silence.author} from {when(silence.start, now)}"
        text += f" until {when(end, now)}{ended}: {silence.comment}"
        at = max(silence.start, incident.opened)
        yield Entry(at, "silenced", text, "silence", until=end, origin="document")
