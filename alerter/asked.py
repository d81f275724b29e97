"""What a detector asks of a key's lifecycle: an instant, or a stretch of events that are alike."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from alerter.clock import Millis
from alerter.model.incident import Match


@dataclass(frozen=True)
class Asked:
    """One asked instant of a key: whether the plain condition held, and the match if there is one.

    ``number`` events of that instant are judged together: when the first is not announced, none is. ``reread`` marks
    an instant at or before the checkpoint: only what late events changed may come of it.
    """

    at: Millis
    held: bool
    match: Match | None = None
    severity: str = ""
    falling: bool = False
    reread: bool = False
    number: int = 1


@dataclass(frozen=True)
class Stretch:
    """Events in ``(start, end]`` whose instants are not known; the plain condition holds at each of them.

    ``matches`` of them (all or none) meet the rule's condition with what is consumed left out.
    """

    start: Millis
    end: Millis
    matches: int = 0
    reread: bool = False


Newest = Callable[[Millis, Millis], Millis]
"""The instant of the newest event in ``[first, last]``; may raise that it must be asked for."""
