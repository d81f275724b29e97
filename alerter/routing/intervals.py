"""Time intervals: when a route is muted or active, in a time zone of its own (Alertmanager's vocabulary)."""

from __future__ import annotations

import calendar
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from alerter.clock import SECOND, Millis

Span = tuple[int, int]
"""First and last, both inclusive; for times: minutes of the day, the end exclusive."""
WEEKDAYS = ("sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday")
MONTHS = tuple(name.lower() for name in calendar.month_name)


@dataclass(frozen=True)
class Interval:
    """One alternative of a named interval; an empty tuple is no condition."""

    times: tuple[Span, ...] = ()
    weekdays: tuple[Span, ...] = ()
    days_of_month: tuple[Span, ...] = ()
    months: tuple[Span, ...] = ()
    years: tuple[Span, ...] = ()
    location: str = "UTC"

    def contains(self, at: Millis) -> bool:
        """Tell whether an instant lies in the interval, by the wall clock of its location."""
        local = datetime.fromtimestamp(at / SECOND, UTC).astimezone(ZoneInfo(self.location))
        minute = local.hour * 60 + local.minute
        length = calendar.monthrange(local.year, local.month)[1]
        days = [(_day(first, length), _day(last, length)) for first, last in self.days_of_month]
        return (
            (not self.times or any(start <= minute < end for start, end in self.times))
            and _within(self.weekdays, (local.weekday() + 1) % 7)
            and (not days or any(first <= local.day <= last for first, last in days))
            and _within(self.months, local.month)
            and _within(self.years, local.year)
        )


def _within(spans: tuple[Span, ...], value: int) -> bool:
    return not spans or any(first <= value <= last for first, last in spans)


def _day(day: int, length: int) -> int:
    """Return a day of the month; negative counts from the end, too large means the last."""
    return max(1, length + 1 + day) if day < 0 else min(day, length)


def parse_interval(written: dict[str, object]) -> Interval:
    """Read one entry of ``time_intervals``; raises ValueError with what is wrong."""
    known = {"times", "weekdays", "days_of_month", "months", "years", "location"}
    for name in written:
        if name not in known:
            raise ValueError(f"unknown key {name}; known: {', '.join(sorted(known))}")
    location = str(written.get("location", "UTC"))
    try:
        ZoneInfo(location)
    except (KeyError, ValueError, OSError):
        raise ValueError(f"unknown time zone {location}") from None
    return Interval(
        times=tuple(_times(t) for t in _list(written.get("times"))),
        weekdays=tuple(_names(w, WEEKDAYS) for w in _list(written.get("weekdays"))),
        days_of_month=tuple(_numbers(d, -31, 31) for d in _list(written.get("days_of_month"))),
        months=tuple(_names(m, MONTHS) for m in _list(written.get("months"))),
        years=tuple(_numbers(y, 1970, 9999) for y in _list(written.get("years"))),
        location=location,
    )


def _list(value: object) -> list[object]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def _times(value: object) -> Span:
    if not isinstance(value, dict) or set(value) != {"start_time", "end_time"}:
        raise ValueError("times are {start_time: '09:00', end_time: '17:00'}")
    start, end = _minute(value["start_time"]), _minute(value["end_time"])
    if start >= end:
        raise ValueError(
            f"start_time {value['start_time']} is not before end_time {value['end_time']}; write two entries"
        )
    return start, end


def _minute(value: object) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value  # YAML 1.1 reads 17:00 without quotes as a number of base 60
    parts = str(value).split(":")
    if len(parts) != 2 or not all(p.isdigit() for p in parts) or int(parts[1]) > 59 or int(parts[0]) > 24:
        raise ValueError(f"{value!r} is not a time of day like 09:00")
    return int(parts[0]) * 60 + int(parts[1])


def _names(value: object, names: tuple[str, ...]) -> Span:
    first, last = _pair(str(value).lower())
    found = [_name(n, names) for n in (first, last)]
    if found[0] > found[1]:
        raise ValueError(f"{value!r} ends before it starts; write two entries")
    return found[0], found[1]


def _name(name: str, names: tuple[str, ...]) -> int:
    if name.isdigit() and names is MONTHS and 1 <= int(name) <= 12:
        return int(name)
    if not name or name not in names:
        raise ValueError(f"{name!r} is not one of {', '.join(n for n in names if n)}")
    return names.index(name)


def _numbers(value: object, least: int, most: int) -> Span:
    try:
        first, last = (int(part) for part in _pair(str(value)))
    except ValueError:
        raise ValueError(f"{value!r} is not a number or a range like 1:15") from None
    if not (least <= first <= most and least <= last <= most) or 0 in (first, last):
        raise ValueError(f"{value!r} is out of range")
    return first, last


def _pair(text: str) -> tuple[str, str]:
    first, colon, last = (part.strip() for part in text.partition(":"))
    return first, last if colon else first
