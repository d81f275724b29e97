"""What this process wrote a moment ago and a search may not see yet; so that no list has to refresh the index first."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable

from alerter.clock import MINUTE, Clock, Millis, SystemClock
from alerter.model.incident import Incident
from alerter.state.protocol import Version, Versioned

KEPT: Millis = MINUTE
"""For how long an own write is laid over what a search finds: a refresh is due every second."""


class Recent:
    """Own writes of incidents by id, newest only; any thread may call."""

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock = clock or SystemClock()
        self._lock = threading.Lock()
        self._writes: dict[str, tuple[Versioned[Incident], Millis]] = {}

    def wrote(self, incident: Incident, version: Version) -> None:
        """Remember a write, unless a later one is known."""
        with self._lock:
            known = self._writes.get(incident.id)
            if known is None or order(known[0].version) < order(version):
                self._writes[incident.id] = Versioned(incident, version), self._clock.monotonic()

    def newer(self, id: str, version: Version) -> Versioned[Incident] | None:
        """Return the own write of a document that a list shows as it was before; None without one."""
        with self._lock:
            own, at = self._writes.get(id, (None, 0))
        if own is None or at <= self._clock.monotonic() - KEPT or order(own.version) <= order(version):
            return None
        return own

    def forget(self, id: str) -> None:
        """Forget a write that another process has overtaken."""
        with self._lock:
            self._writes.pop(id, None)

    def clear(self) -> None:
        """Forget all: the index was made anew, and its versions begin from the start."""
        with self._lock:
            self._writes = {}

    def laid_over(
        self, found: Iterable[Versioned[Incident]], fits: Callable[[Incident], bool]
    ) -> list[Versioned[Incident]]:
        """Return what was found as it is by now: with own newer versions, and without what does not fit any more."""
        by_id = {stored.value.id: stored for stored in found}
        with self._lock:
            old = self._clock.monotonic() - KEPT
            self._writes = {id: write for id, write in self._writes.items() if write[1] > old}
            for id, (own, _) in self._writes.items():
                seen = by_id.get(id)
                if seen is None or order(seen.version) < order(own.version):
                    by_id[id] = own
        return [stored for stored in by_id.values() if fits(stored.value)]


def order(version: Version) -> tuple[int, int]:
    """Return what tells a later version of a document from an earlier one."""
    seq_no, term = version.split()
    return int(term), int(seq_no)
