"""Reading the parameters of clauses: what is unknown or of the wrong kind is refused as Elasticsearch does."""

from __future__ import annotations

from collections.abc import Mapping, Set
from datetime import UTC, tzinfo
from typing import Any

from alerter.query.dates import zone_named
from alerter.query.errors import RejectedQuery, UnsupportedQuery, argument, parsing

ALWAYS = {"boost", "_name"}


def check(name: str, body: Mapping[str, Any], allowed: Set[str]) -> None:
    """Raise RejectedQuery for a parameter that the query does not know."""
    for key in body:
        if key not in allowed and key not in ALWAYS:
            raise parsing(f"[{name}] query does not support [{key}]")


def _nothing(name: str) -> RejectedQuery:
    if name == "match":
        return parsing("No text specified for text query")
    return argument("field name is null or empty")


def field_of(name: str, body: Mapping[str, Any], short: str | None, allowed: Set[str]) -> tuple[str, Mapping[str, Any]]:
    """Read ``{field: options}`` or, with ``short``, ``{field: value}``; one field only."""
    if not body:
        raise _nothing(name)
    if len(body) > 1:
        first, second, *_ = body
        raise parsing(f"[{name}] query doesn't support multiple fields, found [{first}] and [{second}]")
    field, options = next(iter(body.items()))
    if not isinstance(options, Mapping):
        if options is None:
            raise _nothing(name)
        if isinstance(options, list):
            if name == "fuzzy":
                raise UnsupportedQuery("a list of values in the query [fuzzy]")
            kind = parsing if name == "term" else argument
            raise kind(f"[{name}] query does not support array of values")
        if short is None:
            raise parsing(f"[{name}] query does not support [{field}]")
        return field, {short: options}
    check(name, options, allowed)
    return field, options


def flag(name: str, options: Mapping[str, Any], key: str, default: bool = False) -> bool:
    """Read a boolean parameter."""
    value = options.get(key)
    if value is None:
        return default
    if value in (True, False) and isinstance(value, bool):
        return value
    if value in ("true", "false"):
        return bool(value == "true")
    raise argument(f"Failed to parse value [{value}] as only [true] or [false] are allowed in [{name}]")


def whole(name: str, options: Mapping[str, Any], key: str, default: int) -> int:
    """Read a parameter that is a whole number."""
    value = options.get(key, default)
    try:
        if isinstance(value, bool):
            raise ValueError
        return int(value)
    except (TypeError, ValueError):
        raise argument(f"[{name}] failed to parse [{key}]: [{value}]") from None


def zone_of(options: Mapping[str, Any]) -> tzinfo:
    """Read ``time_zone``; raises RejectedQuery for an unknown one."""
    value = options.get("time_zone")
    return UTC if value is None else zone_named(str(value))
