"""Values of windows on real servers: worlds in one index of three shards against brute force, and what a run asks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from alerter.clock import DAY, MINUTE, SECOND
from alerter.engine.dryrun import dry_run
from alerter.model.metric import Limits, Metric, MetricAggregation, MetricKind, Windows
from alerter.model.rule import TimeField, TimeKind
from alerter.sources import metering
from alerter.sources.elasticsearch import ElasticsearchSource
from alerter.sources.embedded import EmbeddedSource
from alerter.sources.protocol import SourceError
from alerter.testing import rule
from alerter.timetext import iso
from tests.detectors.metric_runs import ROUTING, same, through
from tests.detectors.metric_worlds import EXACT, PROPERTIES, worlds
from tests.servers.elastic import Node
from tests.support.client import client_of

pytestmark = pytest.mark.es
EPOCH = 19_000 * DAY
TYPES = {"@timestamp": {"type": "date"}, "nanos": {"type": "date_nanos"}, "seconds": {"type": "double"}}
MAPPINGS = {"properties": {**PROPERTIES, **TYPES}}
TIMES = (TimeField(), TimeField("nanos"), TimeField("seconds", TimeKind.UNIX))


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
@given(several=st.lists(worlds(epoch=EPOCH, kinds=EXACT), min_size=10, max_size=10), number=st.integers(0, 10**9))
def test_a_server_gives_what_brute_force_does(es_all, index_prefix, source, several, number):
    """All metrics that are exact, with and without keys, arrays, dates and numbers for times, any split."""
    index = f"{index_prefix}-{number}"
    found = [
        {**d, "n": n, "nanos": d["@timestamp"], "seconds": at / SECOND}
        for n, world in enumerate(several)
        for d, (at, *_) in zip(world.documents(), world.docs, strict=True)
    ]
    es_all.drop(index)
    create(es_all, index, found)
    for n, world in enumerate(several):
        tested = replace(world.rule, index=index, filter=({"term": {"n": n}},), time=TIMES[n % 3])
        world = replace(world, rule=tested)
        same(through(tested, source, world.start, world.cuts), world)
        same(dry_run(tested, source, ROUTING, world.start, world.cuts[-1]).transitions, world)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(metering, "FEW", 1_000_000)
            patch.setattr(metering, "FIRST_PAGE", 2)
            patch.setattr(metering, "TOGETHER_BY_KEY", 5)
            same(dry_run(tested, source, ROUTING, world.start, world.cuts[-1]).transitions, world)


def test_percentiles_are_the_servers(es_all, index_prefix, source):
    """A percentile is near what it is of all values, whole windows together in one search."""
    index = f"{index_prefix}-percentiles"
    create(es_all, index, [{"@timestamp": iso(EPOCH + n * 100), "v": n % 100} for n in range(6_000)])
    condition = MetricAggregation(Metric(MetricKind.PERCENTILES, "v", 95.0), Windows(5 * MINUTE), Limits(90))
    asked = source.requests
    found = dry_run(rule(condition, index=index), source, ROUTING, EPOCH - 1, EPOCH + 10 * MINUTE)
    assert [m.facts["value"] for m in found.matches] == [pytest.approx(94.5, abs=1)] * 10
    assert source.requests - asked <= 4


@pytest.mark.parametrize("few", [0, 1_000_000], ids=["in slices", "in windows"])
@pytest.mark.parametrize("kind", [MetricKind.PERCENTILES, MetricKind.MAX, MetricKind.AVG])
@pytest.mark.parametrize("type", ["date", "boolean"])
def test_dates_and_booleans_are_numbers_too(es_all, index_prefix, source, type, kind, few, monkeypatch):
    """Dates are milliseconds, booleans 0 and 1, whatever texts the server adds: the same from files."""
    monkeypatch.setattr(metering, "FEW", few)
    index = f"{index_prefix}-{type}"
    values = [False, True, True, False, True] if type == "boolean" else [iso(EPOCH + n * 1_500) for n in range(5)]
    documents = [{"@timestamp": iso(EPOCH + n * 30_000), "d": value} for n, value in enumerate(values)]
    mappings = {"properties": {"@timestamp": {"type": "date"}, "d": {"type": type}}}
    es_all.drop(index)
    es_all.request("PUT", index, {"settings": {"number_of_shards": 1}, "mappings": mappings})
    lines = [line for document in documents for line in ({"index": {}}, document)]
    es_all.request("POST", f"{index}/_bulk?refresh=true", lines)
    embedded = EmbeddedSource(documents=documents, properties=mappings["properties"])
    condition = MetricAggregation(Metric(kind, "d", 50.0), Windows(2 * MINUTE), Limits(-1))
    found = [
        [(m.at, m.facts["value"]) for m in dry_run(tested, asked, ROUTING, EPOCH - 1, EPOCH + 3 * MINUTE).matches]
        for tested in [rule(condition, index=index)]
        for asked in (source, embedded)
    ]
    assert found[0]
    assert found[0] == found[1]


def test_a_day_of_many_keys_is_a_few_requests(es_all, index_prefix, source):
    """What is asked grows with keys and pages, not with events."""
    index = f"{index_prefix}-keys"
    create(es_all, index, [{"@timestamp": iso(EPOCH + n * 7_000), "v": n % 7, "k": f"k{n % 50}"} for n in range(5_000)])
    condition = MetricAggregation(Metric(MetricKind.AVG, "v"), Windows(60 * MINUTE), Limits(5.9))
    tested = rule(condition, index=index, query_key=("k",))
    found = dry_run(tested, source, ROUTING, EPOCH - 1, EPOCH + 9 * 60 * MINUTE)
    assert found.events == 4_629
    assert found.requests < 12


def test_a_float_is_what_was_written(es_all, index_prefix, source):
    """Numbers without a mapping are floats there too: 0.8 is neither above nor below 0.8."""
    index = f"{index_prefix}-floats"
    create(es_all, index, [{"@timestamp": iso(EPOCH + n), "f": value} for n, value in enumerate([0.8, 0.8, 0.8])])
    for kind in (MetricKind.AVG, MetricKind.MIN, MetricKind.MAX, MetricKind.PERCENTILES):
        for limits, values in ((Limits(0.8, 0.8), []), (Limits(0.799), [0.8])):
            condition = MetricAggregation(Metric(kind, "f", 50.0), Windows(MINUTE), limits)
            found = dry_run(rule(condition, index=index), source, ROUTING, EPOCH, EPOCH + MINUTE)
            assert [m.facts["value"] for m in found.matches] == values


def test_fields_that_are_no_numbers_or_not_there(es_all, index_prefix, source):
    """What a server would fail on is refused by name; an unmapped field has no values."""
    index = f"{index_prefix}-none"
    create(es_all, index, [{"@timestamp": iso(EPOCH), "k": "a"}])

    def run(kind, field, **limits):
        condition = MetricAggregation(Metric(kind, field), Windows(MINUTE), Limits(**limits))
        return dry_run(rule(condition, index=index), source, ROUTING, EPOCH - 1, EPOCH + MINUTE).matches

    with pytest.raises(SourceError, match="the field k is mapped as keyword"):
        run(MetricKind.AVG, "k", maximum=0)
    assert not run(MetricKind.AVG, "no", maximum=0, minimum=0)
    for kind in (MetricKind.SUM, MetricKind.VALUE_COUNT, MetricKind.CARDINALITY):
        assert [m.facts["value"] for m in run(kind, "no", minimum=1)] == [0, 0]
    assert [m.facts["value"] for m in run(MetricKind.VALUE_COUNT, "k", maximum=0)] == [1]
