"""Windows on the time field are bisections; whatever the order of arrival they equal a plain comparison."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from alerter.query.evaluator import Document, Evaluator

TIMES = st.lists(st.one_of(st.integers(0, 30), st.lists(st.integers(0, 30), max_size=3), st.none()), max_size=30)
PROPERTIES = {"t": {"type": "date"}}


def _ids(evaluator: Evaluator, clause: dict[str, Any]) -> list[int]:
    body = {"size": 100, "sort": ["_doc"], "query": {"bool": {"filter": [clause, {"exists": {"field": "k"}}]}}}
    return [int(hit["_id"]) for hit in evaluator.search(body)["hits"]["hits"]]


@settings(max_examples=200, deadline=None)
@given(TIMES, TIMES, st.integers(0, 30), st.integers(0, 30))
def test_windows(first: list[Any], later: list[Any], low: int, high: int) -> None:
    """A window holds every document with a time in it, in file order, before and after documents are added."""
    documents = [Document(str(i), {"t": t, "k": 1}) for i, t in enumerate(first + later)]
    evaluator = Evaluator(documents[: len(first)], PROPERTIES)
    clause = {"range": {"t": {"gt": low, "lte": high, "format": "epoch_millis"}}}
    for known in (first, first + later):
        expected = [
            i
            for i, t in enumerate(known)
            if any(low < x <= high for x in (t if isinstance(t, list) else [t]) if x is not None)
        ]
        assert _ids(evaluator, clause) == expected
        assert _ids(evaluator, {"bool": {"should": [clause]}}) == expected
        if known is first:
            evaluator.extend(documents[len(first) :])


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 5)), max_size=25), st.integers(1, 3))
def test_bool(rows: list[tuple[str, int]], minimum: int) -> None:
    """A boolean query is what its clauses say, for any number of clauses that must match."""
    evaluator = Evaluator([Document(str(i), {"k": 1, "a": a, "n": n}) for i, (a, n) in enumerate(rows)])
    should = [{"term": {"a.keyword": "a"}}, {"range": {"n": {"gte": 3}}}, {"terms": {"n": [1, 4]}}]
    clause = {"bool": {"should": should, "minimum_should_match": minimum, "must_not": {"term": {"n": 5}}}}
    expected = [i for i, (a, n) in enumerate(rows) if n != 5 and (a == "a") + (n >= 3) + (n in (1, 4)) >= minimum]
    assert _ids(evaluator, clause) == expected
