"""How many different values of a field lie in the window of one key, known for every instant.

A value is in the window ``(t - T, t]`` from its first event on until T after its last one, as long as its events follow
each other within T. So nothing but the first and the last instant of such a run of events has to be known of it.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from heapq import merge

from alerter.clock import Millis
from alerter.windows import Span

Run = tuple[Millis, Millis]
"""The instants of the first and the last of some events of a value, at most T apart or joined from such."""


def joined(runs: Iterable[Run], timeframe: Millis) -> list[Run]:
    """Return the runs of one value in order of time, those put together between which it never leaves the window."""
    found: list[Run] = []
    for first, last in sorted(runs):
        if found and first <= found[-1][1] + timeframe:
            found[-1] = (found[-1][0], max(last, found[-1][1]))
        else:
            found.append((first, last))
    return found


class Spread:
    """The number of different values in the window that ends at an instant. Never changed once made."""

    __slots__ = ("_begins", "_ends")

    def __init__(self, values: Iterable[Sequence[Run]], timeframe: Millis) -> None:
        """Take the joined runs of each value; ``timeframe`` is the window's length T."""
        begins, ends = array("q"), array("q")
        for runs in values:
            for first, last in runs:
                begins.append(first)
                ends.append(last + timeframe)
        self._begins = array("q", sorted(begins))
        self._ends = array("q", sorted(ends))

    def number(self, at: Millis) -> int:
        """Return how many different values lie in ``(at - T, at]``."""
        return bisect_right(self._begins, at) - bisect_right(self._ends, at)

    def followed(self, since: Millis, later: Spread) -> Spread:
        """Return these numbers up to ``since`` (inclusive), and those of a ``later`` spread after it."""
        more = later.number(since) - self.number(since)
        found = Spread((), 0)
        begins, ends = later._begins, later._ends
        found._begins = self._begins[: bisect_right(self._begins, since)]
        found._begins.extend([since + 1] * max(more, 0))
        found._begins.extend(begins[bisect_right(begins, since) :])
        found._ends = self._ends[: bisect_right(self._ends, since)]
        found._ends.extend([since + 1] * max(-more, 0))
        found._ends.extend(ends[bisect_right(ends, since) :])
        return found

    def above(self, limit: int, start: Millis, end: Millis) -> list[Span]:
        """Return the spans of ``(start, end]`` at whose every instant there are more than ``limit``, oldest first.

        None touches another. One that begins after ``start`` does so at an event: ``(event - 1, ...]``.
        """
        if len(self._begins) <= limit:
            return []
        found: list[Span] = []
        since = start if self.number(start + 1) > limit else None
        for at, number in self._changes(start + 1, end):
            if number > limit and since is None:
                since = at - 1
            elif number <= limit and since is not None:
                found.append((since, at - 1))
                since = None
        return found if since is None else [*found, (since, end)]

    def _changes(self, after: Millis, end: Millis) -> Iterator[tuple[Millis, int]]:
        """Yield each instant of ``(after, end]`` at which values come or go, with the number from then on."""
        come = self._begins[bisect_right(self._begins, after) : bisect_right(self._begins, end)]
        gone = self._ends[bisect_right(self._ends, after) : bisect_right(self._ends, end)]
        before = None
        for at in merge(come, gone):
            if at != before:
                yield at, self.number(at)
            before = at


NOTHING = Spread((), 0)
"""The spread of a key none of whose events has the field."""
