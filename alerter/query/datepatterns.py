"""Custom date formats (``yyyy/MM/dd HH:mm``) and the named ones that are patterns underneath."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, tzinfo

from alerter.clock import Millis
from alerter.query.dates import NotADate, Parts, Reader, Writer, from_millis, offset_of, zone_named
from alerter.query.errors import RejectedQuery, UnsupportedQuery, argument

_NAMED = {
    "date": "yyyy-MM-dd",
    "basic_date": "yyyyMMdd",
    "date_time": "yyyy-MM-dd'T'HH:mm:ss.SSSXXX",
    "date_time_no_millis": "yyyy-MM-dd'T'HH:mm:ssXXX",
    "date_hour": "yyyy-MM-dd'T'HH",
    "date_hour_minute": "yyyy-MM-dd'T'HH:mm",
    "date_hour_minute_second": "yyyy-MM-dd'T'HH:mm:ss",
    "date_hour_minute_second_millis": "yyyy-MM-dd'T'HH:mm:ss.SSS",
    "date_hour_minute_second_fraction": "yyyy-MM-dd'T'HH:mm:ss.SSS",
    "basic_date_time": "yyyyMMdd'T'HHmmss.SSSXX",
    "basic_date_time_no_millis": "yyyyMMdd'T'HHmmssXX",
    "year": "yyyy",
    "year_month": "yyyy-MM",
    "year_month_day": "yyyy-MM-dd",
}
_MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
_LONG = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]
_DAYS = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
_LETTERS = re.compile(r"'((?:[^']|'')*)'|([A-Za-z])\2*|[^A-Za-z']")

Write = Callable[[datetime], str]
_NUMBERS: dict[str, tuple[str, str, Write]] = {
    "yyyy": ("year", r"\d{4}", lambda t: f"{t.year:04d}"),
    "yy": ("short", r"\d{2}", lambda t: f"{t.year % 100:02d}"),
    "MM": ("month", r"\d{2}", lambda t: f"{t.month:02d}"),
    "M": ("month", r"\d{1,2}", lambda t: str(t.month)),
    "MMM": ("name", "|".join(_MONTHS), lambda t: _MONTHS[t.month - 1]),
    "MMMM": ("name", "|".join(_LONG), lambda t: _LONG[t.month - 1]),
    "dd": ("day", r"\d{2}", lambda t: f"{t.day:02d}"),
    "d": ("day", r"\d{1,2}", lambda t: str(t.day)),
    "HH": ("hour", r"\d{2}", lambda t: f"{t.hour:02d}"),
    "H": ("hour", r"\d{1,2}", lambda t: str(t.hour)),
    "mm": ("minute", r"\d{2}", lambda t: f"{t.minute:02d}"),
    "m": ("minute", r"\d{1,2}", lambda t: str(t.minute)),
    "ss": ("second", r"\d{2}", lambda t: f"{t.second:02d}"),
    "s": ("second", r"\d{1,2}", lambda t: str(t.second)),
    "EEE": ("weekday", "|".join(_DAYS), lambda t: _DAYS[t.weekday()]),
    "E": ("weekday", "|".join(_DAYS), lambda t: _DAYS[t.weekday()]),
    "Z": ("zone", r"[+-]\d{4}", lambda t: offset_of(t, colon=False, zulu=False)),
    "ZZ": ("zone", r"[+-]\d{4}", lambda t: offset_of(t, colon=False, zulu=False)),
    "ZZZ": ("zone", r"[+-]\d{4}", lambda t: offset_of(t, colon=False, zulu=False)),
    "ZZZZZ": ("zone", r"Z|[+-]\d{2}:\d{2}", offset_of),
    "XXX": ("zone", r"Z|[+-]\d{2}:\d{2}", offset_of),
    "XX": ("zone", r"Z|[+-]\d{4}", lambda t: offset_of(t, colon=False)),
    "xxx": ("zone", r"[+-]\d{2}:\d{2}", lambda t: offset_of(t, zulu=False)),
    "xx": ("zone", r"[+-]\d{4}", lambda t: offset_of(t, colon=False, zulu=False)),
}


def compile_pattern(name: str) -> tuple[Reader, Writer]:
    """Compile one pattern into a reader and a writer; raises UnsupportedQuery."""
    pattern = _NAMED.get(name.removeprefix("strict_"), name)
    expression, writers, seen, end = "", list[Write](), list[str](), 0
    for part in _LETTERS.finditer(pattern):
        if part.start() != end:
            raise UnsupportedQuery(f"date format [{name}]")
        end = part.end()
        if part[2] is None:
            literal = part[0] if part[1] is None else part[1].replace("''", "'") or "'"
            expression += re.escape(literal)
            writers.append(lambda _, literal=literal: literal)  # type: ignore[misc]
            continue
        key, spelling, write = _element(part[0], name)
        if key in seen:
            raise UnsupportedQuery(f"date format [{name}]")
        seen.append(key)
        expression += f"(?P<{key}>{spelling})"
        writers.append(write)
    if end != len(pattern):
        raise UnsupportedQuery(f"date format [{name}]")
    compiled = re.compile(expression, re.ASCII)

    def read(text: str, zone: tzinfo, up: bool) -> Millis:
        found = compiled.fullmatch(text)
        if not found:
            raise NotADate(text)
        return _parts(found.groupdict()).at(zone, up)

    def write_all(value: Millis, zone: tzinfo) -> str:
        moment = from_millis(value, zone)
        return "".join(write(moment) for write in writers)

    return read, write_all


def _element(letters: str, name: str) -> tuple[str, str, Write]:
    if set(letters) == {"S"}:
        digits = len(letters)
        return "fraction", rf"\d{{{digits}}}", lambda t: f"{t.microsecond:06d}".ljust(9, "0")[:digits]
    known = _NUMBERS.get(letters.replace("u", "y"))
    if known is None and set(letters) == {"y"}:
        known = _NUMBERS["yyyy"] if len(letters) == 1 else None
    if known is None:
        if unknown := set(re.sub(r"'[^']*'", "", name)) & set("bfijlortCIJPRTU"):
            raise argument(f"Invalid format: [{name}]: Unknown pattern letter: {min(unknown)}")
        raise UnsupportedQuery(f"date format [{name}]")
    return known


def _parts(found: dict[str, str | None]) -> Parts:
    def number(key: str) -> int | None:
        value = found.get(key)
        return None if value is None else int(value)

    year = number("year")
    if year is None:
        short = number("short")
        year = 1970 if short is None else 2000 + short
    month, named = number("month"), found.get("name")
    if named:
        month = next(i for i, known in enumerate(_MONTHS, 1) if named.startswith(known))
    fraction, zone = found.get("fraction"), found.get("zone")
    try:
        where = zone_named(zone) if zone else None
    except RejectedQuery as error:
        raise NotADate(error.reason) from None
    milli = int(fraction[:3].ljust(3, "0")) if fraction else None
    return Parts(year, month, number("day"), number("hour"), number("minute"), number("second"), milli, where)
