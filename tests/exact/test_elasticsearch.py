"""Every detector against brute force on a real Elasticsearch: many small worlds in one index, several shards."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from random import Random
from typing import Any

import pytest

from alerter.clock import SECOND, Millis
from alerter.detectors import first_checkpoint
from alerter.engine.tick import Engine
from alerter.model.incident import Transition
from alerter.model.rule import AnyEvent, Realert
from alerter.sources.elasticsearch import ElasticsearchSource
from alerter.sources.reader import Reader
from alerter.state.sqlite import SqliteState
from alerter.timetext import parse_instant
from tests.exact.oracle import assert_matches, assert_same, expected, rows_of
from tests.exact.promises import Told, assert_promises
from tests.exact.running import ROUTING, whole
from tests.exact.worlds import KINDS, PROPERTIES, T0, World, body_of, make_world, with_late
from tests.servers.elastic import Node
from tests.support.client import client_of

WORLDS = 48
"""Worlds of one index, all kinds in turn."""
SPAN = 240 * SECOND


@pytest.fixture
def source(es: Node) -> Iterator[ElasticsearchSource]:
    """Return the source on that server."""
    made = ElasticsearchSource(client_of(es))
    yield made
    made.close()


class Batch:
    """Worlds that share an index, a first checkpoint and cuts, so that one engine evaluates all their rules."""

    def __init__(self, node: Node, index: str, seed: int, shards: int) -> None:
        self.node, self.index = node, index
        self.dice = Random(seed)
        self.start = T0 + self.dice.choice([-1, 0, 3_000, 30_999])
        ends = {self.start + self.dice.randint(1, SPAN) for _ in range(self.dice.randint(0, 3))}
        self.cuts = tuple(sorted({*ends, self.start + SPAN}))
        settings = {"number_of_shards": shards, "number_of_replicas": 0, "refresh_interval": -1}
        node.request("PUT", index, {"settings": settings, "mappings": {"properties": PROPERTIES}})
        self.worlds = [self._world(nth) for nth in range(WORLDS)]

    def _world(self, nth: int) -> World:
        world = make_world(self.dice, KINDS[nth % len(KINDS)], f"world {nth}", most=25)
        tested = replace(world.rule, index=self.index)
        if tested.realert.length < 30 * SECOND and isinstance(tested.condition, AnyEvent):
            tested = replace(tested, realert=Realert(30 * SECOND, written=True))
        return replace(world, rule=tested, start=self.start, cuts=self.cuts)

    def first(self, world: World) -> Millis:
        """Return the first document of the index with the world's time field, whosoever it is."""
        name = world.rule.time.name
        own = [doc.at for w in self.worlds if w.rule.time.name == name for doc in w.docs]
        beside = [doc.fields[name] for w in self.worlds for doc in w.docs if name in doc.fields]
        return min([*own, *map(parse_instant, beside)])

    def appear(self, nth: int | None) -> None:
        """Index what an evaluation sees for the first time, and delete what is gone; None: everything."""
        lines: list[Any] = []
        for world in self.worlds:
            for at, doc in enumerate(world.docs):
                shard = "here" if self.dice.random() < 0.6 else str(self.dice.randint(0, 9))
                head = {"_id": f"{world.rule.name}/{at}", "routing": f"{world.rule.name if nth is not None else shard}"}
                if nth is None or doc.arrives == nth:
                    lines += [{"index": head}, body_of(world.rule, doc)]
                elif doc.gone == nth:
                    lines += [{"delete": head}]
        if lines:
            answer = self.node.request("POST", f"{self.index}/_bulk", lines)
            assert not answer["errors"], [i for i in answer["items"] if "error" in next(iter(i.values()))][:1]
        self.node.request("POST", f"{self.index}/_refresh")

    def evaluated(self, source: ElasticsearchSource, *, late: bool) -> dict[str, Told]:
        """Evaluate all rules together from cut to cut, with a new engine before the last; returns what each told."""
        state = SqliteState(":memory:")
        state.init()
        rules = [replace(world.rule, query_delay=0) for world in self.worlds]
        for tested in rules:
            state.save_checkpoint(first_checkpoint(tested, self.start), None)
        told: dict[str, list[list[Transition]]] = {tested.name: [] for tested in rules}
        engine = Engine(Reader(source), state, ROUTING, gaps=False)
        for nth, cut in enumerate(self.cuts):
            if late:
                self.appear(nth)
            if nth and nth == len(self.cuts) - 1:
                engine = Engine(Reader(source), state, ROUTING, gaps=False)
            report = engine.tick(rules, cut)
            assert not report.failures
            for name, outcome in report.outcomes.items():
                told[name].append(list(outcome.transitions))
        state.close()
        return told


@pytest.mark.parametrize(("seed", "shards"), [(n, (1, 2, 3, 5)[n % 4]) for n in range(8)])
def test_worlds_of_one_index(es: Node, index_prefix: str, source: ElasticsearchSource, seed: int, shards: int) -> None:
    """Each rule by itself in a dry run, and all together in parts, give what brute force gives."""
    batch = Batch(es, f"{index_prefix}-worlds", seed, shards)
    batch.appear(None)
    together = batch.evaluated(source, late=False)
    for world in batch.worlds:
        wanted = expected(world, batch.first(world))
        parts = [step for each in together[world.rule.name] for step in each]
        once = list(whole(world, source).transitions)
        try:
            for transitions in (once, parts):
                assert_same(rows_of(transitions), wanted)
                assert_matches(world, transitions)
        except AssertionError as error:
            pytest.fail(f"{world.rule.name}: {error}\n{world.show()}")


@pytest.mark.parametrize(("seed", "shards"), [(n, (1, 3, 5)[n % 3]) for n in range(100, 106)])
def test_late_and_deleted_documents(
    es: Node, index_prefix: str, source: ElasticsearchSource, seed: int, shards: int
) -> None:
    """Documents that come between two evaluations, and that go: what is promised, and nothing twice."""
    batch = Batch(es, f"{index_prefix}-late", seed, shards)
    batch.worlds = [with_late(batch.dice, world) for world in batch.worlds]
    together = batch.evaluated(source, late=True)
    for world in batch.worlds:
        try:
            assert_promises(world, together[world.rule.name])
        except AssertionError as error:
            pytest.fail(f"{world.rule.name}: {error}\n{world.show()}")
