"""Hundreds of worlds on the real Elasticsearch: several shards, skewed routing, late arrivals, restarts."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from alerter.config import load_settings
from alerter.sources.elasticsearch import ElasticsearchSource
from alerter.sources.es_client import connect
from alerter.timetext import iso
from tests.servers.elastic import Node
from tests.streams.worlds import ANCHOR, essence, known_exactly, through_the_engine, worlds

MAPPING = {
    "properties": {"@timestamp": {"type": "date"}, "k": {"type": "keyword"}, "world": {"type": "keyword"}},
}
NO_SHRINKING = (Phase.explicit, Phase.reuse, Phase.generate)


@pytest.fixture
def source(es: Node) -> Iterator[ElasticsearchSource]:
    """Return the source on that server."""
    made = ElasticsearchSource(connect(load_settings(None, {"ALERTER_ES_URL": es.url}).es))
    yield made
    made.close()


def fresh_index(es: Node, prefix: str, shards: int) -> str:
    """Return a new index that holds one document of no world."""
    name = f"{prefix}-{uuid.uuid4().hex[:10]}"
    es.request("PUT", name, {"settings": {"number_of_shards": shards, "number_of_replicas": 0}, "mappings": MAPPING})
    es.request("POST", f"{name}/_doc?refresh=true", {"@timestamp": iso(ANCHOR)})
    return name


@pytest.mark.es
@settings(
    max_examples=10,
    deadline=None,
    phases=NO_SHRINKING,
    suppress_health_check=list(HealthCheck),
    print_blob=True,
)
@given(
    some=st.lists(worlds(late=True), min_size=30, max_size=30),
    shards=st.integers(1, 5),
    skew=st.sampled_from([1, 2, 7]),
    restarts=st.booleans(),
)
def test_the_real_server_gives_what_all_instants_give(es, index_prefix, source, some, shards, skew, restarts):
    """Whatever the shards and the routing, the incidents are those of every instant known, to the millisecond."""
    index = fresh_index(es, index_prefix, shards)
    for number, world in enumerate(some):
        name = f"w{number}"

        def show(events: Any, name: str = name) -> None:
            lines: list[Any] = []
            for position, event in enumerate(events):
                lines += [{"index": {"routing": str(position % skew)}}, event.document(name)]
            if lines:
                es.request("POST", f"{index}/_bulk?refresh=true", lines)

        placed = replace(world, rule=replace(world.rule, index=index))
        found = essence(through_the_engine(placed, source, show, name, restarts=restarts))
        assert found == essence(known_exactly(world)), (world, shards, skew)
