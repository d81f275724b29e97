"""Instants as test files write them: ISO 8601, a time of the start's day, or a length after the start."""

from __future__ import annotations

import re
from typing import Any

from alerter.clock import DAY, SECOND, Millis
from alerter.durations import parse_duration
from alerter.ruleset.yaml_positions import Document, Path_
from alerter.timetext import iso, parse_instant

FORMS = (
    "write 2026-03-10T11:00:00Z, a time of day like 11:00:30 (UTC, the day of start), or a length after start like +5m"
)
EARLIEST: Millis = parse_instant("1980-01-01T00:00:00Z")
LATEST: Millis = parse_instant("2200-01-01T00:00:00Z")
_CLOCK = re.compile(r"(?P<h>[01]?\d|2[0-3]):(?P<m>[0-5]\d)(?::(?P<s>[0-5]\d)(?:\.(?P<ms>\d{1,3}))?)?")
_LENGTH = re.compile(r"(?P<sign>[+-]?)\s*(?P<length>\d.*)")


def written(document: Document, path: Path_, value: Any) -> str:
    """Return a scalar as it stands in the file; YAML would make the number 39,645 of ``11:00:45``."""
    if isinstance(value, str):
        return value
    mark = document.values.get(path)
    if mark is None:
        return str(value)
    return document.lines[mark.line - 1][mark.column - 1 : mark.column - 1 + mark.length].strip()


def read_time(text: str, start: Millis | None) -> Millis:
    """Read an instant; ``start`` None allows ISO 8601 only. Raises ValueError with what may be written."""
    at = _read(text.strip(), start)
    if not EARLIEST <= at < LATEST:
        raise ValueError(f"{text!r} is not between the years 1980 and 2200")
    return at


def _read(text: str, start: Millis | None) -> Millis:
    if start is not None:
        if found := _CLOCK.fullmatch(text):
            return start // DAY * DAY + _of_day(found)
        if found := _LENGTH.fullmatch(text):
            length = _length(found["length"])
            if length is not None:
                return start - length if found["sign"] == "-" else start + length
    try:
        return parse_instant(text)
    except (ValueError, OverflowError):
        hint = FORMS if start is not None else "write ISO 8601, like 2026-03-10T11:00:00Z"
        raise ValueError(f"{text!r} is not a time; {hint}") from None


def read_lag(text: str) -> Millis | None:
    """Read ``+3m``, a length after an event's own time; None when the text is something else."""
    return _length(text.strip()[1:].strip()) if text.strip().startswith("+") else None


def _length(text: str) -> Millis | None:
    try:
        return parse_duration(text)
    except ValueError:
        return None


def _of_day(found: re.Match[str]) -> Millis:
    seconds = int(found["h"]) * 3600 + int(found["m"]) * 60 + int(found["s"] or 0)
    return seconds * SECOND + int((found["ms"] or "0").ljust(3, "0"))


def clock_of(at: Millis, start: Millis) -> str:
    """Return an instant as it may be written: the time of day on the day of start, else ISO 8601."""
    text = iso(at)
    return text[11:-1].removesuffix(".000") if at // DAY == start // DAY else text.replace(".000Z", "Z")
