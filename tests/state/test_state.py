"""The State protocol: the same behaviour on SQLite, in memory and on a real Elasticsearch."""

from __future__ import annotations

import pytest

from alerter.model.incident import (
    Checkpoint,
    Decision,
    Delivery,
    DeliveryState,
    Kind,
    Post,
    Reason,
    View,
)
from alerter.model.memory import Held, KeyMemory, Thread
from alerter.model.silence import Matcher, Silence
from alerter.state.protocol import Conflict, Retention, StateError
from alerter.state.sqlite import SqliteState
from tests.state.records import DAY, NOW, incident


def test_init_twice_changes_nothing(state):
    """Creating what is there already does nothing and says nothing."""
    assert state.init() == []


def test_incident_survives_unchanged(state):
    """Every part of an incident is read back as it was written."""
    delivery = Delivery("d", Kind.FIRING, "slack", "#c", NOW, Reason.FIRST_MATCH, "text", DeliveryState.UNCLEAR, 2)
    written = incident(deliveries=(delivery,), posts=(Post("slack", "#c", "C1", "1.2", 1, NOW),))
    state.save_incident(written, None)
    assert state.incident("i1").value == written


def test_creating_twice_conflicts(state):
    """Two engines cannot both create an incident."""
    state.save_incident(incident(), None)
    with pytest.raises(Conflict):
        state.save_incident(incident(), None)


def test_stale_write_conflicts(state):
    """A write that quotes an old version changes nothing."""
    first = state.save_incident(incident(), None)
    second = state.save_incident(incident(matches=2), first)
    with pytest.raises(Conflict):
        state.save_incident(incident(matches=3), first)
    assert state.incident("i1").value.matches == 2
    assert state.incident("i1").version == second


def test_own_writes_are_listed_at_once(state):
    """A list shows what this process wrote, open incidents first of all."""
    state.save_incident(incident("old", opened=NOW - 10, resolved=NOW - 5), None)
    state.save_incident(incident("new"), None)
    assert [v.value.id for v in state.incidents()] == ["new", "old"]
    assert [v.value.id for v in state.incidents(open_only=True)] == ["new"]
    assert [v.value.id for v in state.incidents(rule="other")] == []
    assert [v.value.id for v in state.incidents(since=NOW)] == ["new"]


def test_unfinished_lists_what_is_to_deliver(state):
    """Planned deliveries and stale posts make an incident unfinished; sent ones do not."""
    planned = Delivery("d", Kind.FIRING, "slack", "#c", NOW, Reason.FIRST_MATCH, "text")
    sent = Delivery("d", Kind.FIRING, "slack", "#c", NOW, Reason.FIRST_MATCH, "text", DeliveryState.SENT)
    state.save_incident(incident("planned", deliveries=(planned,)), None)
    state.save_incident(incident("sent", deliveries=(sent,)), None)
    state.save_incident(incident("stale", revision=2, posts=(Post("slack", "#c", "C", "1.0", 1),)), None)
    assert {v.value.id for v in state.unfinished()} == {"planned", "stale"}


def test_checkpoint_with_keys_survives(state):
    """A checkpoint keeps every key's memory, also of the rule without a key."""
    thread = Thread("i1", NOW, matches=3, suppressed=7)
    keys = {None: KeyMemory(up=Held(True, NOW)), (("a", 1), ("b", None)): KeyMemory(until=NOW, thread=thread)}
    written = Checkpoint("a rule", "meaning", NOW, NOW - 5, keys=keys, seen=((None, NOW, 2), ((("a", 1),), NOW, 1)))
    version = state.save_checkpoint(written, None)
    found = state.checkpoints(["a rule", "other"])
    assert found["a rule"].value == written
    assert list(found) == ["a rule"]
    with pytest.raises(Conflict):
        state.save_checkpoint(written, None)
    assert state.checkpointed() == ["a rule"]
    state.drop_checkpoint("a rule", version)
    assert state.checkpointed() == []


def test_silences_are_listed_until_they_end(state):
    """An expired silence is listed only when asked for."""
    silence = Silence("s1", (Matcher("rule", "=", "a rule"),), NOW, NOW + 100, "me", "why", NOW)
    state.save_silence(silence, None)
    assert [v.value for v in state.silences(NOW)] == [silence]
    assert state.silences(NOW + 100) == []
    assert [v.value for v in state.silences(NOW + 100, expired=True)] == [silence]


def test_what_is_in_force_is_listed_together(state):
    """Open incidents newest first, silences not over; both as this process wrote them a moment ago."""
    for id, opened in (("old", NOW - 2), ("new", NOW - 1)):
        version = state.save_incident(incident(id, opened=opened), None)
    state.save_incident(incident("over", opened=NOW, resolved=NOW), None)
    for id, end in (("s1", NOW + 100), ("s2", NOW + 50)):
        state.save_silence(Silence(id, (Matcher("rule", "=", "a rule"),), NOW, end, "me", "", NOW), None)

    def listed(at: int) -> tuple[list[str], list[str]]:
        incidents, silences = state.in_force(at)
        return [v.value.id for v in incidents], [v.value.id for v in silences]

    assert listed(NOW) == (["new", "old"], ["s2", "s1"])
    state.save_incident(incident("new", opened=NOW - 1, resolved=NOW), version)
    assert listed(NOW + 50) == (["old"], ["s1"])


def test_decisions_are_read_newest_first(state):
    """The record of decisions is read by rule and time, newest first."""
    made = [Decision(NOW + n, "a rule", (("k", "v"),), "suppressed", "realert", until=NOW + 9) for n in range(3)]
    state.record([*made, Decision(NOW, "other", None, "fired", "first_match")])
    assert state.decisions(rule="a rule") == made[::-1]
    assert state.decisions(rule="a rule", since=NOW + 2) == made[2:]


def test_decisions_are_selected_by_incident_and_span(state):
    """Both ends of the span belong to it; without a limit everything is read."""
    made = [Decision(NOW + n, "a rule", None, "fired", "first_match", incident=f"i{n % 2}") for n in range(1_002)]
    state.record(made)
    assert state.decisions(incident="i1", until=NOW + 3) == [made[3], made[1]]
    assert state.decisions(since=NOW + 1, until=NOW + 2) == [made[2], made[1]]
    state.record([Decision(NOW, "a rule", None, "skipped", "gap")])
    assert [d.outcome for d in state.decisions(incident="")] == ["skipped"]
    assert len(state.decisions(rule="a rule", limit=None)) == len(made) + 1


def test_retention_deletes_only_what_is_over_and_told(state):
    """Old closed incidents go; open ones, recent ones and undelivered ones stay."""
    planned = Delivery("d", Kind.RESOLVED, "slack", "#c", NOW, Reason.CONDITION_OVER, "text")
    state.save_incident(incident("old", resolved=NOW - 10 * DAY), None)
    state.save_incident(incident("untold", resolved=NOW - 10 * DAY, deliveries=(planned,)), None)
    state.save_incident(incident("recent", resolved=NOW), None)
    state.save_incident(incident("open"), None)
    state.record([Decision(NOW - 10 * DAY, "a rule", None, "fired", "first_match")])
    assert state.prune(Retention(5 * DAY, 5 * DAY, 5 * DAY), NOW) == 2
    assert {v.value.id for v in state.incidents()} == {"untold", "recent", "open"}
    assert state.decisions() == []


def test_hostile_values_are_kept(state):
    """NUL, broken unicode and large texts do not break the store."""
    view = View(sample="\x00 <!channel> " + "x" * 100_000, title="\u202e \ud800")
    labels = {"domain": "half \udc00", "severity": "warning"}
    written = incident(view=view, key=(("k", "v" * 5000), ("half", "\ud83d")), labels=labels)
    state.save_incident(written, None)
    state.record([Decision(NOW, "a rule", written.key, "fired", "first_match")])
    assert state.incident("i1").value == written
    assert state.incidents()[0].value == written
    assert state.decisions()[0].key == written.key


def test_state_of_a_later_version_is_refused(tmp_path):
    """A file that a later version wrote is never touched."""
    import sqlite3

    path = str(tmp_path / "later.db")
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA user_version = 99")
    with pytest.raises(StateError) as refused:
        SqliteState(path).init()
    assert refused.value.kind == "newer"
