"""The count curve in memory."""

from __future__ import annotations

from array import array

from hypothesis import given
from hypothesis import strategies as st

from alerter.windows import EMPTY, EventCurve, distinct, rank_after

TIMES = st.lists(st.integers(0, 30)).map(sorted)


@given(TIMES, st.integers(-2, 32), st.integers(-2, 32))
def test_spans_exclude_their_start_and_include_their_end(times, start, end):
    """Count and times are those of ``(start, end]``, ties repeated; last is the newest at or before."""
    curve = EventCurve(array("q", times))
    inside = [at for at in times if start < at <= end]
    if start <= end:
        assert curve.count(start, end) == len(inside)
    assert list(curve.times(start, end)) == inside
    assert curve.last(end) == max((at for at in times if at <= end), default=None)
    assert curve.first() == min(times, default=None)


def test_nothing_is_known_of_an_empty_curve():
    """A key without events has no first and no last one."""
    assert (EMPTY.count(0, 9), list(EMPTY.times(0, 9)), EMPTY.first(), EMPTY.last(9)) == (0, [], None, None)


@given(TIMES)
def test_distinct_counts_ties(times):
    """Each time comes once, with its number."""
    assert list(distinct(times)) == [(at, times.count(at)) for at in sorted(set(times))]


@given(TIMES, st.integers(0, 31), st.integers(0, 4))
def test_rank_counts_what_is_consumed(times, at, ties):
    """All before the instant and so many of it are consumed, never more than there are."""
    expected = sum(t < at for t in times) + min(ties, times.count(at))
    assert rank_after(times, at, ties) == expected
    assert rank_after(times, None, 0) == 0
