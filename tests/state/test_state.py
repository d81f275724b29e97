"""The State protocol: the same behaviour on SQLite and on a real Elasticsearch."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from alerter.model.heartbeat import Costly, Heartbeat, Load
from alerter.model.incident import (
    Checkpoint,
    Decision,
    Delivery,
    DeliveryState,
    Held,
    Incident,
    KeyMemory,
    Kind,
    Post,
    Reason,
    Thread,
    View,
)
from alerter.model.member import Member, RuleSet
from alerter.model.silence import Matcher, Silence
from alerter.state.protocol import Conflict, Retention, State, StateError
from alerter.state.sqlite import SqliteState

DAY = 86_400_000
NOW = 1_800_000_000_000


def incident(id: str = "i1", **changes: object) -> Incident:
    settings = {
        "id": id,
        "rule": "a rule",
        "type": "frequency",
        "key": (("user.name", "x"), ("n", 5), ("gone", None)),
        "labels": {"severity": "critical", "domain": "order"},
        "opened": NOW,
        "view": View(title="t", fields=(("a", "b"),), chart=((NOW, 1.5),)),
    }
    return Incident(**{**settings, **changes})  # type: ignore[arg-type]


@pytest.fixture(params=["sqlite", pytest.param("elasticsearch", marks=pytest.mark.es)])
def state(request: pytest.FixtureRequest, tmp_path) -> Iterator[State]:
    if request.param == "sqlite":
        made: State = SqliteState(str(tmp_path / "state.db"))
    else:
        from elasticsearch import Elasticsearch

        from alerter.state.elasticsearch import ElasticsearchState

        es = request.getfixturevalue("es")
        prefix = request.getfixturevalue("index_prefix")
        made = ElasticsearchState(Elasticsearch(es.url), prefix)
    made.init()
    yield made
    made.close()


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


@pytest.mark.es
def test_a_foreign_index_is_refused(es, index_prefix):
    """An index of that name which alerter did not make is left alone, and the remedy said."""
    from elasticsearch import Elasticsearch

    from alerter.state.elasticsearch import ElasticsearchState

    client = Elasticsearch(es.url)
    client.index(index=f"{index_prefix}-state", document={"a": 1})
    with pytest.raises(StateError, match="did not make") as refused:
        ElasticsearchState(client, index_prefix).init()
    assert "ALERTER_STATE_INDEX" in refused.value.hint


@pytest.mark.es
def test_an_earlier_version_waits_for_the_upgrade(es, index_prefix):
    """An index of an earlier version is changed only when asked for, and then fits."""
    from elasticsearch import Elasticsearch

    from alerter.state.elasticsearch import ElasticsearchState

    client = Elasticsearch(es.url)
    client.indices.create(
        index=f"{index_prefix}-incidents", mappings={"dynamic": "strict", "_meta": {"alerter_version": 0}}
    )
    state = ElasticsearchState(client, index_prefix)
    with pytest.raises(StateError, match="earlier") as refused:
        state.init()
    assert "--upgrade" in refused.value.hint
    assert any("upgraded" in line for line in state.init(upgrade=True))
    state.save_incident(incident(), None)
    assert state.init() == []


@pytest.mark.es
def test_lost_indices_are_no_fresh_start(es, index_prefix):
    """When somebody deletes the state, it is said; no rule is taken for new."""
    from elasticsearch import Elasticsearch

    from alerter.state.elasticsearch import ElasticsearchState

    client = Elasticsearch(es.url)
    state = ElasticsearchState(client, index_prefix)
    for ask in (lambda: state.checkpoints(["a rule"]), state.incidents, lambda: state.incident("i1")):
        with pytest.raises(StateError) as lost:
            ask()
        assert (lost.value.kind, lost.value.hint) == ("missing", "run: alerter init")


@pytest.mark.es
def test_a_heartbeat_makes_no_index(es, index_prefix):
    """When somebody deletes the state, a beat fails; an index it made would have no mapping and look like a start."""
    from elasticsearch import Elasticsearch

    from alerter.state.elasticsearch import ElasticsearchState

    client = Elasticsearch(es.url)
    with pytest.raises(StateError) as lost:
        ElasticsearchState(client, index_prefix).save_heartbeat(Heartbeat("a", "0.1.0", NOW, NOW))
    assert lost.value.kind == "missing"
    assert not client.indices.exists(index=f"{index_prefix}-state")


@pytest.mark.es
def test_refused_deletes_end_with_an_error(es, index_prefix):
    """Retention on an index that takes no writes fails; it does not try for ever."""
    from elasticsearch import Elasticsearch

    from alerter.state.elasticsearch import ElasticsearchState

    client = Elasticsearch(es.url)
    state = ElasticsearchState(client, index_prefix)
    state.init()
    state.record([Decision(NOW - 10 * DAY, "a rule", None, "fired", "first_match")])
    client.indices.put_settings(index=f"{index_prefix}-decisions", settings={"index.blocks.write": True})
    with pytest.raises(StateError, match="decisions"):
        state.prune(Retention(5 * DAY, 5 * DAY, 5 * DAY), NOW)
    with pytest.raises(StateError, match="decisions"):
        state.record([Decision(NOW, "a rule", None, "fired", "first_match")])


@pytest.mark.es
def test_a_missing_right_brings_the_role(es_secure, index_prefix):
    """403 names the privilege, and the hint holds the role as a request."""
    from alerter.config import load_settings
    from alerter.sources.es_client import connect
    from alerter.state.elasticsearch import ElasticsearchState

    prefix = f"alerter-{index_prefix}"

    def state_of(user: str) -> ElasticsearchState:
        return ElasticsearchState(connect(load_settings(None, es_secure.environment(user)).es), prefix)

    with pytest.raises(StateError, match="create_index") as refused:
        state_of("no_create_index").init()
    assert f'"{prefix}-*"' in refused.value.hint
    state_of("alerter").init()
    with pytest.raises(StateError, match="write") as refused:
        state_of("no_write_state").save_incident(incident(), None)
    assert "PUT _security/role/" in refused.value.hint


@pytest.mark.es
def test_index_of_a_later_version_is_refused(es, index_prefix):
    """An index that a later version made is never touched."""
    from elasticsearch import Elasticsearch

    from alerter.state.elasticsearch import ElasticsearchState

    client = Elasticsearch(es.url)
    client.indices.create(index=f"{index_prefix}-state", mappings={"_meta": {"alerter_version": 99}})
    with pytest.raises(StateError) as refused:
        ElasticsearchState(client, index_prefix).init()
    assert refused.value.kind == "newer"


def member(instance: str = "a:1", **changes: object) -> Member:
    return Member(**{"instance": instance, "session": "s1", "started": NOW, "version": "1", **changes})  # type: ignore[arg-type]


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


@pytest.mark.es
def test_lists_have_no_end(es, index_prefix):
    """More incidents than one search may return are all listed, also by a process that wrote none of them."""
    from elasticsearch import Elasticsearch

    from alerter.state.elasticsearch import ElasticsearchState

    one, other = (ElasticsearchState(Elasticsearch(es.url), index_prefix) for _ in range(2))
    one.init()
    planned = Delivery("d", Kind.FIRING, "slack", "#c", NOW, Reason.FIRST_MATCH, "text")
    many = [incident(f"i{n}", opened=NOW + n, deliveries=(planned,), view=View()) for n in range(10_050)]
    one.save_incidents([(each, None) for each in many])
    assert [v.value.opened for v in other.unfinished()] == [each.opened for each in many]
    newest = [NOW + n for n in (10_049, 10_048, 10_047)]
    assert [v.value.opened for v in other.incidents(open_only=True, limit=3)] == newest
