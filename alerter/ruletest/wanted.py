"""Expectations as written, turned into checks: what each field of an entry must be."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from alerter.clock import Millis
from alerter.ruletest.model import At, Check, Entry, Expectation, Firing
from alerter.ruletest.places import Places

LISTS = ("matches", "incidents", "messages", "decisions")
TIMES = {"at", "opened", "resolved", "until"}
NUMBERS = {"count", "reference", "threshold", "peak", "matches", "suppressed", "times"}
TEXTS = {"text", "title", "sentence", "summary", "condition", "sample", "runbook", "dashboard"}
PARTS = {"message": "message.", "fields": "fields.", "labels": "labels.", "facts": "facts."}
"""Mappings within an entry; their fields are checked one by one, under these names."""


def read_expectation(places: Places, written: Mapping[str, Any], path: At, at: Millis, *, whole: bool) -> Expectation:
    """Read one ``expect``; what cannot be read is a finding of ``places``."""
    firing = [
        one
        for name, wanted in (("firing", True), ("not_firing", False))
        if name in written
        for one in _firing(places, written[name], (*path, name), at, whole=whole, wanted=wanted)
    ]
    lists = {
        name: tuple(_entry(places, entry, (*path, name, n)) for n, entry in enumerate(written[name]))
        for name in LISTS
        if name in written
    }
    only = bool(written.get("only", False))
    if only and firing and not lists:
        hint = "name a list, like incidents: [] or messages: []"
        places.error("only", "only: true says nothing about firing", hint, (*path, "only"))
    return Expectation(path, at, whole, tuple(firing), lists, only)


def read_decisions(places: Places, written: list[Any], path: At) -> tuple[Entry, ...]:
    """Read a list of decisions that stands by itself."""
    return tuple(_entry(places, entry, (*path, n)) for n, entry in enumerate(written))


def _firing(places: Places, written: Any, path: At, at: Millis, *, whole: bool, wanted: bool) -> Iterator[Firing]:
    if isinstance(written, bool):
        yield Firing(path, wanted is written, at, at, plain=True, ever=whole)
        return
    each = [(written, path)] if isinstance(written, Mapping) else [(one, (*path, n)) for n, one in enumerate(written)]
    for one, where in each:
        start, end = _span(places, one, where) or (at, at)
        if end > at and not whole:
            places.error("order", "this is after the step's own time", "expect it in a later step", where)
        checks = tuple(
            Check(n, (*where, n), _shown(one[n]), _same(one[n]), exact=n == "rule") for n in ("key", "rule") if n in one
        )
        yield Firing(where, wanted, start, end, checks)


def _span(places: Places, written: Mapping[str, Any], path: At) -> tuple[Millis, Millis] | None:
    if "between" in written:
        return _between(places, written["between"], (*path, "between"))
    if "at" in written:
        at = places.time(written["at"], (*path, "at"))
        return at, at
    return None


def _entry(places: Places, written: Mapping[str, Any], path: At) -> Entry:
    checks = list(_checks(places, written, path, ""))
    times = next((c for c in checks if c.name == "times"), None)
    return Entry(path, tuple(c for c in checks if c is not times), times)


def _checks(places: Places, written: Mapping[str, Any], path: At, prefix: str) -> Iterator[Check]:
    for name, value in written.items():
        where = (*path, name)
        if name in PARTS and not prefix.startswith(("fields.", "labels.", "facts.")) and isinstance(value, Mapping):
            yield from _checks(places, value, where, "" if name == "message" else PARTS[name])
        else:
            yield _check(places, f"{prefix}{name}", value, where)


def _check(places: Places, name: str, value: Any, path: At) -> Check:
    if name == "between":
        start, end = _between(places, value, path)
        return Check("at", path, f"between {places.clock(start)} and {places.clock(end)}", _inside(start, end))
    if name in TIMES:
        return _moment(places, name, value, path)
    if name in TEXTS or name.startswith("fields."):
        return Check(name, path, _shown(value), _contains(places, value, path))
    if name in NUMBERS or (name == "value" and isinstance(value, Mapping)):
        plain = isinstance(value, int | float)
        return Check(name, path, _shown(value), _same(value) if plain else _bounds(value), exact=plain)
    if name.startswith("labels."):
        text = None if value is None else str(value).lower() if isinstance(value, bool) else str(value)
        return Check(name, path, _shown(text), _same(text), exact=isinstance(value, str))
    return Check(name, path, _shown(value), _same(value), exact=isinstance(value, str | int | float))


def _moment(places: Places, name: str, value: Any, path: At) -> Check:
    if value is None or isinstance(value, bool):
        shown = "yes" if value else "no"
        return Check(name, path, shown, (lambda v: v is not None) if value else (lambda v: v is None))
    if isinstance(value, Mapping):
        start, end = _between(places, value["between"], (*path, "between"))
        return Check(name, path, f"between {places.clock(start)} and {places.clock(end)}", _inside(start, end))
    at = places.time(value, path)
    return Check(name, path, places.clock(at), _same(at), exact=True)


def _between(places: Places, value: Any, path: At) -> tuple[Millis, Millis]:
    start, end = (places.time(one, (*path, n)) for n, one in enumerate(value))
    if start > end:
        places.error("between", "between: the first time is after the second", "", path)
    return start, end


def _inside(start: Millis, end: Millis) -> Callable[[Any], bool]:
    return lambda value: value is not None and start <= value <= end


def _same(wanted: Any) -> Callable[[Any], bool]:
    return lambda value: bool(value == wanted) and isinstance(value, bool) is isinstance(wanted, bool)


def _bounds(written: Mapping[str, Any]) -> Callable[[Any], bool]:
    low, high = written.get("min", float("-inf")), written.get("max", float("inf"))
    return lambda value: isinstance(value, int | float) and low <= value <= high


def _contains(places: Places, written: Any, path: At) -> Callable[[Any], bool]:
    if not isinstance(written, Mapping):
        return _all_in(_texts(written))
    parts = [_all_in(_texts(written.get("contains", []))), _none_in(_texts(written.get("not", [])))]
    if "matches" in written:
        try:
            pattern = re.compile(written["matches"])
        except re.error as error:
            places.error("regular_expression", f"matches: {error}", "Python's notation", (*path, "matches"))
        else:
            parts.append(lambda value: pattern.search(str(value or "")) is not None)
    return lambda value: all(part(value) for part in parts)


def _all_in(wanted: list[str]) -> Callable[[Any], bool]:
    return lambda value: all(text in str(value or "") for text in wanted)


def _none_in(unwanted: list[str]) -> Callable[[Any], bool]:
    return lambda value: not any(text in str(value or "") for text in unwanted)


def _texts(written: Any) -> list[str]:
    return [written] if isinstance(written, str) else list(written)


def _shown(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{k}: {_shown(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_shown, value)) + "]"
    if value is None or isinstance(value, bool):
        return "null" if value is None else str(value).lower()
    return str(value)
