"""Histograms over dates and numbers."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, timedelta, tzinfo
from typing import Any

from alerter.clock import Millis
from alerter.query.aggregations.parts import (
    Aggregation,
    Aggregations,
    Result,
    cells,
    check,
    field,
    group,
    ordering,
    substitute,
    too_many,
    whole,
)
from alerter.query.clauses import zone_of
from alerter.query.context import Context
from alerter.query.datemath import add, floor, resolve
from alerter.query.dates import date_format, from_millis, to_millis
from alerter.query.errors import RejectedQuery, UnsupportedQuery, argument, content
from alerter.query.fieldtypes import INTEGERS, java_text
from alerter.query.names import names
from alerter.query.nodes import Docs
from alerter.query.store import View

_UNITS = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_CALENDAR = {
    "second": "s",
    "1s": "s",
    "minute": "m",
    "1m": "m",
    "hour": "h",
    "1h": "h",
    "day": "d",
    "1d": "d",
    "week": "w",
    "1w": "w",
    "month": "M",
    "1M": "M",
    "quarter": "q",
    "1q": "q",
    "year": "y",
    "1y": "y",
}
_DATE = names("""
    field fixed_interval calendar_interval offset time_zone min_doc_count format keyed missing order extended_bounds""")
_NUMBER = names("field interval offset min_doc_count keyed missing order extended_bounds")


Bounds = tuple[Any, Any]


@dataclass(frozen=True)
class Rounding:
    """How instants fall into buckets: a fixed length, or a calendar unit of a zone; moved by an offset."""

    length: Millis
    unit: str
    zone: tzinfo
    offset: Millis = 0

    def down(self, value: Millis) -> Millis:
        """Return the start of the bucket of an instant."""
        value -= self.offset
        if self.unit:
            return to_millis(floor(from_millis(value, self.zone), self.unit)) + self.offset
        shift = _shift(value, self.zone)
        start = (value + shift) // self.length * self.length - shift + self.offset
        if start < -(1 << 63):
            raise UnsupportedQuery("a bucket that begins before the first date of all")
        return start

    def next(self, start: Millis) -> Millis:
        """Return the start of the bucket after one that starts here."""
        if self.unit:
            return to_millis(add(from_millis(start - self.offset, self.zone), self.unit, 1)) + self.offset
        return start + self.length


def _shift(value: Millis, zone: tzinfo) -> Millis:
    if zone is UTC:
        return 0
    return (from_millis(value, zone).utcoffset() or timedelta()) // timedelta(milliseconds=1)


def duration(text: Any) -> Millis:
    """Read a length of time such as ``90s``, ``-6h``, ``500ms``; raises ValueError."""
    found = re.fullmatch(r"([+-]?)(\d+)(ms|s|m|h|d)", str(text).strip(), re.ASCII)
    if not found:
        if isinstance(text, int) and not isinstance(text, bool):
            return text
        raise ValueError(text)
    value = int(found[2]) * _UNITS[found[3]]
    return -value if found[1] == "-" else value


def _zone(type: str, options: Mapping[str, Any]) -> tzinfo:
    try:
        return zone_of(options)
    except RejectedQuery:
        raise content(f"[{type}] failed to parse field [time_zone]") from None


def rounding(type: str, options: Mapping[str, Any]) -> Rounding:
    """Read the interval, zone and offset of a date histogram; raises RejectedQuery."""
    fixed, unit = options.get("fixed_interval"), options.get("calendar_interval")
    if (fixed is None) == (unit is None):
        if fixed is None:
            raise argument("Invalid interval specified, must be non-null and non-empty")
        raise UnsupportedQuery("[fixed_interval] together with [calendar_interval]")
    zone = _zone(type, options)
    try:
        offset = duration(options.get("offset", 0))
    except ValueError:
        raise content(f"[{type}] failed to parse field [offset]") from None
    if unit is not None:
        if unit not in _CALENDAR:
            raise content(f"[{type}] failed to parse field [calendar_interval]")
        return Rounding(0, _CALENDAR[unit], zone, offset)
    try:
        length = duration(fixed)
    except ValueError:
        raise content(f"[{type}] failed to parse field [fixed_interval]") from None
    if length <= 0:
        raise argument("Zero or negative time interval not supported")
    if not isinstance(fixed, str):
        raise content(f"[{type}] failed to parse field [fixed_interval]")
    if zone.utcoffset(None) is None:
        raise UnsupportedQuery("fixed_interval in a time zone with changing offsets")
    return Rounding(length, "", zone, offset)


def date_histogram(context: Context, name: str, options: Mapping[str, Any], below: Aggregations) -> Aggregation:  # noqa: ARG001
    """Compile ``date_histogram``."""
    if "interval" in options:
        raise content("[date_histogram] unknown field [interval]")
    check("date_histogram", options, _DATE)
    view, round = field(context, options), rounding("date_histogram", options)
    if view is None:
        return _unmapped(options)
    spelt = any(options.get(option) is not None for option in ("format", "time_zone", "extended_bounds", "keyed"))
    if not view.type.is_date and (spelt or view.type.kind not in INTEGERS):
        if view.type.is_number or view.type.kind == "boolean":
            raise UnsupportedQuery(f"date_histogram over the type [{view.type.kind}]")
        raise argument(
            f"Field [{view.type.name}] of type [{view.type.kind}] is not supported for aggregation [date_histogram]"
        )
    form = date_format(options["format"]) if options.get("format") else view.type.format
    bounds = _extended(options, lambda value: resolve(str(value), form, context.now, round.zone))

    def key(start: Millis) -> Result:
        return {"key_as_string": form.write(start, round.zone), "key": start} if view.type.is_date else {"key": start}

    return _histogram("date_histogram", view, options, below, round.down, round.next, key, bounds)


def histogram(context: Context, name: str, options: Mapping[str, Any], below: Aggregations) -> Aggregation:  # noqa: ARG001
    """Compile ``histogram``."""
    check("histogram", options, _NUMBER)
    view = field(context, options)
    try:
        interval, offset = float(options["interval"]), float(options.get("offset", 0))
    except KeyError:
        raise argument("Required [interval]") from None
    except (TypeError, ValueError, OverflowError):
        raise content("[histogram] failed to parse field [interval]") from None
    if interval <= 0:
        raise content("[interval] must be >0 for histogram aggregation")
    if view is None:
        return _unmapped(options)
    if not view.type.is_number:
        if view.type.is_date or view.type.kind == "boolean":
            raise UnsupportedQuery(f"histogram over the type [{view.type.kind}]")
        raise argument(
            f"Field [{view.type.name}] of type [{view.type.kind}] is not supported for aggregation [histogram]"
        )

    def down(value: float) -> float:
        return math.floor((value - offset) / interval) * interval + offset

    return _histogram(
        "histogram",
        view,
        options,
        below,
        down,
        lambda start: down(start + interval * 1.5),
        lambda start: {"key": start},
        _extended(options, float),
    )


def _unmapped(options: Mapping[str, Any]) -> Aggregation:
    if options.get("extended_bounds") is not None:
        raise UnsupportedQuery("[extended_bounds] on a field that is not mapped")
    return lambda _: {"buckets": {} if options.get("keyed") else []}


def _extended(options: Mapping[str, Any], parse: Callable[[Any], Any]) -> Bounds:
    """Read ``extended_bounds``, which add empty buckets."""
    spec = options.get("extended_bounds")
    if spec is None:
        return None, None
    if not isinstance(spec, Mapping) or set(spec) - {"min", "max"}:
        raise content("[histogram] failed to parse field [extended_bounds]")
    if options.get("offset"):
        raise UnsupportedQuery("[extended_bounds] together with [offset]")
    low, high = (None if spec.get(end) is None else parse(spec[end]) for end in ("min", "max"))
    if low is not None and high is not None and low > high:
        raise argument(f"[extended_bounds.min][{low}] cannot be greater than [extended_bounds.max][{high}]")
    return low, high


def _histogram(
    type: str,
    view: View,
    options: Mapping[str, Any],
    below: Aggregations,
    down: Callable[[Any], Any],
    following: Callable[[Any], Any],
    key: Callable[[Any], Result],
    bounds: Bounds,
) -> Aggregation:
    least = whole(type, options, "min_doc_count", 0)
    order = ordering(options.get("order"), {"_key": "asc"}, lambda bucket: bucket["key"])
    values = cells(view, options.get("missing"))
    substitute(view, options.get("missing"))
    keyed = options.get("keyed") in (True, "true")

    def run(docs: Docs) -> Result:
        groups = group(docs, lambda doc: [*map(down, values(doc))])
        found = sorted(groups)
        if least == 0:
            found = _filled(found, down, following, bounds)
        too_many(len(found))
        buckets = []
        for start in found:
            members = groups.get(start, [])
            if len(members) >= least:
                buckets.append({**key(start), "doc_count": len(members), **below(members)})
        ordered = order(buckets)
        if keyed:
            return {
                "buckets": {str(bucket.get("key_as_string") or java_text(bucket["key"])): bucket for bucket in ordered}
            }
        return {"buckets": ordered}

    return run


def _filled(found: list[Any], down: Callable[[Any], Any], following: Callable[[Any], Any], bounds: Bounds) -> list[Any]:
    low, high = bounds
    edges = found[:1] + found[-1:]
    if found or (low is not None and high is not None):
        edges += [down(end) for end in (low, high) if end is not None]
    if not edges:
        return []
    at, last, filled = min(edges), max(edges), []
    while at <= last:
        filled.append(at)
        too_many(len(filled))
        at = following(at)
    return filled
