"""change and new_term: what an event differs in from earlier ones makes it a match.

A late event takes its place by time, and may make another event the one that brought something new: an earlier one.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from alerter.clock import Millis
from alerter.detectors import single
from alerter.detectors.protocol import Events, Span
from alerter.incidents import Lifecycle
from alerter.model.history import Value
from alerter.windows import Curve


def detect(events: Events, life: Lifecycle, span: Span, seen: single.Seen) -> None:
    """Judge as single events do; a match that only moved to an earlier event was told before."""
    known = moved(seen.get(life.key, {}), events.curve(life.key), span.reread, span.start)
    single.detect(events, life, span, {**seen, life.key: known})


def moved(known: Mapping[Millis, int], curve: Curve, reread: Millis, start: Millis) -> dict[Millis, int]:
    """Return how many matches of each instant in ``(reread, start]`` were judged, with those that moved where they are.

    ``known`` are those judged before. ``curve`` is that of the matches as they are now. A match that is new at an
    instant stands for one that is not there any more at a later instant, if there is such a one.
    """
    now = {bucket.end: bucket.number for bucket in curve.buckets(reread, start)}
    gone = [at for at in sorted(known) if at > reread for _ in range(known[at] - now.get(at, 0))]
    found = dict(known)
    for at in sorted(now):
        for _ in range(now[at] - known.get(at, 0)):
            later = bisect_right(gone, at)
            if later == len(gone):
                break
            found[gone.pop(later)] -= 1
            found[at] = found.get(at, 0) + 1
    return found


@dataclass(frozen=True)
class Changed:
    """An event that differs from the one before it, of its key."""

    at: Millis
    old: Value
    new: Value
    severity: str = ""


class Tape:
    """Plays the events of one key by time and notes where they change.

    ``timeframe`` (0: none) is the longest time, inclusive, between two events that are compared; ``settle`` the instant
    for which ``settled`` keeps the value of the newest event at or before it.
    """

    __slots__ = ("_at", "_last", "_settle", "_timeframe", "changes", "first", "settled")

    def __init__(self, timeframe: Millis, settle: Millis) -> None:
        self._timeframe = timeframe
        self._settle = settle
        self._at: Millis = 0
        self._last: Value | None = None
        self.first: Changed | None = None
        self.changes: list[Changed] = []
        self.settled: Value | None = None

    def play(self, at: Millis, value: Value, severity: str = "") -> None:
        """Take the next event; ``at`` must not go back."""
        if self._last is None:
            self.first = Changed(at, value, value, severity)
        elif value.print != self._last.print:
            if not self._timeframe or at - self._at <= self._timeframe:
                self.changes.append(Changed(at, self._last, value, severity))
        else:
            value = self._last
        self._last, self._at = value, at
        if at <= self._settle:
            self.settled = value

    def after(self, before: Value | None) -> Iterator[Changed]:
        """Yield all changes, given the value of the event before the first; None where there is none."""
        first = self.first
        if first is not None and before is not None and before.print != first.new.print:
            yield Changed(first.at, before, first.new, first.severity)
        yield from self.changes


def first_sights(
    seen: Iterable[tuple[Millis, Millis]], before: Millis | None, window: Millis
) -> Iterator[tuple[Millis, int]]:
    """Yield the instants at which a term is new, each with the number of the sighting that begins there.

    ``seen`` are the first and last instant of each sighting, whose events follow each other by less than ``window``;
    ``before`` is the newest event before all of them. Sightings that begin at the same new instant are all yielded:
    they are of different groups of events.
    """
    last, new = before, None
    for (begin, end), number in sorted((span, number) for number, span in enumerate(seen)):
        if last is None or begin - last >= window:
            new = begin
        if begin == new:
            yield begin, number
        last = end if last is None else max(last, end)
