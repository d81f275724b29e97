"""Sorting hits, and going on after the last one of a page."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC
from typing import Any

from alerter.query.context import Context
from alerter.query.dates import DateFormat, NotADate, date_format
from alerter.query.errors import RejectedQuery, UnsupportedQuery, argument, content, shard
from alerter.query.fieldtypes import (
    FLOATS,
    INTEGERS,
    SUPPORTED,
    BadValue,
    FieldType,
    address,
    as_float,
    as_integer,
    as_text,
)
from alerter.query.mapping import cell_of
from alerter.query.nodes import Docs
from alerter.query.store import View
from alerter.query.values import aggregatable, missing_sort_value, sort_value

Rank = tuple[int, Any]
"""What hits are ordered by: 0, 1 or 2 for missing first, a value, missing last; then the value."""

_OPTIONS = {"order", "missing", "mode", "unmapped_type", "format", "numeric_type"}


@dataclass(frozen=True)
class SortKey:
    """One key of a sort, ready to use."""

    rank: Callable[[int], Rank]
    show: Callable[[Rank], Any]
    parse: Callable[[Any], Rank]
    descending: bool = False


def sort_keys(context: Context, spec: Any) -> list[SortKey]:
    """Compile the ``sort`` of a request; raises RejectedQuery or UnsupportedQuery."""
    if spec is None:
        return []
    if isinstance(spec, (int, float)):
        spec = as_text(spec)
    keys = []
    for item in spec if isinstance(spec, list) else [spec]:
        if isinstance(item, str):
            keys.append(_key(context, item, {}))
        elif isinstance(item, Mapping):
            for name, options in item.items():
                if isinstance(options, str):
                    options = {"order": options}
                if not isinstance(options, Mapping):
                    raise RejectedQuery("parsing_exception", f"[{name}] sort malformed")
                keys.append(_key(context, name, options))
        else:
            raise argument("malformed sort format, within the sort array, an object, or an actual string are allowed")
    return keys


def _key(context: Context, name: str, options: Mapping[str, Any]) -> SortKey:
    if name in ("_score", "_script", "_geo_distance"):
        raise UnsupportedQuery(f"sort by [{name}]")
    for option in options:
        if option not in _OPTIONS:
            if option == "nested":
                raise UnsupportedQuery("sort parameter [nested]")
            raise content(f"[field_sort] unknown field [{option}]")
    order = str(options.get("order", "asc")).lower()
    if order not in ("asc", "desc"):
        raise argument(f"No enum constant org.elasticsearch.search.sort.SortOrder.{order.upper()}")
    descending = order == "desc"
    if name in ("_doc", "_shard_doc"):
        return SortKey(lambda doc: (1, doc), lambda rank: rank[1], lambda value: (1, int(value)), descending)
    if options.get("numeric_type") is not None:
        raise UnsupportedQuery("sort parameter [numeric_type]")
    view = context.store.views.get(name)
    if view is None:
        if name.startswith("_"):
            raise UnsupportedQuery(f"sort by [{name}]")
        kind = options.get("unmapped_type")
        if kind is None:
            raise shard(f"No mapping found for [{name}] in order to sort on")
        if kind not in SUPPORTED:
            raise UnsupportedQuery(f"unmapped_type [{kind}]")
        return _on_field(FieldType(name, kind), None, options, descending)
    return _on_field(aggregatable(view).type, view, options, descending)


def _on_field(type: FieldType, view: View | None, options: Mapping[str, Any], descending: bool) -> SortKey:
    pick = _mode(type, options, descending)
    form = date_format(options["format"]) if type.is_date and options.get("format") else None
    if form is None and options.get("format"):
        raise UnsupportedQuery(f"a sort format for the type [{type.kind}]")
    missing = options.get("missing", "_last")
    if missing in ("_last", "_first"):
        # under a reversed order the last rank comes first
        absent: Rank = (2 if (missing == "_last") != descending else 0, 0)
    else:
        absent = (1, _instead(type, missing))
    extreme = None if absent[0] == 1 else missing_sort_value(type, greatest=absent[0] == 2)
    if extreme is not None:
        absent = (1, extreme)

    def rank(doc: int) -> Rank:
        cell = view.cell(doc) if view is not None else ()
        return (1, pick(cell)) if cell else absent

    def show(rank: Rank) -> Any:
        if rank[0] != 1:
            return None
        if form is not None and rank[1] == extreme:
            raise UnsupportedQuery("a sort format where values are missing")
        return sort_value(type, rank[1]) if form is None else form.write(rank[1], UTC)

    def parse(value: Any) -> Rank:
        if value is None or (extreme is not None and value in (extreme, sort_value(type, extreme))):
            return absent
        return (1, _cursor(type, value, form))

    return SortKey(rank, show, parse, descending)


def _instead(type: FieldType, missing: Any) -> Any:
    """Read the value that stands for a missing one: a number for all that is sorted as numbers."""
    text = as_text(missing)
    if type.kind == "keyword":
        return text
    if type.kind == "ip":
        raise UnsupportedQuery("a sort of addresses with [missing]")
    try:
        if type.kind in FLOATS:
            return as_float(missing, type.kind)
        if type.is_number or type.is_date or type.kind == "boolean":
            if isinstance(missing, bool) or (
                isinstance(missing, str) and not re.fullmatch(r"[+-]?\d+", missing, re.ASCII)
            ):
                raise ValueError
            return int(missing)
        return cell_of([missing], type)[0]
    except (BadValue, ValueError, IndexError, OverflowError):
        raise RejectedQuery("number_format_exception", f'For input string: "{text}"') from None


def _mode(type: FieldType, options: Mapping[str, Any], descending: bool) -> Callable[[Sequence[Any]], Any]:
    mode = options.get("mode") or ("max" if descending else "min")
    known: dict[str, Callable[[Sequence[Any]], Any]] = {"min": min, "max": max}
    if mode in known:
        return known[mode]
    if mode in ("sum", "avg", "median") and not type.is_number and not type.is_date:
        raise shard(f"we only support AVG, MEDIAN and SUM on number based fields, not on [{type.name}]")
    if mode in ("sum", "avg", "median"):
        raise UnsupportedQuery(f"sort mode [{mode}]")
    raise content(f"Unknown SortMode [{mode}]")


def _cursor(type: FieldType, value: Any, form: DateFormat | None) -> Any:
    try:
        if type.is_date:
            if isinstance(value, (int, float)):
                return int(value)
            return (form or type.format).read(str(value))
        if type.kind == "boolean":
            return bool(value)
        if type.kind == "ip":
            return address(str(value))
        if type.kind in INTEGERS:
            return as_integer(value, "long" if type.kind == "long" else "integer")
        return as_text(value) if type.kind == "keyword" else cell_of([value], type)[0]
    except (NotADate, BadValue, ValueError, IndexError) as error:
        reason = f"Failed to parse search_after value for field [{type.name}]: {error}"
        raise argument(reason) from None


def sort_docs(docs: Docs, keys: Sequence[SortKey]) -> list[int]:
    """Order documents; ties stay in file order."""
    ordered = list(docs)
    for key in reversed(keys):
        ordered.sort(key=key.rank, reverse=key.descending)
    return ordered


def after(docs: Docs, keys: Sequence[SortKey], cursor: Any) -> list[int]:
    """Keep what comes after a page's last sort values; raises RejectedQuery for a cursor that does not fit."""
    if not keys:
        raise argument("Sort must contain at least one field.")
    if not isinstance(cursor, list) or not cursor:
        raise UnsupportedQuery("search parameter [search_after] that is no list of values")
    if len(cursor) != len(keys):
        raise argument(f"search_after has {len(cursor)} value(s) but sort has {len(keys)}.")
    marks = [key.parse(value) for key, value in zip(keys, cursor, strict=True)]

    def beyond(doc: int) -> bool:
        for key, mark in zip(keys, marks, strict=True):
            rank = key.rank(doc)
            if rank != mark:
                return (rank < mark) if key.descending else (rank > mark)
        return False

    return [doc for doc in docs if beyond(doc)]
