"""Every detector against brute force over random worlds on the embedded source, however the span is cut."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from alerter.clock import Millis
from alerter.model.rule import Frequency, Key, Realert
from tests.exact.oracle import assert_incidents, assert_matches, assert_same, expected, pairs_of, rows_of
from tests.exact.running import embedded, in_runs, whole
from tests.exact.worlds import IN_FILES, KINDS, World, make_world
from tests.support.early import counted, never_early, remembered

SEEDS = range(200)
CASES: Any = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))


def check(world: World) -> None:
    """One dry run over the span, and runs from cut to cut with restarts, give what brute force gives."""
    wanted = expected(world)
    source = embedded(world)
    once = whole(world, source)
    assert_same(rows_of(once.transitions), wanted)
    assert_matches(world, once.transitions)
    assert_incidents(once.incidents, once.transitions)
    parts = in_runs(world, source)
    assert_same(rows_of(parts.transitions), wanted)
    assert_matches(world, parts.transitions)
    assert_incidents(parts.incidents, parts.transitions)


@pytest.mark.parametrize("kind", KINDS)
@CASES
@given(dice=st.randoms(use_true_random=False))
def test_any_split_equals_one_run_and_brute_force(kind: str, dice: Random) -> None:
    """Worlds that hypothesis looks for, and makes small where one is judged wrongly."""
    world = make_world(dice, kind, times=IN_FILES)
    note(world.show())
    check(world)


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_worlds_each_time(kind: str) -> None:
    """Worlds of the full size, the same in every run."""
    for seed in SEEDS:
        world = make_world(Random(seed), kind, times=IN_FILES)
        try:
            check(world)
        except AssertionError:
            pytest.fail(f"seed {seed}\n{world.show()}")


@pytest.mark.parametrize("kind", ["frequency", "any", "blacklist", "whitelist"])
def test_what_is_told_early_is_what_judging_tells(kind: str) -> None:
    """Where it is plain that nothing happened, judging every key tells and remembers the same."""
    with counted() as early:
        worlds = [make_world(Random(seed), kind, times=IN_FILES) for seed in SEEDS]
        shortly = [in_runs(world, embedded(world)) for world in worlds]
    assert early.count(True) > len(worlds) // 4
    for world, short in zip(worlds, shortly, strict=True):
        with never_early():
            judged = in_runs(world, embedded(world))
        assert short.each == judged.each, world.show()
        assert remembered(short.checkpoint) == remembered(judged.checkpoint), world.show()


@pytest.mark.parametrize("seed", range(50))
def test_at_realert_zero_frequency_matches_as_a_queue_emptied_at_each_match(seed: int) -> None:
    """The oracle itself against the plainest one: ElastAlert's queue of events, emptied at each match."""
    world = make_world(Random(seed), "frequency", times=IN_FILES)
    tested = replace(world.rule, realert=Realert(0, written=True))
    condition = tested.condition
    assert isinstance(condition, Frequency)
    found, queues = [], defaultdict[Key, list[Millis]](list)
    for at, key in pairs_of(tested, world.docs):
        queue = queues[key]
        queue[:] = [before for before in queue if before > at - condition.timeframe] + [at]
        if len(queue) >= condition.num_events and at > world.start:
            found.append((at, key))
            queue.clear()
    rows = expected(replace(world, rule=tested))
    assert sorted(found, key=repr) == sorted([(r[0], r[2]) for r in rows if r[5] is not None], key=repr)
