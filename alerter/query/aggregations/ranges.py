"""Buckets of explicit ranges over numbers and dates; ranges may overlap."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC
from typing import Any

from alerter.query.aggregations.parts import Aggregation, Aggregations, Result, cells, check, field
from alerter.query.clauses import zone_of
from alerter.query.context import Context
from alerter.query.datemath import resolve
from alerter.query.dates import date_format
from alerter.query.errors import RejectedQuery, UnsupportedQuery, argument, content, parsing
from alerter.query.fieldtypes import java_text
from alerter.query.nodes import Docs
from alerter.query.store import View


@dataclass(frozen=True)
class _Range:
    """From (inclusive) and to (exclusive); None is open. ``head`` is what its bucket says of it."""

    low: float | None
    high: float | None
    head: Result


def number_range(context: Context, name: str, options: Mapping[str, Any], below: Aggregations) -> Aggregation:  # noqa: ARG001
    """Compile ``range``."""
    check("range", options, {"field", "ranges", "keyed", "missing"})
    view = field(context, options)
    if view is not None and not view.type.is_number:
        if view.type.is_date or view.type.kind == "boolean":
            raise UnsupportedQuery(f"range over the type [{view.type.kind}]")
        raise argument(f"Field [{view.type.name}] of type [{view.type.kind}] is not supported for aggregation [range]")
    ranges = []
    for spec in _specs("range", options):
        try:
            low, high = (None if spec.get(end) is None else float(spec[end]) for end in ("from", "to"))
        except (TypeError, ValueError):
            raise RejectedQuery("number_format_exception", "a bound of a range is no number") from None
        key = spec.get("key") or "-".join("*" if end is None else java_text(end) for end in (low, high))
        ends = {name: end for name, end in (("from", low), ("to", high)) if end is not None}
        ranges.append(_Range(low, high, {"key": key, **ends}))
    return _run(view, options, ranges, below)


def date_range(context: Context, name: str, options: Mapping[str, Any], below: Aggregations) -> Aggregation:  # noqa: ARG001
    """Compile ``date_range``."""
    check("date_range", options, {"field", "ranges", "keyed", "missing", "format", "time_zone"})
    view, zone = field(context, options), zone_of(options)
    if view is not None and not view.type.is_date:
        raise UnsupportedQuery(f"date_range over the type [{view.type.kind}]")
    default = view.type.format if view is not None else date_format("strict_date_optional_time||epoch_millis")
    form = date_format(options["format"]) if options.get("format") else default
    ranges = []
    for spec in _specs("date_range", options):
        head: Result = {}
        ends: list[int | None] = []
        for end in ("from", "to"):
            value = spec.get(end)
            if value is None:
                ends.append(None)
                continue
            text = str(int(value)) if isinstance(value, float) else str(value)
            if zone is not UTC and ("epoch_second" in form.name or re.fullmatch(r"-?\d{5,}(\.\d*)?", text)):
                raise UnsupportedQuery("a date_range from milliseconds in a time zone")
            instant = resolve(text, form, context.now, zone)
            ends.append(instant)
            head[end], head[f"{end}_as_string"] = float(instant), form.write(instant, zone)
        key = spec.get("key") or "-".join(str(head.get(f"{end}_as_string", "*")) for end in ("from", "to"))
        ranges.append(_Range(ends[0], ends[1], {"key": key, **head}))
    return _run(view, options, ranges, below)


def _specs(type: str, options: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    ranges = options.get("ranges")
    if ranges is None or ranges == []:
        raise argument(f"No [ranges] specified for the [{type}] aggregation")
    if not isinstance(ranges, list) or not all(isinstance(spec, Mapping) for spec in ranges):
        raise parsing(f"[{type}] malformed [ranges]")
    for spec in ranges:
        for key in spec:
            if key not in ("from", "to", "key"):
                raise content(f"[range] unknown field [{key}]")
    return ranges


def _run(view: View | None, options: Mapping[str, Any], ranges: list[_Range], below: Aggregations) -> Aggregation:
    lowest, highest = float("-inf"), float("inf")
    ranges.sort(
        key=lambda each: (lowest if each.low is None else each.low, highest if each.high is None else each.high)
    )
    keyed = options.get("keyed") in (True, "true")
    values = cells(view, options.get("missing")) if view is not None else lambda _: ()

    def run(docs: Docs) -> Result:
        pairs = sorted((value, doc) for doc in docs for value in values(doc))
        found: list[Result] = []
        for each in ranges:
            start = 0 if each.low is None else bisect_left(pairs, (each.low, -1))
            end = len(pairs) if each.high is None else bisect_left(pairs, (each.high, -1))
            members = sorted({doc for _, doc in pairs[start:end]})
            found.append({**each.head, "doc_count": len(members), **below(members)})
        if keyed:
            return {"buckets": {bucket.pop("key"): bucket for bucket in found}}
        return {"buckets": found}

    return run
