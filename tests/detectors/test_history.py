"""change and new_term against brute force over all events: whole, in parts, with restarts, with late events."""

from __future__ import annotations

from random import Random

import pytest

from alerter.sources.embedded import EmbeddedSource
from tests.detectors.history_worlds import MAPPED, brute, change_world, term_world, told
from tests.exact.running import in_runs, whole
from tests.exact.worlds import IN_FILES, body_of

WORLDS = {"change": change_world, "new_term": term_world}


def embedded(world, nth=None) -> EmbeddedSource:
    docs = [doc for doc in world.docs if nth is None or doc.visible(nth)]
    return EmbeddedSource(documents=[body_of(world.rule, doc) for doc in docs], properties=MAPPED)


@pytest.mark.parametrize("kind", WORLDS)
@pytest.mark.parametrize("seed", range(10))
def test_matches_are_those_of_brute_force(kind, seed):
    """A dry run, and any split into runs with restarts in between, give what looking at every event gives."""
    dice = Random(seed)
    for nth in range(100):
        world = WORLDS[kind](dice, times=("date",) * 4 + IN_FILES)
        wanted = brute(world.rule, world.docs, world.start, world.end)
        try:
            assert told(whole(world, embedded(world)).transitions) == wanted
            assert told(in_runs(world, embedded(world)).transitions) == wanted
        except AssertionError as error:
            pytest.fail(f"world {nth}: {error}\n{world.show()}")
