"""Typed values on their way out: as sort values, doc values, bucket keys and texts."""

from __future__ import annotations

import math
import struct
from datetime import UTC
from typing import Any

from alerter.query.dates import DateFormat
from alerter.query.errors import UnsupportedQuery, argument
from alerter.query.fieldtypes import FLOATS, FieldType, write_address
from alerter.query.store import View


def aggregatable(view: View) -> View:
    """Return the view when its values can be sorted and aggregated; raises RejectedQuery for a text."""
    if view.type.is_text:
        name = view.type.name
        raise argument(
            f"Fielddata is disabled on [{name}]. Text fields are not optimised for operations that require "
            f"per-document field data like aggregations and sorting. Use [{name}.keyword] or another keyword field"
        )
    if view.column.minus_zero:
        raise UnsupportedQuery(f"sorting by and aggregating [{view.type.name}], which holds -0.0")
    if not view.type.doc_values:
        raise argument(f"Can't load fielddata on [{view.type.name}] because fielddata is unsupported on fields")
    return view


def shortest(value: float) -> float:
    """Return the shortest number that rounds to the same 32-bit float, as Java writes floats."""
    for digits in range(6, 10):
        text = float(f"{value:.{digits}g}")
        if struct.unpack("f", struct.pack("f", text))[0] == value:
            if abs(value) >= 1e7 and text != value:
                raise UnsupportedQuery(f"the digits of [{value}], a large number of type [float]")
            return text
    return value


def doc_value(type: FieldType, value: Any, form: DateFormat | None = None) -> Any:
    """Write a value as ``docvalue_fields`` returns it."""
    if type.is_date:
        return (form or type.format).write(value, UTC)
    return write_address(value) if type.kind == "ip" else value


def field_value(type: FieldType, value: Any, form: DateFormat | None = None) -> Any:
    """Write a value as the ``fields`` option returns it."""
    if type.kind == "float" and form is None:
        return shortest(value)
    return doc_value(type, value, form)


def sort_value(type: FieldType, value: Any) -> Any:
    """Write a value as a sort value: instants as milliseconds, booleans as 1 and 0."""
    if type.kind == "boolean":
        return int(value)
    if isinstance(value, float) and math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    if type.kind == "float":
        return shortest(value)
    return write_address(value) if type.kind == "ip" else value


def key_parts(type: FieldType, value: Any, form: DateFormat | None = None) -> dict[str, Any]:
    """Return ``key`` and, where the type has one, ``key_as_string`` of a bucket."""
    if type.kind == "boolean":
        return {"key": int(value), "key_as_string": "true" if value else "false"}
    if type.is_date:
        return {"key": value, "key_as_string": (form or type.format).write(value, UTC)}
    if type.kind == "ip":
        return {"key": write_address(value)}
    return {"key": value}


def missing_sort_value(type: FieldType, greatest: bool) -> Any:
    """Return what stands for a missing value in a sort: the extreme of the type, or None for strings."""
    if type.kind in ("keyword", "ip"):
        return None
    if type.kind in FLOATS:
        return math.inf if greatest else -math.inf
    bits = 31 if type.kind in ("integer", "short", "byte") else 63
    return (1 << bits) - 1 if greatest else -(1 << bits)
