"""Events from a real Elasticsearch: every item alone, pages over a point in time, nothing silently missing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from alerter.config import load_settings
from alerter.sources.asking import translated
from alerter.sources.elasticsearch import BATCH, ElasticsearchSource
from alerter.sources.es_client import connect
from alerter.sources.protocol import Answer, SearchRequest, SourceError
from tests.servers.elastic import Node
from tests.support import faults
from tests.support.client import client_of
from tests.support.fault_proxy import FaultProxy

T0 = 1_700_000_000_000
ALL: dict[str, Any] = {"query": {"match_all": {}}, "sort": [{"at": "asc"}]}


@pytest.fixture
def index(es_all: Node, index_prefix: str) -> str:
    """Return an index of 25 documents, five of each time."""
    name = f"{index_prefix}-logs"
    mapping = {"properties": {"at": {"type": "date"}, "level": {"type": "keyword"}, "text": {"type": "text"}}}
    es_all.request("PUT", name, {"mappings": mapping})
    lines: list[Any] = []
    for n in range(25):
        level = "error" if n % 5 == 0 else "info"
        lines += [{"index": {"_id": str(n)}}, {"at": T0 + n // 5, "level": level, "text": f"number {n}"}]
    es_all.request("POST", f"{name}/_bulk?refresh=true", lines)
    return name


@pytest.fixture
def source(es_all: Node) -> Iterator[ElasticsearchSource]:
    """Return the source on that server."""
    made = ElasticsearchSource(client_of(es_all))
    yield made
    made.close()


@pytest.fixture
def proxied(es_all: Node) -> Iterator[tuple[ElasticsearchSource, FaultProxy]]:
    """Return a source behind a proxy that spoils requests."""
    with FaultProxy(es_all.url) as proxy:
        made = ElasticsearchSource(connect(load_settings(None, {"ALERTER_ES_URL": proxy.url}).es))
        yield made, proxy
        made.close()


def count(found: Answer | SourceError) -> int | str | None:
    """Return the total, or what kind of error it is."""
    return found.kind if isinstance(found, SourceError) else found.total


def test_each_item_fails_alone(source: ElasticsearchSource, index: str) -> None:
    """A malformed search among good ones is one error, with the server's reason; the others are answered."""
    good = SearchRequest(index, {"size": 0, "track_total_hits": True})
    bad = SearchRequest(index, {"query": {"no_such_query": {}}})
    found = source.search([good, bad, good])
    assert [count(f) for f in found] == [25, "rejected", 25]
    assert isinstance(found[1], SourceError)
    assert "no_such_query" in found[1].reason


def test_many_searches_go_in_bounded_batches(source: ElasticsearchSource, index: str) -> None:
    """One request for each fifty searches, answered in order."""
    requests = [SearchRequest(index, {"size": 0, "query": {"term": {"at": T0 + n % 5}}}) for n in range(BATCH + 1)]
    found = source.search(requests)
    assert [count(f) for f in found] == [5] * (BATCH + 1)
    assert source.requests == 2


def test_kql_is_translated_wherever_it_stands(source: ElasticsearchSource, index: str) -> None:
    """A KQL clause is a clause like any other."""
    clauses = [translated(clause) for clause in ({"kql": "level: error"}, {"kql": "not at > 1700000000001"})]
    body = {"size": 0, "track_total_hits": True, "query": {"bool": {"filter": clauses}}}
    assert [count(f) for f in source.search([SearchRequest(index, body)])] == [2]


@pytest.mark.parametrize("page", [3, 5, 25, 100])
def test_pages_hold_every_hit_once_in_order(source: ElasticsearchSource, index: str, page: int) -> None:
    """Whatever the page size, each document comes once, by time and then in the order it arrived."""
    ids = [hit.id for hits in source.scan(SearchRequest(index, ALL), page) for hit in hits]
    assert ids == [str(n) for n in range(25)]


def test_a_scan_given_up_closes_its_point_in_time(source: ElasticsearchSource, es_all: Node, index: str) -> None:
    """Whoever stops reading early leaves nothing open on the server."""
    pages = source.scan(SearchRequest(index, ALL), 5)
    next(pages)
    assert _contexts(es_all, index) > 0
    pages.close()  # type: ignore[attr-defined]
    assert _contexts(es_all, index) == 0


def test_an_ended_point_in_time_is_incomplete(source: ElasticsearchSource, es_all: Node, index: str) -> None:
    """When the server forgets the search between two pages, the answer is incomplete, not short."""
    pages = source.scan(SearchRequest(index, ALL), 5)
    next(pages)
    es_all.request("POST", f"{index}/_close")
    with pytest.raises(SourceError) as ended:
        list(pages)
    assert ended.value.kind in ("incomplete", "rejected", "missing")


def test_what_is_not_there(source: ElasticsearchSource, index: str) -> None:
    """A wildcard over nothing is empty; an index named and not there is missing, in every question."""
    nothing = SearchRequest(f"{index}-none-*", {"size": 0, "track_total_hits": True})
    absent = SearchRequest(f"{index}-none", ALL)
    both = SearchRequest(f"{index},{index}-none", {"size": 0})
    assert [count(f) for f in source.search([nothing, absent, both])] == [0, "missing", "missing"]
    assert list(source.scan(nothing)) == []
    with pytest.raises(SourceError, match="none"):
        list(source.scan(absent))
    with pytest.raises(SourceError, match="none"):
        source.field_types(absent.index, ["at"])
    assert source.field_types(nothing.index, ["at"]) == {}


def test_field_types_over_all_indices(source: ElasticsearchSource, es_all: Node, index: str) -> None:
    """Each mapped type is named once; an unmapped field has none."""
    es_all.request("PUT", f"{index}-2", {"mappings": {"properties": {"at": {"type": "long"}}}})
    types = source.field_types(f"{index}*", ["at", "level", "nope"])
    assert types["at"] == {"date", "long"}
    assert types["level"] == {"keyword"}
    assert "nope" not in types


def test_failed_shards_are_no_answer(source: ElasticsearchSource, es_all: Node, index: str) -> None:
    """A search that one of two indices cannot answer is incomplete, with the reason."""
    es_all.request("PUT", f"{index}-2", {"mappings": {"properties": {"level": {"type": "text"}}}})
    es_all.request("POST", f"{index}-2/_doc?refresh=true", {"at": T0, "level": "error"})
    body = {"size": 0, "aggs": {"levels": {"terms": {"field": "level"}}}}
    (found,) = source.search([SearchRequest(f"{index}*", body)])
    assert isinstance(found, SourceError)
    assert found.kind == "incomplete"
    assert "level" in found.reason


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (faults.CUT, "unreachable"),
        (faults.HALF_ANSWER, "unreachable"),
        (faults.status(429), "busy"),
        (faults.status(503), "busy"),
        (faults.SERVER_ERROR, "incomplete"),
    ],
)
def test_a_broken_request_fails_all_its_items(
    proxied: tuple[ElasticsearchSource, FaultProxy], index: str, fault: faults.Fault, kind: str
) -> None:
    """What is between us and the server may break: each search says so, and the next is answered again."""
    source, proxy = proxied
    proxy.plan(fault, "*_msearch*")
    request = SearchRequest(index, {"size": 0, "track_total_hits": True})
    assert [count(f) for f in source.search([request, request])] == [kind, kind]
    assert [count(f) for f in source.search([request])] == [25]


def test_a_broken_page_ends_the_scan(proxied: tuple[ElasticsearchSource, FaultProxy], index: str) -> None:
    """A page that does not come is an error, never the end of the hits."""
    source, proxy = proxied
    proxy.plan(faults.CUT, "* /_search*", nth=2)
    with pytest.raises(SourceError) as broken:
        list(source.scan(SearchRequest(index, ALL), 5))
    assert broken.value.kind == "unreachable"


def test_a_stopped_server_is_unreachable(proxied: tuple[ElasticsearchSource, FaultProxy], index: str) -> None:
    """While nothing listens every question says so; afterwards it is answered."""
    source, proxy = proxied
    proxy.down()
    request = SearchRequest(index, {"size": 0, "track_total_hits": True})
    assert [count(f) for f in source.search([request])] == ["unreachable"]
    with pytest.raises(SourceError):
        source.field_types(index, ["at"])
    proxy.up()
    assert [count(f) for f in source.search([request])] == [25]


@pytest.mark.parametrize("pattern", ["{}-secret", "{}-*"])
def test_what_may_not_be_read_is_no_empty_answer(es_secure: Node, index_prefix: str, pattern: str) -> None:
    """A server that hides what a user may not read answers as if there were nothing; we say ``denied``."""
    es_secure.request("POST", f"{index_prefix}-secret/_doc?refresh=true", {"at": T0})
    request = SearchRequest(pattern.format(index_prefix), {"size": 0, "track_total_hits": True})

    def source_of(user: str) -> ElasticsearchSource:
        return ElasticsearchSource(connect(load_settings(None, es_secure.environment(user)).es))

    blind = source_of("no_read_logs")
    (found,) = blind.search([request])
    assert isinstance(found, SourceError)
    assert found.kind == "denied"
    assert "read" in f"{found.reason} {found.hint}"
    with pytest.raises(SourceError):
        list(blind.scan(SearchRequest(request.index, {"sort": ["_doc"]})))
    seeing = source_of("alerter")
    nothing = SearchRequest(f"{index_prefix}-nothing-*", request.body)
    assert [count(f) for f in seeing.search([request, nothing])] == [1, 0]


def _contexts(node: Node, index: str) -> int:
    found = node.request("GET", f"{index}/_stats/search?filter_path=_all.total.search.open_contexts")
    return int(found["_all"]["total"]["search"]["open_contexts"])
