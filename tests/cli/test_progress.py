"""The progress bar: on a terminal only, only when it takes a while, and gone afterwards."""

from __future__ import annotations

import io
import sys

import pytest

from alerter.cli.progress import Progress
from alerter.clock import MINUTE, SECOND, ManualClock
from alerter.engine.dryrun import dry_run
from alerter.model.rule import Frequency
from alerter.sources.embedded import EmbeddedSource
from alerter.sources.explain import ExplainedSource
from alerter.testing import rule
from tests.engine.support import T0, documents, routing


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


def test_one_long_run_moves_the_bar(monkeypatch: pytest.MonkeyPatch, clock: ManualClock) -> None:
    """What is done of the one under way counts, and never goes back; the next one begins anew."""
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    with Progress(2, "rules", clock) as progress:
        progress.at(0, "first")
        clock.advance(2 * SECOND)
        progress.reached(0.5)
        progress.reached(0.1)
        progress.at(1, "second")
    bars = [text for text in terminal.getvalue().split("\r") if text.startswith("[")]
    assert [bar.index("]") and bar.count("#") for bar in bars] == [6, 6, 12]
    assert "0/2 rules" in bars[0]


def test_a_dry_run_says_how_far_it_is() -> None:
    """Where a source is asked in rounds, each says up to where the span is decided."""
    seen: list[int] = []
    tested = rule(Frequency(10, MINUTE))
    source = ExplainedSource(EmbeddedSource(documents=documents([*range(0, 1_200, 20), *range(600, 630, 3)])), str)
    answer = dry_run(tested, source, routing(), T0, T0 + 20 * MINUTE, reached=seen.append)
    assert answer.matches
    assert len(seen) > 1
    assert any(T0 + 9 * MINUTE < at <= answer.matches[0].at for at in seen)
