"""Index names that hold a date: ``logs-%Y.%m.%d`` as the names of the indices that a span of time touches."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from alerter.clock import Millis

MOST_NAMES = 60
"""Names in one request; a longer span is asked for by months, years or centuries, with ``*`` for what is finer."""
LETTERS = re.compile("%(.?)", re.DOTALL)
KNOWN = "YyGmdjHVUW%"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_YEARS = (datetime(1900, 1, 1, tzinfo=UTC), datetime(2199, 12, 31, tzinfo=UTC))
_FINE = ("", "H", "HdjVUW", "HdjVUWm", "HdjVUWmy")
"""Letters that ``*`` stands for, coarser and coarser; in the last one years are cut to their century."""
_STEPS = (timedelta(days=1), timedelta(days=1), timedelta(days=28), timedelta(days=365), timedelta(days=36_500))
"""Steps that pass over no name of that coarseness; the first is an hour where the pattern has hours."""


def unknown_letters(pattern: str) -> list[str]:
    """Name the date letters of a pattern that no index name is made of."""
    return [f"%{letter}" for letter in LETTERS.findall(pattern) if not letter or letter not in KNOWN]


@dataclass(frozen=True)
class DatedIndex:
    """One or several index names, with commas, with ``strftime`` letters (``KNOWN``), in UTC.

    ``extra`` adds the name before the first one: where indices are named by the time of arrival in another zone.
    """

    pattern: str
    extra: bool = False

    def between(self, start: Millis, end: Millis) -> str:
        """Return the names for ``(start, end]``, and where these are too many, patterns that match them."""
        return _between(self, start + 1, max(end, start + 1))

    @property
    def everywhere(self) -> str:
        """The patterns that match every name."""
        return _between(self, _millis(_YEARS[0]), _millis(_YEARS[1]))

    @property
    def starred(self) -> str:
        """The expression with one ``*`` for the date: for people, and for links."""
        return re.sub("%[^%,](?:[^,]*%[^%,])?", "*", self.pattern).replace("%%", "%")


@lru_cache(maxsize=4096)
def _between(index: DatedIndex, first: Millis, last: Millis) -> str:
    parts = index.pattern.split(",")
    return ",".join(name for part in parts for name in _names(part.strip(), first, last, len(parts), index.extra))


def _names(part: str, first: Millis, last: Millis, parts: int, extra: bool) -> list[str]:
    if not re.search("%[^%]", part):
        return [part.replace("%%", "%")]
    begin, end = _moment(first), _moment(last)
    if extra:
        begin = _before(part, begin)
    found: list[str] = []
    for fine, step in zip(_FINE, _STEPS, strict=True):
        wanted = timedelta(hours=1) if fine == "" and "%H" in part else step
        found = _listed(part, fine, begin, end, wanted, max(MOST_NAMES // parts, 1))
        if found:
            break
    return found or [DatedIndex(part).starred]


def _listed(part: str, fine: str, begin: datetime, end: datetime, step: timedelta, most: int) -> list[str]:
    """Return the names of a span, none when they are more than ``most``."""
    names: dict[str, None] = {}
    idle, year = 0, timedelta(days=366) // step + 1
    for at in _steps(begin, end, step):
        known = len(names)
        names[_name(part, at, fine)] = None
        idle = 0 if len(names) > known else idle + 1
        if len(names) > most:
            return []
        if idle > year:
            break  # names without a year, all of them there
    return list(names)


def _steps(begin: datetime, end: datetime, step: timedelta) -> Iterator[datetime]:
    at = begin
    while at < end:
        yield at
        at += step
    yield end


def _before(part: str, begin: datetime) -> datetime:
    """Return the latest instant, to the step, whose name is another one than that of ``begin``."""
    step = timedelta(hours=1) if "%H" in part else timedelta(days=1)
    at = begin
    while at > _YEARS[0] and _name(part, at, "") == _name(part, begin, ""):
        at -= step
    return at


def _name(part: str, at: datetime, fine: str) -> str:
    def written(found: re.Match[str]) -> str:
        letter = found[1]
        if letter in fine:
            return "*"
        if letter in "YG" and fine == _FINE[-1]:
            return f"{at.year // 100}*"
        return at.strftime(found[0])

    return LETTERS.sub(written, part)


def _moment(at: Millis) -> datetime:
    first, last = map(_millis, _YEARS)
    return _EPOCH + timedelta(milliseconds=min(max(at, first), last))


def _millis(at: datetime) -> Millis:
    return (at - _EPOCH) // timedelta(milliseconds=1)
