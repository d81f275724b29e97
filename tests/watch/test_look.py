"""The alerter's own incidents, from the first sign to the resolution, over a real state."""

from __future__ import annotations

from dataclasses import replace

import pytest

from alerter.clock import HOUR, MINUTE, SECOND
from alerter.config import WatchSettings
from alerter.model.heartbeat import Cut
from alerter.model.incident import Incident
from alerter.model.member import RuleSet
from alerter.model.route import Receiver
from alerter.model.silence import Matcher, Silence
from alerter.model.trouble import Trouble
from alerter.routing.tree import Node, Routing
from tests.watch.support import NOON, Desk, Peers, beat, failing, member, planned


def one(desk: Desk) -> Incident:
    """Return the only own incident."""
    (found,) = desk.incidents()
    return found


def test_rules_that_fail_are_one_incident_per_kind(desk: Desk) -> None:
    """Told after five minutes, not before; the rules of all engines are counted and some named; resolved at once."""
    desk.own = replace(desk.own, failing=(failing("unreachable", NOON, "a1", "a2"),))
    desk.state.save_heartbeat(beat("b", NOON + 4 * MINUTE, failing=(failing("unreachable", NOON + 1, "b1"),)))
    assert desk.passes(4 * MINUTE + 45 * SECOND) == 0
    assert desk.passes(15 * SECOND) == 1
    found = one(desk)
    assert found.rule == "alerter: rules cannot be evaluated"
    assert found.key == (("cluster", "default"), ("kind", "unreachable"))
    assert found.labels == {
        "rule": found.rule,
        "type": "alerter",
        "domain": "alerter",
        "sign": "rules_failing",
        "severity": "warning",
    }
    assert (found.opened, found.count, found.matches) == (NOON, 3, 1)
    assert found.deliveries[0].text == (
        "[FIRING] [WARNING] Alerter: rules cannot be evaluated - 3 of 80 rules give no answer, the first since "
        "12:00 UTC: a1, a2, b1, cluster default, kind unreachable. Started 12:00 UTC."
    )
    assert found.view.fields[0] == ("a1", "since 12:00 UTC: unreachable reason")
    assert desk.passes(10 * MINUTE) == 0
    desk.own = replace(desk.own, failing=())
    desk.state.save_heartbeat(beat("b"))
    desk.passes(15 * SECOND)
    assert desk.told() == [("firing", "default", "first_match"), ("resolved", "default", "condition_over")]
    assert one(desk).state == "resolved"
    assert [d.outcome for d in desk.state.decisions(rule=found.rule)][-1] == "fired"


def test_two_kinds_are_two_incidents(desk: Desk) -> None:
    """A refused query has nothing to do with a cluster that is gone."""
    desk.own = replace(desk.own, failing=(failing("unreachable", NOON, "x"), failing("rejected", NOON, "y")))
    desk.passes(6 * MINUTE)
    assert [dict(i.key or ())["kind"] for i in desk.incidents()] in (
        ["unreachable", "rejected"],
        ["rejected", "unreachable"],
    )


def test_it_becomes_critical_and_says_so(desk: Desk) -> None:
    """When half of all rules fail; the facts in the message are brought up to date once a minute at most."""
    desk.own = replace(desk.own, failing=(failing("busy", NOON, "x"),))
    desk.passes(6 * MINUTE)
    desk.own = replace(desk.own, failing=(failing("busy", NOON, "x", number=39),))
    desk.passes(15 * SECOND)
    assert one(desk).severity == "critical"
    assert desk.told()[-1] == ("repeat", "default", "severity_raised")
    desk.own = replace(desk.own, failing=(failing("busy", NOON, "x", "z", number=40),))
    assert desk.passes(2 * MINUTE) == 1
    assert one(desk).count == one(desk).peak == 40
    assert len(one(desk).deliveries) == 2


def test_what_lasts_is_said_again_once_an_hour(desk: Desk) -> None:
    """In between nothing is written."""
    desk.own = replace(desk.own, failing=(failing("busy", NOON, "x"),))
    assert desk.passes(5 * MINUTE) == 1
    assert desk.passes(59 * MINUTE) == 0
    assert desk.passes(2 * MINUTE) == 1
    assert desk.passes(58 * MINUTE) == 0
    assert desk.passes(2 * MINUTE) == 1
    assert [kind for kind, _, _ in desk.told()] == ["firing", "repeat", "repeat"]


def test_what_comes_back_soon_is_the_same_incident(desk: Desk) -> None:
    """A sign that begins within five minutes after the end re-opens it; a later one is a new incident."""
    desk.own = replace(desk.own, failing=(failing("busy", NOON, "x"),))
    desk.passes(6 * MINUTE)
    desk.own = replace(desk.own, failing=())
    desk.passes(15 * SECOND)
    again = desk.clock.now() + 4 * MINUTE
    desk.passes(4 * MINUTE)
    desk.own = replace(desk.own, failing=(failing("busy", again, "x"),))
    desk.passes(6 * MINUTE)
    assert [reason for _, _, reason in desk.told()] == ["first_match", "condition_over", "reopened"]
    assert (one(desk).opened, one(desk).state) == (NOON, "firing")
    desk.own = replace(desk.own, failing=())
    desk.passes(6 * MINUTE)
    desk.own = replace(desk.own, failing=(failing("busy", desk.clock.now(), "x"),))
    desk.passes(6 * MINUTE)
    assert len(desk.incidents()) == 2


def test_a_restart_goes_on_with_the_open_one(desk: Desk) -> None:
    """A new process finds it by rule and key: nothing is told twice, and its end is told."""
    desk.own = replace(desk.own, failing=(failing("busy", NOON, "x"),))
    desk.passes(6 * MINUTE)
    watch = desk.start()
    assert desk.passes(2 * MINUTE, watch) == 0
    desk.own = replace(desk.own, failing=())
    assert desk.passes(15 * SECOND, desk.start()) == 1
    assert len(desk.told()) == 2


def test_a_failure_that_is_new_to_this_engine_keeps_the_incident_open(desk: Desk) -> None:
    """The rule changed hands and fails there since a moment ago: the trouble is the same."""
    desk.own = replace(desk.own, failing=(failing("busy", NOON, "x"),))
    desk.passes(6 * MINUTE)
    desk.own = replace(desk.own, failing=(failing("busy", desk.clock.now(), "x"),))
    desk.passes(MINUTE)
    assert one(desk).state == "firing"


def test_two_that_lead_tell_once(desk: Desk) -> None:
    """For a moment two engines may both believe that they lead: the incident they open is the same document."""
    desk.own = replace(desk.own, failing=(failing("busy", NOON, "x"),))
    other = desk.start(Peers("a", "b"))
    desk.passes(4 * MINUTE + 45 * SECOND)
    desk.passes(15 * SECOND)
    desk.passes(MINUTE, other)
    assert desk.told() == [("firing", "default", "first_match")]


def test_who_does_not_lead_or_lost_the_lease_writes_nothing(desk: Desk) -> None:
    """Neither an engine that another one leads, nor one whose last beat is too old."""
    desk.own = replace(desk.own, failing=(failing("busy", NOON, "x"),))
    desk.peers.leading = False
    assert desk.passes(10 * MINUTE) == 0
    desk.peers.leading, desk.peers.fenced = True, True
    assert desk.passes(MINUTE) == 0
    desk.peers.fenced = False
    assert desk.passes(MINUTE) == 1


def test_a_silence_holds_it_back_until_it_ends(desk: Desk) -> None:
    """As with any incident: silenced, it is told when the silence ends and it still lasts."""
    silence = Silence("s", (Matcher("domain", "=", "alerter"),), NOON, NOON + 10 * MINUTE, "on-call", "deploy", NOON)
    desk.silences = [silence]
    desk.own = replace(desk.own, failing=(failing("busy", NOON, "x"),))
    desk.passes(9 * MINUTE)
    assert one(desk).deliveries == ()
    desk.passes(2 * MINUTE)
    assert desk.told() == [("firing", "default", "silence_ended")]


def test_old_messages_are_told_another_way(desk: Desk) -> None:
    """A channel that takes nothing is said to the fallback of who would hear, when that one is stuck itself."""
    desk.state.save_incident(planned("1", NOON), None)
    desk.state.save_incident(planned("2", NOON, "#alerts", "default"), None)
    desk.own = replace(desk.own, troubles=(Trouble("order", "#order", "channel", "is_archived", NOON, 3, NOON),))
    desk.passes(4 * MINUTE + 45 * SECOND)
    assert desk.incidents() == []
    desk.passes(45 * SECOND)
    assert [dict(i.key or ()) for i in desk.incidents()] == [{"channel": "#alerts"}, {"channel": "#order"}]
    assert {receiver for _, receiver, _ in desk.told()} == {"spare"}
    assert desk.incidents()[0].severity == "critical"
    assert dict(desk.incidents()[1].view.fields)["Error"] == "is_archived since 12:00 UTC"


@pytest.mark.parametrize("fallback", [None, "default", "spare"])
def test_without_another_way_the_stuck_one_is_taken(desk: Desk, fallback: str | None) -> None:
    """No fallback, one that is stuck too, or a circle of them: the message waits with the others, and is not lost."""
    default = Receiver("default", "slack", {"channel": "#alerts"}, fallback)
    spare = Receiver("spare", "console", {}, "default")
    desk.routing = Routing(Node("default", "route"), {"default": default, "spare": spare})
    desk.state.save_incident(planned("1", NOON, "#alerts", "default"), None)
    desk.state.save_incident(planned("2", NOON, "spare", "spare"), None)
    desk.passes(6 * MINUTE)
    assert {receiver for _, receiver, _ in desk.told()} == {"default"}


def test_old_messages_take_the_ordinary_way_when_it_works(desk: Desk) -> None:
    """Only who cannot be reached is avoided; delivered, it is over."""
    desk.state.save_incident(planned("1", NOON), None)
    desk.passes(6 * MINUTE)
    assert desk.told() == [("firing", "default", "first_match")]
    stored = desk.state.incident("1")
    assert stored is not None
    desk.state.save_incident(replace(stored.value, deliveries=()), stored.version)
    desk.passes(15 * SECOND)
    assert desk.told()[-1] == ("resolved", "default", "condition_over")


def test_what_is_delivered_late_is_not_old(desk: Desk) -> None:
    """After a long outage messages speak of long ago; only how long they are seen waiting counts."""
    desk.state.save_incident(planned("1", NOON - 5 * HOUR), None)
    desk.passes(3 * MINUTE)
    assert desk.incidents() == []


def test_a_new_leader_does_not_close_what_still_waits(desk: Desk) -> None:
    """It has seen the message for a moment only, but the incident is open and the message is old."""
    desk.state.save_incident(planned("1", NOON), None)
    desk.passes(6 * MINUTE)
    desk.passes(2 * MINUTE, desk.start())
    assert one(desk).state == "firing"


def test_a_cut_is_told_once_and_closed_quietly(desk: Desk) -> None:
    """It has happened and does not go on: after an hour the message is closed without another one."""
    desk.own = replace(desk.own, cut=Cut(NOON, NOON - 30 * HOUR, NOON - 24 * HOUR, 3, ("x", "y", "z")))
    desk.passes(HOUR - MINUTE)
    assert one(desk).key == (("engine", "a"),)
    assert one(desk).view.sentence == (
        "3 rules were not evaluated between 2026-03-09T06:00:00.000Z and 2026-03-09T12:00:00.000Z, longer ago than "
        "max_catchup: x, y, z"
    )
    desk.passes(2 * MINUTE)
    assert (one(desk).state, one(desk).quiet_close) == ("resolved", True)
    assert [kind for kind, _, _ in desk.told()] == ["firing"]


def test_an_engine_that_vanished_is_told_until_it_is_back(desk: Desk) -> None:
    """No member any more and no word of farewell; one that stopped, or is a member, is not missed."""
    desk.state.save_heartbeat(beat("b", NOON))
    desk.state.save_heartbeat(beat("c", NOON, stopped=True))
    desk.passes(MINUTE)
    assert desk.incidents() == []
    desk.peers.living.pop("b")
    desk.passes(30 * SECOND)
    assert desk.incidents() == []
    desk.passes(15 * SECOND)
    assert one(desk).key == (("engine", "b"),)
    assert one(desk).view.sentence == "not heard of since 12:00 UTC; the others evaluate its rules"
    desk.peers.living["b"] = member("b")
    desk.passes(15 * SECOND)
    assert [kind for kind, _, _ in desk.told()] == ["firing", "resolved"]


def test_an_engine_that_never_comes_back_is_forgotten_quietly(desk: Desk) -> None:
    """Its name may never be used again; a restart of the watch does not tell it anew."""
    desk.state.save_heartbeat(beat("b", NOON))
    desk.peers.living.pop("b")
    desk.passes(50 * MINUTE)
    assert desk.passes(5 * MINUTE, desk.start()) == 0
    desk.passes(10 * MINUTE)
    assert one(desk).resolve_reason == "quiet"
    assert desk.passes(10 * MINUTE, desk.start()) == 0
    assert [kind for kind, _, _ in desk.told()] == ["firing"]


def test_engines_that_do_not_run_the_same_are_named(desk: Desk) -> None:
    """Only after ten minutes: a rolling upgrade is none; which rules differ is said."""
    desk.state.save_ruleset(RuleSet("same", (("x", "1"), ("y", "1"))), NOON)
    desk.state.save_ruleset(RuleSet("new", (("x", "2"), ("y", "1"), ("z", "1"))), NOON)
    desk.peers.living["b"] = member("b", "1.1", "new")
    desk.passes(10 * MINUTE)
    assert desk.incidents() == []
    desk.passes(15 * SECOND)
    assert one(desk).key is None
    assert one(desk).view.sentence == "2 engines do not run the same: versions 1.0, 1.1; rules x, z"
    assert one(desk).view.fields == (("Version 1.0, 2 rules", "a"), ("Version 1.1, 3 rules", "b"))
    desk.peers.living["a"] = member("a", "1.1", "new")
    desk.passes(15 * SECOND)
    assert one(desk).state == "resolved"


def test_what_is_off_is_not_looked_for() -> None:
    """Every sign can be turned off."""
    desk = Desk("b", after=WatchSettings(None, None, None, None, None))
    desk.own = replace(desk.own, failing=(failing("busy", NOON, "x"),))
    desk.state.save_incident(planned("1", NOON), None)
    desk.state.save_heartbeat(beat("gone", NOON))
    assert desk.passes(15 * MINUTE) == 0


def test_a_pause_of_the_watcher_is_held_against_nobody(desk: Desk) -> None:
    """While it was stopped it saw nothing: an engine is missed only after it was looked for."""
    desk.state.save_incident(planned("1", NOON), None)
    desk.passes(MINUTE)
    desk.clock.advance(2 * HOUR)
    assert desk.passes(MINUTE) == 0


def test_a_clock_set_back_neither_doubles_nor_loses(desk: Desk) -> None:
    """The incident goes on and its end is told."""
    desk.own = replace(desk.own, failing=(failing("busy", NOON, "x"),))
    desk.passes(6 * MINUTE)
    desk.clock.set(NOON - HOUR)
    desk.passes(MINUTE)
    desk.own = replace(desk.own, failing=())
    desk.passes(15 * SECOND)
    assert [kind for kind, _, _ in desk.told()] == ["firing", "resolved"]


@pytest.fixture
def desk() -> Desk:
    """Return a watch over a fleet of two."""
    return Desk("b")
