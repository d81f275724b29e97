"""frequency: at least ``num_events`` events within any window, counted afresh after each announced match."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from alerter.asked import Asked, Stretch
from alerter.clock import Millis
from alerter.detectors.cutting import cut
from alerter.detectors.measures import Measures
from alerter.detectors.protocol import Events, Span
from alerter.incidents import Lifecycle
from alerter.model.changed import changed
from alerter.model.incident import Match
from alerter.model.rule import Frequency, Severity
from alerter.windows import Bucket, Coarse, Curve, Cut

TOGETHER = 50
"""Buckets that are divided together where much is told within each."""
AHEAD = 500
"""Events of later undecided buckets that are asked for together with the first one."""


def detect(events: Events, life: Lifecycle, span: Span) -> None:
    """Judge every event of the key in ``(span.reread, span.end]``, those of one millisecond one after the other."""
    condition = life.rule.condition
    assert isinstance(condition, Frequency)
    curve = events.curve(life.key)
    judge = _Judge(condition, curve, life, span, events.severities(life.key))
    measures = Measures(life, curve, span)
    for bucket in curve.buckets(span.reread, span.end):
        measures.until(bucket.start)
        judge.bucket(bucket)
    measures.until(span.end)


def is_quiet(curve: Curve, condition: Frequency, start: Millis, end: Millis) -> bool:
    """Whether the condition surely holds nowhere in ``(start, end]``."""
    if curve.total < condition.num_events:
        return True
    return not any(_possible(curve, b, condition) for b in curve.buckets(start, end))


def _possible(curve: Curve, bucket: Bucket, condition: Frequency) -> bool:
    """Whether any event of the bucket can end a window with enough events."""
    most = bucket.before + bucket.number - curve.floor(bucket.start + 1 - condition.timeframe)
    return most >= condition.num_events


@dataclass(frozen=True)
class _Ranks:
    """Bounds of how many events lie before the window, or are consumed, for the events of a bucket."""

    least: int
    most: int


class _Judge:
    """Decides bucket by bucket, by bounds where they suffice, event by event where instants are known."""

    def __init__(
        self, condition: Frequency, curve: Curve, life: Lifecycle, span: Span, severities: Sequence[str]
    ) -> None:
        self.condition = condition
        self.curve = curve
        self.life = life
        self.span = span
        self.severities = severities

    def bucket(self, bucket: Bucket) -> None:
        if not _possible(self.curve, bucket, self.condition) and not (self.severities and self.life.is_open):
            return
        length = self.condition.timeframe
        outside = _Ranks(self.curve.floor(bucket.start + 1 - length), self.curve.ceil(bucket.end - length))
        certain = bucket.before + 1 - outside.most >= self.condition.num_events
        if bucket.exact and outside.least == outside.most:
            if bucket.end > self.span.reread:
                self._instant(bucket, outside.least)
        elif certain:
            self._whole(bucket, outside)
        elif bucket.exact:
            self.curve.rank(bucket.end - length)
        else:
            raise Coarse(self._undecided(bucket))  # some events may hold and others not

    def _whole(self, bucket: Bucket, outside: _Ranks) -> None:
        """Judge a bucket all of whose events hold. Raises Coarse where their instants matter."""
        if bucket.start < self.span.reread or bucket.start < self.span.start < bucket.end:
            raise Coarse([cut(self.life, bucket, self.span)])
        reread = bucket.end <= self.span.start
        consumed = self._consumed()
        most, fewest = self._matches(bucket, max(outside.least, consumed.least), max(outside.most, consumed.most))
        if reread and _near(self.life, bucket.start + 1) and _near(self.life, bucket.end):
            most = fewest = 0
        if most != fewest or not self.life.absorb(Stretch(bucket.start, bucket.end, most, reread)):
            raise Coarse(self._parts(bucket, consumed, alike=most == fewest and most in (0, bucket.number)))

    def _matches(self, bucket: Bucket, *outside: int) -> list[int]:
        """Return how many of a bucket's events, its last ones, have enough others so far after these ranks."""
        last = bucket.before + bucket.number
        return [min(max(last + 1 - rank - self.condition.num_events, 0), bucket.number) for rank in outside]

    def _parts(self, bucket: Bucket, consumed: _Ranks, *, alike: bool) -> list[Cut]:
        """Return how to divide a bucket whose events hold, and the one in which the last match consumed."""
        if bucket.exact:
            self.curve.rank(bucket.end - self.condition.timeframe)
        found = cut(self.life, bucket, self.span)
        cuts = [Cut(bucket.start, bucket.end) if found.at == bucket.start and not alike else found]
        if found.at is None:  # much is told within a bucket: so it will be in the next ones
            cuts = self.curve.inside(bucket.start, self.span.end)[:TOGETHER]
        return cuts + self._consumption() if consumed.least != consumed.most else cuts

    def _consumption(self) -> list[Cut]:
        """Return how to divide the bucket in which the last announced match consumed."""
        at = self.life.memory.consumed_at or 0
        for instant in (at - 1, at):
            try:
                self.curve.rank(instant)
            except Coarse as coarse:
                return list(coarse.cuts)
        return []

    def _consumed(self) -> _Ranks:
        """Return how many of the curve's events the last announced match consumed."""
        at, ties = self.life.memory.consumed_at, self.life.memory.consumed_ties
        if at is None:
            return _Ranks(0, 0)
        least, most = self.curve.floor(at - 1), self.curve.ceil(at - 1)
        if least == most:
            least += min(ties, self.curve.floor(at) - least)
        return _Ranks(least, min(most + ties, self.curve.ceil(at)))

    def _meets(self, rank: int, outside: int) -> bool:
        """Whether the event of a rank has enough events with it that are not consumed. Raises Coarse."""
        number = self.condition.num_events
        consumed = self._consumed()
        if rank + 1 - max(outside, consumed.most) >= number:
            return True
        if rank + 1 - max(outside, consumed.least) < number:
            return False
        raise Coarse(self._consumption())

    def _instant(self, bucket: Bucket, outside: int) -> None:
        """Judge the events of one millisecond one after the other, alike ones together."""
        at, number = bucket.end, self.condition.num_events
        first = bucket.before
        reread = at <= self.span.start
        aside = reread and self.life.is_aside(at)
        rank = first
        while rank < first + bucket.number:
            left = 1 if self.severities else first + bucket.number - rank
            severity = self._severity(outside, rank)
            held = rank + 1 - outside >= number
            if held and (aside or (self._meets(rank, outside) and not (reread and _near(self.life, at)))):
                match = Match(at, self.life.key, first + bucket.number - outside)
                if self.life.ask(Asked(at, True, match, severity, reread=reread, number=left)):
                    self.life.memory = changed(self.life.memory, consumed_at=at, consumed_ties=rank + 1 - first)
                    left = 1
            else:
                if held or (severity and self.life.is_open):
                    self.life.ask(Asked(at, held, None, severity, reread=reread))
                left = 1
            rank += left

    def _severity(self, outside: int, rank: int) -> str:
        """Return the event's severity; for an incident not open yet the worst of the window."""
        if not self.severities:
            return ""
        if self.life.is_open:
            return self.severities[rank]
        known = [s for s in self.severities[outside : rank + 1] if s in set(Severity)]
        return max(known, key=lambda s: Severity(s).rank, default="")

    def _undecided(self, bucket: Bucket) -> list[Cut]:
        """Return the bucket, the next ones that bounds do not decide either, and those their windows begin in."""
        length, number = self.condition.timeframe, self.condition.num_events
        wanted: list[Cut] = []
        events = 0
        for following in self.curve.buckets(bucket.start, self.span.end):
            certain = following.before + 1 - self.curve.ceil(following.end - length) >= number
            if following.exact or not _possible(self.curve, following, self.condition) or (wanted and certain):
                continue
            wanted.append(Cut(following.start, following.end))
            wanted += self.curve.inside(following.start - length, following.end - length)
            events += following.number
            if events > AHEAD:
                break
        return wanted


def _near(life: Lifecycle, at: Millis) -> bool:
    """Whether a match found on re-reading lies within T of one already announced: late, and deduplicated."""
    announced = life.memory.announced
    return announced is not None and abs(at - announced) < life.rule.timeframe
