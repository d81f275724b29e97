"""Metrics: one result over all values of a field; every value of an array counts."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC
from typing import Any

from alerter.query.aggregations.parts import (
    Aggregation,
    Aggregations,
    Builder,
    Metric,
    Result,
    cells,
    check,
    field,
    substitute,
    whole,
)
from alerter.query.context import Context
from alerter.query.dates import DateFormat, date_format
from alerter.query.errors import UnsupportedQuery, argument, content
from alerter.query.nodes import Docs
from alerter.query.store import View

_COMMON = {"field", "missing", "format"}
_NUMERIC = {"date", "boolean"}


def _column(context: Context, type: str, options: Mapping[str, Any]) -> tuple[View | None, DateFormat | None]:
    """Find the field of a numeric metric, and how its dates are written."""
    view, form = field(context, options), options.get("format")
    if view is None:
        return None, None
    if not view.type.is_number and view.type.kind not in _NUMERIC:
        raise argument(f"Field [{view.type.name}] of type [{view.type.kind}] is not supported for aggregation [{type}]")
    substitute(view, options.get("missing"))
    if form is not None and not view.type.is_date:
        raise UnsupportedQuery(f"parameter [format] of the aggregation [{type}] on numbers")
    if not view.type.is_date:
        return view, None
    return view, date_format(form) if form else view.type.format


def _values(view: View | None, options: Mapping[str, Any], docs: Docs) -> list[Any]:
    if view is None:
        return []
    cell = cells(view, options.get("missing"))
    return [value for doc in docs for value in cell(doc)]


def _ends(view: View | None, options: Mapping[str, Any], docs: Docs) -> list[Any]:
    """Return values that hold the least and the greatest; of the times of all documents these are known."""
    if view is None or not view.type.is_date or "missing" in options or docs != range(view.column.store.count):
        return _values(view, options, docs)
    return list(view.bounds() or ())


def _add(values: Sequence[Any]) -> float:
    try:
        total = math.fsum(values)
    except OverflowError:
        return math.inf
    size = math.fsum(map(abs, values))
    if size > 1 << 53 and size > 1e6 * abs(total):
        raise UnsupportedQuery("a sum of great numbers that cancel each other out")
    return total


def _mean(values: Sequence[Any]) -> float | None:
    return _add(values) / len(values) if values else None


_NOTHING = {"min": math.inf, "max": -math.inf}
"""What a server takes the least and greatest of no values for when it orders by them."""

_SINGLE: dict[str, Callable[[list[Any]], float | None]] = {
    "min": lambda values: float(min(values)) if values else None,
    "max": lambda values: float(max(values)) if values else None,
    "sum": _add,
    "avg": _mean,
}


def _spelt(view: View | None, form: DateFormat | None, value: float | None) -> str | None:
    """Write a metric's value as its field's type does; None for plain numbers."""
    if view is None or value is None:
        return None
    if form is not None:
        if abs(value) >= 1 << 53:
            raise UnsupportedQuery("a date outside the years 1 to 9999")  # and a sum of such is not exact
        return form.write(int(value), UTC)
    if view.type.kind == "boolean":
        return "true" if value else "false"
    return None


def _single(type: str) -> Builder:
    compute = _SINGLE[type]
    empty = {"value": _NOTHING[type]} if type in _NOTHING else {}
    values = _ends if type in _NOTHING else _values

    def build(context: Context, name: str, options: Mapping[str, Any], below: Aggregations) -> Aggregation:  # noqa: ARG001
        check(type, options, _COMMON)
        view, form = _column(context, type, options)

        def run(docs: Docs) -> Result:
            value = compute(values(view, options, docs))
            text = _spelt(view, form, value)
            found = {"value": value} if text is None else {"value": value, "value_as_string": text}
            return Metric(found, empty)

        return run

    return build


def _stats(context: Context, name: str, options: Mapping[str, Any], below: Aggregations) -> Aggregation:  # noqa: ARG001
    check("stats", options, _COMMON)
    view, form = _column(context, "stats", options)

    def run(docs: Docs) -> Result:
        values = _values(view, options, docs)
        found: Result = {"count": len(values)}
        found.update({key: _SINGLE[key](values) for key in ("min", "max", "avg", "sum")})
        for key in ("min", "max", "avg", "sum") if values else ():
            text = _spelt(view, form, found[key])
            if text is not None:
                # here a server writes booleans as such, and as texts in the single metrics
                found[f"{key}_as_string"] = bool(found[key]) if form is None else text
        return Metric(found, _NOTHING)

    return run


def _value_count(context: Context, name: str, options: Mapping[str, Any], below: Aggregations) -> Aggregation:  # noqa: ARG001
    check("value_count", options, _COMMON)
    view = field(context, options)
    distinct = view is not None and view.type.kind in ("keyword", "ip")
    if view is None:
        return lambda _: {"value": 0}
    cell = cells(view, options.get("missing"))
    return lambda docs: {"value": sum(len(set(cell(doc)) if distinct else cell(doc)) for doc in docs)}


def _cardinality(context: Context, name: str, options: Mapping[str, Any], below: Aggregations) -> Aggregation:  # noqa: ARG001
    check("cardinality", options, {"field", "missing", "precision_threshold", "execution_hint"})
    whole("cardinality", options, "precision_threshold", 3000)
    view = field(context, options)
    if view is None:
        return lambda _: {"value": 0}
    cell = cells(view, options.get("missing"))
    return lambda docs: {"value": len({value for doc in docs for value in cell(doc)})}


def _percentiles(context: Context, name: str, options: Mapping[str, Any], below: Aggregations) -> Aggregation:  # noqa: ARG001
    check("percentiles", options, {"field", "missing", "percents", "keyed", "tdigest", "hdr", "format"})
    if "hdr" in options:
        raise UnsupportedQuery("parameter [hdr] of the aggregation [percentiles]")
    view, form = _column(context, "percentiles", options)
    percents = options.get("percents", [1, 5, 25, 50, 75, 95, 99])
    if not isinstance(percents, list) or not percents:
        raise content("[percentiles] failed to parse field [percents]")
    try:
        shares = sorted(float(each) for each in percents)
    except (TypeError, ValueError):
        raise content("[percentiles] failed to parse field [percents]") from None
    if any(not 0 <= share <= 100 for share in shares):
        raise UnsupportedQuery("a percentile outside 0 to 100")

    def run(docs: Docs) -> Result:
        values = sorted(_values(view, options, docs))
        found = [(share, _percentile(values, share)) for share in shares]
        texts = [(share, text) for share, value in found if (text := _spelt(view, form, value)) is not None]
        if options.get("keyed", True):
            spelt = {f"{share}_as_string": text for share, text in texts}
            return {"values": {str(share): value for share, value in found} | spelt}
        own = {share: {"value_as_string": text} for share, text in texts}
        return {"values": [{"key": share, "value": value, **own.get(share, {})} for share, value in found]}

    return run


def _percentile(values: Sequence[float], share: float) -> float | None:
    """Interpolate between the two nearest ranks; exact, where a server estimates."""
    if not values:
        return None
    place = share / 100 * (len(values) - 1)
    low = int(place)
    high = min(low + 1, len(values) - 1)
    return float(values[low] + (values[high] - values[low]) * (place - low))


BUILDERS: dict[str, Builder] = {
    **{type: _single(type) for type in _SINGLE},
    "stats": _stats,
    "value_count": _value_count,
    "cardinality": _cardinality,
    "percentiles": _percentiles,
}
