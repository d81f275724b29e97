"""Nominal instants: when a rule is asked, independent of when the process happens to run."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from croniter import CroniterError, croniter

from alerter.clock import MINUTE, SECOND, Millis
from alerter.model.rule import Schedule

_CRON = re.compile(r"@[a-z]+|([0-9A-Za-z*/,#-]+\s+){4}[0-9A-Za-z*/,#-]+")
_RANDOM = re.compile(r"(?<![A-Za-z])[RrHh](?![A-Za-z])")
"""croniter's random and hashed fields: each process would draw others."""
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
    at = next_instant(schedule, start)
    while at <= end:
        yield at
        at = next_instant(schedule, at)


def next_instant(schedule: Schedule, after: Millis) -> Millis:
    """Return the first nominal instant after ``after`` (exclusive)."""
    if schedule.cron is None:
        return (after // schedule.every + 1) * schedule.every
    return _millis(_cron(schedule, after).get_next(datetime))


def latest_instant(schedule: Schedule, at: Millis) -> Millis:
    """Return the last nominal instant at or before ``at``."""
    if schedule.cron is None:
        return at // schedule.every * schedule.every
    return _millis(_cron(schedule, at + 1).get_prev(datetime))


def count_instants(schedule: Schedule, start: Millis, end: Millis) -> int:
    """Return how many nominal instants lie in ``(start, end]``; cron's are counted one by one."""
    if end <= start:
        return 0
    if schedule.cron is None:
        return end // schedule.every - start // schedule.every
    return sum(1 for _ in instants(schedule, start, end))


def slot_part(rule: str) -> int:
    """Return the part of the interval in which a rule is computed: a hash of its name, so it is stable and even."""
    return int.from_bytes(hashlib.sha256(rule.encode()).digest()[:4]) % SLOTS


def slot_offset(schedule: Schedule, part: int) -> Millis:
    """Return how long after its nominal instants (and ``query_delay``) a part is computed; under a minute."""
    interval = MINUTE if schedule.cron else min(schedule.every, MINUTE)
    return interval * part // SLOTS


def _cron(schedule: Schedule, at: Millis) -> croniter:
    assert schedule.cron is not None
    moment = datetime.fromtimestamp(at / SECOND, UTC).astimezone(ZoneInfo(schedule.timezone))
    return croniter(schedule.cron, moment)


def _millis(moment: datetime) -> Millis:
    return round(moment.timestamp() * SECOND)
