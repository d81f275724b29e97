"""Thousands of events in a few milliseconds: what counts leave open is asked finer, and the answer stays exact."""

from __future__ import annotations

from random import Random

import pytest

from tests.exact.counting import CountingSource
from tests.exact.oracle import assert_incidents, assert_matches, assert_same, expected, rows_of
from tests.exact.running import embedded, in_runs, whole
from tests.exact.worlds import big_world

SIZES = {"frequency": (40, 5_000), "spike": (20, 5_000), "flatline": (12, 5_000), "any": (4, 3_000)}
HUGE = {"frequency": 3, "spike": 2}
CASES = [
    *((kind, seed, size) for kind, (number, size) in SIZES.items() for seed in range(number)),
    *((kind, 1_000 + seed, 20_000) for kind, number in HUGE.items() for seed in range(number)),
]


@pytest.mark.parametrize(("kind", "seed", "size"), CASES)
def test_bursts_of_thousands(kind: str, seed: int, size: int) -> None:
    """Whole and in parts: what brute force over all events gives, without reading the events one by one."""
    world = big_world(Random(seed), kind, size)
    wanted = expected(world)
    source = CountingSource(embedded(world))
    once = whole(world, source)
    assert_same(rows_of(once.transitions), wanted)
    assert_matches(world, once.transitions)
    assert_incidents(once.incidents, once.transitions)
    assert_same(rows_of(in_runs(world, source).transitions), wanted)
    if kind == "frequency" and world.rule.time.name != "epoch_ms":
        assert source.scans == 0
