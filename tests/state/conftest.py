"""The states that every test of the protocol runs on."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from alerter.state.protocol import State
from alerter.state.sqlite import SqliteState


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
