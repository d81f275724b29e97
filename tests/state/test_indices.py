"""The state in Elasticsearch: indices that are missing, foreign, of other versions, locked, large."""

from __future__ import annotations

import pytest

from alerter.config import load_settings
from alerter.model.heartbeat import Heartbeat
from alerter.model.incident import (
    Decision,
    Delivery,
    Kind,
    Reason,
    View,
)
from alerter.sources.es_client import connect
from alerter.state.elasticsearch import ElasticsearchState
from alerter.state.protocol import Retention, StateError
from tests.state.records import DAY, NOW, incident
from tests.support.client import client_of


@pytest.mark.es
def test_a_foreign_index_is_refused(es, index_prefix):
    """An index of that name which alerter did not make is left alone, and the remedy said."""
    client = client_of(es)
    client.index(index=f"{index_prefix}-state", document={"a": 1})
    with pytest.raises(StateError, match="did not make") as refused:
        ElasticsearchState(client, index_prefix).init()
    assert "ALERTER_STATE_INDEX" in refused.value.hint


@pytest.mark.es
def test_an_earlier_version_waits_for_the_upgrade(es, index_prefix):
    """An index of an earlier version is changed only when asked for, and then fits."""
    client = client_of(es)
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
    client = client_of(es)
    state = ElasticsearchState(client, index_prefix)
    for ask in (
        lambda: state.checkpoints(["a rule"]),
        state.incidents,
        lambda: state.in_force(NOW),
        lambda: state.incident("i1"),
    ):
        with pytest.raises(StateError) as lost:
            ask()
        assert (lost.value.kind, lost.value.hint) == ("missing", "run: alerter init")


@pytest.mark.es
def test_a_heartbeat_makes_no_index(es, index_prefix):
    """When somebody deletes the state, a beat fails; an index it made would have no mapping and look like a start."""
    client = client_of(es)
    with pytest.raises(StateError) as lost:
        ElasticsearchState(client, index_prefix).save_heartbeat(Heartbeat("a", "0.1.0", NOW, NOW))
    assert lost.value.kind == "missing"
    assert not client.indices.exists(index=f"{index_prefix}-state")


@pytest.mark.es
def test_refused_deletes_end_with_an_error(es, index_prefix):
    """Retention on an index that takes no writes fails; it does not try for ever."""
    client = client_of(es)
    state = ElasticsearchState(client, index_prefix)
    state.init()
    state.record([Decision(NOW - 10 * DAY, "a rule", None, "fired", "first_match")])
    client.indices.put_settings(index=f"{index_prefix}-decisions", settings={"index.blocks.write": True})
    with pytest.raises(StateError, match="decisions"):
        state.prune(Retention(5 * DAY, 5 * DAY, 5 * DAY), NOW)
    with pytest.raises(StateError, match="decisions"):
        state.record([Decision(NOW, "a rule", None, "fired", "first_match")])


@pytest.mark.es
def test_decisions_that_were_partly_accepted_are_written_once(es, index_prefix):
    """A bulk of which some arrived is written again as a whole: nothing is there twice, and nothing equal is lost."""
    state = ElasticsearchState(client_of(es), index_prefix)
    state.init()
    one, other = (Decision(NOW, "a rule", None, "delivered", "repeat_due", incident=i) for i in ("i1", "i2"))
    state.record([one, one])
    state.record([one, one, other, other])
    state.record([one, one, other, other])
    assert sorted(d.incident for d in state.decisions()) == ["i1", "i1", "i2", "i2"]


@pytest.mark.es
def test_a_missing_right_brings_the_role(es_secure, index_prefix):
    """403 names the privilege, and the hint holds the role as a request."""
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
    client = client_of(es)
    client.indices.create(index=f"{index_prefix}-state", mappings={"_meta": {"alerter_version": 99}})
    with pytest.raises(StateError) as refused:
        ElasticsearchState(client, index_prefix).init()
    assert refused.value.kind == "newer"


@pytest.mark.es
def test_lists_have_no_end(es, index_prefix):
    """More incidents than one search may return are all listed, also by a process that wrote none of them."""
    one, other = (ElasticsearchState(client_of(es), index_prefix) for _ in range(2))
    one.init()
    planned = Delivery("d", Kind.FIRING, "slack", "#c", NOW, Reason.FIRST_MATCH, "text")
    many = [incident(f"i{n}", opened=NOW + n, deliveries=(planned,), view=View()) for n in range(10_050)]
    one.save_incidents([(each, None) for each in many])
    assert [v.value.opened for v in other.in_force(NOW)[0]] == [each.opened for each in reversed(many)]
    assert [v.value.opened for v in other.unfinished()] == [each.opened for each in many]
    newest = [NOW + n for n in (10_049, 10_048, 10_047)]
    assert [v.value.opened for v in other.incidents(open_only=True, limit=3)] == newest
