"""Documents of incidents that did not change are not decoded again, up to a full outbox."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from elasticsearch import Elasticsearch

from alerter.clock import MINUTE, ManualClock
from alerter.state.codec import dumps
from alerter.state.elasticsearch import ElasticsearchState
from alerter.state.protocol import Versioned
from alerter.state.recent import Recent
from tests.delivery.fakes import delivery, incident
from tests.servers.elastic import Node
from tests.support.client import client_of

OUTBOX = 10_000


def test_list_of_a_full_outbox_is_decoded_once() -> None:
    """The second reading of ten thousand gives the same records; one that changed is decoded anew."""
    state = ElasticsearchState(Elasticsearch("http://127.0.0.1:1"), "alerter")
    body = dumps(incident("i", delivery()))
    docs = [{"_id": f"i{n}", "_seq_no": n, "_primary_term": 1, "_source": {"body": body}} for n in range(OUTBOX)]
    first = [state._incident(doc) for doc in docs]
    again = [state._incident(doc) for doc in docs]
    assert all(one is other for one, other in zip(first, again, strict=True))
    assert state._incident({**docs[0], "_seq_no": OUTBOX}) is not first[0]


def test_an_own_write_is_not_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    """A list that shows what this process wrote gives that very record; another one's version of it is decoded."""
    state = ElasticsearchState(Elasticsearch("http://127.0.0.1:1"), "alerter")
    own, others = incident("i", delivery()), incident("i", delivery(), matches=7)
    monkeypatch.setattr(state._docs, "put_all", lambda _suffix, _records: ["5 1"])
    assert state.save_incidents([(own, None)]) == ["5 1"]
    doc = {"_id": "i", "_seq_no": 5, "_primary_term": 1, "_source": {"body": dumps(others)}}
    assert state._incident(doc).value is own
    assert state._incident({**doc, "_seq_no": 6}).value == others


def test_a_list_that_lags_behind_an_own_write_shows_that(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a list still shows as firing, and this process has resolved since, is no open incident any more."""
    state = ElasticsearchState(Elasticsearch("http://127.0.0.1:1"), "alerter")
    before, ended, going_on = incident("i"), incident("i", resolved=9), incident("i", matches=2)
    doc = {"_id": "i", "_seq_no": 4, "_primary_term": 1, "_source": {"body": dumps(before)}}
    monkeypatch.setattr(state._docs, "select", lambda *_args, **_named: [doc])
    assert [v.value for v in state.incidents(open_only=True)] == [before]
    monkeypatch.setattr(state._docs, "put_all", lambda _suffix, _records: ["5 1"])
    state.save_incidents([(going_on, "4 1")])
    assert [v.value for v in state.incidents(open_only=True)] == [going_on]
    monkeypatch.setattr(state._docs, "put_all", lambda _suffix, _records: ["6 1"])
    state.save_incidents([(ended, "5 1")])
    assert state.incidents(open_only=True) == []
    assert [v.value for v in state.incidents()] == [ended]


@pytest.mark.es
def test_an_index_made_anew_begins_from_the_start(es: Node, index_prefix: str) -> None:
    """What was known of the index that somebody deleted says nothing of the new one, whose versions may be the same."""
    client = client_of(es)
    state, other = ElasticsearchState(client, index_prefix), ElasticsearchState(client, index_prefix)
    state.init()
    before = state.save_incident(incident("i", delivery()), None)
    client.indices.delete(index=f"{index_prefix}-incidents")
    other.init()
    assert state.init() == []
    assert state.incidents() == []
    assert other.save_incident(incident("i", delivery(), matches=7), None) == before
    found = state.incident("i")
    assert found is not None
    assert found.value.matches == 7


def test_own_writes_stand_for_what_a_list_shows_for_a_minute() -> None:
    """A list lags behind by a second; what is older comes of an index that was made anew."""
    clock = ManualClock(0)
    recent = Recent(clock)
    recent.wrote(incident("i"), "5 1")
    assert recent.newer("i", "4 1") is not None
    assert recent.newer("i", "5 1") is recent.newer("i", "1 2") is recent.newer("other", "4 1") is None
    clock.advance(MINUTE)
    assert recent.newer("i", "4 1") is None


def test_a_document_read_later_than_an_own_write_counts() -> None:
    """Also where it does not fit the list: what has ended since is not shown as it was before."""
    recent = Recent(ManualClock(0))
    recent.wrote(incident("i"), "5 1")
    ended = Versioned(incident("i", resolved=9), "7 1")
    assert recent.laid_over([ended], lambda one: one.resolved is None) == []
    assert recent.laid_over([], lambda one: one.resolved is None) == [Versioned(incident("i"), "5 1")]


def test_a_bulk_is_no_larger_than_the_server_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    """By number and by length; a document that is longer than that goes alone, and the answers stay in order."""
    documents = ElasticsearchState(Elasticsearch("http://127.0.0.1:1"), "alerter")._docs
    bulks: list[list[str]] = []

    def write(_suffix: str, lines: Sequence[Mapping[str, Any]]) -> list[str]:
        bulks.append([line["body"] for line in lines[1::2]])
        return [f"{len(line['body'])} 1" for line in lines[1::2]]

    monkeypatch.setattr(documents, "_put_items", write)
    monkeypatch.setattr("alerter.state.documents.HEAVY", 10)
    monkeypatch.setattr("alerter.state.documents.PAGE", 3)
    lengths = [4, 6, 1, 30, 2, 2, 2, 2]
    found = documents.put_all("state", [(str(n), {"body": "x" * length}, None) for n, length in enumerate(lengths)])
    assert [[len(body) for body in bulk] for bulk in bulks] == [[4, 6], [1], [30], [2, 2, 2], [2]]
    assert found == [f"{length} 1" for length in lengths]
    assert documents.put_all("state", []) == []
