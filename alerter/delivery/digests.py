"""Pure: the document of a storm's digest, and its rows from its members."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace

from alerter.clock import SECOND, Millis
from alerter.delivery.tasks import is_storm
from alerter.model.incident import Delivery, DeliveryState, Incident, Kind, Post, Reason, View, digest
from alerter.notifiers.text import headline, key_words

GATHERING: Millis = 2 * SECOND
"""A digest is posted so long after it was begun."""
EMPTY_FOR: Millis = 5 * SECOND
ROWS = 10
"""Rules, and incidents that still fire, named one by one; the rest is summed, so that totals add up."""
SEVERITIES = ("info", "warning", "critical")


def new_digest(
    id: str, place: str, like: Delivery, opened: Millis, now: Millis, limit: Millis, *, editable: bool
) -> Incident:
    """Return a digest without members: a first message that is edited, and a last word once the storm is over; both
    go where ``like`` was to go.

    Where messages cannot be edited there is only the last word, ``limit`` milliseconds from ``now`` (wall clock).
    """
    first = Delivery(
        digest("delivery", id), Kind.DIGEST, like.receiver, like.channel, opened, Reason.STORM, "",
        not_before=now + GATHERING,
    )  # fmt: skip
    last = _last_word(replace(first, not_before=now + limit), 1)
    return Incident(
        id=id,
        rule="",
        type="digest",
        key=None,
        labels={"severity": "info", "storm": place, "receiver": like.receiver, "edits": "yes" if editable else "no"},
        opened=opened,
        updated=now,
        deliveries=(first, last) if editable else (last,),
    )


def joinable(document: Incident) -> bool:
    """Whether a digest still takes members: its last word is not said."""
    last = _own(document)[-1]
    return document.resolved is None and last.state is DeliveryState.PLANNED and not last.attempts


def is_waiting(incident: Incident) -> bool:
    """Whether it is a digest whose last word is said, and of which nothing is to be told but later ends."""
    return is_storm(incident) and not incident.outbox and not joinable(incident)


def last_sent(document: Incident) -> Millis | None:
    """Return when a digest's last word was sent (wall clock), or tried; None while it is to come."""
    return None if joinable(document) else _own(document)[-1].sent


def marked(document: Incident, opened: Millis | None, now: Millis, limit: Millis) -> Incident:
    """Return the digest with something new to show: the last word waits for ``limit`` milliseconds without any.

    Where messages cannot be edited it does not wait longer, and is followed by another one.
    """
    revision = document.revision + 1
    opened = document.opened if opened is None else min(opened, document.opened)
    document = replace(document, revision=revision, opened=opened, updated=now)
    last = _own(document)[-1]
    editable = document.labels["edits"] == "yes"
    waits = last.state is DeliveryState.PLANNED and not last.attempts
    later = _last_word(replace(last, not_before=now + limit), revision)
    if waits and editable:
        return replace(document, deliveries=tuple(later if d.id == last.id else d for d in document.deliveries))
    if waits or editable:
        return document
    return replace(document, deliveries=(*document.deliveries, later))


def with_members(
    document: Incident, delivery: Delivery, members: Sequence[Incident], now: Millis, *, edit: bool
) -> tuple[Incident, Delivery]:
    """Return the digest as its members are now, and the message with its text; over when they all are.

    An ``edit`` is no message of its own, so that it is not the last word either.
    """
    firing = [m for m in members if m.resolved is None]
    total, fire = _total(members), _firing(members)
    last = _own(document)[-1]
    over = (delivery.id == last.id and not edit) or last.state is not DeliveryState.PLANNED
    rules = len({m.about for m in members})
    title = f"Storm: {_many(total, 'incident')} of {_many(rules, 'rule')}"
    numbers = f"{fire:,} firing, {total - fire:,} resolved"
    state = "the storm is over" if over else "told here, because the channel cannot take them one by one"
    fields = [*_rows(members), *(_still(firing) if over else ())]
    ended = over and not firing
    shown = replace(
        document,
        revision=document.revision + 1,
        matches=len(members),
        view=View(title=title, sentence=f"{numbers}; {state}", fields=tuple(fields)),
        resolved=now if ended else None,
        resolve_reason=str(Reason.CONDITION_OVER) if ended else "",
        quiet_close=True,
    )
    words = "; ".join(f"{name}: {value}" for name, value in fields)
    return shown, replace(delivery, text=f"[DIGEST] {title}, {numbers}; {state}. {words}")


def without_members(document: Incident, delivery: Delivery, now: Millis) -> Incident:
    """Return a digest that has nothing to show yet: it waits, or is over where its last word is due."""
    if now < _own(document)[-1].not_before:
        later = replace(delivery, not_before=now + EMPTY_FOR)
        return replace(document, deliveries=tuple(later if d.id == later.id else d for d in document.deliveries))
    dropped = [replace(d, state=DeliveryState.DROPPED, error=str(Reason.STORM)) for d in document.outbox]
    by_id = {d.id: d for d in (*document.deliveries, *dropped)}
    return replace(document, deliveries=tuple(by_id.values()), resolved=now, quiet_close=True)


def as_shown(current: Incident, shown: Incident) -> Incident:
    """Return a digest's document with what was shown of it; any other incident as it is."""
    if not is_storm(current):
        return current
    same = current.revision + 1 == shown.revision
    return replace(
        current,
        revision=max(current.revision, shown.revision),
        matches=shown.matches,
        view=shown.view,
        resolved=shown.resolved if same else None,
        resolve_reason=shown.resolve_reason if same else "",
        quiet_close=shown.quiet_close,
    )


def shows(post: Post, current: Incident, shown: Incident) -> bool:
    """Whether a digest's message says by now what is to be shown: it is that of the document, and nothing changed."""
    same = (current.view, current.resolved) == (shown.view, shown.resolved)
    return is_storm(current) and same and post.revision == current.revision - 1


def revision_shown(shown: Incident) -> int:
    """Return the revision that a message shows by now: of a digest not yet over always the one before, so that it is
    looked at again."""
    return shown.revision - (is_storm(shown) and shown.resolved is None)


def _own(document: Incident) -> list[Delivery]:
    """Return the messages of the digest's own receiver; those that went to a fallback are left out."""
    return [d for d in document.deliveries if d.receiver == document.labels["receiver"]]


def _last_word(like: Delivery, revision: int) -> Delivery:
    """Return the last word; its id is new at each mark, so that nobody takes it for a message that waits for long."""
    return replace(
        like,
        id=digest("storm over", like.id, revision),
        state=DeliveryState.PLANNED,
        attempts=0,
        looks=0,
        sent=None,
        tried=None,
        by="",
        error="",
        note="",
        recheck=0,
    )


def _rows(members: Sequence[Incident]) -> Iterator[tuple[str, str]]:
    """Yield rule and numbers, most firing first; what does not fit is summed."""
    by_rule: dict[str, list[Incident]] = defaultdict(list)
    for member in members:
        by_rule[member.about or "groups of several rules"].append(member)
    ordered = sorted(by_rule.items(), key=lambda row: (-_firing(row[1]), -len(row[1]), row[0]))
    for rule, listed in ordered[:ROWS]:
        yield rule, _numbers(listed)
    rest = ordered[ROWS:]
    if rest:
        yield f"{_many(len(rest), 'more rule')}", _numbers([m for _, listed in rest for m in listed])


def _numbers(members: Sequence[Incident]) -> str:
    firing = _firing(members)
    worst = max((m.severity for m in members), key=lambda s: SEVERITIES.index(s) if s in SEVERITIES else 1)
    return f"{firing:,} firing, {_total(members) - firing:,} resolved, worst {worst}"


def _still(firing: Sequence[Incident]) -> Iterator[tuple[str, str]]:
    for member in firing[:ROWS]:
        key = key_words(member)
        yield (
            f"still firing: {headline(member)}{', ' + key if key else ''}",
            member.view.link or f"incident {member.id}",
        )
    if len(firing) > ROWS:
        yield "still firing", f"{len(firing) - ROWS:,} more"


def _firing(members: Sequence[Incident]) -> int:
    """Return how many incidents fire; the message of a group stands for its own."""
    return sum(m.roll.firing if m.roll is not None else m.resolved is None for m in members)


def _total(members: Sequence[Incident]) -> int:
    return sum(m.roll.total if m.roll is not None else 1 for m in members)


def _many(number: int, word: str) -> str:
    return f"{number:,} {word}{'' if number == 1 else 's'}"
