"""One reading for all settings: each gives what a dry run of that rule alone gives, for one reading's requests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from alerter.backtest.reading import readers
from alerter.backtest.run import backtest
from alerter.backtest.sweep import Setting
from alerter.clock import MINUTE, SECOND, Millis
from alerter.config import load_settings
from alerter.engine.dryrun import DryRun, dry_run
from alerter.model.rule import Cardinality, Frequency, Realert, Rule
from alerter.sources.elasticsearch import ElasticsearchSource
from alerter.sources.embedded import EmbeddedSource
from alerter.sources.es_client import connect
from alerter.sources.protocol import Source
from alerter.testing import rule
from tests.engine.support import T0, documents, routing
from tests.servers.elastic import Node
from tests.streams.worlds import World, conditions, worlds

LENGTHS = (3 * SECOND, 10 * SECOND, MINUTE, 10 * MINUTE)


def essence(answer: DryRun) -> Any:
    """Return what the settings must have in common: all but samples and charts.

    The order of keys within one instant is that in which they are met, so that it means nothing.
    """
    incidents = [
        (i.key, i.opened, i.resolved, i.matches, i.suppressed, i.peak, [(d.at, d.kind) for d in i.deliveries])
        for i in answer.incidents
    ]
    return [sorted(map(repr, each)) for each in (answer.matches, incidents, answer.decisions)]


def hold_equal(source: Source, rules: Sequence[Rule], span: tuple[Millis, Millis]) -> None:
    """Compare one reading for all with a reading for each."""
    for each, reader in zip(rules, readers(source, rules, *span), strict=True):
        shared = dry_run(each, source, routing(), *span, reader)
        assert essence(shared) == essence(dry_run(each, source, routing(), *span)), each.condition


def settings_of(world: World, data: st.DataObject) -> list[Rule]:
    """Return the world's rule with several windows, thresholds and silences."""
    kind = type(world.rule.condition)
    found = [world.rule]
    for length in data.draw(st.lists(st.sampled_from(LENGTHS), min_size=1, max_size=3)):
        condition = data.draw(conditions(length).filter(lambda c: isinstance(c, kind)))
        silence = Realert(data.draw(st.sampled_from([0, 5, 60])) * SECOND, written=True)
        found.append(replace(world.rule, condition=condition, realert=silence))
    return found


@settings(max_examples=50, deadline=None, suppress_health_check=list(HealthCheck))
@given(world=worlds(), data=st.data())
def test_every_setting_gives_what_it_gives_alone(world: World, data: st.DataObject) -> None:
    """Whatever the windows and thresholds that share the reading, their order, and the keys of the events."""
    source = EmbeddedSource(documents=[event.document("w") for event in world.events])
    hold_equal(source, settings_of(world, data), (world.start, world.cuts[-1]))


def test_counted_values_are_read_once_a_window() -> None:
    """Different windows of a cardinality rule ask for themselves; different limits of one window share."""
    found = [d | {"user": f"u{n % 7}"} for n, d in enumerate(documents(range(0, 300, 4)))]
    limits = [(3, MINUTE), (5, MINUTE), (2, 10 * SECOND), (5, 5 * MINUTE)]
    rules = [rule(Cardinality("user", length, maximum=most)) for most, length in limits]
    source = EmbeddedSource(documents=found)
    span = (T0, T0 + 10 * MINUTE)
    hold_equal(source, rules, span)
    each = readers(source, rules, *span)
    assert each[0] is each[1]
    assert len({id(reader) for reader in each}) == 3


@pytest.mark.es
def test_a_cluster_is_read_once(es: Node, index_prefix: str) -> None:
    """Twelve settings, keyed, cost less than twice the requests of one; each gives what it gives alone."""
    index = f"{index_prefix}-logs"
    fields = {"@timestamp": {"type": "date"}, "user": {"type": "keyword"}}
    es.request("PUT", index, {"mappings": {"properties": fields}})
    found = [d | {"user": "ab"[n % 2]} for n, d in enumerate(documents([*range(0, 900, 3), *range(300, 400)]))]
    es.request("POST", f"{index}/_bulk?refresh=true", [line for d in found for line in ({"index": {}}, d)])
    source = ElasticsearchSource(connect(load_settings(None, {"ALERTER_ES_URL": es.url}).es))
    try:
        rules = [
            rule(Frequency(number, length), index=index, query_key=("user",), name="sweep")
            for number in (5, 10, 20, 40)
            for length in (30 * SECOND, MINUTE, 5 * MINUTE)
        ]
        span = (T0 - 1, T0 + 20 * MINUTE)
        hold_equal(source, rules, span)
        alone = backtest([Setting((), rules[0])], source, routing(), span)
        shared = backtest([Setting((), each) for each in rules], source, routing(), span)
        assert shared.events == alone.events == len(found)
        assert any(score.incidents for score in shared.scores)
        assert any(not score.incidents for score in shared.scores)
        assert shared.requests <= 2 * alone.requests
    finally:
        source.close()
