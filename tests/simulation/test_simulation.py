"""Thousands of histories on the engine's own code; a seed that fails is named with the command that shows it."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.simulation.history import KINDS
from tests.simulation.runs import quiet, run, traced

COUNTS = {"calm": 80, "clocks": 1_200, "groups": 1_200, "groups fleet": 1_200}
MANY = 1_720
FOUND = [
    ("channels", 5),  # the end of an incident was dropped at the fallback of a channel that had died since
    ("edits", 7089),  # an incident written without its checkpoint stayed open when its rule was removed
    ("partitions", 93),  # a lease taken by a write without an answer was never evaluated
    ("partitions", 134),  # an evaluation that was behind an incident's document told an end of before once more
]
PARTS = 4
"""Each kind is cut into so many tests, so that one that fails leaves the others."""


@pytest.mark.slow
@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.parametrize("kind", KINDS)
def test_histories(kind, part):
    """Every incident told once where that could be known, none lost, checkpoints right, no lease held twice."""
    count = COUNTS.get(kind, MANY) // PARTS
    runs = run(kind, range(part * count, (part + 1) * count))
    assert runs.wrong == {}, str(runs)
    assert runs.incidents > count // 2
    assert runs.messages > count
    assert runs.faults > count // 10 or kind == "calm"


@pytest.mark.parametrize("kind", KINDS)
def test_some_histories(kind):
    """The first seeds of each kind, in a second or two."""
    assert run(kind, range(24)).wrong == {}


@pytest.mark.parametrize(("kind", "seed"), FOUND)
def test_what_seeds_have_found_stays_mended(kind, seed):
    """These failed once, on the engine as it was then."""
    assert run(kind, [seed]).wrong == {}


def test_a_seed_replays_in_another_process():
    """The same seed gives the same history, call by call, whatever the hashes of strings are there."""
    with quiet():
        here = list(traced("fleet mixed", 1))
    command = [sys.executable, "-m", "tests.simulation", "--kind", "fleet mixed", "--seed", "1", "--trace"]
    there = subprocess.run(command, capture_output=True, text=True, check=False)
    assert there.stdout.splitlines() == here
    assert len(here) > 100
