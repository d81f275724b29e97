"""Any split of a span into evaluations gives what brute force over all events gives, for every rule type."""

from __future__ import annotations

import copy
from itertools import accumulate, pairwise

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from alerter.clock import DAY, SECOND
from alerter.detectors import evaluate, first_checkpoint, reads_from
from alerter.model.rule import AnyEvent, Flatline, Frequency, Realert, Schedule, Spike, SpikeType
from alerter.testing import MemoryEvents, rule
from tests.detectors.brute import brute

GAPS = st.sampled_from([0, 0, 0, 1, 1, 1, 2, 3, 5, 5, 7, 10, 20, 60, 299, 300, 301])
KEYS = st.sampled_from([(("k", "a"),), (("k", "b"),), (("k", None),)])
LENGTHS = st.sampled_from([3, 5, 10, 60])


@st.composite
def conditions(draw):
    length = draw(LENGTHS) * SECOND
    number = draw(st.integers(1, 4))
    height = draw(st.sampled_from([1, 1.5, 2, 3]))
    direction = draw(st.sampled_from(list(SpikeType)))
    thresholds = {"threshold_ref": draw(st.integers(0, 2)), "threshold_cur": draw(st.integers(0, 2))}
    new_data = draw(st.booleans())
    return draw(
        st.sampled_from(
            [
                Frequency(number, length),
                Spike(height, direction, length, **thresholds, alert_on_new_data=new_data),
                Flatline(number, length, forget_keys=draw(st.booleans())),
                AnyEvent(),
            ]
        )
    )


@st.composite
def rules(draw):
    return rule(
        draw(conditions()),
        query_key=("k",) if draw(st.booleans()) else (),
        realert=Realert(draw(st.sampled_from([0, 1, 5, 30, 400])) * SECOND, written=True),
        resolve_after=draw(st.sampled_from([None, None, 1, 7, 60])) and draw(st.sampled_from([1, 7, 60])) * SECOND,
        schedule=Schedule(draw(st.sampled_from([4, 5, 20])) * SECOND),
        known_keys_for=draw(st.sampled_from([20, 120, 86_400])) * SECOND,
        buffer_time=draw(st.sampled_from([0, 10, 120])) * SECOND,
        max_catchup=10 * DAY,
    )


@st.composite
def worlds(draw):
    """A rule, all events, the first checkpoint, the end, and where the span is cut."""
    tested = draw(rules())
    times = [at * SECOND for at in accumulate(draw(st.lists(GAPS, min_size=1, max_size=40)))]
    pairs = [(at, draw(KEYS) if tested.query_key else None) for at in times]
    start = draw(st.sampled_from([-1, 0, 3, 30])) * SECOND + draw(st.sampled_from([0, 1, 999]))
    end = max(times[-1], start) + draw(st.sampled_from([0, 1, 5, 10, 70, 400])) * SECOND + 1
    cuts = sorted(draw(st.sets(st.integers(start + 1, end), max_size=8)) | {end})
    early = draw(st.sampled_from([None, 0, -30, -600]))
    documents = [at for at, _ in pairs] + ([] if early is None else [early * SECOND])
    return tested, pairs, start, cuts, documents


def in_runs(tested, pairs, start, cuts, documents):
    """Evaluate from cut to cut, each time seeing only what has happened by then and a copy of the checkpoint."""
    checkpoint = first_checkpoint(tested, start)
    transitions = []
    for _, end in pairwise([start, *cuts]):
        checkpoint = copy.deepcopy(checkpoint)
        visible = [(at, key) for at, key in pairs if at <= end]
        first = min((d for d in documents if d <= end), default=None)
        events = MemoryEvents(visible, start=reads_from(tested, checkpoint, end), end=end, first_document=first)
        outcome = evaluate(tested, events, checkpoint, end)
        checkpoint = outcome.checkpoint
        transitions += outcome.transitions
    return transitions


def told(transitions):
    """Return what happened per key, in the form of the brute force."""
    rows = [
        (t.at, str(t.change), t.key, t.opened, str(t.reason), t.match.count if t.match else None) for t in transitions
    ]
    return sorted(rows, key=lambda row: repr(row[2]))


@settings(max_examples=600, deadline=None, suppress_health_check=list(HealthCheck))
@given(worlds())
def test_any_split_equals_brute_force(world):
    """However the span is cut into evaluations and restarts, the incidents are those of brute force."""
    tested, pairs, start, cuts, documents = world
    expected = sorted(brute(tested, pairs, start, cuts[-1], documents), key=lambda row: repr(row[2]))
    assert told(in_runs(tested, pairs, start, [cuts[-1]], documents)) == expected
    assert told(in_runs(tested, pairs, start, cuts, documents)) == expected
