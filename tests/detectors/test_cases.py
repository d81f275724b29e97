"""The case table of ElastAlert's semantics, at ``realert: 0``, and the edges of contract section 2."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from alerter.clock import MINUTE, SECOND
from alerter.detectors import evaluate, first_checkpoint, lookback
from alerter.model.incident import Change, Outcome
from alerter.model.rule import AnyEvent, Flatline, Frequency, Key, Realert, Rule, Schedule, Spike, SpikeType
from alerter.testing import MemoryEvents, rule
from tests.detectors.brute import changes

NOW = Realert(length=0, written=True)
DAY = 80_000_000


def judge(tested: Rule, pairs: Iterable[tuple[int, Key]], *, start: int = -1, end: int, **facts: int) -> Outcome:
    checkpoint = first_checkpoint(tested, start)
    events = MemoryEvents(pairs, start=start - lookback(tested, checkpoint), end=end, **facts)
    return changes(evaluate(tested, events, checkpoint, end))


def seconds(values: Iterable[float]) -> list[tuple[int, Key]]:
    return [(round(v * SECOND), None) for v in values]


@pytest.mark.parametrize(
    ("timeframe", "number", "events", "matches"),
    [
        (10, 2, [0, 10], []),
        (10, 2, [0, 9.999], [9.999]),
        (10, 3, range(7), [2, 5]),
        (10, 3, [0] * 6, [0, 0]),
        (10, 1, [0, 1, 2], [0, 1, 2]),
        (3600, 59, range(60), [58]),
        (3600, 60, range(60), [59]),
        (3600, 61, range(60), []),
    ],
)
def test_frequency_matches_where_elastalert_does(timeframe, number, events, matches):
    """At realert 0 frequency gives ElastAlert's matches: N events, the window starts afresh."""
    tested = rule(Frequency(number, timeframe * SECOND), realert=NOW)
    outcome = judge(tested, seconds(events), end=DAY)
    assert [m.at / SECOND for m in outcome.matches] == matches


def test_frequency_groups_missing_keys():
    """Events without the key field are a group of their own."""
    a, b, none = (("k", "a"),), (("k", "b"),), (("k", None),)
    pairs = [(0, a), (1000, b), (2000, a), (3000, none), (4000, none)]
    outcome = judge(rule(Frequency(2, 10 * SECOND), realert=NOW, query_key=("k",)), pairs, end=DAY)
    assert [(m.at, m.key) for m in outcome.matches] == [(2000, a), (4000, none)]


def test_realert_suppresses_and_says_until_when():
    """Inside realert a match is suppressed; the next announced one needs N unconsumed events at or after until."""
    tested = rule(Frequency(2, 10 * MINUTE), realert=Realert(MINUTE, written=True))
    outcome = judge(tested, seconds([0, 1, 20, 30, 61, 62]), end=2 * MINUTE)
    assert [m.at for m in outcome.matches] == [1000, 61_000]
    suppressed = [t for t in outcome.transitions if t.change is Change.SUPPRESSED]
    assert [(t.at, t.until) for t in suppressed] == [(30_000, 61_000), (62_000, 121_000)][: len(suppressed)]


def test_incident_resolves_exactly_after_resolve_after():
    """Resolution comes resolve_after after the condition held last, between nominal instants too."""
    tested = rule(Frequency(2, 5 * MINUTE), realert=NOW, resolve_after=90_500)
    outcome = judge(tested, seconds([0, 1]), end=DAY)
    assert [(t.change, t.at) for t in outcome.transitions] == [(Change.OPENED, 1000), (Change.RESOLVED, 91_500)]


def test_condition_that_holds_at_the_very_instant_goes_on():
    """A condition that holds at the instant of resolution keeps the incident open."""
    tested = rule(Frequency(1, 10 * SECOND), realert=NOW, resolve_after=10_000)
    outcome = judge(tested, seconds([0, 10]), end=15_000)
    assert [t.change for t in outcome.transitions] == [Change.OPENED, Change.REPEATED]


def test_reopened_up_to_five_minutes_after_resolution():
    """Five minutes after the resolution (inclusive) the incident re-opens with its id; later it is new."""
    tested = rule(Frequency(1, 10 * SECOND), realert=NOW, resolve_after=10_000)
    at = judge(tested, [(0, None), (310_000, None)], end=310_000)
    after = judge(tested, [(0, None), (310_001, None)], end=310_001)
    assert [t.change for t in at.transitions] == [Change.OPENED, Change.RESOLVED, Change.REOPENED]
    assert len({t.incident for t in at.transitions}) == 1
    assert [t.change for t in after.transitions] == [Change.OPENED, Change.RESOLVED, Change.OPENED]
    assert len({t.incident for t in after.transitions}) == 2


SPIKES = [
    (Spike(2, SpikeType.UP, 10 * SECOND), [1] * 10 + [11] * 10 + [21] * 20, [21]),
    (Spike(2, SpikeType.UP, 10 * SECOND), [1] * 10 + [11] * 10 + [21] * 19, []),
]


@pytest.mark.parametrize(("condition", "events", "matches"), SPIKES)
def test_spike_up_is_inclusive(condition, events, matches):
    """Twice the reference is a spike, one event less is none; before 2T of history nothing is."""
    outcome = judge(rule(condition, realert=NOW), seconds(events), end=30 * SECOND)
    assert [m.at / SECOND for m in outcome.matches] == matches


def test_spike_rising_edge_only():
    """While the condition stays, there is one match; after the resolution there may be another."""
    events = [1, 11, *[21 + i / 10 for i in range(50)]]
    outcome = judge(rule(Spike(2, SpikeType.UP, 10 * SECOND), realert=NOW), seconds(events), end=30 * SECOND)
    assert len(outcome.matches) == 1


def test_flatline_needs_covered_history():
    """A flatline is judged once T of history is covered: the first document must be before t - T."""
    tested = rule(Flatline(1, 2 * MINUTE), realert=Realert(MINUTE, written=True), schedule=Schedule(MINUTE))
    outcome = judge(tested, [(1, None), (5 * MINUTE, None)], start=0, end=9 * MINUTE)
    assert [m.at // MINUTE for m in outcome.matches] == [3, 4, 7, 8, 9]
    assert [(t.change, t.at // MINUTE) for t in outcome.transitions if t.change is not Change.REPEATED] == [
        (Change.OPENED, 3),
        (Change.RESOLVED, 5),
        (Change.REOPENED, 7),
    ]


def test_flatline_of_an_empty_index_counts_from_the_first_checkpoint():
    """An index that stayed empty for T since the first checkpoint is a flatline."""
    tested = rule(Flatline(1, 2 * MINUTE), realert=NOW)
    outcome = judge(tested, [], start=0, end=4 * MINUTE)
    assert [m.at // MINUTE for m in outcome.matches] == [2, 3, 4]


def test_any_event_closes_quietly_after_an_hour():
    """Event types resolve one hour after the last event, with reason quiet."""
    outcome = judge(rule(AnyEvent(), realert=NOW), [(0, None), (1000, None)], end=DAY)
    assert [(t.change, t.reason) for t in outcome.transitions][-1] == (Change.RESOLVED, "quiet")
    assert outcome.transitions[-1].at == 3_601_000


@pytest.mark.parametrize(("first", "opened"), [(None, 2), (2 * MINUTE + 1, 2), (2 * MINUTE, 5), (-1, 2)])
def test_index_that_stays_empty_is_covered_from_the_first_checkpoint(first, opened):
    """The empty T is ``(start, start + T]``; a document in it covers T later only, one after it changes nothing."""
    tested = rule(Flatline(1, 2 * MINUTE), realert=NOW)
    pairs = [(first, None)] if first is not None and first > 0 else []
    facts = {} if first is None else {"first_document": first}
    outcome = judge(tested, pairs, start=0, end=6 * MINUTE, **facts)
    assert outcome.transitions[0].at == opened * MINUTE
