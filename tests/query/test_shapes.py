"""Documents of a shape met before go to their columns without a look at the mapping; nothing else differs."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from alerter.query.evaluator import Document, Evaluator
from alerter.query.shapes import Shapes
from alerter.sources.embedded_files import LineParser

VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.sampled_from(["", "a", "b c", "404", "2026-03-10T11:00:00Z", "2026-03-10", "10.0.0.1", "é" * 200, "x" * 300]),
    st.sampled_from([0, 1, -7, 200, 2**31, 10**15, 2**63 - 1, 2**63, 2**64]),
    st.sampled_from([0.0, -0.0, 1.5, 1e15, 1e300, -2.25]),
    st.lists(st.sampled_from(["a", "b c", 1, None, "x" * 300]), max_size=3),
)
NAMES = st.sampled_from(["t", "n", "a", "a.b", "a.b.c", "o", "o.p", " "])
DOCUMENTS = st.lists(
    st.dictionaries(NAMES, st.one_of(VALUES, st.dictionaries(NAMES, VALUES, max_size=3)), max_size=5), max_size=6
)
PROPERTIES: list[dict[str, Any]] = [
    {},
    {"t": {"type": "date"}, "n": {"type": "integer"}, "a": {"type": "ip"}},
    {
        "t": {"type": "keyword", "ignore_above": 2},
        "n": {"type": "double"},
        "o": {"properties": {"p": {"type": "text"}}},
    },
]


def _known(evaluator: Evaluator, documents: list[Document]) -> list[Any]:
    """Return everything that is known of the documents: how they are mapped, found, shown and refused."""
    views = evaluator.store.views
    body = {"query": {"match_all": {}}, "size": 100, "sort": ["_doc"]}
    return [
        evaluator.search(body)["hits"]["hits"],  # first: what is ignored is known before fields are asked for
        {name: view.type for name, view in views.items()},
        {name: [repr(view.cell(doc)) for doc in range(evaluator.count)] for name, view in views.items()},
        {name: view.vocabulary() for name, view in views.items()},
        [(view.column.single, view.column.minus_zero, len(view.column.respelt)) for view in views.values()],
        evaluator.search(body)["hits"]["hits"],
        [(rejection.id, rejection.type, rejection.reason) for rejection in evaluator.rejections],
        len(documents),
    ]


@settings(max_examples=400, deadline=None)
@given(DOCUMENTS, st.sampled_from(PROPERTIES), st.booleans())
@example([{"a": {"b": "x"}, "a.b": "y"}], {}, True)  # one field in two places
@example([{"n": 1}, {"n": 2**63}], {}, True)  # beyond what a long holds
@example([{"n": 1.5}, {"n": 1e300}], {}, True)
@example([{"a": ""}, {"a": [], "n": 1}, {"a": "z"}, {"a": [], "n": 1}], {}, True)  # one waits before an empty list
@example([{"t": "2026-03-10"}, {"t": "never"}, {"t": 5}], {}, True)
def test_shapes_change_nothing(sources: list[dict[str, Any]], properties: dict[str, Any], lines: bool) -> None:
    """Each document twice, from lines or from objects: as if each had been looked at, also when asked in between."""
    parser = LineParser()
    documents = [Document(str(at), source) for at, source in enumerate(sources * 2, 1)]
    if lines:
        found = [parser.parse(json.dumps(document.source).encode(), "") for document in documents]
        documents = [document for document in found if document is not None]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Shapes, "add", lambda self, document: False)
        looked_at = _known(Evaluator(documents, properties), documents)
    assert _known(Evaluator(documents, properties), documents) == looked_at
    half = Evaluator(documents[: len(sources)], properties)
    _known(half, documents)
    half.extend(documents[len(sources) :])
    assert _known(half, documents) == looked_at


def test_lines_of_a_log_are_of_one_shape() -> None:
    """What most lines hold waits until it is asked for; another shape in between changes none of it."""
    sources: list[dict[str, Any]] = [
        {"@timestamp": f"2026-03-10T11:00:0{n}Z", "level": "INFO", "user": {"id": f"u{n}"}, "ms": n, "tags": ["a", "b"]}
        for n in range(5)
    ]
    sources[3] = {"@timestamp": "2026-03-10T11:00:03Z", "level": "ERROR"}
    evaluator = Evaluator(Document(str(n), source) for n, source in enumerate(sources))
    waiting = evaluator.store.columns["user.id"].waiting
    assert waiting == ["u1", "u2", None, "u4"]
    query = {"query": {"term": {"user.id": "u4"}}}
    assert [hit["_id"] for hit in evaluator.search(query)["hits"]["hits"]] == ["4"]
    assert not waiting
    level = {"aggs": {"l": {"terms": {"field": "level.keyword"}}}}
    buckets = evaluator.search(level)["aggregations"]["l"]["buckets"]
    assert [(bucket["key"], bucket["doc_count"]) for bucket in buckets] == [("INFO", 4), ("ERROR", 1)]
    assert evaluator.store.columns["ms"].waiting == [1, 2, None, 4]


def test_numbers_in_texts_stay_as_they_are_written() -> None:
    """A text field keeps the spelling of a number, also in the second line of a shape."""
    parser = LineParser()
    lines = (b'{"a": "x"}', b'{"a": 1.50}', b'{"a": 2.50}')
    found = Evaluator(document for line in lines if (document := parser.parse(line, "")) is not None)
    view = found.field("a.keyword")
    assert view is not None
    assert [view.cell(doc) for doc in range(3)] == [("x",), ("1.50",), ("2.50",)]


def test_names_that_are_data_are_not_learned_for_ever() -> None:
    """Where each document has names of its own, all are found, and what is remembered has a bound."""
    evaluator = Evaluator(Document(str(n), {f"f{n}": n, "k": "x"}) for n in range(1_200))
    assert (
        evaluator.search({"query": {"term": {"k": "x"}}, "track_total_hits": True})["hits"]["total"]["value"] == 1_200
    )
    assert evaluator.search({"query": {"term": {"f1199": 1199}}})["hits"]["total"]["value"] == 1


@pytest.mark.parametrize("options", [{"type": "keyword"}, {"type": "keyword", "ignore_above": 60_000}])
@pytest.mark.parametrize(
    ("text", "accepted"), [("x" * 32_766, True), ("x" * 32_767, False), ("\u65e5" * 10_923, False)]
)
def test_keywords_too_long_to_index_in_a_known_shape(options: dict[str, Any], text: str, accepted: bool) -> None:
    """What a keyword cannot hold is rejected also in a line of a known shape, and the lines around it are found."""
    for sub in (False, True):
        field = {"type": "text", "fields": {"raw": options}} if sub else options
        sources = [{"k": "a"}, {"k": "b"}, {"k": text}, {"k": "c"}]
        evaluator = Evaluator((Document(str(n), source) for n, source in enumerate(sources, 1)), {"k": field})
        buckets = evaluator.search({"size": 0, "aggs": {"t": {"terms": {"field": "k.raw" if sub else "k"}}}})
        found = {bucket["key"] for bucket in buckets["aggregations"]["t"]["buckets"]}
        assert found == {"a", "b", "c", *([text] if accepted else [])}
        assert [rejection.id for rejection in evaluator.rejections] == ([] if accepted else ["3"])


def test_a_keyword_with_a_small_limit_ignores_what_is_too_long() -> None:
    """A value too long to index is no error where the field leaves it out, also in the dynamic multi-field."""
    sources = [{"k": "a", "t": "a"}, {"k": "b", "t": "b"}, {"k": "x" * 40_000, "t": "x" * 40_000}]
    mapping = {"k": {"type": "keyword", "ignore_above": 256}}
    evaluator = Evaluator((Document(str(n), source) for n, source in enumerate(sources, 1)), mapping)
    hits = evaluator.search({"sort": ["_doc"]})["hits"]["hits"]
    assert [hit.get("_ignored", []) for hit in hits] == [[], [], ["k", "t.keyword"]]
    assert not evaluator.rejections
