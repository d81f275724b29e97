"""Late documents and documents that go away, on the embedded source: what is promised, and nothing twice."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest

from alerter.clock import HOUR, MINUTE, SECOND
from alerter.model.rule import Frequency, Realert
from alerter.testing import rule
from tests.exact.oracle import assert_incidents
from tests.exact.promises import assert_promises
from tests.exact.running import with_news
from tests.exact.worlds import IN_FILES, KINDS, T0, Doc, World, make_world, with_late

SEEDS = range(150)


@pytest.mark.parametrize("kind", KINDS)
def test_late_and_deleted_documents(kind: str) -> None:
    """Whatever comes late or goes away, nothing fails, is told twice or is made up; what is timely is not lost."""
    for seed in SEEDS:
        dice = Random(seed)
        world = make_world(dice, kind, times=IN_FILES)
        if seed % 2:  # all is timely, but for what goes away
            world = replace(world, rule=replace(world.rule, buffer_time=HOUR))
        world = with_late(dice, world)
        try:
            runs = with_news(world)
            assert_promises(world, runs.each)
            assert_incidents(runs.incidents, runs.transitions)
        except AssertionError as error:
            pytest.fail(f"seed {seed}: {error}\n{world.show()}")


def test_a_late_window_before_an_incident_that_is_over_is_told() -> None:
    """Section 9: a match found on reading again opens an incident if no announced one lies within T of it."""
    tested = rule(
        Frequency(2, 30 * SECOND),
        filter=({"term": {"level": "error"}},),
        realert=Realert(MINUTE, written=True),
        resolve_after=10 * SECOND,
    )
    docs = tuple(Doc(T0 + at * SECOND, {}, arrives=nth) for at, nth in ((20, 1), (21, 1), (100, 0), (101, 0)))
    world = World(tested, docs, T0 - 1, tuple(T0 + at * SECOND for at in (115, 120, 180)))
    assert_promises(world, with_news(world).each)
