"""new_term over fields of which the server cannot name the terms: what is read, and that the same is found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from random import Random
from typing import Any

import pytest

from alerter.clock import MINUTE, SECOND
from alerter.detectors import first_checkpoint
from alerter.engine.dryrun import dry_run
from alerter.engine.tick import Engine
from alerter.model.history import NewTerm
from alerter.model.rule import Realert
from alerter.sources.asking import Asking
from alerter.sources.elasticsearch import ElasticsearchSource
from alerter.sources.embedded import EmbeddedSource
from alerter.sources.parts import Part
from alerter.sources.reader import Reader
from alerter.state.sqlite import SqliteState
from alerter.testing import rule
from alerter.timetext import iso
from tests.detectors.history_worlds import brute, term_world, told
from tests.detectors.test_history import embedded, late
from tests.engine.support import T0, routing
from tests.exact.counting import CountingSource
from tests.exact.running import in_runs, whole
from tests.exact.worlds import IN_FILES, with_late
from tests.servers.elastic import Node
from tests.support.client import client_of

OLD = 5_000


class Wild(CountingSource):
    """Documents in memory whose field is said to be a wildcard, which they do not have: strings by another name."""

    def field_types(self, index: str, fields: Sequence[str]) -> Mapping[str, frozenset[str]]:
        return {**super().field_types(index, fields), "v": frozenset({"wildcard"})}


class Read:
    """A rule over a field of some type, with many events of nine days ago; ``go`` returns what is new, and the hits."""

    def __init__(self, mapped: str, value: Any, counting: type[CountingSource] = CountingSource) -> None:
        self.source = counting(
            EmbeddedSource(properties={"@timestamp": {"type": "date"}, "v": {"type": mapped}, "w": {"type": "keyword"}})
        )
        self.rule = rule(NewTerm((("v",),)), realert=Realert(0, True), buffer_time=MINUTE, query_delay=0)
        state = SqliteState(":memory:")
        state.init()
        state.save_checkpoint(first_checkpoint(self.rule, T0), None)
        self.engine = Engine(Reader(self.source), state, routing(), gaps=False)
        self.add(*[(-9 * 86_400 + n, value) for n in range(OLD)])

    def add(self, *events: tuple[float, Any]) -> None:
        self.source.inner.extend([{"@timestamp": iso(T0 + round(at * SECOND)), "v": v} for at, v in events])

    def go(self, end: int, *values: Any) -> tuple[list[Any], int]:
        self.add(*[(end - n - 1, value) for n, value in enumerate(values)])
        self.source.reset()
        self.report = self.engine.tick([self.rule], T0 + end * SECOND)
        assert not self.report.failures
        return [m.facts["value"] for m in self.report.outcomes[self.rule.name].matches], self.source.hits


def test_the_window_is_read_once() -> None:
    """And again where a term comes that is not known; it says what that costs."""
    old, new = "2026-01-01", "2026-01-02"
    live = Read("date", old)
    found, hits = live.go(10, old)
    assert (found, hits) == ([], OLD + 1)
    assert "read_one_by_one: v is mapped as" in str(live.report.warnings)
    found, hits = live.go(20, old)
    assert found == []
    assert hits < 10
    assert live.go(30)[1] < 10
    found, hits = live.go(40, new, old)
    assert len(found) == 1
    assert hits > OLD
    assert live.go(200, new, old)[0] == []


def test_of_strings_only_what_may_have_the_term_is_read() -> None:
    """A search finds it, though no aggregation names it."""
    live = Read("keyword", "old", Wild)
    assert live.go(10, "new") == (["new"], 2)  # one for the message
    assert live.go(20, "newer", "new")[0] == ["newer"]
    assert live.source.hits < 10
    live.engine = Engine(Reader(live.source), live.engine.state, routing(), gaps=False)
    found, hits = live.go(30, "old", "new")
    assert found == []
    assert OLD < hits < OLD + 10


@pytest.mark.parametrize("seed", range(4))
def test_what_is_read_is_what_is_there(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Brute force finds the same as a dry run, as any split with restarts, and as runs with late events."""
    monkeypatch.setattr(Asking, "knows_terms", property(lambda self: False))
    dice = Random(seed)
    for _ in range(20):
        world = term_world(dice, times=("date",) * 4 + IN_FILES)
        wanted = brute(world.rule, world.docs, world.start, world.end)
        assert told(whole(world, embedded(world)).transitions) == wanted, world.show()
        assert told(in_runs(world, embedded(world)).transitions) == wanted, world.show()
        late(with_late(dice, term_world(dice)))


def test_whole_numbers_of_several_widths_are_named_by_the_server() -> None:
    """Their values are told apart alike; a number beside a string is not."""
    assert Part("v", "v", None, frozenset({"integer", "long"})).countable
    assert not Part("v", "v", None, frozenset({"keyword", "long"})).countable
    assert not Part("v", "v", None, frozenset({"double", "long"})).countable
    assert not Part("v", "v").countable


@pytest.mark.es
def test_a_server_names_numbers_of_several_widths_and_finds_strings(es_all: Node, index_prefix: str) -> None:
    """A field that is an integer in one index and a long in another; strings, among them some it does not index."""
    client = client_of(es_all)
    counted, wild = (kind(ElasticsearchSource(client)) for kind in (CountingSource, Wild))
    unknown = "x" * 50
    for n, kind in enumerate(("integer", "long", "short", "byte")):
        keyword = {"type": "keyword", "ignore_above": 40}
        fields = {"@timestamp": {"type": "date"}, "n": {"type": kind}, "v": keyword, "h": {"type": "half_float"}}
        index = f"{index_prefix}-terms-{n}"
        client.indices.create(index=index, mappings={"properties": fields})
        for at, number, word in ((-86_400 + n, n, f"a{n}*"), (-60 + n, n + 1, unknown), (n + 5, n + 2, f"a{n + 1}*")):
            event = {"@timestamp": iso(T0 + at * SECOND), "n": number, "h": number / 2, "v": [word]}
            client.index(index=index, document=event)
        client.index(index=index, document={"@timestamp": iso(T0 + 20 * SECOND), "v": unknown})
    client.indices.refresh(index=f"{index_prefix}-terms-*")

    def new(field: str, source: CountingSource) -> list[Any]:
        tested = rule(NewTerm(((field,),)), index=f"{index_prefix}-terms-*", realert=Realert(0, True))
        run = dry_run(tested, source, routing(), T0, T0 + MINUTE)
        assert bool(run.warnings) == bool(source.scans)
        return [match.facts["value"] for match in run.matches]

    assert new("n", counted) == [5]
    assert new("v", counted) == ["a4*"]
    assert counted.scans == 0
    assert new("h", counted) == [2.5]
    assert counted.scans == 2
    assert new("v", wild) == ["a4*"]
    assert (wild.scans, wild.hits) == (2, 8 + 7 + 1)  # one for the message
    client.close()
