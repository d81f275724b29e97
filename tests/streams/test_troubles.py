"""What went wrong once: answers that failed half-way, keys of odd types, times that lie elsewhere, indices that go."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import pytest

from alerter.clock import HOUR, MINUTE, SECOND
from alerter.config import load_settings
from alerter.engine.tick import Engine
from alerter.model.incident import Checkpoint
from alerter.model.rule import AnyEvent, Frequency, FromEvent, Realert, Rule, TimeField, ValueList
from alerter.sources import candidates
from alerter.sources.elasticsearch import ElasticsearchSource
from alerter.sources.embedded import EmbeddedSource
from alerter.sources.es_client import connect
from alerter.sources.protocol import SearchRequest, SourceError
from alerter.sources.reader import Reader
from alerter.state.sqlite import SqliteState
from alerter.testing import rule
from alerter.timetext import iso
from tests.engine.support import routing
from tests.servers.elastic import Node

T0 = 1_700_000_040_000 // MINUTE * MINUTE
KEYWORD = {"type": "keyword"}
NOW = Realert(0, written=True)


def engine_over(source: Any, tested: Rule, start: int) -> Engine:
    """Return an engine whose rule was evaluated up to ``start``."""
    state = SqliteState(":memory:")
    state.init()
    state.save_checkpoint(Checkpoint(tested.name, tested.meaning(), start, start), None)
    return Engine(Reader(source), state, routing(), gaps=False)


def matches(engine: Engine, tested: Rule, end: int) -> list[tuple[Any, int]]:
    """Return key and time of what is announced up to ``end``; nothing may fail."""
    report = engine.tick([tested], end + tested.query_delay)
    assert not report.failures, report.failures
    return [(m.key and m.key[0][1], m.at - T0) for m in report.outcomes[tested.name].matches]


class Failing(EmbeddedSource):
    """Fails the second request of an evaluation when told to."""

    failing = False

    def search(self, requests: Sequence[SearchRequest]) -> list[Any]:
        """Answer, or fail what divides a bucket."""
        if self.failing and any("composite" in str(r.body) or "1ms" in str(r.body) for r in requests):
            return [SourceError("unreachable", "gone") for _ in requests]
        return super().search(requests)


def test_late_events_are_still_late_after_a_failure():
    """What was counted for an evaluation that then failed was not judged, and is looked at again."""
    tested = rule(Frequency(3, 30 * SECOND), realert=NOW)
    source = Failing(documents=[{"@timestamp": iso(T0 + 1000)}])
    engine = engine_over(source, tested, T0)
    assert matches(engine, tested, T0 + MINUTE) == []
    source.extend([{"@timestamp": iso(T0 + at)} for at in (2000, 3000)])
    source.failing = True
    assert engine.tick([tested], T0 + 2 * MINUTE + tested.query_delay).failures
    source.failing = False
    assert matches(engine, tested, T0 + 2 * MINUTE) == [(None, 3000)]


def test_a_match_one_millisecond_after_an_edge_stops_nothing():
    """The consumed rank of such a match is known only with its own millisecond."""
    tested = rule(Frequency(2, MINUTE), realert=NOW)
    times = [1, 1, 2, 3, 3, 30_000, 60_001, 60_001, 60_002, 90_000, 120_001, 120_001]
    source = EmbeddedSource(documents=[{"@timestamp": iso(T0 + at)} for at in times])
    engine = engine_over(source, tested, T0)
    found = [m for minute in range(1, 5) for m in matches(engine, tested, T0 + minute * MINUTE)]
    assert [at for _, at in found] == [1, 3, 30_000, 60_001, 90_000, 120_001]


def test_values_of_an_array_count_once_however_many_pages_candidates_fill(monkeypatch):
    """A page of candidates names the other values of its arrays too; these belong to their own page."""
    monkeypatch.setattr(candidates, "VALUES", 1)
    tested = rule(Frequency(3, MINUTE), realert=NOW, query_key=("k",))
    documents = [{"@timestamp": iso(T0 + at), "k": ["a", "b"]} for at in (1000, 2000)]
    documents += [{"@timestamp": iso(T0 + 3000), "k": "a"}]
    source = EmbeddedSource(documents=documents, properties={"k": KEYWORD})
    assert matches(engine_over(source, tested, T0), tested, T0 + MINUTE) == [("a", 3000)]


def test_the_default_and_the_missing_value_are_one_key():
    """A split without a map: the value that is the default, and none at all, count together."""
    domain = FromEvent("d", {}, "other")
    tested = rule(Frequency(4, MINUTE), realert=NOW, domain=domain)
    documents: list[dict[str, Any]] = [{"@timestamp": iso(T0 + n), "d": "other"} for n in (1, 2)]
    documents += [{"@timestamp": iso(T0 + n)} for n in (3, 4)]
    source = EmbeddedSource(documents=documents, properties={"d": KEYWORD})
    assert matches(engine_over(source, tested, T0), tested, T0 + MINUTE) == [("other", 4)]


@pytest.mark.parametrize(
    "timestamp", [{}, {"@timestamp": iso(T0 - 30 * 24 * HOUR)}, {"@timestamp": iso(T0 + 40 * HOUR)}]
)
def test_no_event_is_lost_for_its_other_timestamp(timestamp):
    """Where another field is the rule's time, ``@timestamp`` may lie anywhere, or be missing, at any evaluation."""
    tested = rule(AnyEvent(), realert=NOW, time=TimeField("created"))
    source = EmbeddedSource(documents=[{"created": iso(T0 + 1000), "@timestamp": iso(T0 + 1500)}])
    engine = engine_over(source, tested, T0)
    assert matches(engine, tested, T0 + MINUTE) == [(None, 1000)]
    source.extend([{"created": iso(T0 + 61_000), **timestamp}, {"created": iso(T0 + 62_000), "@timestamp": iso(T0)}])
    assert matches(engine, tested, T0 + 2 * MINUTE) == [(None, 61_000), (None, 62_000)]


def test_a_listed_value_is_compared_here_not_by_the_server():
    """What the server takes for listed is only read; 5.7 in a whole-number field is not 5."""
    tested = rule(ValueList("n", (5,), deny=True), realert=NOW)
    documents = [{"@timestamp": iso(T0 + at), "n": n} for at, n in ((1, 5), (2, 5.7), (3, 4), (4, [4, 5]))]
    source = EmbeddedSource(documents=documents, properties={"n": {"type": "long"}})
    assert [at for _, at in matches(engine_over(source, tested, T0), tested, T0 + MINUTE)] == [1, 4]


@pytest.fixture
def cluster(es: Node) -> Iterator[ElasticsearchSource]:
    """Return the source on that server."""
    made = ElasticsearchSource(connect(load_settings(None, {"ALERTER_ES_URL": es.url}).es))
    yield made
    made.close()


@pytest.mark.es
@pytest.mark.parametrize(
    ("kind", "values"),
    [("boolean", [True, False]), ("long", [7, 8]), ("double", [1.5, 2.25]), ("ip", ["10.0.0.1", "::1"])],
)
def test_keys_of_every_type_come_back_as_they_were_written(es, index_prefix, cluster, kind, values):
    """The server names booleans by numbers; the key, its events and its documents are found all the same."""
    index = f"{index_prefix}-{kind}"
    mapping = {"properties": {"@timestamp": {"type": "date"}, "k": {"type": kind}}}
    es.request("PUT", index, {"mappings": mapping})
    lines: list[Any] = []
    for at, value in enumerate([values[0], values[1], values[0], None, values[0], None], 1):
        lines += [{"index": {}}, {"@timestamp": iso(T0 + at), **({} if value is None else {"k": value})}]
    es.request("POST", f"{index}/_bulk?refresh=true", lines)
    tested = rule(Frequency(2, MINUTE), realert=NOW, query_key=("k",), index=index)
    assert sorted(matches(engine_over(cluster, tested, T0), tested, T0 + MINUTE), key=repr) == sorted(
        [(values[0], 3), (None, 6)], key=repr
    )


@pytest.mark.es
def test_an_index_that_goes_stops_no_other_rule(es, index_prefix, cluster):
    """A pattern under which nothing is left has no events; the rules beside it are evaluated."""
    gone, here = f"{index_prefix}-gone", f"{index_prefix}-here"
    for index in (gone, here):
        es.request("PUT", index, {"mappings": {"properties": {"@timestamp": {"type": "date"}}}})
        es.request("POST", f"{index}/_doc?refresh=true", {"@timestamp": iso(T0 + 1)})
    first = rule(Frequency(1, MINUTE), realert=NOW, index=f"{gone}*")
    second = replace(first, name="beside", index=f"{here}*")
    engine = engine_over(cluster, first, T0)
    engine.state.save_checkpoint(Checkpoint(second.name, second.meaning(), T0, T0), None)
    assert len(engine.tick([first, second], T0 + MINUTE + 2000).outcomes) == 2
    es.request("DELETE", gone)
    es.request("POST", f"{here}/_doc?refresh=true", {"@timestamp": iso(T0 + MINUTE + 1)})
    report = engine.tick([first, second], T0 + 2 * MINUTE + 2000)
    assert [m.at - T0 for m in report.outcomes["beside"].matches] == [MINUTE + 1]
