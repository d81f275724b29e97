"""cardinality: too many different values of a field in the window of an event, or too few in that of an instant."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from heapq import merge
from itertools import chain

from alerter.asked import Asked, Stretch
from alerter.clock import Millis
from alerter.detectors.cutting import cut
from alerter.detectors.flatline import Covered, close_forgotten
from alerter.detectors.known import Known
from alerter.detectors.measures import Measures
from alerter.detectors.protocol import Events, Span
from alerter.incidents import Lifecycle
from alerter.model.incident import Match
from alerter.model.rule import Cardinality
from alerter.windows import Bucket, Coarse, Cut

AHEAD = 500
"""Buckets of the span that are asked for together."""


def detect(events: Events, life: Lifecycle, span: Span, covered: Covered) -> None:
    """Ask for too many at event times, for too few at nominal instants of ``(span.start, span.end]``."""
    judge = _Judge(events, life, span, covered)
    judge.divide()
    measures = Measures(life, judge.curve, span)
    for _, asked in judge.asked():
        if isinstance(asked, Bucket):
            measures.until(asked.start)
            judge.rise(asked)
        else:
            measures.until(asked - 1)
            judge.fall(asked)
    measures.until(span.end)


def is_quiet(events: Events, condition: Cardinality, start: Millis, end: Millis) -> bool:
    """Whether no key has too many different values at any instant of ``(start, end]``, and too few mean nothing."""
    limit = condition.maximum
    if condition.minimum is not None or limit is None:
        return False
    return not any(events.spread(key).above(limit, start, end) for key in events.keys())  # noqa: SIM118


class _Judge:
    def __init__(self, events: Events, life: Lifecycle, span: Span, covered: Covered) -> None:
        condition = life.rule.condition
        assert isinstance(condition, Cardinality)
        self.condition = condition
        self.curve = events.curve(life.key)
        self.spread = events.spread(life.key)
        self.life = life
        self.span = span
        self.covered = covered
        self.known = Known(events, life, self.curve)
        self.buckets = [] if condition.maximum is None else list(self.curve.buckets(span.start, span.end))
        limit = condition.maximum
        self.above = [] if limit is None else self.spread.above(limit, span.start, span.end)
        self._edges = list(chain.from_iterable(self.above))

    def asked(self) -> Iterator[tuple[tuple[Millis, bool], Bucket | Millis]]:
        """Yield buckets and nominal instants by time; the events of an instant are asked before it."""
        rises: Iterator[tuple[tuple[Millis, bool], Bucket | Millis]] = (((b.end, False), b) for b in self.buckets)
        instants = self.span.instants if self.condition.minimum is not None else ()
        falls: Iterator[tuple[tuple[Millis, bool], Bucket | Millis]] = (((at, True), at) for at in instants)
        return merge(rises, falls, key=lambda item: item[0])

    def divide(self) -> None:
        """Make sure that each bucket's events are judged alike, and that what matches show is known. Raises Coarse."""
        cuts: list[Cut] = []
        if self.buckets and self.buckets[0].start < self.span.start and self.life.memory.up.now:
            cuts.append(Cut(self.buckets[0].start, self.buckets[0].end, self.span.start))
        for bucket in self.buckets if self.above else ():
            inner = self._inner(bucket)
            if inner:
                cuts.append(Cut(bucket.start, bucket.end, inner[0] if len(inner) <= 2 else None))
        for begin, _ in self.above:
            if begin > self.span.start:
                cuts += self._begins(begin + 1 - self.condition.timeframe)
        if cuts:
            raise Coarse(cuts[:AHEAD])

    def _inner(self, bucket: Bucket) -> list[Millis]:
        """Return the instants inside a bucket after which its events are judged otherwise than up to them."""
        first = bisect_left(self._edges, max(bucket.start, self.span.start) + 1)
        return self._edges[first : bisect_left(self._edges, bucket.end)]

    def _begins(self, at: Millis) -> list[Cut]:
        """Return the bucket that has to be divided for the number of events up to ``at``."""
        try:
            self.curve.rank(at)
        except Coarse as coarse:
            return list(coarse.cuts)
        return []

    def rise(self, bucket: Bucket) -> None:
        """Ask at the instants of a bucket's events, all of which hold or do not."""
        limit = self.condition.maximum
        if limit is None or self.spread.number(bucket.end) <= limit:
            self.life.edge(bucket.start + 1, False, falling=False)
            return
        if not bucket.exact:
            whole = bucket.start >= self.span.start and self.life.memory.up.now
            if whole and self.life.absorb(Stretch(bucket.start, bucket.end)):
                return
            raise Coarse([cut(self.life, bucket, self.span)])
        at = bucket.end
        match = self._match(at) if self.life.edge(at, True, falling=False) else None
        self.life.ask(Asked(at, True, match))

    def fall(self, at: Millis) -> None:
        """Ask at a nominal instant; an uncovered one is healthy."""
        if not self.known.at(at):
            close_forgotten(self.life, at)
            return
        least, begin = self.condition.minimum, at - self.condition.timeframe
        if least is None or self.spread.number(at) >= least:
            return
        if self.covered(at) if self.life.key is None else self.known.is_old(begin):
            self.life.ask(Asked(at, True, self._match(at), falling=True))

    def _match(self, at: Millis) -> Match:
        count = self.curve.count(at - self.condition.timeframe, at)
        return Match(at, self.life.key, count, {"value": self.spread.number(at)})
