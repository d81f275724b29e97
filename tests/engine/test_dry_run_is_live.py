"""A dry run says what the engine did: on files as on a cluster, and afterwards as live."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from alerter.clock import MINUTE
from alerter.config import load_settings
from alerter.demo.stream import END, START, documents
from alerter.engine.dryrun import DryRun, dry_run
from alerter.engine.tick import Engine
from alerter.model.incident import Incident
from alerter.model.rule import Rule
from alerter.routing.load import load_routing
from alerter.routing.tree import Routing
from alerter.ruleset.load import load_rules
from alerter.shipped import shipped_dir
from alerter.sources.elasticsearch import ElasticsearchSource
from alerter.sources.embedded import EmbeddedSource
from alerter.sources.es_client import connect
from alerter.sources.reader import Reader
from alerter.state.sqlite import SqliteState
from alerter.timetext import parse_instant
from tests.engine.support import routing
from tests.servers.elastic import Node
from tests.streams.worlds import World, worlds

FIELDS = {"@timestamp": {"type": "date"}, "k": {"type": "keyword"}, "world": {"type": "keyword"}}


@pytest.fixture
def cluster(es: Node) -> Iterator[ElasticsearchSource]:
    """Return the source on the real server."""
    made = ElasticsearchSource(connect(load_settings(None, {"ALERTER_ES_URL": es.url}).es))
    yield made
    made.close()


def index_all(es: Node, index: str, found: Sequence[dict[str, Any]]) -> None:
    """Index documents, visible afterwards."""
    if found:
        es.request("POST", f"{index}/_bulk?refresh=true", [line for d in found for line in ({"index": {}}, d)])


def told(incidents: Sequence[Incident]) -> list[Any]:
    """Return what people saw of incidents, and what they did not; samples may differ among events of one instant."""
    return sorted(
        (
            repr(i.key), i.id, i.opened, i.resolved, i.resolve_reason, i.matches, i.suppressed, i.peak,
            [(d.id, d.at, d.kind, d.receiver, d.channel, d.reason, d.text) for d in i.deliveries],
        )
        for i in incidents
    )  # fmt: skip


def essence(answer: DryRun) -> Any:
    """Return all of an answer but what a source costs."""
    decisions = sorted(map(repr, answer.decisions))
    return sorted(map(repr, answer.matches)), told(answer.incidents), decisions, answer.evaluations


@pytest.mark.es
@settings(
    max_examples=2,
    deadline=None,
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
    suppress_health_check=list(HealthCheck),
    print_blob=True,
)
@given(some=st.lists(worlds(), min_size=8, max_size=8), shards=st.integers(1, 3))
def test_files_and_cluster_give_the_same(
    es: Node, index_prefix: str, cluster: ElasticsearchSource, some: list[World], shards: int
) -> None:
    """Random rules over random documents: the same matches, incidents, messages and reasons from both sources.

    Each world has an index of its own: what a flatline needs to know of the index must be the same too.
    """
    for world in some:
        index = f"{index_prefix}-{uuid.uuid4().hex[:8]}"
        options = {"number_of_shards": shards, "number_of_replicas": 0}
        es.request("PUT", index, {"settings": options, "mappings": {"properties": FIELDS}})
        found = [event.document("w") for event in world.events]
        index_all(es, index, found)
        tested = replace(world.rule, index=index)
        span = (world.start, world.cuts[-1])
        files = dry_run(tested, EmbeddedSource(documents=found, properties=FIELDS), routing(), *span)
        assert essence(dry_run(tested, cluster, routing(), *span)) == essence(files)
        es.drop(index)


def shipped(index: str) -> tuple[list[Rule], Routing]:
    """Return the shipped rules, looking at another index, and the shipped routes."""
    loaded = load_rules([shipped_dir() / "rules"], load_settings(None, {}))
    routes, _ = load_routing([shipped_dir() / "notifiers"])
    assert routes is not None
    return [replace(rule, index=index) for rule in loaded.rules], routes


@pytest.mark.es
def test_shipped_rules_live_and_dry(es: Node, index_prefix: str, cluster: ElasticsearchSource) -> None:
    """Minute by minute over a cluster that fills, with every shipped rule; afterwards the dry run says the same."""
    index = f"{index_prefix}-logs"
    es.request("PUT", index, {"mappings": {"properties": {"@timestamp": {"type": "date"}}}})
    rules, routes = shipped(index)
    state = SqliteState(":memory:")
    state.init()
    engine = Engine(Reader(cluster), state, routes)
    left = [(parse_instant(d["@timestamp"]), d) for d in documents()]
    first = START // MINUTE * MINUTE + MINUTE
    for at in range(first, END + MINUTE, MINUTE):
        now = at + max(rule.query_delay for rule in rules)
        index_all(es, index, [d for when, d in left if when <= now])
        left = [(when, d) for when, d in left if when > now]
        report = engine.tick(rules, now, punctual=True)
        assert report.failures == []
    live: dict[str, list[Incident]] = {rule.name: [] for rule in rules}
    for stored in state.incidents():
        live[stored.value.rule].append(stored.value)
    ends = {name: stored.value for name, stored in state.checkpoints([r.name for r in rules]).items()}
    state.close()
    for rule in rules:
        mark = ends[rule.name]
        answer = dry_run(rule, cluster, routes, mark.started, mark.evaluated)
        assert told(answer.incidents) == told(live[rule.name]), rule.name
    assert sum(bool(found) for found in live.values()) >= 4
