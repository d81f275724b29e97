"""What all aggregations share: their shape, reading options, values of a document, ordering buckets."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence, Set
from typing import Any, Protocol

from alerter.query.context import Context
from alerter.query.errors import RejectedQuery, UnsupportedQuery, argument, content
from alerter.query.fieldtypes import FLOATS, INTEGERS, BadValue, Cell, as_float, as_text
from alerter.query.mapping import cell_of
from alerter.query.names import METADATA
from alerter.query.nodes import Docs
from alerter.query.store import View
from alerter.query.values import aggregatable

Result = dict[str, Any]
Aggregation = Callable[[Docs], Result]
Aggregations = Callable[[Docs], Result]

MAX_BUCKETS = 65_536


class Builder(Protocol):
    """Compiles the options of one type of aggregation."""

    def __call__(self, context: Context, name: str, options: Mapping[str, Any], below: Aggregations) -> Aggregation:
        """Return the function from documents to result; ``below`` runs what is nested."""


def nothing_below(_: Docs) -> Result:
    """Stand for no nested aggregations."""
    return {}


_REFUSED = {
    "top_hits": {
        "explain",
        "highlight",
        "rescore",
        "script_fields",
        "seq_no_primary_term",
        "stored_fields",
        "version",
    },
    "histogram": {"format", "hard_bounds"},
    "date_histogram": {"hard_bounds"},
    "range": {"format"},
}
"""What a server knows beyond what is answered; ``script`` is known to most types."""


def check(type: str, options: Mapping[str, Any], allowed: Set[str]) -> None:
    """Refuse options that the type does not know, or that are not implemented."""
    for key in ("format", "time_zone"):
        if options.get("missing") is not None and options.get(key) is not None:
            raise UnsupportedQuery(f"[missing] together with [{key}] in the aggregation [{type}]")
    for key in options:
        if key == "script":
            raise UnsupportedQuery(f"scripts in the aggregation [{type}]")
        if key in _REFUSED.get(type, ()):
            raise UnsupportedQuery(f"parameter [{key}] of the aggregation [{type}]")
        if key not in allowed:
            raise content(f"[{type}] unknown field [{key}]")


def field(context: Context, options: Mapping[str, Any]) -> View | None:
    """Find the field of an aggregation; None when it is not mapped. Raises RejectedQuery for none or a text."""
    name = options.get("field")
    if name is not None and not isinstance(name, str):
        raise content("field doesn't support values of this type")
    if name is None:
        raise argument("Required one of fields [field, script], but none were specified.")
    if name in METADATA:
        raise UnsupportedQuery(f"the metadata field [{name}]")
    view = context.store.views.get(name)
    if view is None and options.get("missing") is not None:
        raise UnsupportedQuery("[missing] of an aggregation on a field that is not mapped")
    return None if view is None else aggregatable(view)


def substitute(view: View, value: Any) -> Cell:
    """Type the ``missing`` value of an aggregation; what a server reads otherwise than the field does is refused."""
    if value is None:
        return ()
    return (as_key(view, value, "[missing]"),)


def as_key(view: View, value: Any, what: str) -> Any:
    """Type a value that an option compares with those of a field; raises RejectedQuery or UnsupportedQuery."""
    type = view.type
    text = as_text(value)
    if type.is_number or type.kind == "boolean":
        return _number_key(view, value, text, what)
    if type.kind == "keyword" and type.ignore_above is None:
        return text
    if type.is_date and isinstance(value, str) and ("||" in value or value.startswith("now")):
        raise UnsupportedQuery(f"date mathematics in {what}")
    if type.is_date and isinstance(value, float):
        raise UnsupportedQuery(f"{what} of a fraction in a date")
    if type.is_date and what == "[missing]" and isinstance(value, int) and not isinstance(value, bool):
        return value
    try:
        found = cell_of([text if type.kind == "keyword" else value], type)
    except BadValue as error:
        raise bad_value(view, str(error)) from None
    if not found:
        raise UnsupportedQuery(f"{what} that the field itself ignores")
    return found[0]


def _number_key(view: View, value: Any, text: str, what: str) -> Any:
    kind = view.type.kind
    if kind == "boolean" and text in ("true", "false"):
        return text == "true"
    if kind == "boolean" and isinstance(value, str):
        raise argument(f"Cannot parse boolean [{text}], expected either [true] or [false]")
    try:
        number = as_float(value, "double", finite=False)
    except ValueError as error:
        raise bad_value(view, str(error)) from None
    if kind == "boolean" and number in (0, 1):
        return bool(number)
    if kind in INTEGERS and number.is_integer() and abs(number) < 1 << 53:
        return int(number)
    if kind in FLOATS and math.isfinite(number) and as_float(value, kind, finite=False) == number:
        return number
    raise UnsupportedQuery(f"{what} of {text}, which a field of type [{kind}] cannot hold")


def bad_value(view: View, reason: str) -> RejectedQuery:
    """Name a value of an option that the field cannot hold, as the field's type does."""
    if view.type.is_number:
        return RejectedQuery("number_format_exception", reason)
    return RejectedQuery("parse_exception", reason) if view.type.is_date else argument(reason)


def cells(view: View, missing: Any = None) -> Callable[[int], Cell]:
    """Return a function from a document to its values, with ``missing`` where it has none."""
    instead = substitute(view, missing)
    codes, known = view.column.padded(), view.cells
    if not instead:
        return lambda doc: known[codes[doc]]
    return lambda doc: known[codes[doc]] or instead


def group(docs: Docs, values: Callable[[int], Sequence[Any]]) -> dict[Any, list[int]]:
    """Collect the documents of each value; a document counts once for a value it has twice."""
    groups: dict[Any, list[int]] = {}
    for doc in docs:
        found = values(doc)
        for value in found if len(found) == 1 else dict.fromkeys(found):
            known = groups.get(value)
            if known is None:
                groups[value] = [doc]
            else:
                known.append(doc)
    return groups


def whole(type: str, options: Mapping[str, Any], key: str, default: int, least: int = 0) -> int:
    """Read a whole number; raises RejectedQuery below ``least``."""
    value = options.get(key, default)
    try:
        number = int(value)
    except (TypeError, ValueError):
        raise content(f"[{type}] failed to parse field [{key}]") from None
    if number < least or isinstance(value, bool):
        raise content(f"[{type}] failed to parse field [{key}]")
    return number


def too_many(count: int) -> None:
    """Raise RejectedQuery above the number of buckets that a server allows."""
    if count > MAX_BUCKETS:
        raise RejectedQuery(
            "search_phase_execution_exception",
            f"Trying to create too many buckets. Must be less than or equal "
            f"to: [{MAX_BUCKETS}] but this number of buckets was exceeded.",
        )


class Metric(dict[str, Any]):
    """The result of a metric, with what an order takes its values for where there were none."""

    def __init__(self, result: Result, empty: Mapping[str, float]) -> None:
        super().__init__(result)
        self.empty = empty


_UNKNOWN = (1, 0)
"""Where an average of nothing stands: above all numbers."""


class Ordering:
    """An order of buckets: what they are ordered by, the last step first, and whether downwards."""

    def __init__(self, steps: Sequence[tuple[Callable[[Result], Any], bool]]) -> None:
        self.steps = steps

    def __call__(self, found: Sequence[Result]) -> list[Result]:
        """Return the buckets in order."""
        ordered = list(found)
        for by, descending in self.steps:
            ordered.sort(key=by, reverse=descending)
        return ordered

    def undecided(self, found: Sequence[Result]) -> bool:
        """Tell whether a bucket has no number to be ordered by."""
        return any(by(bucket) == _UNKNOWN for by, _ in self.steps for bucket in found)


def ordering(spec: Any, default: Mapping[str, str], key: Callable[[Result], Any]) -> Ordering:
    """Compile the ``order`` of buckets: by ``_count``, ``_key`` or a nested value; ties by key, ascending."""
    items = [default] if spec is None else spec if isinstance(spec, list) else [spec]
    steps: list[tuple[Callable[[Result], Any], bool]] = [(key, False)]
    for item in reversed(items):
        if not isinstance(item, Mapping):
            raise content("order doesn't support values of this type")
        if len(item) != 1:
            raise RejectedQuery("parsing_exception", "Must specify at least one field for [order]")
        path, direction = next(iter(item.items()))
        if str(direction).lower() not in ("asc", "desc"):
            raise RejectedQuery("parsing_exception", f"Unknown order direction [{direction}]")
        steps.append((_value_at(path, key), str(direction).lower() == "desc"))
    return Ordering(steps)


def _value_at(path: str, key: Callable[[Result], Any]) -> Callable[[Result], Any]:
    if path == "_key":
        return key
    if path == "_count":
        return lambda bucket: bucket["doc_count"]
    if ">" in path or path.startswith("_"):
        raise UnsupportedQuery(f"order by [{path}]")
    name, _, part = path.partition(".")

    def value(bucket: Result) -> Any:
        below = bucket.get(name)
        if below is None:
            raise RejectedQuery(
                "invalid_path",
                f"Invalid aggregation order path [{path}]. The provided aggregation "
                f"[{name}] either does not exist, or is a pipeline aggregation",
            )
        found = below.get(part or ("doc_count" if "doc_count" in below else "value"), below)
        if found is None:
            empty = getattr(below, "empty", {}).get(part or "value")
            return _UNKNOWN if empty is None else (0, empty)
        if isinstance(found, bool) or not isinstance(found, (int, float)):
            raise UnsupportedQuery(f"order by [{path}]")
        return (0, found)

    return value
