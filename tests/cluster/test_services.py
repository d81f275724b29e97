"""Two whole services on one state and one file of events; no threads, each with its own clock."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from alerter.clock import MINUTE, SECOND
from alerter.cluster.fleet import Fleet as Fleets
from alerter.cluster.pacemaker import Pacemaker
from alerter.project import load_project
from alerter.runner import Runner
from alerter.service import Service
from alerter.sources.embedded import EmbeddedSource
from alerter.state.protocol import StateError
from tests.cluster.services import NAMES, Fleet, pass_time


@pytest.fixture
def fleet(tmp_path: Path) -> Fleet:
    return Fleet(tmp_path)


def test_each_rule_is_evaluated_and_told_by_one(fleet):
    """Two engines share the rules; every rule's incident is told once, by the engine that holds the rule."""
    one, two = fleet.process("one"), fleet.process("two")
    pass_time(12 * SECOND, one, two)
    assert one.holds() | two.holds() == set(NAMES)
    assert one.holds()
    assert two.holds()
    assert not one.holds() & two.holds()
    fleet.happen(one.clock.now() + SECOND)
    pass_time(2 * MINUTE, one, two)
    assert fleet.told() == {name: ["firing"] for name in NAMES}


def test_the_survivor_goes_on_with_the_incidents(fleet):
    """Killed without a word: within the ttl and two beats the other holds all rules; nothing is told again."""
    one, two = fleet.process("one"), fleet.process("two")
    pass_time(12 * SECOND, one, two)
    fleet.happen(one.clock.now() + SECOND)
    pass_time(2 * MINUTE, one, two)
    pass_time(10 * SECOND, two)  # the first is dead from here on
    assert two.holds() == set(NAMES)
    fleet.happen(two.clock.now() + 70 * SECOND)
    pass_time(2 * MINUTE, two)
    assert {tuple(kinds) for kinds in fleet.told().values()} == {("firing", "repeat")}
    assert len(fleet.state.incidents()) == len(NAMES)


def test_a_woken_engine_leaves_everything_to_its_successor(fleet):
    """Paused for longer than the ttl, it joins anew: no checkpoint of the successor is touched, nothing told twice."""
    one, two = fleet.process("one"), fleet.process("two")
    pass_time(12 * SECOND, one, two)
    fleet.happen(one.clock.now() + SECOND)
    pass_time(2 * MINUTE, two)
    assert two.holds() == set(NAMES)
    before = fleet.state.checkpoints(NAMES)
    one.clock.advance(2 * MINUTE)
    one.service.tick(one.service.project.rules)
    one.service.deliver()
    assert one.holds() == set()
    assert fleet.state.checkpoints(NAMES) == before
    pass_time(12 * SECOND, two, one)
    assert one.holds()
    assert one.holds() | two.holds() == set(NAMES)
    assert fleet.told() == {name: ["firing"] for name in NAMES}


def test_a_rule_is_removed_when_nobody_runs_it(fleet):
    """While another engine still runs a rule its incident stays open; it ends when that engine has gone for good."""
    old, new = fleet.process("old"), fleet.process("new", rules="fewer")
    pass_time(12 * SECOND, old, new)
    fleet.happen(old.clock.now() + SECOND)
    pass_time(2 * MINUTE, old, new)
    new.service.sweep(), new.service.sweep()
    assert fleet.told()[NAMES[-1]] == ["firing"]
    old.service.leave()
    pass_time(4 * SECOND, new)
    new.service.sweep()
    new.service.deliver()
    assert fleet.told()[NAMES[-1]] == ["firing"]  # the old engine may just be starting again
    new.service.sweep()
    new.service.deliver()
    assert fleet.told()[NAMES[-1]] == ["firing", "resolved"]
    assert set(fleet.state.checkpointed()) == set(NAMES[:-1])


def test_a_rule_that_is_gone_here_is_let_go(fleet):
    """One engine's files lose a rule it holds, the other's still have it: the other takes it and goes on."""
    shutil.copytree(fleet.folder / "rules", fleet.folder / "own")
    one, two = fleet.process("one"), fleet.process("two", rules="own")
    pass_time(12 * SECOND, one, two)
    gone = min(two.holds())
    (fleet.folder / "own" / f"{NAMES.index(gone)}.yaml").unlink()
    assert two.service.reload()
    pass_time(4 * SECOND, two, one)
    assert gone in one.holds()
    fleet.happen(one.clock.now() + SECOND)
    pass_time(2 * MINUTE, one, two)
    assert fleet.told()[gone] == ["firing"]
    assert fleet.state.checkpoints([gone])[gone].value.evaluated > one.clock.now() - MINUTE


def test_a_slow_start_beats(fleet, monkeypatch, caplog):
    """Resolving what removed rules left takes longer than a lease is good for: the engine beats meanwhile."""
    process = fleet.process("one")
    pass_time(2 * SECOND, process)
    fleet.happen(process.clock.now() + SECOND)
    pass_time(2 * MINUTE, process)
    process.service.leave()
    source, began, save = EmbeddedSource(), process.clock.monotonic(), fleet.state.save_incident

    def slow(*written):
        process.clock.advance(SECOND)
        return save(*written)

    monkeypatch.setattr(fleet.state, "save_incident", slow)
    for n in range(1, len(NAMES)):
        (fleet.folder / "rules" / f"{n}.yaml").unlink()
    service = Service(process.settings, load_project(process.settings), source, fleet.state, process.clock)
    session = service.fleet.session
    runner = Runner(process.settings, once=False, clock=process.clock)
    pacemaker = Pacemaker(service.renew, service.fleet.interval, process.clock, lambda _: None)
    try:
        assert runner._become_ready(service, source, fleet.state, pacemaker)
        assert service.fleet.valid()
    finally:
        pacemaker.stop()
    assert process.clock.monotonic() - began > service.settings.lease_ttl
    assert service.fleet.session == session
    assert "waiting for the cluster" not in caplog.text
    assert [v.value.rule for v in fleet.state.incidents(open_only=True)] == NAMES[:1]


def test_a_beat_that_fails_is_said_once(fleet, monkeypatch, caplog):
    """An engine without its state says why once, sends nothing, and says it again only after it was well."""
    process = fleet.process("one")

    def boom() -> None:
        raise StateError("unreachable", "no route to the state")

    for _ in range(2):
        with monkeypatch.context() as patched:
            patched.setattr(fleet.state, "members", boom)
            for _ in range(5):
                process.clock.advance(2 * SECOND)
                assert process.service.renew() == ()
        process.service.renew()
    assert caplog.text.count("the engine's beat: no route to the state") == 2


def test_a_quiet_beat_goes_through_no_rules(fleet, monkeypatch):
    """Of a thousand rules none is looked at every two seconds while neither fleet nor files nor leases change."""
    one, asked, chosen = fleet.process("one"), [], Fleets.chosen

    def counted(self, name):
        asked.append(name)
        return chosen(self, name)

    def beats(number: int) -> int:
        asked.clear()
        for _ in range(number):
            one.clock.advance(2 * SECOND)
            one.service.tick(one.service.renew())
        return len(asked)

    monkeypatch.setattr(Fleets, "chosen", counted)
    beats(2)
    assert one.holds() == set(NAMES)
    assert beats(5) == 0
    pass_time(2 * SECOND, one)  # evaluated, and checkpoints written: the leases are the same
    assert beats(5) == 0
    two = fleet.process("two")
    pass_time(6 * SECOND, one, two)
    assert one.holds() | two.holds() == set(NAMES)
    assert two.holds()
    two.service.leave()
    pass_time(4 * SECOND, one)
    assert one.holds() == set(NAMES)
    assert beats(5) == 0
    one.service.checkpoints.forget(NAMES[:1])
    assert beats(1) > 0
    assert one.holds() == set(NAMES)
