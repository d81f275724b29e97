"""Nominal instants: when a rule is asked, independent of when the process happens to run."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import lru_cache
from itertools import pairwise, takewhile
from zoneinfo import ZoneInfo

from croniter import CroniterError, croniter

from alerter.clock import DAY, HOUR, MINUTE, SECOND, Millis
from alerter.model.rule import Schedule

_CRON = re.compile(r"@[a-z]+|([0-9A-Za-z*/,#-]+\s+){4}[0-9A-Za-z*/,#-]+")
_RANDOM = re.compile(r"(?<![A-Za-z])[RrHh](?![A-Za-z])")
"""croniter's random and hashed fields: each process would draw others."""
YEAR: Millis = 366 * DAY
DAYS_LOOKED_AT = 400
"""Days that a cron names, among which its longest pause is looked for."""
SLOTS = 10
"""Parts into which the rules of one schedule are spread over at most a minute."""


def cron_problem(text: str) -> str:
    """Return what is wrong with a cron expression of five fields (or an @name); nothing when it fires now and then."""
    if not _CRON.fullmatch(text.strip()) or _RANDOM.search(text) or not croniter.is_valid(text):
        return "is not a cron expression of five fields"
    try:
        fires = croniter(text, datetime.fromtimestamp(0, UTC))
        fires.get_next(datetime)
        fires.get_prev(datetime)
    except CroniterError:
        return "never fires"
    return ""


def instants(schedule: Schedule, start: Millis, end: Millis) -> Iterator[Millis]:
    """Yield the nominal instants in ``(start, end]``, oldest first."""
    if schedule.limit is not None:
        yield from takewhile(lambda at: at <= end, _allowed(schedule, schedule.limit, start))
        return
    at = next_instant(schedule, start)
    while at <= end:
        yield at
        at = next_instant(schedule, at)


def next_instant(schedule: Schedule, after: Millis) -> Millis:
    """Return the first nominal instant after ``after`` (exclusive)."""
    if schedule.limit is not None:
        return next(_allowed(schedule, schedule.limit, after))
    if schedule.cron is None:
        return (after // schedule.every + 1) * schedule.every
    return _millis(_cron(schedule, schedule.cron, after).get_next(datetime))


def latest_instant(schedule: Schedule, at: Millis) -> Millis:
    """Return the last nominal instant at or before ``at``."""
    if schedule.limit is not None:
        return _latest_allowed(schedule, schedule.limit, at)
    if schedule.cron is None:
        return at // schedule.every * schedule.every
    return _millis(_cron(schedule, schedule.cron, at + 1).get_prev(datetime))


def count_instants(schedule: Schedule, start: Millis, end: Millis) -> int:
    """Return how many nominal instants lie in ``(start, end]``; cron's are counted one by one."""
    if end <= start:
        return 0
    if schedule.cron is None and schedule.limit is None:
        return end // schedule.every - start // schedule.every
    return sum(1 for _ in instants(schedule, start, end))


def slot_part(rule: str) -> int:
    """Return the part of the interval in which a rule is computed: a hash of its name, so it is stable and even."""
    return int.from_bytes(hashlib.sha256(rule.encode()).digest()[:4]) % SLOTS


def slot_offset(schedule: Schedule, part: int) -> Millis:
    """Return how long after its nominal instants (and ``query_delay``) a part is computed; under a minute."""
    interval = MINUTE if schedule.cron else min(schedule.every, MINUTE)
    return interval * part // SLOTS


def longest_pause(limit: str) -> Millis:
    """Return a bound of the time that a cron leaves between two minutes that it allows: whole days, and one more."""
    fields = limit.split()
    if len(fields) != 5:
        return YEAR
    days = croniter(" ".join(["0", "0", *fields[2:]]), datetime.fromtimestamp(0, UTC))
    fires = [0, *(_millis(days.get_next(datetime)) for _ in range(DAYS_LOOKED_AT))]
    return max(after - before for before, after in pairwise(fires)) + DAY


def _allowed(schedule: Schedule, limit: str, after: Millis) -> Iterator[Millis]:
    """Yield the instants after ``after``: multiples in allowed minutes, and where a row of such minutes begins."""
    every = schedule.every
    minute = _millis(_cron(schedule, limit, after + 1).get_prev(datetime))
    at = (after // every + 1) * every
    fires = _cron(schedule, limit, after)
    while True:
        while at < minute + MINUTE:
            yield at
            at += every
        before, minute = minute, _millis(fires.get_next(datetime))
        at = max(at, -(-minute // every) * every)
        if at > minute > before + MINUTE:
            yield minute


def _latest_allowed(schedule: Schedule, limit: str, at: Millis) -> Millis:
    """Return the later of two: the last multiple that is allowed, and where the last row of allowed minutes begins."""
    fires = _cron(schedule, limit, at + 1)
    minute = _millis(fires.get_prev(datetime))
    multiple = min(at, minute + MINUTE - 1) // schedule.every * schedule.every
    while minute > multiple:
        start = minute
        while start - HOUR >= multiple and _is_row(schedule.timezone, limit, start):
            start -= HOUR
        if start < minute:
            minute, fires = start, _cron(schedule, limit, start)
            continue
        after, minute = minute, _millis(fires.get_prev(datetime))
        if minute < after - MINUTE:
            return after
    return multiple


@lru_cache(maxsize=4096)
def _is_row(timezone: str, limit: str, end: Millis) -> bool:
    """Whether a limit that names no minutes allows all of the hour before ``end``, the beginning of one; False: ask.

    Such a limit allows or forbids whole hours of its zone, of which the hour holds one, or the ends of two.
    """
    if end % HOUR or not limit.startswith("* "):
        return False
    return all(croniter.match(limit, _moment(at, timezone)) for at in (end - HOUR, end - MINUTE))


def _cron(schedule: Schedule, cron: str, at: Millis) -> croniter:
    return croniter(cron, _moment(at, schedule.timezone))


def _moment(at: Millis, timezone: str) -> datetime:
    return datetime.fromtimestamp(at / SECOND, UTC).astimezone(ZoneInfo(timezone))


def _millis(moment: datetime) -> Millis:
    return round(moment.timestamp() * SECOND)
