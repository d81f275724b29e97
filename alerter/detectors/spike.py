"""spike: the current window against the one before; a match is a rising edge in either direction."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from heapq import merge

from alerter.asked import Asked, Stretch
from alerter.clock import Millis
from alerter.detectors.cutting import cut
from alerter.detectors.flatline import close_forgotten
from alerter.detectors.known import Known
from alerter.detectors.measures import Measures
from alerter.detectors.protocol import Events, Span
from alerter.incidents import Lifecycle
from alerter.model.incident import Match
from alerter.model.rule import Spike, SpikeType
from alerter.windows import Bucket, Coarse, Curve, Cut


def detect(events: Events, life: Lifecycle, span: Span, rule_first: Millis | None) -> None:
    """Ask rises at event times and falls at nominal instants of ``(span.start, span.end]``.

    ``rule_first`` is the first event of any key, looked at for ``alert_on_new_data`` only.
    """
    condition = life.rule.condition
    assert isinstance(condition, Spike)
    curve = events.curve(life.key)
    judge = _Judge(events, condition, curve, life, span, rule_first)
    measures = Measures(life, curve, span)
    for _, asked in _asked(condition, curve, span):
        if isinstance(asked, Bucket):
            measures.until(asked.start)
            judge.rise(asked)
        else:
            measures.until(asked - 1)
            judge.fall(asked)
    measures.until(span.end)


@dataclass(frozen=True)
class _Bounds:
    """The least and most that the two windows of an asked instant can hold."""

    current: tuple[int, int]
    reference: tuple[int, int]


class _Comparison:
    """Whether (current, reference) meets the condition; the height counts as the decimal written."""

    def __init__(self, condition: Spike, *, keyed: bool) -> None:
        self._up, self._down = condition.ratio
        self._current = condition.threshold_cur
        needs_reference = keyed and not condition.alert_on_new_data
        self._reference = max(condition.threshold_ref, 1 if needs_reference else 0)

    def rises(self, current: int, reference: int) -> bool:
        """Whether it is a rise."""
        return self._enough(current, reference) and current * self._down >= reference * self._up

    def falls(self, current: int, reference: int) -> bool:
        """Whether it is a fall."""
        return self._enough(current, reference) and current * self._up <= reference * self._down

    def may_rise(self, bounds: _Bounds) -> bool:
        """Whether it can be a rise: with the most events now, against the fewest before that count at all."""
        reference = max(bounds.reference[0], self._reference)
        return reference <= bounds.reference[1] and self.rises(bounds.current[1], reference)

    def must_rise(self, bounds: _Bounds) -> bool:
        """Whether it is surely a rise."""
        fewest = self._enough(bounds.current[0], bounds.reference[0])
        return fewest and self.rises(bounds.current[0], bounds.reference[1])

    def _enough(self, current: int, reference: int) -> bool:
        if current == reference == 0:
            return False
        return current >= self._current and reference >= self._reference


class _Judge:
    def __init__(
        self, events: Events, condition: Spike, curve: Curve, life: Lifecycle, span: Span, rule_first: Millis | None
    ) -> None:
        self.condition = condition
        self.curve = curve
        self.life = life
        self.span = span
        self.known = Known(events, life, curve)
        self.rule_first = rule_first
        self.meets = _Comparison(condition, keyed=life.key is not None)

    def rise(self, bucket: Bucket) -> None:
        """Ask at the instants of a bucket's events: each for itself, or all at once where they are alike."""
        bounds = self._bounds(bucket)
        possible = self.meets.may_rise(bounds)
        if not possible or not self._warm(bucket.end):
            self.life.edge(bucket.start + 1, False, falling=False)
            return
        certain = self.meets.must_rise(bounds) and self._warm(bucket.start + 1)
        inside = bucket.start >= self.span.start
        if not bucket.exact:
            whole = certain and inside and self.life.memory.up.now
            if whole and self.life.absorb(Stretch(bucket.start, bucket.end)):
                return
            raise Coarse([cut(self.life, bucket, self.span)] if certain else self._undecided(bucket))
        at = bucket.end
        if bounds.current[0] != bounds.current[1] or bounds.reference[0] != bounds.reference[1]:
            raise Coarse(self._begins(at))
        if self.life.edge(at, True, falling=False):
            facts = {"reference": bounds.reference[0]}
            self.life.ask(Asked(at, True, Match(at, self.life.key, bounds.current[0], facts)))
        else:
            self.life.ask(Asked(at, True))

    def fall(self, at: Millis) -> None:
        """Ask at a nominal instant."""
        if not self.known.at(at):
            close_forgotten(self.life, at)
            self.life.edge(at, False, falling=True)
            return
        length = self.condition.timeframe
        current, reference = self.curve.count(at - length, at), self.curve.count(at - 2 * length, at - length)
        held = self.meets.falls(current, reference) and self._warm(at)
        rising = self.life.edge(at, held, falling=True)
        if held:
            match = Match(at, self.life.key, current, {"reference": reference}) if rising else None
            self.life.ask(Asked(at, True, match, falling=True))

    def _warm(self, at: Millis) -> bool:
        """Whether 2T have passed since the key's (with ``alert_on_new_data`` the rule's) first event."""
        begin = at - 2 * self.condition.timeframe
        if self.condition.alert_on_new_data and self.life.key is not None:
            return self.rule_first is not None and self.rule_first <= begin
        return self.known.is_old(begin)

    def _bounds(self, bucket: Bucket) -> _Bounds:
        floor, ceil = self.curve.floor, self.curve.ceil
        first, last, length = bucket.start + 1, bucket.end, self.condition.timeframe
        least = bucket.before + (bucket.number if bucket.exact else 1)
        most = bucket.before + bucket.number
        middle = floor(first - length), ceil(last - length)
        begin = floor(first - 2 * length), ceil(last - 2 * length)
        current = least - middle[1], most - middle[0]
        return _Bounds(current, (max(middle[0] - begin[1], 0), middle[1] - begin[0]))

    def _undecided(self, bucket: Bucket) -> list[Cut]:
        """Return the bucket and those its windows begin in."""
        wanted = [Cut(bucket.start, bucket.end)]
        for back in (self.condition.timeframe, 2 * self.condition.timeframe):
            wanted += self.curve.inside(bucket.start - back, bucket.end - back)
        return wanted

    def _begins(self, at: Millis) -> list[Cut]:
        """Return the buckets inside which the windows of an instant begin."""
        cuts: list[Cut] = []
        for back in (self.condition.timeframe, 2 * self.condition.timeframe):
            try:
                self.curve.rank(at - back)
            except Coarse as coarse:
                cuts += coarse.cuts
        return cuts


def _asked(condition: Spike, curve: Curve, span: Span) -> Iterator[tuple[tuple[Millis, bool], Bucket | Millis]]:
    """Yield buckets (rises) and nominal instants (falls) by time; a rise is asked before a fall of the same instant."""
    rises: Iterator[tuple[tuple[Millis, bool], Bucket | Millis]] = iter(())
    falls: Iterator[tuple[tuple[Millis, bool], Bucket | Millis]] = iter(())
    if condition.direction is not SpikeType.DOWN:
        rises = (((b.end, False), b) for b in curve.buckets(span.start, span.end))
    if condition.direction is not SpikeType.UP:
        falls = (((at, True), at) for at in span.instants)
    return merge(rises, falls, key=lambda item: item[0])
