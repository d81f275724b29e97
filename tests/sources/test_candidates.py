"""Naming the keys that can match: the proof that none is missing, and what happens where there is none."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerter.config import load_settings
from alerter.model.rule import Frequency, Realert
from alerter.sources.candidates import certified
from alerter.sources.elasticsearch import ElasticsearchSource
from alerter.sources.es_client import connect
from alerter.sources.opening import Reading
from alerter.sources.reader import Reader
from alerter.testing import rule
from alerter.timetext import iso
from tests.servers.elastic import Node

T0 = 1_700_000_000_000
MINUTE = 60_000
SHARDS = st.lists(st.dictionaries(st.integers(0, 12), st.integers(1, 9), max_size=13), min_size=1, max_size=4)


def answered(shards: list[dict[int, int]], size: int, shard_size: int, least: int) -> tuple[list[dict[str, Any]], int]:
    """Return what a cluster answers: each shard its largest keys, merged; and the error bound it states."""
    merged: Counter[int] = Counter()
    error = 0
    for counts in shards:
        top = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
        merged.update(dict(top[:shard_size]))
        error += top[:shard_size][-1][1] if len(top) > shard_size else 0
    found = sorted(((n, k) for k, n in merged.items() if n >= least), key=lambda pair: (-pair[0], pair[1]))
    return [{"key": k, "doc_count": n} for n, k in found[:size]], error


@settings(max_examples=3_000, deadline=None)
@given(shards=SHARDS, size=st.integers(1, 6), more=st.integers(0, 4), needed=st.integers(1, 20))
def test_a_certified_answer_misses_no_key(shards, size, more, needed):
    """Whatever the shards keep back: with the proof, every key of enough events is among the candidates."""
    least = max(1, needed // 2)
    buckets, error = answered(shards, size, size + more, least)
    if certified(buckets, error, size, needed, least):
        candidates = {b["key"] for b in buckets if b["doc_count"] + error >= needed}
        true: Counter[int] = Counter()
        for counts in shards:
            true.update(counts)
        assert {key for key, number in true.items() if number >= needed} <= candidates


@pytest.mark.es
def test_a_hundred_thousand_keys_hide_none(es: Node, index_prefix: str) -> None:
    """Among 100,000 keys of one event the three with two are found, where no answer of a few keys could prove it."""
    index = f"{index_prefix}-keys"
    mapping = {"properties": {"@timestamp": {"type": "date"}, "k": {"type": "keyword"}}}
    es.request("PUT", index, {"settings": {"number_of_shards": 3}, "mappings": mapping})
    names = [f"user-{n:06d}" for n in range(100_000)] + ["user-000007", "user-050000", "user-099999"]
    for start in range(0, len(names), 10_000):
        lines: list[Any] = []
        for n, name in enumerate(names[start : start + 10_000], start):
            lines += [{"index": {}}, {"@timestamp": iso(T0 + n // 2), "k": name}]
        es.request("POST", f"{index}/_bulk", lines)
    es.request("POST", f"{index}/_refresh", None)
    source = ElasticsearchSource(connect(load_settings(None, {"ALERTER_ES_URL": es.url}).es))
    tested = rule(Frequency(2, 10 * MINUTE), index=index, query_key=("k",), realert=Realert(0, written=True))
    (events,) = Reader(source).open([Reading(tested, T0 - MINUTE, T0 + MINUTE, T0 - MINUTE)])
    assert sorted(key[0][1] for key in list(events.keys())) == ["user-000007", "user-050000", "user-099999"]
    assert any(text.startswith("keys_paged") for text in events.warnings)
    source.close()
