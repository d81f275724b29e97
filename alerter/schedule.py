"""Nominal instants: when a rule is asked, independent of when the process happens to run."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from croniter import croniter

from alerter.clock import SECOND, Millis
from alerter.model.rule import Schedule


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


def _cron(schedule: Schedule, at: Millis) -> croniter:
    assert schedule.cron is not None
    moment = datetime.fromtimestamp(at / SECOND, UTC).astimezone(ZoneInfo(schedule.timezone))
    return croniter(schedule.cron, moment)


def _millis(moment: datetime) -> Millis:
    return round(moment.timestamp() * SECOND)
