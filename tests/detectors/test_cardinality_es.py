"""cardinality on real servers: worlds in one index of three shards against brute force, and what a run asks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from alerter.clock import DAY, MINUTE, SECOND
from alerter.engine.dryrun import dry_run
from alerter.model.rule import Cardinality, TimeField
from alerter.sources.elasticsearch import ElasticsearchSource
from alerter.testing import rule
from alerter.timetext import iso
from tests.detectors.brute_cardinality import brute
from tests.detectors.test_cardinality import PROPERTIES, ROUTING, documents_of, through, values_of, worlds
from tests.detectors.test_exact import folded, told
from tests.servers.elastic import Node
from tests.support.client import client_of

pytestmark = pytest.mark.es
EPOCH = 19_000 * DAY
MAPPINGS = {"properties": {**PROPERTIES, "@timestamp": {"type": "date"}, "nanos": {"type": "date_nanos"}}}
TIMES = (TimeField(), TimeField("nanos"))


@pytest.fixture
def source(es_all: Node) -> Iterator[ElasticsearchSource]:
    """Return the source on that server."""
    made = ElasticsearchSource(client_of(es_all))
    yield made
    made.close()


def create(node, index, documents):
    """Index documents in three shards."""
    node.request("PUT", index, {"settings": {"number_of_shards": 3}, "mappings": MAPPINGS})
    lines = [line for document in documents for line in ({"index": {}}, document)]
    node.request("POST", f"{index}/_bulk?refresh=true", lines)


@settings(max_examples=3, deadline=None, suppress_health_check=list(HealthCheck))
@given(several=st.lists(worlds(epoch=EPOCH), min_size=10, max_size=10), number=st.integers(0, 10**9))
def test_a_server_gives_what_brute_force_does(es_all, index_prefix, source, several, number):
    """Too many and too few, with and without keys, arrays, both kinds of dates, any split."""
    index = f"{index_prefix}-{number}"
    found = [{**d, "n": n, "nanos": d["@timestamp"]} for n, world in enumerate(several) for d in documents_of(world)]
    es_all.drop(index)
    create(es_all, index, found)
    times = [at for world in several for at, _, _ in world.docs]
    for n, world in enumerate(several):
        tested = replace(world.rule, index=index, filter=({"term": {"n": n}},), time=TIMES[n % 2])
        expected, values = brute(tested, world.events, world.start, world.cuts[-1], times)
        transitions = through(tested, source, world.start, world.cuts)
        assert [r[1:] for r in folded(told(transitions))] == [r[1:] for r in folded(expected)]
        assert values_of(transitions).items() <= values.items()


def test_thousands_of_values_are_exact(es_all, index_prefix, source):
    """Far above what an estimate would get right, and in pages: the match is at the value that makes one too many."""
    index = f"{index_prefix}-many"
    documents = [{"@timestamp": iso(EPOCH + n * 20), "v": f"v{n * 7_919 % 12_345}"} for n in range(12_345)]
    create(es_all, index, documents)
    tested = rule(Cardinality("v", 10 * MINUTE, 12_343), index=index)
    found = dry_run(tested, source, ROUTING, EPOCH - 1, EPOCH + 10 * MINUTE)
    assert [(m.at, m.count, m.facts["value"]) for m in found.matches] == [(EPOCH + 12_343 * 20, 12_344, 12_344)]
    assert found.requests < 20


def test_an_index_without_the_field_or_without_documents(es_all, index_prefix, source):
    """Nothing to count is no error, and fewer than wanted once the window is covered."""
    index = f"{index_prefix}-none"
    create(es_all, index, [{"@timestamp": iso(EPOCH), "k": "a"}])
    few = rule(Cardinality("v", 10 * SECOND, None, 1), index=index)
    assert [m.facts["value"] for m in dry_run(few, source, ROUTING, EPOCH, EPOCH + MINUTE).matches] == [0]
    many = rule(Cardinality("missing", 10 * SECOND, 0), index=f"{index}-*")
    assert not dry_run(many, source, ROUTING, EPOCH, EPOCH + MINUTE).matches
