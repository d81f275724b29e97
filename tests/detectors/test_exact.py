"""Any split of a span into evaluations gives what brute force over all events gives, for every rule type."""

from __future__ import annotations

import copy
from itertools import accumulate, pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from alerter.clock import DAY, SECOND
from alerter.detectors import first_checkpoint, reads_from
from alerter.engine.tick import Engine
from alerter.model.incident import Change
from alerter.model.rule import AnyEvent, Flatline, Frequency, Realert, Schedule, Spike, SpikeType
from alerter.sources.embedded import EmbeddedSource
from alerter.sources.reader import Reader
from alerter.state.sqlite import SqliteState
from alerter.testing import MemoryEvents, evaluated, rule
from alerter.timetext import iso
from tests.detectors.brute import brute
from tests.engine.support import routing as make_routing

GAPS = st.sampled_from([0, 0, 0, 1, 1, 1, 2, 3, 5, 5, 7, 10, 20, 60, 299, 300, 301])
KEYS = st.sampled_from([(("k", "a"),), (("k", "b"),), (("k", None),)])
LENGTHS = st.sampled_from([3 * SECOND, 5 * SECOND, 10 * SECOND, 60 * SECOND])


@st.composite
def spikes(draw):
    """Spikes low enough to happen in short streams."""
    return Spike(
        draw(st.sampled_from([1, 1.5, 2, 3])),
        draw(st.sampled_from(list(SpikeType))),
        draw(LENGTHS),
        threshold_ref=draw(st.integers(0, 2)),
        threshold_cur=draw(st.integers(0, 2)),
        alert_on_new_data=draw(st.booleans()),
    )


CONDITIONS = {
    "frequency": st.builds(Frequency, st.integers(1, 4), LENGTHS),
    "spike": spikes(),
    "flatline": st.builds(Flatline, st.integers(1, 4), LENGTHS, forget_keys=st.booleans()),
    "any": st.just(AnyEvent()),
}


@st.composite
def rules(draw, kind):
    return rule(
        draw(CONDITIONS[kind]),
        query_key=("k",) if draw(st.booleans()) else (),
        realert=Realert(draw(st.sampled_from([0, 1, 5, 30, 400])) * SECOND, written=True),
        resolve_after=draw(st.sampled_from([None, None, 1 * SECOND, 7 * SECOND, 60 * SECOND])),
        schedule=Schedule(draw(st.sampled_from([4, 5, 20])) * SECOND),
        known_keys_for=draw(st.sampled_from([20, 120, 86_400])) * SECOND,
        buffer_time=draw(st.sampled_from([0, 10, 120])) * SECOND,
        max_catchup=10 * DAY,
    )


@st.composite
def worlds(draw, kind):
    """A rule, all events, the first checkpoint, where the span is cut (its end last), and the index's documents."""
    tested = draw(rules(kind))
    odd = draw(st.sampled_from([0, 0, 1, 2, 999]))
    times = [at * SECOND + odd for at in accumulate(draw(st.lists(GAPS, min_size=1, max_size=40)))]
    pairs = [(at, draw(KEYS) if tested.query_key else None) for at in times]
    start = draw(st.sampled_from([-1, 0, 3, 30])) * SECOND + draw(st.sampled_from([0, 1, 999]))
    end = max(times[-1], start) + draw(st.sampled_from([0, 1, 5, 10, 70, 400])) * SECOND + 1
    cuts = sorted(draw(st.sets(st.integers(start + 1, end), max_size=8)) | {end})
    early = draw(st.sampled_from([None, 0, -30, -600]))
    documents = [at for at, _ in pairs] + ([] if early is None else [early * SECOND])
    return tested, pairs, start, cuts, documents


def in_runs(tested, pairs, start, cuts, documents, width=1):
    """Evaluate from cut to cut, each time seeing only what has happened by then and a copy of the checkpoint.

    With ``width`` events are at first only counted in buckets of that many milliseconds.
    """
    checkpoint = first_checkpoint(tested, start)
    transitions = []
    for _, end in pairwise([start, *cuts]):
        checkpoint = copy.deepcopy(checkpoint)
        visible = [(at, key) for at, key in pairs if at <= end]
        first = min((d for d in documents if d <= end), default=None)
        since = reads_from(tested, checkpoint, end)
        events = MemoryEvents(visible, start=since, end=end, first_document=first, width=width)
        outcome = evaluated(tested, events, checkpoint, end)
        checkpoint = outcome.checkpoint
        transitions += outcome.transitions
    return transitions


def told(transitions):
    """Return what happened per key, in the form of the brute force."""
    rows = [
        (t.at, str(t.change), t.key, t.opened, str(t.reason), t.match.count if t.match else None)
        for t in transitions
        if t.change is not Change.MEASURED
        for _ in range(t.number)
    ]
    return sorted(rows, key=lambda row: repr(row[2]))


def folded(rows):
    """Fold runs of suppressed matches of a key into the instant of the first and their number."""
    found = []
    for at, change, key, opened, reason, count in rows:
        if change == "suppressed" and found and found[-1][1:4] == (change, key, opened):
            found[-1] = (*found[-1][:5], found[-1][5] + 1)
        else:
            found.append((at, change, key, opened, reason, 1 if change == "suppressed" else count))
    return found


@pytest.mark.parametrize("kind", CONDITIONS)
@settings(max_examples=500, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_any_split_equals_brute_force(kind, data):
    """However the span is cut into evaluations and restarts, the incidents are those of brute force."""
    tested, pairs, start, cuts, documents = data.draw(worlds(kind))
    expected = sorted(brute(tested, pairs, start, cuts[-1], documents), key=lambda row: repr(row[2]))
    assert told(in_runs(tested, pairs, start, [cuts[-1]], documents)) == expected
    assert told(in_runs(tested, pairs, start, cuts, documents)) == expected


@pytest.mark.parametrize("kind", CONDITIONS)
@settings(max_examples=500, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data(), width=st.sampled_from([2, 500, 1_000, 4_000, 7_001, 60_000]))
def test_counts_alone_give_the_same(kind, data, width):
    """Events known only by number, in buckets of any width, give the incidents of brute force in any split."""
    tested, pairs, start, cuts, documents = data.draw(worlds(kind))
    expected = folded(sorted(brute(tested, pairs, start, cuts[-1], documents), key=lambda row: repr(row[2])))
    assert folded(told(in_runs(tested, pairs, start, [cuts[-1]], documents, width))) == expected
    in_parts = told(in_runs(tested, pairs, start, cuts, documents, width))
    assert [r[1:] for r in folded(in_parts)] == [r[1:] for r in expected]


def through_a_source(tested, source, start, cuts):
    """Run the engine from cut to cut over documents, and return all transitions."""
    state = SqliteState(":memory:")
    state.init()
    state.save_checkpoint(first_checkpoint(tested, start), None)
    engine = Engine(Reader(source), state, make_routing(), gaps=False)
    transitions = []
    for end in cuts:
        report = engine.tick([tested], end + tested.query_delay)
        assert not report.failures
        transitions += report.outcomes[tested.name].transitions
    state.close()
    return transitions


@pytest.mark.parametrize("kind", CONDITIONS)
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_reading_through_a_source_gives_the_same(kind, data):
    """The reader's answers make the same incidents as the events themselves."""
    tested, pairs, start, cuts, _ = data.draw(worlds(kind))
    epoch = 10 * DAY  # so that no document lies before 1970
    moved = [(at + epoch, key) for at, key in pairs]
    documents = [{"@timestamp": iso(at), **{f: v for f, v in key or () if v is not None}} for at, key in moved]
    source = EmbeddedSource(documents=documents, properties={"k": {"type": "keyword"}})
    until = [cut + epoch for cut in cuts]
    expected = sorted(
        brute(tested, moved, start + epoch, until[-1], [at for at, _ in moved]), key=lambda row: repr(row[2])
    )
    rows = told(through_a_source(tested, source, start + epoch, until))
    assert [r[1:] for r in folded(rows)] == [r[1:] for r in folded(expected)]
