"""change and new_term against brute force over all events: whole, in parts, with restarts, with late events."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from random import Random

import pytest

from alerter.sources import changing
from alerter.sources.embedded import EmbeddedSource
from tests.detectors.history_worlds import MAPPED, brute, change_world, term_world, told
from tests.exact.counting import CountingSource
from tests.exact.promises import is_timely
from tests.exact.running import Live, in_runs, whole
from tests.exact.worlds import IN_FILES, body_of, with_late

WORLDS = {"change": change_world, "new_term": term_world}
NUMBER = 60
"""Worlds of one seed."""


def embedded(world, nth=None) -> EmbeddedSource:
    docs = [doc for doc in world.docs if nth is None or doc.visible(nth)]
    return EmbeddedSource(documents=[body_of(world.rule, doc) for doc in docs], properties=MAPPED)


@pytest.mark.parametrize("kind", WORLDS)
@pytest.mark.parametrize("seed", range(10))
def test_matches_are_those_of_brute_force(kind, seed):
    """A dry run, and any split into runs with restarts in between, give what looking at every event gives."""
    dice = Random(seed)
    for nth in range(NUMBER):
        world = WORLDS[kind](dice, times=("date",) * 4 + IN_FILES)
        wanted = brute(world.rule, world.docs, world.start, world.end)
        try:
            assert told(whole(world, embedded(world)).transitions) == wanted
            assert told(in_runs(world, embedded(world)).transitions) == wanted
        except AssertionError as error:
            pytest.fail(f"world {nth}: {error}\n{world.show()}")


@pytest.mark.parametrize("seed", range(20, 24))
def test_keys_that_are_looked_up_together(seed, monkeypatch):
    """The values before the span are those of each key's own newest event."""
    monkeypatch.setattr(changing, "TOGETHER", 1)
    test_matches_are_those_of_brute_force("change", seed)


def late(world) -> None:
    """Check what is promised of events that come when they happened or later.

    Where all are timely and stay, what is told is so by the events that could be seen then, and as many matches of a
    key are told as there are in the end: one that a late event moved to an earlier event counts once.
    """
    timely = all(doc.gone is None and is_timely(world, doc) for doc in world.docs)
    source = CountingSource(embedded(world, 0))
    live = Live(world, source)
    every = []
    for nth in range(len(world.cuts)):
        source.inner = embedded(world, nth)
        live.step(nth)
        new = told(live.told[-1])
        visible = [doc for doc in world.docs if doc.visible(nth)]
        if timely:
            assert not Counter(new) - Counter(brute(world.rule, visible, world.start, world.cuts[nth]))
        every += new
    live.finish()
    if timely:
        seen = [doc for doc in world.docs if (doc.arrives or 0) < len(world.cuts)]
        final = Counter(key for _, key, _ in brute(world.rule, seen, world.start, world.end))
        assert not final - Counter(key for _, key, _ in every)


@pytest.mark.parametrize("kind", WORLDS)
@pytest.mark.parametrize("seed", range(6))
def test_late_events_take_their_place(kind, seed):
    """No pair is told that is none, in order of time, and none is left out."""
    dice = Random(1_000 + seed)
    for nth in range(NUMBER):
        world = with_late(dice, WORLDS[kind](dice))
        if nth % 4:
            docs = [replace(doc, gone=None) for doc in world.docs]
            world = replace(world, docs=tuple(doc for doc in docs if is_timely(world, doc)))
        try:
            late(world)
        except AssertionError as error:
            pytest.fail(f"world {nth}: {error}\n{world.show()}")
