"""Date mathematics: ``now-1h/d``, ``2026-03-10||+1M/M``; and rounding to calendar units."""

from __future__ import annotations

import calendar
import re
from datetime import UTC, datetime, timedelta, tzinfo

from alerter.clock import Millis
from alerter.query.dates import DateFormat, NotADate, from_millis, to_millis
from alerter.query.errors import RejectedQuery, UnsupportedQuery

_STEP = re.compile(r"([+\-/])(\d*)([yMwdhHmsq])", re.ASCII)
_LENGTHS = {
    "w": timedelta(weeks=1),
    "d": timedelta(days=1),
    "h": timedelta(hours=1),
    "H": timedelta(hours=1),
    "m": timedelta(minutes=1),
    "s": timedelta(seconds=1),
}


def resolve(text: str, form: DateFormat, now: Millis | None, zone: tzinfo = UTC, up: bool = False) -> Millis:
    """Resolve a date or an expression; ``up`` fills and rounds to the end of the unit.

    Raises RejectedQuery (``parse_exception``) for what is no date, UnsupportedQuery when ``now`` is not given.
    """
    if text.startswith("now"):
        if now is None:
            raise UnsupportedQuery("now", "give the request a time with --now")
        return _apply(text[3:], now, zone, up, text)
    base, bars, steps = text.partition("||")
    try:
        start = form.read(base, zone, up and not bars)
    except NotADate as error:
        raise RejectedQuery("parse_exception", str(error)) from None
    return _apply(steps, start, zone, up, text) if steps else start


def _apply(steps: str, start: Millis, zone: tzinfo, up: bool, whole: str) -> Millis:
    moment, at = from_millis(start, zone), 0
    while at < len(steps):
        found = _STEP.match(steps, at)
        if not found or found[3] == "q":
            raise RejectedQuery("parse_exception", f"operator not supported for date math [{whole}]")
        at = found.end()
        count, unit = int(found[2] or 1), found[3]
        if found[1] == "/":
            if count != 1:
                raise RejectedQuery("parse_exception", "rounding `/` can only be used on single unit types")
            moment = floor(moment, unit)
            if up:
                moment = add(moment, unit, 1) - timedelta(milliseconds=1)
        else:
            moment = add(moment, unit, count if found[1] == "+" else -count)
    return to_millis(moment)


def add(moment: datetime, unit: str, count: int) -> datetime:
    """Add calendar units; a day that does not exist becomes the month's last."""
    try:
        if unit in "yMq":
            months = moment.year * 12 + moment.month - 1 + count * {"y": 12, "M": 1, "q": 3}[unit]
            year, month = divmod(months, 12)
            day = min(moment.day, calendar.monthrange(year, month + 1)[1])
            return moment.replace(year=year, month=month + 1, day=day)
        if unit in "wd":
            return moment + _LENGTHS[unit] * count
        # hours and less are lengths of time, also where a zone changes its offset
        return (moment.astimezone(UTC) + _LENGTHS[unit] * count).astimezone(moment.tzinfo)
    except (OverflowError, ValueError, calendar.IllegalMonthError):
        raise UnsupportedQuery("a date outside the years 1 to 9999") from None


def floor(moment: datetime, unit: str) -> datetime:
    """Round down to the start of a unit: ``y``, ``q``, ``M``, ``w`` (Monday), ``d``, ``h``, ``m``, ``s``."""
    if unit == "s":
        return moment.replace(microsecond=0)
    if unit == "m":
        return moment.replace(second=0, microsecond=0)
    if unit in "hH":
        return moment.replace(minute=0, second=0, microsecond=0)
    day = moment.replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
    if unit == "w":
        return day - timedelta(days=day.weekday())
    if unit == "M":
        return day.replace(day=1)
    if unit == "q":
        return day.replace(month=(day.month - 1) // 3 * 3 + 1, day=1)
    return day.replace(month=1, day=1) if unit == "y" else day
