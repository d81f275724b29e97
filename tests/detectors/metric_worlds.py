"""Random streams of numbers for rules about values of windows: ties, gaps, odd keys, nulls, arrays, text."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import accumulate

from hypothesis import strategies as st

from alerter.clock import DAY, SECOND
from alerter.model.metric import Limits, Metric, MetricAggregation, MetricKind, PercentageMatch, Share, Windows
from alerter.model.rule import Realert, Rule, Schedule, SpikeAggregation, SpikeType
from alerter.testing import rule
from alerter.timetext import iso
from tests.detectors.brute_metric import brute

PROPERTIES = {"k": {"type": "keyword"}, "v": {"type": "double"}, "s": {"type": "keyword"}}
GAPS = st.sampled_from([0, 0, 1, 1, 2, 2, 3, 5, 5, 7, 10, 10, 20, 60, 301])
DENSE = st.sampled_from([0, 1, 1, 2, 2, 3, 5, 12])
ODD = st.sampled_from([0, 0, 0, 1, 999])
NUMBERS = st.sampled_from([0, 0.1, 0.1, 0.2, 0.3, 0.7, 1, 2, 3, -1])
VALUES = st.lists(NUMBERS, max_size=3).map(tuple)
KEYS = st.sampled_from([["a"], ["a"], ["b"], ["a", "b"], []])
LIMITS = st.sampled_from([None, 0, 0.1, 0.15, 0.2, 0.3, 1, 1.3, 2, 3])
SHARES = st.sampled_from([None, 0, 20, 25, 50, 60, 75, 100])
EXACT = tuple(kind for kind in MetricKind if kind is not MetricKind.PERCENTILES)


@dataclass(frozen=True)
class World:
    """A rule, its events as (time, raw key values, numbers, chosen), where the span begins and is cut (end last)."""

    rule: Rule
    docs: list[tuple[int, list[str], tuple[float, ...], bool]]
    start: int
    cuts: list[int]

    @property
    def events(self):
        """The events with the keys they count under."""
        keyed = bool(self.rule.query_key)
        return [
            (at, [(("k", k),) for k in dict.fromkeys(keys) or [None]] if keyed else [None], values, chosen)
            for at, keys, values, chosen in self.docs
        ]

    @property
    def expected(self):
        """What brute force says."""
        return brute(self.rule, self.events, self.start, self.cuts[-1])

    def documents(self, field="@timestamp", write=iso):
        """Return the documents: one number alone as often as in a list or as text, none as null or not there."""
        for n, (at, keys, values, chosen) in enumerate(self.docs):
            written = list(values) if n % 3 else [str(value) for value in values]
            held = written[0] if len(written) == 1 else written or None
            found = {field: write(at), "s": "yes" if chosen else "no", **({"k": keys} if keys else {})}
            yield found if held is None and n % 2 else {**found, "v": held}


@st.composite
def windows(draw):
    """Windows of one part or of several, synced or not."""
    step = draw(st.sampled_from([3, 5, 10, 20])) * SECOND
    number = draw(st.sampled_from([1, 1, 1, 2, 4]))
    if number == 1:
        return Windows(step)
    return Windows(step * number, step, draw(st.booleans()))


@st.composite
def limits(draw, choices):
    """One or two limits, between which values are healthy."""
    maximum, minimum = draw(choices), draw(choices)
    if maximum is None and minimum is None:
        return Limits(1)
    if maximum is not None and minimum is not None and minimum > maximum:
        return Limits(minimum, maximum)
    return Limits(maximum, minimum)


@st.composite
def spikes(draw, kinds):
    """Changes small enough to happen in short streams."""
    kind = draw(st.sampled_from(kinds))
    touching = draw(st.booleans())
    return SpikeAggregation(
        Metric(kind, "v", 90.0 if kind is MetricKind.PERCENTILES else 0.0),
        draw(st.sampled_from([1, 1.5, 2, 3])),
        draw(st.sampled_from(list(SpikeType))),
        draw(st.sampled_from([3, 5, 10])) * SECOND,
        -math.inf if touching else draw(st.sampled_from([0, 0, 0.1, 1, -1])),
        -math.inf if touching else draw(st.sampled_from([0, 0, 0.2, 2, -1])),
        touching and draw(st.booleans()),
        touching,
    )


@st.composite
def conditions(draw, kinds):
    """A metric of one of these kinds, or a share."""
    kind = draw(st.sampled_from([*kinds, None]))
    if kind is None:
        share = Share(({"term": {"s": "yes"}},))
        return PercentageMatch(share, draw(windows()), draw(limits(SHARES)), draw(st.integers(0, 3)))
    percent = draw(st.sampled_from([50.0, 90.0, 99.5])) if kind is MetricKind.PERCENTILES else 0.0
    return MetricAggregation(Metric(kind, "v", percent), draw(windows()), draw(limits(LIMITS)))


@st.composite
def worlds(draw, epoch=0, kinds=tuple(MetricKind), *, spiking=None):
    """A world, its span and its cuts; ``spiking``: only (or without) comparisons with the window before."""
    spiking = draw(st.sampled_from([False, False, True])) if spiking is None else spiking
    tested = rule(
        draw(spikes(kinds) if spiking else conditions(kinds)),
        query_key=("k",) if draw(st.booleans()) else (),
        realert=Realert(draw(st.sampled_from([0, 0, 5, 30, 400])) * SECOND, written=True),
        resolve_after=draw(st.sampled_from([None, None, 1 * SECOND, 7 * SECOND, 60 * SECOND])),
        schedule=Schedule(draw(st.sampled_from([4, 5, 20])) * SECOND),
        buffer_time=draw(st.sampled_from([0, 10])) * SECOND,
        max_catchup=10 * DAY,
    )
    gaps = draw(st.lists(DENSE if spiking else GAPS, min_size=5 if spiking else 1, max_size=30))
    times = sorted(epoch + at * SECOND + draw(ODD) for at in accumulate(gaps))
    docs = [(at, draw(KEYS), draw(VALUES), draw(st.booleans())) for at in times]
    start = epoch + draw(st.sampled_from([-1, 0, 3, 30])) * SECOND + draw(st.sampled_from([0, 1, 999]))
    end = max(times[-1], start) + draw(st.sampled_from([0, 1, 5, 10, 70])) * SECOND + 1
    cuts = [*sorted(draw(st.sets(st.integers(start + 1, end), max_size=5)) - {end}), end]
    return World(tested, docs, start, cuts)
