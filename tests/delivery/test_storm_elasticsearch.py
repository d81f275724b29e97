"""A storm whose documents are on a real Elasticsearch: the lists that a digest's rows are read from see its members."""

from __future__ import annotations

from alerter.state.elasticsearch import ElasticsearchState
from tests.delivery.fakes import Desk, delivery, incident
from tests.delivery.test_storm import STORM, digest_of, digests, ended, members, totals
from tests.servers.elastic import Node
from tests.support.client import client_of


def test_storm_on_elasticsearch(es: Node, index_prefix: str) -> None:
    """Members, ends and a restart are counted as on SQLite, and the open digest is found again."""
    desk = Desk(storm=STORM)
    desk.state = ElasticsearchState(client_of(es), f"alerter-{index_prefix}")  # type: ignore[assignment]
    desk.state.init()
    desk.restart("one")
    planned = [incident(f"i{n}", delivery(f"d{n}"), rule=f"rule {n % 7}") for n in range(140)]
    desk.state.save_incidents([(made, None) for made in planned])
    desk.passes(5)
    assert totals(digests(desk)[0]) == (20, 0)
    desk.restart("two")
    ended(desk, members(desk)[:15])
    desk.passes(40)
    assert totals(digests(desk)[-1]) == (5, 15)
    assert digest_of(desk).resolved is None
    assert [s.value.type for s in desk.state.incidents(rule="", open_only=True)] == ["digest"]
