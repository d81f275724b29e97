"""How much a cluster is asked at once: quickly less, slowly more, never nothing."""

from __future__ import annotations

import threading
from contextlib import ExitStack

from alerter.pressure import Pressure

SOON = 30
"""Seconds after which a test that waits for a thread has failed."""


def test_refusals_shrink_the_limit_to_one_and_no_further() -> None:
    """Each refusal takes a fifth; one search is always allowed."""
    pressure = Pressure(10)
    seen = []
    for _ in range(20):
        pressure.busy()
        seen.append(pressure.limit)
    assert seen[:4] == [8, 6, 5, 4]
    assert seen[-1] == 1


def test_answers_let_it_grow_slowly_to_the_most() -> None:
    """From one to two takes fifteen answers; beyond the most it never grows."""
    pressure = Pressure(4)
    for _ in range(20):
        pressure.busy()
    grown = []
    for _ in range(60):
        pressure.good()
        grown.append(pressure.limit)
    assert grown.index(2) == 14
    assert grown == sorted(grown)
    assert grown[-1] == 4


def test_a_burst_refused_at_once_is_one_retreat() -> None:
    """Refusals of what was in flight before the limit shrank say nothing about the new limit."""
    pressure = Pressure(10)
    with ExitStack() as flying:
        for _ in range(10):
            flying.enter_context(pressure.slot())
        for _ in range(10):
            pressure.busy()
        assert pressure.limit == 8
        pressure.busy()
        assert pressure.limit == 6
    assert pressure.in_flight == 0


def test_no_more_are_in_flight_than_the_limit_allows() -> None:
    """The next search waits for a free place, and a failing one gives its place back."""
    pressure = Pressure(2)
    most, inside, leave = [0], threading.Semaphore(0), threading.Semaphore(0)

    def search() -> None:
        try:
            with pressure.slot():
                most[0] = max(most[0], pressure.in_flight)
                inside.release()
                assert leave.acquire(timeout=SOON)
                raise ValueError
        except ValueError:
            pressure.good()

    threads = [threading.Thread(target=search) for _ in range(5)]
    for thread in threads:
        thread.start()
    for _ in threads:
        assert inside.acquire(timeout=SOON)
        leave.release()
    for thread in threads:
        thread.join(SOON)
    assert most == [2]
    assert pressure.in_flight == 0
