"""The progress bar: on a terminal only, only when it takes a while, and gone afterwards."""

from __future__ import annotations

import io
import sys

import pytest

from alerter.cli.progress import Progress
from alerter.clock import SECOND, ManualClock


class Terminal(io.StringIO):
    """What is written to a terminal."""

    def isatty(self) -> bool:
        """Say that it is one."""
        return True


@pytest.fixture
def clock() -> ManualClock:
    """Return a clock that the test moves."""
    return ManualClock(0)


def test_a_long_run_shows_how_far_it_is(monkeypatch: pytest.MonkeyPatch, clock: ManualClock) -> None:
    """After a second: what is done of how much, for how long, and what is under way, on one line."""
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    with Progress(4, "rules", clock) as progress:
        progress.at(0, "first")
        assert terminal.getvalue() == ""
        clock.advance(2 * SECOND)
        progress.at(1, "second\n\x1b[2J")
        progress.more("12 searches")
    shown = terminal.getvalue().split("\r")
    assert "[######..................] 1/4 rules, 2 s  second" in shown[0]
    assert "12 searches" in terminal.getvalue()
    assert "\n" not in terminal.getvalue()
    assert "\x1b" not in terminal.getvalue()
    assert shown[-1] == ""


def test_elsewhere_nothing_is_written(monkeypatch: pytest.MonkeyPatch, clock: ManualClock) -> None:
    """Where stderr is a file, logs stay clean."""
    file = io.StringIO()
    monkeypatch.setattr(sys, "stderr", file)
    with Progress(1, "rules", clock) as progress:
        clock.advance(10 * SECOND)
        progress.at(0, "first")
    assert file.getvalue() == ""
