"""APScheduler wiring: nominal instants become jobs, spread over the interval, never dropped."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.base import BaseTrigger
from apscheduler.triggers.interval import IntervalTrigger

from alerter.clock import MINUTE, SECOND, Millis
from alerter.model.rule import Rule, Schedule
from alerter.schedule import latest_instant, next_instant

SLOTS = 10
"""Parts into which the rules of one schedule are spread over at most a minute."""
THREADS = 4

Slot = tuple[Schedule, Millis, int]
"""Rules computed together: schedule, query delay, and the part of the interval."""


class NominalTrigger(BaseTrigger):  # type: ignore[misc]
    """Fires ``delay`` after each nominal instant; after a pause once, at the latest instant missed."""

    def __init__(self, schedule: Schedule, delay: Millis) -> None:
        self.schedule = schedule
        self.delay = delay

    def get_next_fire_time(self, previous: datetime | None, now: datetime) -> datetime:
        """Return the next time to fire; ``previous`` is None at the first call."""
        after = _millis(previous or now) - self.delay
        missed = latest_instant(self.schedule, _millis(now) - self.delay)
        return _datetime(max(next_instant(self.schedule, after), missed) + self.delay)


class Scheduler:
    """Runs ``tick`` for each slot of rules when due, and small jobs beside; jobs never overlap themselves."""

    def __init__(self, tick: Callable[[Sequence[Rule]], object]) -> None:
        self._tick = tick
        self._jobs = BackgroundScheduler(
            timezone=UTC,
            executors={"default": ThreadPoolExecutor(THREADS), "beside": ThreadPoolExecutor(2)},
            job_defaults={"misfire_grace_time": None, "coalesce": True, "max_instances": 1},
        )

    def start(self) -> None:
        """Begin to fire."""
        self._jobs.start()

    def stop(self) -> None:
        """Stop firing and wait for what is running."""
        if self._jobs.running:
            self._jobs.shutdown(wait=True)

    def every(self, name: str, seconds: float, job: Callable[[], object]) -> None:
        """Run ``job`` every so many seconds, beside the rules."""
        self._jobs.add_job(job, IntervalTrigger(seconds=seconds), id=name, executor="beside", replace_existing=True)

    def replace(self, rules: Iterable[Rule]) -> None:
        """Schedule these rules instead of the former ones."""
        for job in self._jobs.get_jobs():
            if job.id.startswith("slot "):
                job.remove()
        for slot, members in slots(rules).items():
            schedule, query_delay, part = slot
            trigger = NominalTrigger(schedule, query_delay + _offset(schedule, part))
            name = f"slot {schedule.cron or schedule.every} {schedule.timezone} {query_delay} {part}"
            self._jobs.add_job(self._tick, trigger, args=[tuple(members)], id=name, replace_existing=True)


def slots(rules: Iterable[Rule]) -> dict[Slot, list[Rule]]:
    """Group rules that are computed together; the part is a hash of the name, so it is stable and even."""
    grouped: dict[Slot, list[Rule]] = defaultdict(list)
    for rule in rules:
        part = int.from_bytes(hashlib.sha256(rule.name.encode()).digest()[:4]) % SLOTS
        grouped[(rule.schedule, rule.query_delay, part)].append(rule)
    return grouped


def _offset(schedule: Schedule, part: int) -> Millis:
    interval = MINUTE if schedule.cron else min(schedule.every, MINUTE)
    return interval * part // SLOTS


def _millis(moment: datetime) -> Millis:
    return round(moment.timestamp() * SECOND)


def _datetime(at: Millis) -> datetime:
    return datetime.fromtimestamp(at / SECOND, UTC)
