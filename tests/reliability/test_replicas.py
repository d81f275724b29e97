"""Several real engines share one index while they are killed, paused, cut off and stopped; and how that is judged."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from alerter.model.incident import Checkpoint
from alerter.model.member import Member
from tests.reliability.fleet_records import Write, set_back, shared_epochs, takeovers, written_asleep
from tests.reliability.process import until
from tests.reliability.replicas import RULES, Fleet, night
from tests.servers import standin
from tests.servers.elastic import Node
from tests.support.slack import Slack

STATED = 15.0
"""Seconds within which a killed engine's rules are taken over, with default settings."""


@pytest.fixture
def slack_url(slack_server: Slack) -> Iterator[str]:
    """Return a stand-in's address; its own, as nights ask much."""
    slack = standin.start()
    yield slack.url
    slack.stop()


@pytest.mark.parametrize(("engines", "seed"), [(2, 16), (3, 2)])
def test_night(engines, seed, es, slack_url, tmp_path):
    """Nothing lost, nothing told twice that could be known, one writer a lease, and none that writes in its sleep."""
    outcome = night(tmp_path, es, slack_url, engines=engines, seed=seed, seconds=15)
    print(outcome)
    assert outcome.problems == [], outcome.logs
    assert len(outcome.blows) >= engines
    assert outcome.incidents >= len(RULES)


def test_take_over_with_default_settings(es: Node, slack_url: str, tmp_path: Path) -> None:
    """Killed: within the stated time. Stopped cleanly, or started again under its name: at once, before the ttl."""
    fleet = Fleet(tmp_path, es, slack_url, 2, ttl="6s")
    one, two = fleet.replicas

    def holders() -> dict[str, str]:
        ordered = sorted((w for w in fleet.writes() if w.checkpoint is not None), key=lambda w: w.seq_no)
        return {w.checkpoint.rule: w.engine if w.checkpoint.owner else "" for w in ordered if w.checkpoint}

    def seconds(rules: set[str], engine: str) -> float:
        """Wait until an engine holds the rules; returns how long it took."""
        begun = time.monotonic()
        until(lambda: {r for r, holder in holders().items() if holder == engine} >= rules, f"{engine} holds {rules}")
        return time.monotonic() - begun

    def taken_since(epochs: dict[str, int]) -> set[str]:
        taken = (w.checkpoint for w in fleet.writes() if w.checkpoint is not None)
        return {checkpoint.rule for checkpoint in taken if checkpoint.epoch > epochs[checkpoint.rule]}

    try:
        fleet.start()
        until(lambda: set(holders().values()) == {one.name, two.name}, "both hold rules")
        lost = {rule for rule, holder in holders().items() if holder == one.name}
        one.process.kill()
        killed = seconds(lost, two.name)
        one.process.wait()
        one.process.start()
        until(lambda: set(holders().values()) == {one.name, two.name}, "both hold rules again")
        held = {rule for rule, holder in holders().items() if holder == two.name}
        assert two.process.stop() == 0
        stopped = seconds(held, one.name)
        epochs: dict[str, int] = {}
        for write in fleet.writes():
            if write.checkpoint is not None:
                rule, epoch = write.checkpoint.rule, write.checkpoint.epoch
                epochs[rule] = max(epoch, epochs.get(rule, 0))
        one.process.kill()
        one.process.wait()
        one.process.start()
        until(lambda: one.process.joined(one.name), "it is back")
        begun = time.monotonic()
        until(lambda: taken_since(epochs) == set(RULES), "it has its rules again")
        again = time.monotonic() - begun
    finally:
        fleet.close()
    print(f"taken over {killed:.1f} s after a kill, {stopped:.1f} s after a clean stop, {again:.1f} s by a restart")
    assert killed < STATED
    assert stopped < killed
    assert again < killed


# --- the judges can say no ------------------------------------------------------------------------------------------

MARK = Checkpoint("rule", "m", evaluated=1_000, started=0, owner="first", epoch=1)
BEAT = Member("a", "second", 0, "1")


def wrote(engine: str, at: float, **changes: object) -> Write:
    return Write(engine, at, "state", int(at * 10), checkpoint=replace(MARK, **changes))  # type: ignore[arg-type]


def test_two_writers_of_an_epoch_are_found():
    """Another engine, or another session, under the same epoch; not one that counts it up, or lets go."""
    fine = [wrote("a", 1), wrote("a", 2, owner=""), wrote("b", 3, owner="second", epoch=2)]
    assert shared_epochs(fine) == []
    assert len(shared_epochs([*fine, wrote("b", 4, owner="second")])) == 2
    assert len(shared_epochs([*fine, wrote("a", 4, owner="third")])) == 1


def test_a_checkpoint_set_back_is_found():
    """By the order in which Elasticsearch took the writes."""
    assert set_back([wrote("a", 2, evaluated=2_000), wrote("a", 1)]) == []
    assert len(set_back([wrote("a", 1, evaluated=2_000), wrote("a", 2)])) == 1


def test_a_write_before_the_first_beat_is_found():
    """From waking up until the engine is on record again; what others write does not count."""
    joined = Write("a", 6, "state", 60, member=BEAT)
    assert written_asleep([wrote("a", 1), wrote("b", 5.5), joined, wrote("a", 7)], [("a", 5.0)]) == []
    assert len(written_asleep([wrote("a", 5.5), joined], [("a", 5.0)])) == 1
    assert len(written_asleep([Write("a", 5.5, "incidents", 55), joined], [("a", 5.0)])) == 1


def test_take_overs_are_measured():
    """From the end of the holder to the next write by another; a restart takes nothing over."""
    assert takeovers([wrote("a", 1), wrote("b", 4)], [("a", 2.0)]) == [2.0]
    assert takeovers([wrote("a", 1), wrote("a", 4)], [("a", 2.0)]) == []
