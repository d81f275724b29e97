"""Dates as Elasticsearch reads and writes them: formats, missing parts, time zones. Times are milliseconds UTC."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo

from alerter.clock import DAY, Millis
from alerter.query.errors import RejectedQuery, UnsupportedQuery, argument

_EPOCH = date(1970, 1, 1).toordinal()
_ERA = 400
"""Years after which the calendar repeats itself, and their days."""
_ERA_DAYS = 146_097
_ZONE = r"Z|(?:[+-]\d|(?:UTC|GMT|UT)[+-])[\d:]+|[A-Za-z][A-Za-z0-9~/._+-]+"
_STRICT = re.compile(
    r"(-?\d{4})(?:-(\d{2})(?:-(\d{2})(?:T(?:(\d{2})(?::(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?)?"
    rf"({_ZONE})?)?)?)?)?",
    re.ASCII,
)
_COMMON = re.compile(r"(\d{4}-\d{2}-\d{2})T(\d{2}):(\d{2}):(\d{2})(?:\.(\d{1,9}))?Z", re.ASCII)
_MINUTE = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:", re.ASCII)
_MILLIS = re.compile(r"(-?\d+)(?:\.(\d{0,6}))?", re.ASCII)
_SECONDS = re.compile(r"(-?)(\d+)(?:\.(\d{1,9}))?", re.ASCII)
_OFFSET = re.compile(r"(?:UTC|GMT|UT)?([+-])(\d{1,2}|\d{4}|\d{6}|\d\d:\d\d|\d\d:\d\d:\d\d)", re.ASCII)
_NO_ZONES = {"EST", "MST", "HST", "Factory", "localtime", "posixrules"}
"""What Python knows for a zone and Java does not."""
DEFAULT = "strict_date_optional_time||epoch_millis"


class NotADate(ValueError):
    """A text that does not fit a format."""


@dataclass(frozen=True)
class Parts:
    """The parts of a date that a text held; None where it left them out."""

    year: int
    month: int | None = None
    day: int | None = None
    hour: int | None = None
    minute: int | None = None
    second: int | None = None
    milli: int | None = None
    zone: tzinfo | None = None

    def at(self, zone: tzinfo, up: bool) -> Millis:
        """Return the instant; missing times are filled with 0, or with 23:59:59.999 when rounding ``up``.

        A missing month or day is always the first. Raises NotADate for a day that does not exist.
        """
        filler = (23, 59, 59, 999) if up else (0, 0, 0, 0)
        hour, minute, second, milli = (
            fill if value is None else value
            for value, fill in zip((self.hour, self.minute, self.second, self.milli), filler, strict=True)
        )
        eras = 0 if self.year > 0 else 1 - self.year // _ERA
        month, day = (1 if part is None else part for part in (self.month, self.day))
        try:
            moment = datetime(
                self.year + eras * _ERA, month, day, hour, minute, second, milli * 1000, self.zone or zone
            )
        except ValueError as error:
            raise NotADate(str(error)) from None
        return to_millis(moment) - eras * _ERA_DAYS * DAY


def to_millis(moment: datetime) -> Millis:
    """Convert an aware datetime; microseconds are cut."""
    delta = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return (delta.days * 86_400 + delta.seconds) * 1000 + delta.microseconds // 1000


def from_millis(value: Millis, zone: tzinfo = UTC) -> datetime:
    """Convert to an aware datetime in a zone; raises UnsupportedQuery outside the years 1 to 9999."""
    try:
        return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=value)).astimezone(zone)
    except (OverflowError, ValueError):
        raise UnsupportedQuery("a date outside the years 1 to 9999") from None


@lru_cache(maxsize=256)
def zone_named(name: str) -> tzinfo:
    """Find a time zone by offset or name; raises RejectedQuery for an unknown one."""
    if name in ("Z", "UTC", "GMT", "UT"):
        return UTC
    offset = _OFFSET.fullmatch(name)
    if offset:
        digits = offset[2].replace(":", "").zfill(2).ljust(6, "0")
        hours, minutes, seconds = int(digits[:2]), int(digits[2:4]), int(digits[4:])
        length = timedelta(hours=hours, minutes=minutes, seconds=seconds)
        if length > timedelta(hours=18) or minutes > 59 or seconds > 59:
            raise argument(f"Zone offset not in valid range: {name}")
        return timezone(-length if offset[1] == "-" else length)
    try:
        if name in _NO_ZONES or name.startswith(("posix/", "right/")):
            raise ValueError
        return ZoneInfo(name)
    except (OSError, ValueError, KeyError):
        raise argument(f"java.time.zone.ZoneRulesException: Unknown time-zone ID: {name}") from None


@lru_cache(maxsize=4096)
def _days(text: str) -> int:
    try:
        return date.fromisoformat(text).toordinal() - _EPOCH
    except ValueError as error:
        raise NotADate(str(error)) from None


def read_strict(text: str) -> Parts:
    """Read ``strict_date_optional_time``; raises NotADate."""
    found = _STRICT.fullmatch(text)
    if not found:
        raise NotADate(text)
    year, month, day, hour, minute, second = (None if part is None else int(part) for part in found.groups()[:6])
    fraction, zone = found[7], found[8]
    assert year is not None
    try:
        where = zone_named(zone) if zone else None
    except RejectedQuery:
        raise NotADate(text) from None
    return Parts(year, month, day, hour, minute, second, int(fraction[:3].ljust(3, "0")) if fraction else None, where)


Reader = Callable[[str, tzinfo, bool], Millis]
Writer = Callable[[Millis, tzinfo], str]


@dataclass(frozen=True)
class DateFormat:
    """One format or several joined by ``||``: reading tries each in order, writing uses the first."""

    name: str
    readers: tuple[Reader, ...]
    write: Writer

    def read(self, text: str, zone: tzinfo = UTC, up: bool = False) -> Millis:
        """Read a date; ``up`` fills missing parts to the end. Raises NotADate."""
        for reader in self.readers:
            try:
                return reader(text, zone, up)
            except NotADate as error:
                last = str(error)
        detail = f": [{last}]" if last != text else ""
        raise NotADate(f"failed to parse date field [{text}] with format [{self.name}]{detail}")


@lru_cache(maxsize=4096)
def _minute(text: str) -> Millis:
    """Return the instant of ``2026-03-10T11:00:``; raises NotADate for any other text."""
    if not _MINUTE.fullmatch(text):
        raise NotADate(text)
    return _strict(f"{text}00Z", UTC, False)


def _strict(text: str, zone: tzinfo, up: bool) -> Millis:
    if len(text) == 24 and text[19] == "." and text[23] == "Z":  # as nearly all lines of logs write it
        rest = text[17:19] + text[20:23]
        if rest.isdigit() and rest.isascii() and rest < "60":
            try:
                return _minute(text[:17]) + int(rest)
            except NotADate:
                pass  # what is wrong is said of the whole text
    common = _COMMON.fullmatch(text)
    if common is None:
        return read_strict(text).at(zone, up)
    hour, minute, second = int(common[2]), int(common[3]), int(common[4])
    if hour > 23 or minute > 59 or second > 59:
        raise NotADate(text)
    fraction = common[5]
    milli = int(fraction[:3].ljust(3, "0")) if fraction else 999 if up else 0
    return _days(common[1]) * DAY + ((hour * 60 + minute) * 60 + second) * 1000 + milli


def _epoch_millis(text: str, zone: tzinfo, up: bool) -> Millis:  # noqa: ARG001 - one signature for all readers
    found = _MILLIS.fullmatch(text)
    if not found or len(found[1]) > 20 or abs(int(found[1])) >= 1 << 63:
        raise NotADate(text)
    value, cut = int(found[1]), found[2]
    return _local(value - 1 if cut and int(cut) and text[0] == "-" else value, zone)


def _local(value: Millis, zone: tzinfo) -> Millis:
    """Take an epoch for a local time, which is what a server does when the request names a zone."""
    return value if zone is UTC else to_millis(from_millis(value).replace(tzinfo=zone))


def _epoch_second(text: str, zone: tzinfo, up: bool) -> Millis:
    found = _SECONDS.fullmatch(text)
    if not found or len(found[2]) > 20:
        raise NotADate(text)
    value = int(found[2]) * 1000 + int((found[3] or "0")[:3].ljust(3, "0"))
    value = (-value if found[1] else value) + (999 if up and found[3] is None else 0)
    if abs(value) >= 1 << 63:
        raise NotADate(text)
    return _local(value, zone)


def write_strict(value: Millis, zone: tzinfo) -> str:
    """Write ``2026-03-10T11:00:00.000Z``, with an offset in another zone."""
    moment = from_millis(value, zone)
    return (
        f"{moment.year:04d}"
        + moment.strftime("-%m-%dT%H:%M:%S.")
        + f"{moment.microsecond // 1000:03d}"
        + offset_of(moment)
    )


def offset_of(moment: datetime, colon: bool = True, zulu: bool = True) -> str:
    """Write a zone's offset: ``Z``, ``+02:00`` or ``+0200``."""
    length = moment.utcoffset() or timedelta()
    if not length and zulu:
        return "Z"
    sign, length = ("-", -length) if length < timedelta() else ("+", length)
    hours, rest = divmod(int(length.total_seconds()), 3600)
    return f"{sign}{hours:02d}{':' if colon else ''}{rest // 60:02d}"


@lru_cache(maxsize=256)
def date_format(name: str) -> DateFormat:
    """Compile a format expression; raises UnsupportedQuery for letters and names not known here."""
    from alerter.query.datepatterns import compile_pattern

    readers: list[Reader] = []
    writer: Writer | None = None
    for part in name.split("||"):
        read: Reader
        write: Writer
        if part in ("strict_date_optional_time", "strict_date_optional_time_nanos"):
            read, write = _strict, write_strict
        elif part == "epoch_millis":
            read, write = _epoch_millis, lambda value, _: str(value)
        elif part == "epoch_second":
            read, write = _epoch_second, _write_seconds
        else:
            read, write = compile_pattern(part)
        readers.append(read)
        writer = writer or write
    assert writer is not None
    return DateFormat(name, tuple(readers), writer)


def _write_seconds(value: Millis, zone: tzinfo) -> str:  # noqa: ARG001
    whole, milli = divmod(abs(value), 1000)
    sign = "-" if value < 0 else ""
    return sign + (f"{whole}.{milli:03d}".rstrip("0") if milli else str(whole))
