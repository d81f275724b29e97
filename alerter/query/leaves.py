"""Conditions on one field, by type: term, range, prefix, wildcard, regexp, fuzzy, exists."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, tzinfo
from decimal import Decimal
from typing import Any

from alerter.query import fieldtypes, patterns, regexps
from alerter.query.context import Context
from alerter.query.datemath import resolve
from alerter.query.dates import DateFormat, date_format
from alerter.query.errors import RejectedQuery, UnsupportedQuery, shard
from alerter.query.names import METADATA
from alerter.query.nodes import Node, Nothing, Window, any_of
from alerter.query.store import View


@dataclass(frozen=True)
class Bounds:
    """A range as written; a bound of None is open."""

    low: Any = None
    high: Any = None
    with_low: bool = True
    with_high: bool = True
    format: DateFormat | None = None
    zone: tzinfo = UTC


def _failed(error: ValueError) -> Exception:
    return shard(f"failed to create query: {error}")


def term(context: Context, view: View, value: Any, ignore_case: bool = False) -> Node:
    """Match a value exactly: a token of a text, a value of anything else; raises RejectedQuery for a wrong kind."""
    kind = view.type
    if kind.is_text or kind.kind == "keyword":
        return _string_term(context, view, fieldtypes.as_text(value), ignore_case)
    if ignore_case and kind.kind != "boolean":
        raise shard(
            f"[{kind.name}] field which is of type [{kind.kind}], does not support case insensitive term queries"
        )
    if kind.is_date:
        return span(context, view, Bounds(value, value))
    if kind.kind == "ip":
        return _address_term(context, view, value)
    if kind.kind == "boolean":
        if not isinstance(value, bool) and value not in ("true", "false"):
            text = fieldtypes.as_text(value)
            raise shard(f"failed to create query: Can't parse boolean value [{text}], expected [true] or [false]")
        wanted: Any = value is True or value == "true"
    else:
        try:
            wanted = _number(view, value)
        except ValueError as error:
            raise _failed(error) from None
        if wanted is None:
            return Nothing()
    if isinstance(wanted, float) and wanted == 0:
        return _number_span(context, view, Bounds(wanted, wanted))
    return context.leaves.get(("term", wanted), view, lambda: _holds(view, wanted))


def _signed(value: float) -> tuple[float, float]:
    """Order fractions as a server does, for which zero stands above minus zero."""
    return value, math.copysign(1.0, value)


def _holds(view: View, wanted: Any) -> Callable[[int], bool]:
    cells = view.cells
    return lambda code: wanted in cells[code]


def _string_term(context: Context, view: View, value: str, ignore_case: bool) -> Node:
    if ignore_case:
        folded = patterns.fold(value)
        return strings(context, view, ("term-i", folded), lambda: lambda text: patterns.fold(text) == folded)
    if view.type.is_text:
        return context.leaves.get(("term", value), view, lambda: lambda code: value in view.tokens(code).words)
    return context.leaves.get(("term", value), view, lambda: _holds(view, value))


def _number(view: View, value: Any) -> float | int | None:
    """Read a value sought in a number; None where no document can hold it."""
    kind = view.type.kind
    if kind in fieldtypes.FLOATS:
        wanted = fieldtypes.as_float(value, kind, finite=False)
        return wanted if math.isfinite(wanted) else None
    if value in fieldtypes.NO_NUMBERS:
        return None
    number = fieldtypes.decimal(value, kind)
    if number.adjusted() > 40 or number != int(number):
        return None
    limit = 1 << fieldtypes.INTEGERS[kind]
    return int(number) if -limit <= number < limit else None


def in_bounds(view: View, value: Any) -> None:
    """Raise RejectedQuery for what a field of numbers cannot hold; of whole ones a fraction is no error."""
    kind = view.type.kind
    try:
        if kind in fieldtypes.FLOATS:
            fieldtypes.as_float(value, kind)
        elif fieldtypes.as_float(value, "double", finite=False).is_integer():
            fieldtypes.as_integer(value, "long" if kind == "long" else "integer")
    except ValueError as error:
        raise _failed(error) from None


def _address_term(context: Context, view: View, value: Any) -> Node:
    try:
        low, high = fieldtypes.network(str(value))
    except ValueError:
        raise shard(f"failed to create query: '{value}' is not an IP string literal.") from None
    cells = view.cells
    return context.leaves.get(
        ("span", low, high), view, lambda: lambda code: any(low <= each <= high for each in cells[code])
    )


def strings(context: Context, view: View, key: tuple[Any, ...], make: Callable[[], patterns.Test]) -> Node:
    """Match where one token of a text, or one value of a keyword, passes a test."""

    def on_cells() -> Callable[[int], bool]:
        test = make()
        if not view.type.is_text:
            cells = view.cells
            return lambda code: any(map(test, cells[code]))
        known: dict[str, bool] = {}

        def on_tokens(code: int) -> bool:
            for word in view.tokens(code).words:
                found = known.get(word)
                if found is None:
                    found = known[word] = test(word)
                if found:
                    return True
            return False

        return on_tokens

    return context.leaves.get(key, view, on_cells)


def span(context: Context, view: View, bounds: Bounds) -> Node:
    """Match a range; raises RejectedQuery for a bound of the wrong kind."""
    kind = view.type
    if kind.is_date:
        return _date_span(context, view, bounds)
    if kind.is_number:
        return _number_span(context, view, bounds)
    if kind.kind == "ip":
        return _address_span(context, view, bounds)
    low = None if bounds.low is None else fieldtypes.as_text(bounds.low)
    high = None if bounds.high is None else fieldtypes.as_text(bounds.high)
    if kind.kind == "boolean":
        order = {"false": "F", "true": "T"}
        for value in (low, high):
            if value is not None and value not in order:
                raise shard(f"failed to create query: Can't parse boolean value [{value}], expected [true] or [false]")
        test = _between(order.get(low or ""), order.get(high or ""), bounds)
        cells = view.cells
        return context.leaves.get(
            ("span", low, high, bounds.with_low, bounds.with_high),
            view,
            lambda: lambda code: any(test("T" if value else "F") for value in cells[code]),
        )
    return strings(
        context, view, ("span", low, high, bounds.with_low, bounds.with_high), lambda: _between(low, high, bounds)
    )


def _between(low: Any, high: Any, bounds: Bounds) -> Callable[[Any], bool]:
    with_low, with_high = bounds.with_low, bounds.with_high

    def test(value: Any) -> bool:
        if low is not None and (value < low or (value == low and not with_low)):
            return False
        return high is None or value < high or (value == high and with_high)

    return test


_LAST = (1 << 63) - 1
"""The last date, in milliseconds; a server counts on from there at the first one."""


def _date_span(context: Context, view: View, bounds: Bounds) -> Node:
    form = bounds.format or view.type.format
    if bounds.format is None and any(isinstance(bound, (int, float)) for bound in (bounds.low, bounds.high)):
        form = date_format("epoch_millis")  # one number makes both bounds milliseconds, whatever the mapping says
    low = high = None
    if bounds.low is not None:
        text = fieldtypes.as_text(bounds.low)
        low = resolve(text, form, context.now, bounds.zone, up=not bounds.with_low) + (not bounds.with_low)
    if bounds.high is not None:
        text = fieldtypes.as_text(bounds.high)
        high = resolve(text, form, context.now, bounds.zone, up=bounds.with_high) - (not bounds.with_high)
    if (low is not None and low > _LAST) or (high is not None and high < -_LAST - 1):
        raise UnsupportedQuery("a range over dates that begins behind the last one, or ends before the first")
    return Window(context.store, view, low, high)


def _number_span(context: Context, view: View, bounds: Bounds) -> Node:
    kind = view.type.kind
    ends: list[Decimal | float | None] = []
    for value in (bounds.low, bounds.high):
        if value is None:
            ends.append(None)
            continue
        if value == "NaN" and kind != "long":
            raise UnsupportedQuery("a range that ends at NaN")
        if ends and not bounds.with_low and ends[0] == (1 << fieldtypes.INTEGERS.get(kind, 63)) - 1:
            return Nothing()  # a server does not look at the other bound
        try:
            if kind in fieldtypes.FLOATS:
                ends.append(fieldtypes.as_float(value, kind, finite=False))
            else:
                fieldtypes.as_integer(value, "long" if kind == "long" else "integer")
                ends.append(fieldtypes.decimal(value, kind))
        except ValueError as error:
            raise _failed(error) from None
    low, high = ends
    cells, with_low, with_high = view.cells, bounds.with_low, bounds.with_high

    if kind in fieldtypes.FLOATS and 0 in ends:
        least, most = (None if end is None else _signed(float(end)) for end in ends)
        test = _between(least, most, bounds)
        key = ("zero", least, most, with_low, with_high)
        return context.leaves.get(key, view, lambda: lambda code: any(test(_signed(value)) for value in cells[code]))

    def inside(value: float) -> bool:
        if low is not None and (value < low or (value == low and not with_low)):
            return False
        return high is None or value < high or (value == high and with_high)

    return context.leaves.get(
        ("span", low, high, with_low, with_high), view, lambda: lambda code: any(map(inside, cells[code]))
    )


def _address_span(context: Context, view: View, bounds: Bounds) -> Node:
    try:
        low = 0 if bounds.low is None else fieldtypes.address(str(bounds.low)) + (not bounds.with_low)
        high = (1 << 128) - 1 if bounds.high is None else fieldtypes.address(str(bounds.high)) - (not bounds.with_high)
    except ValueError as error:
        raise _failed(error) from None
    cells = view.cells
    return context.leaves.get(
        ("span", low, high), view, lambda: lambda code: any(low <= value <= high for value in cells[code])
    )


def _only_strings(view: View, what: str, wrapped: bool = False) -> None:
    if not (view.type.is_text or view.type.kind == "keyword"):
        reason = f"Can only use {what} queries on keyword, text and wildcard fields"
        if wrapped:
            reason = f"failed to create query: Can only use {what} queries on keyword and text fields"
        raise shard(f"{reason} - not on [{view.type.name}] which is of type [{view.type.kind}]")


def prefix(context: Context, view: View, start: str, ignore_case: bool = False) -> Node:
    """Match strings that begin so; raises RejectedQuery on any other type."""
    _only_strings(view, "prefix")
    return strings(context, view, ("prefix", start, ignore_case), lambda: patterns.prefix(start, ignore_case))


def wildcard(context: Context, view: View, pattern: str, ignore_case: bool = False) -> Node:
    """Match strings with ``*`` and ``?``; raises RejectedQuery on any other type."""
    _only_strings(view, "wildcard")
    return strings(context, view, ("wildcard", pattern, ignore_case), lambda: patterns.wildcard(pattern, ignore_case))


def regexp(context: Context, view: View, pattern: str, flags: str | None = None, ignore_case: bool = False) -> Node:
    """Match strings with Lucene's regular expressions; raises RejectedQuery on any other type."""
    _only_strings(view, "regexp", wrapped=True)
    test = check_regexp(pattern, flags, ignore_case)
    return strings(context, view, ("regexp", pattern, flags, ignore_case), lambda: test)


def check_regexp(pattern: str, flags: str | None, ignore_case: bool = False) -> patterns.Test:
    """Compile an expression; raises RejectedQuery."""
    try:
        return regexps.compile_regexp(pattern, flags, ignore_case)
    except RejectedQuery as error:
        if "flag" in error.reason:
            raise
        raise shard(f"failed to create query: {error.reason}") from None


def fuzzy(
    context: Context, view: View, word: str, edits: int, fixed: int = 0, swaps: bool = True, most: int = 50
) -> Node:
    """Match strings within some edits of a word; raises RejectedQuery on any other type."""
    _only_strings(view, "fuzzy", wrapped=True)
    test = patterns.fuzzy(word, edits, fixed, swaps)
    if edits and not word:
        raise UnsupportedQuery("fuzziness of an empty text")
    if edits:
        limited(view, test, most, "fuzzy")
    return strings(context, view, ("fuzzy", word, edits, fixed, swaps), lambda: test)


def limited(view: View, test: patterns.Test, most: int, what: str) -> None:
    """Refuse an expansion that Elasticsearch would cut short, because its choice is not imitated."""
    found = 0
    for word in view.vocabulary():
        found += test(word)
        if found > most:
            raise UnsupportedQuery(f"{what} with more than {most} expansions")


def exists(context: Context, name: str) -> Node:
    """Match documents with a value in a field, a pattern of fields, or any field of an object."""
    if name in METADATA or (name.startswith("_") and "*" in name):
        raise UnsupportedQuery(f"exists on [{name}]")
    views = context.store.matching(name)
    if "*" not in name and not views:
        views = context.store.matching(name + ".*") if name in context.store.objects else []
    return any_of([context.leaves.get(("exists",), view, _any_value(view)) for view in views])


def _any_value(view: View) -> Callable[[], Callable[[int], bool]]:
    cells = view.cells
    return lambda: lambda code: bool(cells[code])
