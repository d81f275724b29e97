"""any, blacklist, whitelist, change, new_term: the event itself is the match."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from typing import Any

from alerter.asked import Asked, Stretch
from alerter.clock import Millis
from alerter.detectors.cutting import cut
from alerter.detectors.protocol import Events, Span
from alerter.incidents import Lifecycle
from alerter.model.incident import Match
from alerter.model.rule import Key
from alerter.windows import Bucket, Coarse, Cut

SeenEntry = tuple[Key, Millis, int]
"""How many events of a key were judged at an instant of the re-read span."""
Seen = Mapping[Key, Mapping[Millis, int]]
AHEAD = 500
"""Buckets that are divided together where every event is told."""
SEEN_LIMIT = 5_000
"""Events of the re-read span whose instants are remembered; beyond, late events are not looked for, and it is said."""


def detect(events: Events, life: Lifecycle, span: Span, seen: Seen) -> None:
    """Judge every event in ``(span.start, span.end]``, and in ``(span.reread, span.start]`` those not seen before."""
    judge = _Judge(events, life, span, seen.get(life.key, {}))
    curve = events.curve(life.key)
    for bucket in curve.buckets(span.reread, span.end):
        try:
            judge.bucket(bucket)
        except Coarse as coarse:
            if coarse.cuts[0].at is None:  # every event is told: so will the next ones be
                raise Coarse(curve.inside(bucket.start, span.end)[:AHEAD]) from None
            raise


class _Judge:
    def __init__(self, events: Events, life: Lifecycle, span: Span, known: Mapping[Millis, int]) -> None:
        self.events = events
        self.life = life
        self.span = span
        self.known = known
        self.severities = events.severities(life.key)

    def bucket(self, bucket: Bucket) -> None:
        """Judge the events of a bucket; one by one where their instants are known."""
        reread = bucket.end <= self.span.start
        known = 0
        if reread:
            known = sum(n for at, n in self.known.items() if bucket.start < at <= bucket.end)
            if known >= bucket.number:
                return
        if bucket.exact:
            self._instant(bucket, known, reread=reread)
            return
        new = self.span.start <= bucket.start
        if not new or not self.life.absorb(Stretch(bucket.start, bucket.end, bucket.number)):
            raise Coarse([cut(self.life, bucket, self.span) if new else Cut(bucket.start, bucket.end)])

    def _instant(self, bucket: Bucket, known: int, *, reread: bool) -> None:
        """Judge the events of one millisecond; of those that arrived late the number is known, not which they are."""
        at = bucket.end
        nth = known
        while nth < bucket.number:
            silent = self.life.is_silent(at, reread=reread)
            left = bucket.number - nth if silent and not self.severities else 1
            facts = {} if silent else self._facts(at, nth)
            severity = self.severities[bucket.before + nth] if self.severities else ""
            match = Match(at, self.life.key, 1, facts)
            self.life.ask(Asked(at, True, match, severity, reread=reread, number=left))
            nth += left

    def _facts(self, at: Millis, nth: int) -> Mapping[str, Any]:
        found = self.events.facts(self.life.key, at)
        return found[min(nth, len(found) - 1)] if found else {}


def by_key(entries: Collection[SeenEntry]) -> Seen:
    """Return what a checkpoint remembers of judged events, by key."""
    seen: dict[Key, dict[Millis, int]] = defaultdict(dict)
    for key, at, number in entries:
        seen[key][at] = number
    return seen


def remember(
    events: Events, key: Key, known: Mapping[Millis, int], start: Millis, end: Millis
) -> list[SeenEntry] | None:
    """Return the key's events of ``(start, end]``, to be recognised when read again; None when they are too many.

    Raises Coarse where an instant is not known and was not remembered before.
    """
    curve = events.curve(key)
    if curve.ceil(end) - curve.floor(start) > SEEN_LIMIT:
        return None
    entries: list[SeenEntry] = []
    unknown: list[Cut] = []
    for bucket in curve.buckets(start, end):
        before = [(at, n) for at, n in known.items() if bucket.start < at <= bucket.end]
        if bucket.exact:
            entries.append((key, bucket.end, bucket.number))
        elif sum(n for _, n in before) == bucket.number:
            entries += [(key, at, n) for at, n in before if at > start]
        else:
            unknown.append(Cut(bucket.start, bucket.end))
    if unknown:
        raise Coarse(unknown)
    return entries
