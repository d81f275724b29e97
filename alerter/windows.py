"""The count curve C(t) of one key: the number of its events at or before t, known at the edges of buckets.

A bucket ``(start, end]`` holds a number of events whose instants are not known; one of a millisecond is exact. What a
bucket leaves open is bounded from both sides, so that most questions are answered without knowing a single instant
(docs/architecture.md, "Exact windows"). Where the bounds do not decide, ``Coarse`` says which spans are too wide.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate, groupby
from typing import NamedTuple

from alerter.clock import Millis

Span = tuple[Millis, Millis]
"""``(start, end]`` in milliseconds."""


Row = tuple[Millis, Millis, int]
"""A bucket ``(start, end]`` and the number of its events."""


class Cut(NamedTuple):
    """A bucket to be divided: all over, or with ``at`` into what is up to it, the first instant after it, the rest."""

    start: Millis
    end: Millis
    at: Millis | None = None


class Coarse(Exception):
    """The answer depends on instants inside buckets; ``cuts`` say how these are to be divided."""

    def __init__(self, cuts: Iterable[Cut]) -> None:
        super().__init__("the instants of some events are not known")
        self.cuts = tuple(dict.fromkeys(cuts))


class Bucket(NamedTuple):
    """``number`` events (never 0) in ``(start, end]``, after ``before`` older ones of the curve."""

    start: Millis
    end: Millis
    number: int
    before: int

    @property
    def exact(self) -> bool:
        """Whether its events' instant is known: the bucket's end."""
        return self.end - self.start == 1


class Curve:
    """Buckets in order of time, none overlapping; nothing lies between them. Never changed once made."""

    __slots__ = ("_ends", "_starts", "_sums")

    def __init__(self, starts: Sequence[Millis], ends: Sequence[Millis], counts: Iterable[int]) -> None:
        """Take ascending buckets without empty ones."""
        self._starts = starts
        self._ends = ends
        self._sums = array("q", accumulate(counts, initial=0))

    @classmethod
    def of_times(cls, times: Iterable[Millis]) -> Curve:
        """Return the exact curve of ascending times."""
        ends, counts = array("q"), array("q")
        for at, ties in groupby(times):
            ends.append(at)
            counts.append(sum(1 for _ in ties))
        return cls(array("q", [at - 1 for at in ends]), ends, counts)

    @property
    def total(self) -> int:
        """The number of all events."""
        return self._sums[-1]

    @property
    def size(self) -> int:
        """The number of buckets."""
        return len(self._ends)

    def buckets(self, start: Millis, end: Millis) -> Iterator[Bucket]:
        """Yield the buckets that reach into ``(start, end]``, whole, oldest first."""
        starts, ends, sums = self._starts, self._ends, self._sums
        for at in range(bisect_right(ends, start), bisect_left(starts, end)):
            yield Bucket(starts[at], ends[at], sums[at + 1] - sums[at], sums[at])

    def rows(self, start: Millis, end: Millis) -> list[Row]:
        """Return the buckets that reach into ``(start, end]``."""
        low, high = bisect_right(self._ends, start), bisect_left(self._starts, end)
        sums = self._sums
        return [(self._starts[at], self._ends[at], sums[at + 1] - sums[at]) for at in range(low, high)]

    def floor(self, at: Millis) -> int:
        """Return the least that C(at) can be: what surely happened by then."""
        return self._sums[bisect_right(self._ends, at)]

    def ceil(self, at: Millis) -> int:
        """Return the most that C(at) can be."""
        return self._sums[bisect_left(self._starts, at)]

    def rank(self, at: Millis) -> int:
        """Return C(at). Raises Coarse when ``at`` lies inside a bucket."""
        position = bisect_right(self._ends, at)
        if position < len(self._starts) and self._starts[position] < at:
            raise Coarse([Cut(self._starts[position], self._ends[position], at)])
        return self._sums[position]

    def count(self, start: Millis, end: Millis) -> int:
        """Return the number of events in ``(start, end]``. Raises Coarse when an edge lies inside a bucket."""
        return self.rank(end) - self.rank(start)

    def inside(self, start: Millis, end: Millis) -> list[Cut]:
        """Return the buckets wider than a millisecond that reach into ``(start, end]``, to be divided all over."""
        return [Cut(b.start, b.end) for b in self.buckets(start, end) if not b.exact]

    def first(self) -> Millis | None:
        """Return an instant by which the oldest event known had happened: its own where that is known."""
        return self._ends[0] if self._ends else None

    def newest(self, at: Millis) -> Span | None:
        """Return the bucket of the newest event at or before ``at``. Raises Coarse when ``at`` lies inside one."""
        self.rank(at)
        position = bisect_right(self._ends, at) - 1
        return (self._starts[position], self._ends[position]) if position >= 0 else None

    def followed(self, since: Millis, until: Millis, rows: Sequence[Row]) -> Curve:
        """Return the curve of the buckets that reach into ``(since, until]``, and of newer ``rows`` behind them."""
        low, high = bisect_right(self._ends, since), bisect_left(self._starts, until)
        starts, ends, sums = array("q", self._starts[low:high]), array("q", self._ends[low:high]), self._sums
        starts.extend([row[0] for row in rows])
        ends.extend([row[1] for row in rows])
        counts = [sums[at + 1] - sums[at] for at in range(low, high)]
        return Curve(starts, ends, counts + [row[2] for row in rows])

    def refined(self, spans: Sequence[Span], finer: Iterable[Row]) -> Curve:
        """Return the curve with what it knows of some spans replaced by buckets ``(start, end, count)`` within them.

        The ends of the spans must be edges: no bucket reaches across. What lies outside them is passed over.
        """
        spans = sorted(spans)
        begins = [start for start, _ in spans]
        sums = self._sums

        def within(start: Millis, end: Millis) -> bool:
            at = bisect_right(begins, start) - 1
            return at >= 0 and end <= spans[at][1]

        kept = [
            (start, end, sums[at + 1] - sums[at])
            for at, (start, end) in enumerate(zip(self._starts, self._ends, strict=True))
            if not within(start, end)
        ]
        rows = sorted([*kept, *(row for row in finer if row[2] > 0 and within(row[0], row[1]))])
        return Curve(array("q", [r[0] for r in rows]), array("q", [r[1] for r in rows]), [r[2] for r in rows])


EMPTY = Curve((), (), ())
"""The curve of a key without events."""
