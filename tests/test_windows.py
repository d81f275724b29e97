"""The count curve: exact where instants are known, bounded from both sides where only numbers are."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerter.windows import EMPTY, Coarse, Curve

TIMES = st.lists(st.integers(1, 60)).map(sorted)
EDGES = st.sets(st.integers(0, 60)).map(lambda edges: sorted(edges | {0, 60}))


def counted(times, edges):
    """Return the curve of these times as seen through buckets between the edges."""
    rows = [(a, b, sum(a < at <= b for at in times)) for a, b in pairwise(edges)]
    rows = [row for row in rows if row[2]]
    return Curve([r[0] for r in rows], [r[1] for r in rows], [r[2] for r in rows])


def happened(times, at):
    """Return C(at)."""
    return sum(t <= at for t in times)


@given(TIMES, st.integers(-2, 62), st.integers(-2, 62))
def test_known_instants_give_exact_counts(times, start, end):
    """Spans exclude their start and include their end, ties repeated; nothing is open."""
    curve = Curve.of_times(times)
    assert curve.total == len(times)
    if start <= end:
        assert curve.count(start, end) == sum(start < at <= end for at in times)
    assert curve.floor(end) == curve.ceil(end) == happened(times, end)
    assert curve.first() == min(times, default=None)
    newest = max((at for at in times if at <= end), default=None)
    assert curve.newest(end) == (None if newest is None else (newest - 1, newest))


@given(TIMES, EDGES, st.integers(-2, 62))
def test_bounds_enclose_the_count(times, edges, at):
    """Whatever the buckets, C(at) lies within the bounds; at an edge they meet, inside a bucket Coarse names it."""
    curve = counted(times, edges)
    assert curve.floor(at) <= happened(times, at) <= curve.ceil(at)
    inside = [(b.start, b.end) for b in curve.buckets(at - 1, at) if b.start < at < b.end]
    if inside:
        with pytest.raises(Coarse) as caught:
            curve.rank(at)
        assert [(c.start, c.end, c.at) for c in caught.value.cuts] == [(*span, at) for span in inside]
    else:
        assert curve.rank(at) == curve.floor(at) == curve.ceil(at) == happened(times, at)


@given(TIMES, EDGES, st.data())
def test_a_span_is_replaced_by_finer_buckets(times, edges, data):
    """Dividing any bucket leaves every count outside it as it was, and shows those inside."""
    curve = counted(times, edges)
    spans = [(b.start, b.end) for b in curve.buckets(0, 60)]
    if not spans:
        return
    start, end = data.draw(st.sampled_from(spans))
    finer = [(at - 1, at, times.count(at)) for at in range(start + 1, end + 1)]
    divided = curve.refined([(start, end)], finer)
    assert [divided.rank(at) for at in range(start, end + 1)] == [happened(times, at) for at in range(start, end + 1)]
    assert divided.total == len(times)
    others = [b for b in curve.buckets(0, 60) if (b.start, b.end) != (start, end)]
    assert [b for b in divided.buckets(0, 60) if not start <= b.start < end] == others


@given(TIMES, EDGES, st.integers(0, 60), st.integers(0, 60))
def test_buckets_reach_into_the_span_and_know_what_was_before(times, edges, start, end):
    """Only buckets that hold part of the span come, whole, each with the number of older events."""
    found = list(counted(times, edges).buckets(start, end))
    assert all(b.start < end and b.end > start and b.number > 0 for b in found) or start >= end
    assert all(b.before == happened(times, b.start) for b in found)
    assert all(b.number == happened(times, b.end) - b.before for b in found)


def test_nothing_is_known_of_an_empty_curve():
    """A key without events has no first and no newest one."""
    assert (EMPTY.count(0, 9), list(EMPTY.buckets(0, 9)), EMPTY.first(), EMPTY.newest(9)) == (0, [], None, None)
