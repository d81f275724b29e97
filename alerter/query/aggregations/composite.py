"""The composite aggregation: every combination of values, in pages."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import tzinfo
from functools import cmp_to_key
from itertools import product
from typing import Any

from alerter.query.aggregations.histograms import rounding
from alerter.query.aggregations.parts import Aggregation, Aggregations, Result, check, field, whole
from alerter.query.clauses import zone_of
from alerter.query.context import Context
from alerter.query.dates import DateFormat, NotADate, date_format
from alerter.query.errors import RejectedQuery, UnsupportedQuery, argument, content, parsing
from alerter.query.fieldtypes import BadValue, Cell, address, write_address
from alerter.query.mapping import cell_of
from alerter.query.nodes import Docs
from alerter.query.store import View

_COMMON = {"field", "order", "missing_bucket", "missing_order"}
_OPTIONS = {
    "terms": _COMMON,
    "date_histogram": {*_COMMON, "fixed_interval", "calendar_interval", "offset", "time_zone", "format"},
    "histogram": {*_COMMON, "interval"},
}


@dataclass(frozen=True)
class _Source:
    """One part of the key: its values of a document, their order, and how they are written and read."""

    name: str
    values: Callable[[int], Cell]
    write: Callable[[Any], Any]
    read: Callable[[Any], Any]
    descending: bool
    missing_last: bool
    may_be_missing: bool
    array: str = ""
    """The field's name where it holds arrays of dates or numbers."""

    def compare(self, a: Any, b: Any) -> int:
        if a == b:
            return 0
        if a is None or b is None:
            return (1 if self.missing_last else -1) * (1 if a is None else -1)
        return (1 if a > b else -1) * (-1 if self.descending else 1)


def build(context: Context, name: str, options: Mapping[str, Any], below: Aggregations) -> Aggregation:  # noqa: ARG001
    """Compile ``composite``."""
    check("composite", options, {"sources", "size", "after"})
    if options.get("size") == 0:
        raise UnsupportedQuery("a composite aggregation of no size")
    size = whole("composite", options, "size", 10, least=1)
    specs = options.get("sources")
    if specs is None:
        raise argument("Required [sources]")
    if isinstance(specs, Mapping):
        specs = [specs]
    if not isinstance(specs, list) or not specs:
        raise content("Failed to build [composite] after last required field arrived")
    sources = [_source(context, spec) for spec in specs]
    if sources[0].array and re.search(rf"(?<![\w.]){re.escape(sources[0].array)}(?![\w.])", str(context.query)):
        # a server that walks the values of a range in order leaves out the other values of an array
        raise UnsupportedQuery("a composite aggregation that begins with an array that the query is about")
    names = [source.name for source in sources]
    if len(set(names)) < len(names):
        raise content("Failed to build [composite] after last required field arrived")
    mark = _mark(sources, options.get("after"))
    if mark is not None and mark[0] is not None and sources[0].may_be_missing and sources[0].missing_last:
        raise UnsupportedQuery("[after] where missing values come last", "a server leaves them out")

    def compare(a: tuple[Any, ...], b: tuple[Any, ...]) -> int:
        for source, x, y in zip(sources, a, b, strict=True):
            found = source.compare(x, y)
            if found:
                return found
        return 0

    def run(docs: Docs) -> Result:
        groups: dict[tuple[Any, ...], list[int]] = {}
        for doc in docs:
            for key in dict.fromkeys(product(*(source.values(doc) for source in sources))):
                groups.setdefault(key, []).append(doc)
        keys = [key for key in groups if mark is None or compare(key, mark) > 0]
        keys.sort(key=cmp_to_key(compare))
        buckets = [
            {"key": _written(sources, key), "doc_count": len(groups[key]), **below(groups[key])} for key in keys[:size]
        ]
        return {"after_key": buckets[-1]["key"], "buckets": buckets} if buckets else {"buckets": []}

    return run


def _written(sources: list[_Source], key: tuple[Any, ...]) -> Result:
    return {
        source.name: None if value is None else source.write(value) for source, value in zip(sources, key, strict=True)
    }


def _mark(sources: list[_Source], after: Any) -> tuple[Any, ...] | None:
    if after is None:
        return None
    if not isinstance(after, Mapping) or set(after) != {source.name for source in sources}:
        raise argument("[after] must hold exactly the sources of the aggregation")
    for each in sources:
        if after[each.name] is None and not each.may_be_missing:
            raise argument(f"Invalid value for [after.{each.name}], expected comparable, got [null]")
    try:
        return tuple(None if after[each.name] is None else each.read(after[each.name]) for each in sources)
    except (BadValue, NotADate, ValueError, IndexError) as error:
        raise RejectedQuery("parse_exception", f"Cannot set after key in the composite aggregation: {error}") from None


def _source(context: Context, spec: Any) -> _Source:
    if not isinstance(spec, Mapping) or len(spec) != 1:
        raise content("[composite] failed to parse field [sources]")
    name, definition = next(iter(spec.items()))
    if not isinstance(definition, Mapping) or len(definition) != 1:
        raise content("[composite] failed to parse field [sources]")
    type, options = next(iter(definition.items()))
    if type not in _OPTIONS:
        if type == "geotile_grid":
            raise UnsupportedQuery("composite source [geotile_grid]")
        raise parsing(f"invalid source type: {type}")
    if "missing" in options:
        raise content(f"[{type}] unknown field [missing]")
    check(type, options, _OPTIONS[type])
    order, missing_order = str(options.get("order", "asc")), str(options.get("missing_order", "default"))
    if order not in ("asc", "desc") or missing_order not in ("default", "first", "last"):
        raise content(f"[{type}] failed to parse field [order]")
    descending = order == "desc"
    missing_last = missing_order == "last" or (missing_order == "default" and descending)
    view = field(context, options)
    absent: Cell = (None,) if options.get("missing_bucket") in (True, "true") else ()
    down, form = _rounding(type, view, options)
    if view is None:
        return _Source(name, lambda _: absent, str, lambda value: value, descending, missing_last, bool(absent))
    found, zone = view, zone_of(options)

    def values(doc: int) -> Cell:
        cell = found.cell(doc)
        return (tuple(map(down, cell)) if down else cell) if cell else absent

    read, write = _reader(view, form, zone, down is not None), _writer(view, form, zone)
    array = not view.column.single and (view.type.is_date or view.type.is_number)
    named = view.type.name if array else ""
    return _Source(name, values, write, read, descending, missing_last, bool(absent), named)


def _rounding(
    type: str, view: View | None, options: Mapping[str, Any]
) -> tuple[Callable[[Any], Any] | None, DateFormat | None]:
    if type == "date_histogram":
        round = rounding(type, options)
        if view is not None and (view.type.is_number or view.type.kind == "boolean"):
            raise UnsupportedQuery(f"date_histogram over the type [{view.type.kind}]")
        if view is not None and not view.type.is_date:
            raise argument(f"invalid source for [date_histogram]: [{view.type.name}] is no date")
        return round.down, date_format(options["format"]) if options.get("format") else None
    if type == "histogram":
        interval = float(options.get("interval", 0))
        if interval <= 0:
            raise argument("[interval] must be greater than 0 for [histogram] source")
        if view is not None and (view.type.is_date or view.type.kind == "boolean"):
            raise UnsupportedQuery(f"histogram over the type [{view.type.kind}]")
        if view is not None and not view.type.is_number:
            raise argument(f"invalid source for [histogram]: [{view.type.name}] is no number")
        return lambda value: value // interval * interval, None
    return None, None


def _writer(view: View, form: DateFormat | None, zone: tzinfo) -> Callable[[Any], Any]:
    if form is not None:
        return lambda value: _formatted(value, form, zone)
    return write_address if view.type.kind == "ip" else lambda value: value


def _formatted(value: Any, form: DateFormat, zone: tzinfo) -> str:
    text = form.write(value, zone)
    if form.read(text, zone) != value:
        raise UnsupportedQuery(f"a composite source whose format [{form.name}] cannot tell its buckets apart")
    return text


def _reader(view: View, form: DateFormat | None, zone: tzinfo, rounded: bool) -> Callable[[Any], Any]:
    if view.type.is_date:
        return lambda value: int(value) if form is None else form.read(str(value), zone)
    if view.type.kind == "ip":
        return lambda value: address(str(value))
    return float if rounded else lambda value: cell_of([value], view.type)[0]
