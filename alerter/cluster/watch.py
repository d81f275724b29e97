"""Pure: which of the others are alive, judged by whether their records change while one looks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from alerter.clock import Millis
from alerter.model.member import Member
from alerter.state.protocol import Version, Versioned


@dataclass(frozen=True)
class _Look:
    version: Version
    silent: Millis = 0
    heard: bool = False


class Watch:
    """For how long each record stayed unchanged, on the watcher's own monotonic clock; no clock of another is read.

    Time in which the watcher could not look is not held against anybody: between two looks at most ``most``
    milliseconds count.
    """

    def __init__(self, ttl: Millis, most: Millis) -> None:
        self._ttl = ttl
        self._most = most
        self._looks: dict[str, _Look] = {}
        self._at: Millis | None = None

    def look(self, members: Mapping[str, Versioned[Member]], now: Millis) -> list[str]:
        """Take in what was read at ``now`` (monotonic); returns who is dead: unchanged for the ttl, inclusive."""
        passed = 0 if self._at is None else min(now - self._at, self._most)
        self._at = now
        looks = {}
        for name, stored in members.items():
            before = self._looks.get(name)
            if before is None:
                looks[name] = _Look(stored.version)
            elif before.version == stored.version:
                looks[name] = _Look(stored.version, before.silent + passed, before.heard)
            else:
                looks[name] = _Look(stored.version, 0, heard=True)
        self._looks = looks
        return [name for name, look in looks.items() if look.silent >= self._ttl]

    def unheard(self) -> list[str]:
        """Return those whose record never changed while this one looked: they may be dead."""
        return [name for name, look in self._looks.items() if not look.heard]
