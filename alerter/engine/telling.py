"""Pure: tell a destination or not, and why (the decision that Alertmanager's dedup stage makes)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from alerter.clock import Millis
from alerter.engine.heard import Heard
from alerter.model.incident import Change, Kind, Reason
from alerter.model.route import Destination

Obstacle = tuple[Reason, str, Millis | None]
"""Why an incident is not told now: the reason, which silence or interval or rule, and until when (if known)."""
Again = Callable[[Destination, Millis], Millis]
"""From when (event time) a destination that last heard at an instant may be told a repeat."""


@dataclass(frozen=True)
class Told:
    """The verdict for one receiver; ``kind`` None means nothing is sent, for ``reason``."""

    receiver: str
    kind: Kind | None
    reason: Reason
    detail: str = ""
    until: Millis | None = None
    route: str = ""


def tell(
    destinations: Sequence[Destination],
    heard: Heard,
    silenced: Obstacle | None,
    change: Change,
    reason: Reason,
    at: Millis,
    again: Again | None = None,
) -> Iterator[Told]:
    """Yield a verdict for each destination of a change that is worth telling.

    A repeat is due when ``again`` says so (without it, at once); the rule's ``realert`` has passed already, or there
    would be no announced match.
    """
    seen: set[str] = set()
    for destination in destinations:
        if destination.receiver in seen:
            continue
        seen.add(destination.receiver)
        yield _verdict(destination, heard, silenced, change, reason, at, again)


def _verdict(
    destination: Destination,
    heard: Heard,
    silenced: Obstacle | None,
    change: Change,
    reason: Reason,
    at: Millis,
    again: Again | None,
) -> Told:
    receiver, route = destination.receiver, destination.path
    if destination.muted is not None:
        return Told(receiver, None, destination.muted, destination.muted_by, route=route)
    if silenced is not None:
        return Told(receiver, None, silenced[0], silenced[1], silenced[2], route)
    if change is Change.REOPENED:
        return Told(receiver, Kind.FIRING, Reason.REOPENED, route=route)
    last = heard.receivers.get(receiver)
    if last is None:
        first = Reason.SILENCE_ENDED if change is Change.REPEATED else reason
        return Told(receiver, Kind.FIRING, first, route=route)
    if change is Change.RAISED:
        return Told(receiver, Kind.REPEAT, Reason.SEVERITY_RAISED, route=route)
    due = last if again is None else again(destination, last)
    if at < due:
        return Told(receiver, None, Reason.REPEAT_INTERVAL, until=due, route=route)
    return Told(receiver, Kind.REPEAT, Reason.REPEAT, route=route)
