"""The terms aggregation: what only a live server could tell, held against fresh requests."""

from __future__ import annotations

import pytest

from alerter.query.evaluator import Document, Evaluator


@pytest.mark.parametrize(
    ("without", "keys"),
    [([], [200, 404]), ([{}], [7, 200, 404]), ([{"status": None}], [7, 200, 404])],
    ids=["in every document", "not in one", "null in one"],
)
def test_terms_without_documents_name_the_missing_one_where_any_lacks_the_field(
    without: list[dict[str, None]], keys: list[int]
) -> None:
    """With ``min_doc_count: 0`` the values of all documents are listed, and what stands for none where one has none."""
    sources = [{"status": 200}, {"status": 404}, *without]
    evaluator = Evaluator([Document(str(n), source) for n, source in enumerate(sources)], {"status": {"type": "long"}})
    terms = {"field": "status", "min_doc_count": 0, "missing": 7}
    body = {"size": 0, "query": {"match_none": {}}, "aggs": {"a": {"terms": terms}}}
    buckets = evaluator.search(body)["aggregations"]["a"]["buckets"]
    assert [(bucket["key"], bucket["doc_count"]) for bucket in buckets] == [(key, 0) for key in keys]
