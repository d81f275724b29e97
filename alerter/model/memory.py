"""What detectors remember of a key from one evaluation to the next."""

from __future__ import annotations

from dataclasses import dataclass

from alerter.clock import Millis


@dataclass(frozen=True)
class Held:
    """One direction of a key's condition: whether it held at the instant asked last, and when it held last.

    With ``by`` the last instant is that of the newest event in ``[last, by]``, which nobody needed to know yet.
    """

    now: bool = False
    last: Millis | None = None
    by: Millis | None = None


@dataclass(frozen=True)
class Thread:
    """The latest incident of a key, open (``resolved`` None) or over.

    ``suppressed`` counts the matches that ``realert`` kept untold since the last announced one. ``untold`` is the
    change (``opened``, ``reopened``) with which it is told once an enhancement no longer drops its matches.
    """

    id: str
    opened: Millis
    resolved: Millis | None = None
    matches: int = 0
    severity: str = ""
    suppressed: int = 0
    untold: str = ""


@dataclass(frozen=True)
class KeyMemory:
    """What survives from one evaluation of a key to the next.

    ``consumed_at``/``consumed_ties`` say which events the last announced match consumed: all before ``consumed_at``
    and the first ``consumed_ties`` of that very millisecond. ``until`` and ``exponent`` outlive the incident.
    ``past`` are the spans (exclusive) of the last incidents: within them late events make no incident of their own.
    """

    first_seen: Millis | None = None
    last_seen: Millis | None = None
    up: Held = Held()
    down: Held = Held()
    announced: Millis | None = None
    until: Millis | None = None
    exponent: int = 0
    consumed_at: Millis | None = None
    consumed_ties: int = 0
    forgotten: bool = False
    thread: Thread | None = None
    past: tuple[tuple[Millis, Millis], ...] = ()
