"""Buckets by queries, and the hits within a bucket."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from alerter.query.aggregations.parts import Aggregation, Aggregations, Result, check, field, nothing_below
from alerter.query.context import Context
from alerter.query.dsl import compile_query
from alerter.query.errors import UnsupportedQuery, argument, content, parsing
from alerter.query.hits import page
from alerter.query.nodes import Docs

_HITS = {"from", "size", "sort", "_source", "docvalue_fields", "fields", "track_scores"}


def filter_one(context: Context, name: str, options: Mapping[str, Any], below: Aggregations) -> Aggregation:  # noqa: ARG001
    """Compile ``filter``."""
    node = compile_query(context, options)

    def run(docs: Docs) -> Result:
        members = node.filter(docs)
        return {"doc_count": len(members), **below(members)}

    return run


def filters(context: Context, name: str, options: Mapping[str, Any], below: Aggregations) -> Aggregation:
    """Compile ``filters``, named or anonymous."""
    for key in options:
        if key not in ("filters", "other_bucket", "other_bucket_key", "keyed"):
            raise parsing(f"Unexpected token in [{name}]: [{key}]")
    spec = options.get("filters")
    if not isinstance(spec, (Mapping, list)):
        raise argument("[filters] cannot be null.")
    if not spec:
        raise argument("[filters] cannot be empty.")
    if "keyed" in options:
        raise UnsupportedQuery("parameter [keyed] of the aggregation [filters]")
    named = list(spec.items()) if isinstance(spec, Mapping) else [(str(i), each) for i, each in enumerate(spec)]
    nodes = [(key, compile_query(context, clause)) for key, clause in named]
    other = options.get("other_bucket_key") or ("_other_" if options.get("other_bucket") in (True, "true") else None)

    def run(docs: Docs) -> Result:
        found: dict[str, Result] = {}
        seen: set[int] = set()
        for key, node in nodes:
            members = node.filter(docs)
            found[key] = {"doc_count": len(members), **below(members)}
            if other is not None:
                seen.update(members)
        if other is not None:
            rest = [doc for doc in docs if doc not in seen]
            found[other] = {"doc_count": len(rest), **below(rest)}
        return {"buckets": found if isinstance(spec, Mapping) else list(found.values())}

    return run


def missing(context: Context, name: str, options: Mapping[str, Any], below: Aggregations) -> Aggregation:  # noqa: ARG001
    """Compile ``missing``."""
    check("missing", options, {"field", "missing"})
    if options.get("missing") is not None:
        raise UnsupportedQuery("parameter [missing] of the aggregation [missing]")
    view = field(context, options)
    if view is None and below is not nothing_below:
        raise UnsupportedQuery("aggregations below [missing] on a field that is not mapped")

    def run(docs: Docs) -> Result:
        members = docs if view is None else [doc for doc in docs if not view.cell(doc)]
        return {"doc_count": len(members), **below(members)}

    return run


def everything(context: Context, name: str, options: Mapping[str, Any], below: Aggregations) -> Aggregation:  # noqa: ARG001
    """Compile ``global``: all documents, whatever the query."""
    check("global", options, set())

    def run(_: Docs) -> Result:
        members = range(context.store.count)
        return {"doc_count": len(members), **below(members)}

    return run


def top_hits(context: Context, name: str, options: Mapping[str, Any], below: Aggregations) -> Aggregation:  # noqa: ARG001
    """Compile ``top_hits``."""
    check("top_hits", options, _HITS)
    if options.get("track_scores") in (True, "true"):
        raise content("[top_hits] track_scores is not supported")
    wanted = page(context, options, size=3, window=None)
    if wanted.size == 0 and wanted.keys:
        raise argument("numHits must be > 0; please use TotalHitCountCollector if you just need the total hit count")
    if wanted.start + wanted.size > 100:
        raise argument(
            f"Top hits result window is too large, the top hits aggregator [{name}]'s from + size must be less than "
            "or equal to: [100]"
        )

    def run(docs: Docs) -> Result:
        total = {"value": len(docs), "relation": "eq"}
        return {"hits": {"total": total, "max_score": None, "hits": wanted.of(context, docs)}}

    return run
