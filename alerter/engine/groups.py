"""Pure: which message is told with others, and the instants at which a group tells what came up."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from alerter.clock import SECOND, Millis
from alerter.model.incident import Delivery, DeliveryState, Group, Incident, Kind, News, Roll, digest
from alerter.model.route import Destination
from alerter.model.rule import Rule, Schedule
from alerter.model.texts import TextType
from alerter.notifiers.text import key_words
from alerter.routing.labels import labels_of
from alerter.routing.tree import ALL
from alerter.schedule import next_instant, slot_offset, slot_part

SETTLE: Millis = 2 * SECOND
"""A group tells so long after its instant what came up until then: what is being written by then is told too."""
Labels = tuple[tuple[str, str], ...]


# --- what is told together -----------------------------------------------------------------------------------------


def group_of(rule: Rule, incident: Incident, destination: Destination, at: Millis) -> Group | None:
    """Return the group in which a message of ``at`` is told; None: it is a message of its own.

    The rule's ``aggregation`` goes before the route's ``group_by``. An incident stays in the group in which a route
    told of it first, though its labels change.
    """
    made = _of_rule(rule, incident, destination, at) or _of_route(rule, incident, destination, at)
    if made is None:
        return None
    mine = [d for d in incident.deliveries if d.receiver == destination.receiver and d.route == destination.path]
    before = next((d.group for d in mine if d.group is not None), None)
    return made if before is None else replace(made, id=before.id, labels=before.labels)


def ends_of(
    incident: Incident, receiver: str, at: Millis, *, quiet: bool, rule: Rule | None = None
) -> list[Group | None]:
    """Return where a receiver is told that an incident is over: its groups, and None for messages of its own.

    A ``quiet`` end is told in groups only, where it is no line. Without a rule the end is planned at its instant.
    """
    found: dict[str, Group | None] = {}
    for delivery in incident.deliveries:
        if delivery.receiver == receiver and delivery.kind in (Kind.FIRING, Kind.REPEAT):
            group = delivery.group if _is_grouped(delivery) else None
            if delivery.state is not DeliveryState.DROPPED or delivery.in_digest:
                found["" if group is None else group.id] = group
    since = at if rule is None else next_instant(rule.schedule, at - 1)
    severity, key = incident.severity, key_words(incident)
    ends = (g and replace(g, since=since, severity=severity, key=key, quiet=quiet) for g in found.values())
    return [end for end in ends if end is not None or not quiet]


def _is_grouped(delivery: Delivery) -> bool:
    return delivery.in_digest or delivery.state is DeliveryState.PLANNED


def _of_rule(rule: Rule, incident: Incident, destination: Destination, at: Millis) -> Group | None:
    gathering = rule.texts.gathering
    if gathering is None:
        return None
    known = labels_of(incident)
    labels = (("rule", rule.name), *((name, known.get(name, "")) for name in gathering.key))
    group = _group(rule, incident, destination, at, labels)
    return replace(
        group,
        wait=gathering.period,
        interval=gathering.period,
        cron=gathering.cron or "",
        timezone=gathering.timezone,
        by_match=gathering.by_match,
        table=rule.texts.table,
        table_only=rule.texts.alert.type is TextType.SUMMARY_ONLY,
    )


def _of_route(rule: Rule, incident: Incident, destination: Destination, at: Millis) -> Group | None:
    names = destination.group_by
    if names is None:
        return None
    known = labels_of(incident)
    labels = sorted(known.items()) if ALL in names else [(name, known.get(name, "")) for name in dict.fromkeys(names)]
    return _group(rule, incident, destination, at, tuple(labels))


def _group(rule: Rule, incident: Incident, destination: Destination, at: Millis, labels: Labels) -> Group:
    return Group(
        id=digest("group", destination.path, destination.receiver, sorted(labels)),
        labels=labels,
        wait=destination.group_wait,
        interval=destination.group_interval,
        since=next_instant(rule.schedule, at - 1),
        delay=rule.query_delay + slot_offset(rule.schedule, slot_part(rule.name)),
        severity=incident.severity,
        key=key_words(incident),
        opened=incident.opened,
    )


# --- when it is told -----------------------------------------------------------------------------------------------


def came_up(roll: Roll, news: News) -> Millis:
    """Return when a message came up by the clock of its group's first rule: others may be computed later or sooner."""
    group = news.delivery.group
    assert group is not None
    return group.since + group.delay - roll.delay


def told_at(roll: Roll, news: News) -> Millis:
    """Return the instant (event time) at which a message is told: the first of its group's at or after it came up."""
    after = max(came_up(roll, news), roll.birth, roll.birth if roll.told is None else roll.told + 1)
    group = roll.group
    if group.cron:
        return next_instant(Schedule(cron=group.cron, timezone=group.timezone), after - 1)
    first = roll.birth + group.wait
    if after <= first:
        return first
    interval = max(group.interval, 1)
    return first + -(-(after - first) // interval) * interval


def next_told(roll: Roll) -> Millis | None:
    """Return the next instant (event time) at which anything is to be told; None when nothing came up."""
    return min((told_at(roll, news) for news in roll.news), default=None)


def is_due(roll: Roll, now: Millis) -> bool:
    """Whether something is to be told by ``now`` (wall clock)."""
    at = next_told(roll)
    return at is not None and at + roll.delay + SETTLE <= now


def due(roll: Roll, now: Millis) -> list[News]:
    """Return what is to be told by ``now`` (wall clock), in the order in which it came up."""
    return in_order(roll, (n for n in roll.news if told_at(roll, n) + roll.delay + SETTLE <= now))


def planned(news: News) -> tuple[Millis, Millis, bool]:
    """Return by what messages are ordered before they join a group: when they were planned, ends last."""
    group = news.delivery.group
    assert group is not None
    return group.since + group.delay, news.delivery.at, news.delivery.kind is Kind.RESOLVED


def in_order(roll: Roll, news: Iterable[News]) -> list[News]:
    """Return messages in the order in which they are listed."""
    return sorted(news, key=lambda n: (came_up(roll, n), n.delivery.at, n.incident, n.delivery.kind is Kind.RESOLVED))


def grouped(incident: Incident) -> Iterator[News]:
    """Yield the messages of an incident that groups are to tell, and none has taken over yet."""
    for delivery in incident.deliveries:
        if delivery.group is not None and delivery.state is DeliveryState.PLANNED and not delivery.attempts:
            yield News(incident.id, delivery)
