"""One record that cannot be read, edited by hand or of a later version: it is named, and stops nothing else."""

from __future__ import annotations

import json
from typing import Any

import pytest

from alerter.model.heartbeat import Heartbeat
from alerter.model.incident import Checkpoint, Decision, Delivery, Kind, Reason
from alerter.model.silence import Matcher, Silence
from alerter.state.elasticsearch import ElasticsearchState
from alerter.state.protocol import State, StateError
from alerter.state.records import checkpoint_id, heartbeat_id
from alerter.state.sqlite import SqliteState
from tests.state.records import NOW, incident

BROKEN = ["{", "[]", '{"no": "such fields"}', '{"id": "i1", "deliveries": [1]}']
TABLES = {"state": "checkpoints"}


@pytest.fixture
def state(kept: State) -> State:
    """Only what is written as text can be unreadable."""
    return kept


def rewrite(state: State, suffix: str, id: str, text: str) -> None:
    """Replace the text of a record behind the program's back."""
    if isinstance(state, SqliteState):
        table = "heartbeats" if id == heartbeat_id("bad") else TABLES.get(suffix, suffix)
        column, name = ("instance", "bad") if table == "heartbeats" else ("id", id)
        assert state._db.execute(f"UPDATE {table} SET body = ? WHERE {column} = ?", (text, name)).rowcount == 1
        return
    docs: Any = state._docs
    docs.client.update(index=docs.names[suffix], id=id, doc={"body": text}, refresh=True)


def afresh(state: State) -> State:
    """Return the state as another process sees it, which has written nothing of it."""
    if isinstance(state, SqliteState):
        return state
    docs: Any = state._docs
    return ElasticsearchState(docs.client, docs.names["state"].removesuffix("-state"))


@pytest.mark.parametrize("text", BROKEN)
def test_an_incident_that_cannot_be_read_is_left_out_of_lists(state, caplog, text):
    """The others are listed; it is named once, however often lists are read; asked for by its id, it is an error."""
    planned = Delivery("d", Kind.FIRING, "slack", "#c", NOW, Reason.FIRST_MATCH, "text")
    for id in ("bad", "good"):
        state.save_incident(incident(id, deliveries=(planned,)), None)
    rewrite(state, "incidents", "bad", text)
    state = afresh(state)
    for _ in range(2):
        for listed in (state.incidents(), state.incidents(open_only=True), state.unfinished()):
            assert [v.value.id for v in listed] == ["good"]
    (said,) = [record.getMessage() for record in caplog.records]
    assert "bad" in said
    assert said.endswith("it is left out")
    with pytest.raises(StateError, match="cannot be read") as refused:
        state.incident("bad")
    assert refused.value.kind == "incomplete"


def test_a_silence_that_cannot_be_read_is_left_out(state, caplog):
    """The others are in force."""
    for id in ("bad", "good"):
        state.save_silence(Silence(id, (Matcher("rule", "=", "a rule"),), NOW, NOW + 100, "me", "", NOW), None)
    rewrite(state, "silences", "bad", "{")
    assert [v.value.id for v in state.silences(NOW)] == ["good"]
    assert "it is left out" in caplog.text


def test_a_heartbeat_that_cannot_be_read_is_left_out(state, caplog):
    """The other engines are seen."""
    for name in ("bad", "good"):
        state.save_heartbeat(Heartbeat(name, "0.1.0", NOW, NOW))
    rewrite(state, "state", heartbeat_id("bad"), "[]")
    assert [beat.instance for beat in state.heartbeats()] == ["good"]
    assert "it is left out" in caplog.text


def test_a_decision_that_cannot_be_read_is_left_out(state, caplog):
    """The account is short of one line, and says so."""
    state.record([Decision(NOW + n, "a rule", None, "fired", "first_match") for n in range(2)])
    if isinstance(state, SqliteState):
        state._db.execute("UPDATE decisions SET body = '{' WHERE at = ?", (NOW,))
    else:
        (doc,) = state._docs.select("decisions", [{"term": {"at": NOW}}], "at")
        rewrite(state, "decisions", doc["_id"], "{")
    assert [d.at for d in state.decisions()] == [NOW + 1]
    assert "it is left out" in caplog.text


def test_a_checkpoint_that_cannot_be_read_is_an_error(state):
    """Taking it for missing would start the rule afresh: nothing is evaluated until somebody mends it."""
    state.save_checkpoint(Checkpoint("a rule", "m", NOW, NOW), None)
    rewrite(state, "state", checkpoint_id("a rule"), "{")
    with pytest.raises(StateError, match="cannot be read") as refused:
        state.checkpoints(["a rule"])
    assert "by hand" in refused.value.hint


def test_words_of_a_later_version_are_kept_as_they_are(state):
    """A reason, kind or state that this version does not know does not make the record unreadable; nor a new field."""
    planned = Delivery("d", Kind.FIRING, "slack", "#c", NOW, Reason.FIRST_MATCH, "text")
    state.save_incident(incident(deliveries=(planned,)), None)
    text = json.loads(state_text(state, "i1"))
    text["deliveries"][0] |= {"reason": "a_reason_of_the_next_version", "field_of_the_next_version": 1}
    rewrite(state, "incidents", "i1", json.dumps(text))
    state = afresh(state)
    (found,) = state.incidents()
    assert found.value.deliveries[0].reason == "a_reason_of_the_next_version"
    version = state.save_incident(found.value, found.version)
    assert json.loads(state_text(state, "i1"))["deliveries"][0]["reason"] == "a_reason_of_the_next_version"
    assert state.incident("i1").version == version


def state_text(state: State, id: str) -> str:
    """Return the stored text of an incident."""
    if isinstance(state, SqliteState):
        return str(state._db.execute("SELECT body FROM incidents WHERE id = ?", (id,)).fetchone()[0])
    docs: Any = state._docs
    return str(docs.get("incidents", id)["_source"]["body"])
