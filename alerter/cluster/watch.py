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
            same = before is not None and before.version == stored.version
            looks[name] = _Look(stored.version, before.silent + passed if before is not None and same else 0)
        self._looks = looks
        return [name for name, look in looks.items() if look.silent >= self._ttl]
