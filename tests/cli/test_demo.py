"""The demo: what it promises to show, from any folder, the same every time."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from alerter.cli.main import main
from alerter.demo.play import play
from alerter.demo.stream import documents


@pytest.fixture(scope="module")
def blocks() -> list[str]:
    """Return what the demo says, one text per message or decision."""
    said: list[str] = []
    play(said.append, lambda: None, colour=False)
    return said


def told(blocks: list[str], channel: str, word: str) -> list[str]:
    """Return the messages of a kind in a channel."""
    return [b for b in blocks if b.startswith(f"{channel} ") and f"  {word} (" in b.splitlines()[0]]


@pytest.mark.parametrize(
    ("channel", "title"), [("#alerts-user", "Password reset storm"), ("#alerts-order", "Refund surge")]
)
def test_an_incident_opens_repeats_and_resolves(blocks: list[str], channel: str, title: str) -> None:
    """One User and one Order incident are told in their channel from start to end."""
    for word, least in (("firing", 1), ("repeat", 1), ("resolved", 1)):
        assert len([b for b in told(blocks, channel, word) if title in b]) >= least, word
    assert len([b for b in told(blocks, channel, "firing") if title in b]) == 1


def test_one_incident_is_silenced_by_a_person(blocks: list[str]) -> None:
    """The silenced rule is decided, says by whom it is silenced until when, and tells nobody."""
    assert any("account-deletions-jump: silenced until" in b and "by on-call" in b for b in blocks)
    assert not any("Account deletions" in b for b in blocks if b.startswith("#"))


def test_a_repeat_is_suppressed_by_realert(blocks: list[str]) -> None:
    """Matches within realert are said to be suppressed, with the instant until when."""
    assert any("suppressed by realert until" in b for b in blocks)


def test_one_rule_over_both_domains_tells_both_channels(blocks: list[str]) -> None:
    """The rule whose domain comes from the event opens an incident in each domain's channel."""
    for channel in ("#alerts-user", "#alerts-order"):
        assert any("unusually many events" in b for b in told(blocks, channel, "firing")), channel


def test_everything_that_opened_is_over_at_the_end(blocks: list[str]) -> None:
    """The end counts the incidents and says that all of them resolved."""
    found = re.search(r"(\d+) incidents, (\d+) resolved", "\n".join(blocks[-3:]))
    assert found is not None
    assert int(found[1]) == int(found[2]) >= 4


def test_the_stream_is_the_same_every_time() -> None:
    """Two calls give the same documents, ordered by time, with both domains in them."""
    first = list(documents())
    assert first == list(documents())
    assert [d["@timestamp"] for d in first] == sorted(d["@timestamp"] for d in first)
    assert {d["kafka"]["key"] for d in first} == {"User", "Order"}


def test_the_command_without_a_terminal_prints_plain_text(capsys: pytest.CaptureFixture[str]) -> None:
    """``alerter demo`` into a pipe exits 0, without colour codes, with every word that is promised."""
    assert main(["demo"]) == 0
    text = capsys.readouterr().out
    assert "\033" not in text
    for word in ("#alerts-user", "#alerts-order", "firing", "repeat", "silenced", "resolved"):
        assert word in text


def test_it_works_from_an_empty_folder(tmp_path: Path) -> None:
    """Nothing is needed in the working directory, and nothing is left there."""
    done = subprocess.run(
        [sys.executable, "-m", "alerter.cli.main", "demo"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert list(tmp_path.iterdir()) == []


def test_the_picture_is_that_of_the_present_output() -> None:
    """docs/demo.svg is up to date; ``make picture`` draws it anew."""
    script = Path(__file__).parents[2] / "docs" / "render_demo.py"
    done = subprocess.run([sys.executable, str(script), "--check"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
