"""What engines write of themselves: heartbeats, members, sets of rules; the same on both states."""

from __future__ import annotations

import pytest

from alerter.model.heartbeat import Costly, Heartbeat, Load
from alerter.model.incident import (
    Checkpoint,
)
from alerter.model.member import RuleSet
from alerter.state.protocol import Conflict, Retention
from tests.state.records import DAY, NOW, member


def test_the_newest_heartbeat_of_each_engine_is_read(state):
    """An engine's heartbeat replaces its former one, whole; it is no rule, and engines do not disturb each other."""
    load = Load("default", rules=2, queue=1, lag_p50=0.1, lag_p95=2.5, lag_max=61.0)
    costly = (Costly("a rule", 7.25, 2.0, 480.5, 3.0, 6800.0, heavy=True), Costly("half \udc00", 0.1))
    written = Heartbeat("b:9797", "0.1.0", NOW - DAY, NOW, 2, 1, 5, 4, (load,), costly)
    state.save_heartbeat(Heartbeat("b:9797", "0.0.9", NOW - DAY, NOW - 10_000, rules=7))
    state.save_heartbeat(Heartbeat("a:9797", "0.1.0", NOW, NOW))
    state.save_heartbeat(written)
    assert state.heartbeats() == [Heartbeat("a:9797", "0.1.0", NOW, NOW), written]
    assert state.checkpointed() == []
    assert state.checkpoints(["b:9797"]) == {}


def test_heartbeats_of_engines_that_are_gone_go_after_a_day(state):
    """Only heartbeats older than a day are deleted; how far the rules are is kept however old it is."""
    for instance, beat in (("gone", NOW - DAY - 1), ("kept", NOW - DAY)):
        state.save_heartbeat(Heartbeat(instance, "0.1.0", beat, beat))
    state.save_checkpoint(Checkpoint("a rule", "meaning", NOW - 9 * DAY, NOW - 9 * DAY), None)
    assert state.prune(Retention(5 * DAY, 5 * DAY, 5 * DAY), NOW) == 1
    assert [beat.instance for beat in state.heartbeats()] == ["kept"]
    assert state.checkpointed() == ["a rule"]


def test_members_come_beat_and_leave(state):
    """An engine's record is created once, changed by its version only, and gone when it left."""
    first = state.save_member(member(), None)
    state.save_member(member("b:1", session="s2"), None)
    with pytest.raises(Conflict):
        state.save_member(member(session="other"), None)
    second = state.save_member(member(beats=1), first)
    found = state.members()
    assert {name: v.value.session for name, v in found.items()} == {"a:1": "s1", "b:1": "s2"}
    assert (found["a:1"].value.beats, found["a:1"].version) == (1, second)
    with pytest.raises(Conflict):
        state.drop_member("a:1", first)
    state.drop_member("a:1", second)
    assert list(state.members()) == ["b:1"]


def test_a_member_that_was_expelled_cannot_beat(state):
    """Whoever removed an engine's record by its version has ended its session: the next beat conflicts."""
    version = state.save_member(member(), None)
    state.drop_member("a:1", version)
    with pytest.raises(Conflict):
        state.save_member(member(beats=1), version)
    state.save_member(member(session="s9"), None)
    assert state.members()["a:1"].value.session == "s9"


def test_sets_of_rules_are_kept_while_they_are_run(state):
    """A set of rules is read by its id, and forgotten a day after an engine last ran it."""
    state.save_ruleset(RuleSet("r1", (("a rule", "d1"), ("another", "d2"))), NOW)
    assert state.rulesets(["r1", "r2"]) == {"r1": RuleSet("r1", (("a rule", "d1"), ("another", "d2")))}
    state.prune(Retention(DAY, DAY, DAY), NOW + DAY)
    assert state.rulesets(["r1"])["r1"].names == {"a rule", "another"}
    state.prune(Retention(DAY, DAY, DAY), NOW + DAY + 1)
    assert state.rulesets(["r1"]) == {}
