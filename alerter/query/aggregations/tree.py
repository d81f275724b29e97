"""The tree of aggregations of a request: reading it, refusing what is not known, running it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from alerter.query.aggregations import buckets, composite, histograms, metrics, ranges, terms
from alerter.query.aggregations.parts import Aggregation, Aggregations, Builder, nothing_below
from alerter.query.context import Context
from alerter.query.errors import UnsupportedQuery, parsing
from alerter.query.names import AGGREGATIONS

_BUILDERS: dict[str, Builder] = {
    "terms": terms.build,
    "date_histogram": histograms.date_histogram,
    "histogram": histograms.histogram,
    "range": ranges.number_range,
    "date_range": ranges.date_range,
    "filter": buckets.filter_one,
    "filters": buckets.filters,
    "missing": buckets.missing,
    "global": buckets.everything,
    "composite": composite.build,
    "top_hits": buckets.top_hits,
    **metrics.BUILDERS,
}

IMPLEMENTED = frozenset(_BUILDERS)
"""The names of all aggregations that are answered here."""

_LEAVES = {*metrics.BUILDERS, "top_hits"}


def compile_aggregations(context: Context, spec: Any, depth: int = 0) -> Aggregations:
    """Compile ``{name: {type: options, aggs: {...}}}``; raises RejectedQuery or UnsupportedQuery."""
    if not isinstance(spec, Mapping):
        raise parsing("Expected [START_OBJECT] under [aggs]")
    if depth > 20:
        raise UnsupportedQuery("aggregations nested more than 20 deep")
    named: dict[str, Aggregation] = {}
    for name, definition in spec.items():
        named[name] = _one(context, name, definition, depth)
    return lambda docs: {name: run(docs) for name, run in named.items()}


def _one(context: Context, name: str, definition: Any, depth: int) -> Aggregation:
    if not name or any(sign in name for sign in "[]>"):
        raise parsing(
            f"Invalid aggregation name [{name}]. Aggregation names can contain any character except '[', ']', and '>'"
        )
    if not isinstance(definition, Mapping):
        raise parsing(f"Aggregation definition for [{name}] starts with a value, expected a [START_OBJECT].")
    types = [key for key in definition if key not in ("aggs", "aggregations", "meta")]
    if not types:
        raise parsing(f"Missing definition for aggregation [{name}]")
    if len(types) > 1:
        raise parsing(f"Found two aggregation type definitions in [{name}]: [{types[0]}] and [{types[1]}]")
    type = types[0]
    builder = _BUILDERS.get(type)
    if builder is None:
        if type in AGGREGATIONS:
            raise UnsupportedQuery(f"aggregation [{type}]")
        raise parsing(f"Unknown aggregation type [{type}]")
    options = definition[type]
    if not isinstance(options, Mapping):
        raise parsing(f"Expected [START_OBJECT] under [{type}], but got a value in [{name}]")
    below = definition.get("aggs", definition.get("aggregations"))
    if below and type in _LEAVES:
        raise UnsupportedQuery(f"aggregations below [{type}]")
    if type == "global" and depth:
        raise UnsupportedQuery("aggregation [global] below another")
    run = builder(context, name, options, compile_aggregations(context, below, depth + 1) if below else nothing_below)
    return _with_meta(run, definition["meta"]) if "meta" in definition else run


def _with_meta(run: Aggregation, meta: Any) -> Callable[[Any], dict[str, Any]]:
    return lambda docs: {"meta": meta, **run(docs)}
