"""change and new_term on real servers: worlds in one index of several shards against brute force, and what it asks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from random import Random

import pytest

from alerter.sources import changing
from alerter.sources.elasticsearch import ElasticsearchSource
from tests.detectors.history_worlds import MAPPED, alike_at_once, brute, change_world, term_world, told
from tests.exact.running import in_runs, whole
from tests.exact.worlds import IN_FILES, PROPERTIES, body_of
from tests.servers.elastic import Node
from tests.support.client import client_of

pytestmark = pytest.mark.es
WORLDS = 24
"""Worlds of one index, both kinds in turn."""


@pytest.fixture
def source(es_all: Node) -> Iterator[ElasticsearchSource]:
    """Return the source on that server."""
    made = ElasticsearchSource(client_of(es_all))
    yield made
    made.close()


@pytest.mark.parametrize(("seed", "shards"), [(1, 1), (2, 3), (3, 5)])
def test_a_server_gives_what_brute_force_does(es_all, index_prefix, source, seed, shards, monkeypatch):
    """Whole and in parts with restarts, all kinds of times and values; events of one instant are alike."""
    dice = Random(seed)
    monkeypatch.setattr(changing, "TOGETHER", 1 if shards == 3 else changing.TOGETHER)
    index = f"{index_prefix}-history-{seed}"
    worlds = []
    for n in range(WORLDS):
        make = (change_world, term_world)[n % 2]
        world = alike_at_once(make(dice, f"world {n}", ("date",) * 4 + (*IN_FILES, "nanos")))
        worlds.append(replace(world, rule=replace(world.rule, index=index)))
    properties = {**MAPPED, "nanos": PROPERTIES["nanos"]}
    es_all.drop(index)
    es_all.request("PUT", index, {"settings": {"number_of_shards": shards}, "mappings": {"properties": properties}})
    lines = [part for w in worlds for doc in w.docs for part in ({"index": {}}, body_of(w.rule, doc))]
    answer = es_all.request("POST", f"{index}/_bulk?refresh=true", lines)
    assert not answer["errors"]
    for world in worlds:
        wanted = brute(world.rule, world.docs, world.start, world.end)
        try:
            assert told(whole(world, source).transitions) == wanted
            assert told(in_runs(world, source).transitions) == wanted
        except AssertionError as error:
            pytest.fail(f"{world.rule.name}: {error}\n{world.show()}")
