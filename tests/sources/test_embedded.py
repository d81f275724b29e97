"""The embedded source: files in, answers in Elasticsearch's shape out."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from alerter.errors import UsageError
from alerter.sources import embedded
from alerter.sources.embedded import EmbeddedSource, read_documents
from alerter.sources.protocol import Answer, SearchRequest, SourceError

NOON = 1773144000000
DATES = {"@timestamp": {"type": "date"}}


def _events(count: int) -> list[dict[str, Any]]:
    return [
        {"@timestamp": NOON + i * 1000, "user": {"name": f"u{i % 3}"}, "level": "error" if i % 2 else "info", "n": i}
        for i in range(count)
    ]


def _ask(source: EmbeddedSource, body: dict[str, Any]) -> Answer:
    (answer,) = source.search([SearchRequest("any-*", body)])
    assert isinstance(answer, Answer), answer
    return answer


def _between(low: int, high: int) -> dict[str, Any]:
    return {"range": {"@timestamp": {"gte": low, "lt": high, "format": "epoch_millis"}}}


def test_files(tmp_path: Path) -> None:
    """Plain and gzip files are read in order; a wrapped line is unwrapped; bad lines are named and left out."""
    first, second = tmp_path / "a.ndjson", tmp_path / "b.ndjson.gz"
    first.write_text('{"n": 1}\n\nnot json\n[1]\n{"_index": "i", "_id": "x", "_source": {"n": 2}}\n{"n": NaN}\n')
    second.write_bytes(gzip.compress(b'{"n": 3}\n'))
    source = EmbeddedSource([first, second])
    hits = _ask(source, {"sort": ["_doc"]}).hits
    assert [(hit.id, hit.source) for hit in hits] == [("1", {"n": 1}), ("x", {"n": 2}), ("7", {"n": 3})]
    assert [bad.origin for bad in source.bad_lines] == [f"{first}:3", f"{first}:4", f"{first}:6"]
    assert (source.kind, source.requests, source.events) == ("embedded", 0, 3)
    assert "3 of 7 lines left out as no documents; the first: " in source.warnings[0]


@pytest.mark.parametrize("depth", [900, 980, 1000, 1015, 5000])
def test_deep_lines(tmp_path: Path, depth: int) -> None:
    """A line nested beyond what can be read is left out and named, wrapped or not, and the lines after it are read."""
    deep = '{"a":' * depth + "1" + "}" * depth
    data = tmp_path / "deep.ndjson"
    data.write_text(f'{deep}\n{{"_source": {deep}}}\n{{"n": 1}}\n')
    source = EmbeddedSource([data])
    assert source.events == 1
    left_out = [bad.origin for bad in source.bad_lines] + [rejection.origin for rejection in source.rejections]
    assert sorted(left_out) == [f"{data}:1", f"{data}:2"]


def test_unreadable_files(tmp_path: Path) -> None:
    """A missing or damaged file is a usage error that names it."""
    broken = tmp_path / "broken.gz"
    broken.write_bytes(gzip.compress(b'{"n": 1}\n' * 1000)[:-20])
    for path in (tmp_path / "missing.ndjson", broken, tmp_path):
        with pytest.raises(UsageError, match=path.name):
            read_documents([path])


def test_rejected_documents() -> None:
    """A document that a server would reject is left out, with its line and the reason."""
    source = EmbeddedSource(documents=[{"n": 1}, {"n": "many"}, {"n": {"x": 1}}, {"n": "2"}])
    assert source.events == 2
    assert [r.id for r in source.rejections] == ["2", "3"]
    assert "[n] of type [long]" in source.rejections[0].reason


def test_windows() -> None:
    """A range on the time field includes its lower bound and not its upper one, also for unsorted files."""
    events = _events(100)
    for documents in (events, events[::-1]):
        source = EmbeddedSource(documents=documents, properties=DATES)
        body = {"size": 0, "query": {"bool": {"filter": [{"term": {"level": "error"}}, _between(NOON, NOON + 10_000)]}}}
        assert _ask(source, body).total == 5


def test_growing() -> None:
    """Documents and lines added later are found by the same queries, new fields included."""
    source = EmbeddedSource(documents=_events(4))
    body = {"size": 0, "query": {"query_string": {"query": "level:error OR colour:red"}}}
    assert _ask(source, body).total == 2
    source.extend([{"@timestamp": NOON, "colour": "red"}])
    source.extend_lines([(b'{"level": "error"}', "f:1"), (b"{", "f:2")])
    assert _ask(source, body).total == 4
    assert source.bad_lines[0].origin == "f:2"
    assert _ask(source, {"size": 0, "query": _between(NOON, NOON + 1)}).total == 2


@pytest.mark.parametrize("page", [1, 7, 1000])
def test_scan(page: int) -> None:
    """A scan yields every hit once, by time, ties in file order, whatever the size of a page."""
    documents = [{"@timestamp": NOON + i // 10, "user.name": f"u{i % 4}"} for i in range(100)][::-1]
    body = {
        "_source": False,
        "docvalue_fields": [{"field": "@timestamp", "format": "epoch_millis"}, "user.name.keyword"],
        "sort": [{"@timestamp": "asc"}, {"_shard_doc": "asc"}],
        "query": {"match_all": {}},
        "size": 3,
    }
    pages = list(EmbeddedSource(documents=documents, properties=DATES).scan(SearchRequest("i", body), page))
    hits = [hit for hits in pages for hit in hits]
    assert all(len(hits) <= page for hits in pages)
    assert len(hits) == 100
    assert [hit.sort for hit in hits] == sorted(hit.sort for hit in hits)
    assert hits[0].fields == {"@timestamp": [str(NOON)], "user.name.keyword": ["u1"]}


def test_search_after_pages_like_scan() -> None:
    """Paging by ``search_after`` finds what a scan finds."""
    source = EmbeddedSource(documents=_events(25))
    body: dict[str, Any] = {"size": 4, "sort": [{"@timestamp": "desc"}, "_doc"], "_source": False}
    found: list[str] = []
    while hits := _ask(source, body).hits:
        found += [hit.id for hit in hits]
        body["search_after"] = list(hits[-1].sort)
    assert found == [str(i) for i in range(25, 0, -1)]


def test_composite_pages() -> None:
    """Composite pages hold every key once, a missing value as its own."""
    source = EmbeddedSource(documents=[*_events(9), {"@timestamp": NOON, "n": 1}])
    sources = [{"u": {"terms": {"field": "user.name.keyword", "missing_bucket": True}}}]
    after, found = None, []
    while True:
        spec: dict[str, Any] = {"size": 2, "sources": sources, **({"after": after} if after else {})}
        result = _ask(source, {"size": 0, "aggs": {"k": {"composite": spec}}}).aggregations["k"]
        if not result["buckets"]:
            break
        found += [(bucket["key"]["u"], bucket["doc_count"]) for bucket in result["buckets"]]
        after = result["after_key"]
    assert found == [(None, 1), ("u0", 3), ("u1", 3), ("u2", 3)]


def test_each_request_fails_alone() -> None:
    """An unsupported and a rejected request come back as errors of their kind, beside an answer."""
    source = EmbeddedSource(documents=_events(3))
    answers = source.search(
        [
            SearchRequest("i", {"query": {"more_like_this": {}}}),
            SearchRequest("i", {"query": {"nosuch": {}}}),
            SearchRequest("i", {"size": 0, "track_total_hits": False}),
        ]
    )
    assert [answer.kind if isinstance(answer, SourceError) else answer.total for answer in answers] == [
        "unsupported",
        "rejected",
        None,
    ]
    with pytest.raises(SourceError) as caught:
        list(source.scan(SearchRequest("i", {"query": {"more_like_this": {}}, "sort": ["_doc"]})))
    assert caught.value.kind == "unsupported"


def test_now() -> None:
    """The word now in a user's filter means the time the source is given; without one it is refused."""
    body = {"size": 0, "query": {"range": {"@timestamp": {"gte": "now-2s", "lte": "now"}}}}
    assert _ask(EmbeddedSource(documents=_events(10), properties=DATES, now=lambda: NOON + 5000), body).total == 3
    (answer,) = EmbeddedSource(documents=_events(10), properties=DATES).search([SearchRequest("i", body)])
    assert isinstance(answer, SourceError)
    assert answer.kind == "unsupported"


def test_fields() -> None:
    """Types, time bounds and raw values of fields are known, also of times that are no dates."""
    documents = [{"at": "17/May/2015:08:05:32 +0000", "t": {"x": "2026-03-10"}}, {"at": "18/May/2015:08:05:32 +0000"}]
    source = EmbeddedSource(documents=documents)
    assert source.field_types("i", ["at", "t.x", "t", "none"]) == {
        "at": {"text"},
        "t.x": {"date"},
        "t": {"object"},
        "none": frozenset(),
    }
    assert source.time_bounds("at") is None
    assert source.time_bounds("t.x") == (1773100800000, 1773100800000)
    assert list(source.raw_values("at")) == [document["at"] for document in documents]
    assert list(source.raw_values("t.x")) == ["2026-03-10"]


def test_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Much data is warned of, too much is refused with the advice to use Elasticsearch."""
    monkeypatch.setattr(embedded, "WARN_ABOVE", 2)
    monkeypatch.setattr(embedded, "REFUSE_ABOVE", 4)
    assert "use Elasticsearch" in EmbeddedSource(documents=_events(3)).warnings[0]
    with pytest.raises(UsageError, match="too many"):
        EmbeddedSource(documents=_events(5))


def test_redundant_ids_are_kept(tmp_path: Path) -> None:
    """Two lines with one identifier are two documents, because every line is an event."""
    path = tmp_path / "twice.ndjson"
    path.write_text("".join(json.dumps({"_id": "a", "_source": {"n": n}}) + "\n" for n in (1, 2)))
    assert EmbeddedSource([path]).events == 2
