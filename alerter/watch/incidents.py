"""Pure: signs of trouble folded into incidents of the domain ``alerter``, told as any other is."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from alerter.clock import HOUR, MINUTE, Millis
from alerter.engine.story import Audience, Scene, Story, Words, fold
from alerter.model.incident import Change, Incident, Match, Reason, Transition, View, incident_id
from alerter.model.route import Destination
from alerter.model.rule import REOPEN_WITHIN, AnyEvent, Position, Realert, Rule
from alerter.notifiers.text import plain_text
from alerter.routing.tree import Routing
from alerter.watch.signs import NAMES, Sign

DOMAIN = "alerter"
REPEAT_EVERY: Millis = HOUR
"""What still is wrong is said again this often; a route's ``repeat_interval`` may make it seldomer."""
REFRESH_EVERY: Millis = MINUTE
"""The facts in a message are brought up to date no more often than this."""
SEVERITIES = ("info", "warning", "critical")


@dataclass(frozen=True)
class Telling:
    """How signs become incidents: at which instant (wall clock), to whom, and why one that is gone is over."""

    now: Millis
    audience: Audience
    routing: Routing
    over: Callable[[Incident], Reason]


def stories(name: str, found: Sequence[Sign], known: Sequence[Incident], telling: Telling) -> Iterator[Story]:
    """Yield the incidents of one kind of sign as they are now; ``known`` are the open ones and those just resolved."""
    opened = {incident.key: incident for incident in known if incident.resolved is None}
    by_key = {sign.key: sign for sign in found}
    for sign in found:
        incident = opened.get(sign.key) or _again(sign, known)
        if incident is None and not sign.opens:
            continue
        change = _change(sign, incident, telling.now)
        steps = () if change is None else (_transition(sign, incident, change, telling.now),)
        yield from _folded(name, sign, _refreshed(incident, sign, telling.now), steps, telling)
    for key, incident in opened.items():
        if key not in by_key:
            steps = (_resolution(incident, telling),)
            yield from _folded(name, None, incident, steps, telling)


def new_id(sign: Sign) -> str:
    """Return the identity of the incident that a sign opens; the same for every engine that sees it."""
    return incident_id(sign.rule, sign.key, sign.since)


def _redirected(audience: Audience, routing: Routing, avoid: frozenset[str]) -> Audience:
    """Return the audience with receivers that would not hear replaced by their fallback, where there is one."""

    def destinations(incident: Incident, at: Millis) -> list[Destination]:
        found = audience.destinations(incident, at)
        return [replace(one, receiver=_way_round(one.receiver, routing, avoid)) for one in found]

    return replace(audience, destinations=destinations)


def _way_round(receiver: str, routing: Routing, avoid: frozenset[str]) -> str:
    seen: list[str] = []
    name: str | None = receiver
    while name is not None and name not in seen:
        if name not in avoid:
            return name
        seen.append(name)
        known = routing.receivers.get(name)
        name = known.fallback if known else None
    return receiver


def _again(sign: Sign, known: Sequence[Incident]) -> Incident | None:
    """Return the incident that begins again: it had ended no more than five minutes before, or is the very same."""
    ended = [i for i in known if i.key == sign.key and i.resolved is not None] if sign.opens else []
    for incident in ended:
        soon = incident.resolved is not None and sign.since <= incident.resolved + REOPEN_WITHIN
        if soon or incident.id == new_id(sign):
            return incident
    return None


def _change(sign: Sign, incident: Incident | None, now: Millis) -> Change | None:
    """Return what is to be told, if anything."""
    if incident is None:
        return Change.OPENED
    if incident.resolved is not None:
        return Change.REOPENED
    if _is_worse(sign, incident):
        return Change.RAISED
    told = max((d.at for d in incident.deliveries), default=now)
    return Change.REPEATED if _hours(incident, now) > _hours(incident, max(told, incident.updated)) else None


def _is_worse(sign: Sign, incident: Incident) -> bool:
    return SEVERITIES.index(sign.severity) > SEVERITIES.index(incident.severity)


def _hours(incident: Incident, at: Millis) -> int:
    """Return how many times a repeat was due by an instant, counted from the first message."""
    first = min((d.at for d in incident.deliveries), default=at)
    return (at - first) // REPEAT_EVERY


_REASONS = {
    Change.OPENED: Reason.FIRST_MATCH,
    Change.REOPENED: Reason.REOPENED,
    Change.RAISED: Reason.SEVERITY_RAISED,
    Change.REPEATED: Reason.REPEAT,
}


def _transition(sign: Sign, incident: Incident | None, change: Change, now: Millis) -> Transition:
    opened = sign.since if incident is None else incident.opened
    raised = incident is None or _is_worse(sign, incident)
    return Transition(
        at=now,
        change=change,
        key=sign.key,
        reason=_REASONS[change],
        incident=new_id(sign) if incident is None else incident.id,
        opened=opened,
        match=Match(now, sign.key, sign.count),
        last_held=now,
        severity=sign.severity if raised else "",
    )


def _resolution(incident: Incident, telling: Telling) -> Transition:
    reason = telling.over(incident)
    return Transition(telling.now, Change.RESOLVED, incident.key, reason, incident.id, incident.opened)


def _refreshed(incident: Incident | None, sign: Sign, now: Millis) -> Incident | None:
    """Return an open incident with the facts of now, unless they were brought up to date a moment ago."""
    if incident is None or incident.resolved is not None or now - incident.last_held < REFRESH_EVERY:
        return incident
    if (incident.view, incident.count) == (sign.view, sign.count):
        return incident
    return replace(
        incident,
        view=sign.view,
        count=sign.count,
        peak=max(incident.peak, sign.count),
        last_held=now,
        revision=incident.revision + 1,
    )


def _folded(
    name: str, sign: Sign | None, incident: Incident | None, steps: Sequence[Transition], telling: Telling
) -> Iterator[Story]:
    rule = Rule(NAMES[name], DOMAIN, "", AnyEvent(), Position("", 0, 0), domain=DOMAIN, realert=_REALERT)
    labels = {"rule": rule.name, "type": DOMAIN, "domain": DOMAIN, "sign": name}
    words = Words(
        prepare=lambda _steps: None,
        labels=lambda _key, _match: {**labels, "severity": sign.severity if sign else "warning"},
        view=lambda _match, _labels, _opened, _number: sign.view if sign else View(),
        text=plain_text,
    )
    heard = _redirected(telling.audience, telling.routing, sign.avoid) if sign else telling.audience
    start = telling.now - 1 if incident is None else min(incident.updated, telling.now - 1)
    scene = Scene(rule, words, heard, start, telling.now, pauses=lambda _a, b: (b,) if b == telling.now else ())
    story = fold(None if incident is None else replace(incident, updated=start), steps, scene)
    if story is not None:
        yield story


_REALERT = Realert(REPEAT_EVERY, written=True)
"""Written, so that a repeat is told when it is due, and not an hour after the last one was."""
