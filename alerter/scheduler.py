"""APScheduler wiring: nominal instants make rules due, spread over the interval; none is ever dropped.

A job only says which rules are due; they are evaluated by the threads of their cluster (``lanes``). So a rule that
takes long, or a cluster that does not answer, holds up neither the jobs nor the rules of another cluster.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.base import BaseTrigger

from alerter.clock import SECOND, Clock, Millis
from alerter.lanes import Crew, Lanes
from alerter.model.rule import Rule, Schedule
from alerter.progress import cluster_of
from alerter.schedule import latest_instant, next_instant, slot_offset, slot_part
from alerter.timetext import length_text

log = logging.getLogger(__name__)
JUMP: Millis = SECOND
"""The wall clock has been set when it moved by more than this against the monotonic one between two looks."""

Slot = tuple[str, Schedule, Millis, int]
"""Rules that become due together: cluster, schedule, query delay, and the part of the interval."""


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


class EveryTrigger(BaseTrigger):  # type: ignore[misc]
    """Fires so many seconds after it was asked, whatever the clock said before."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    def get_next_fire_time(self, _previous: datetime | None, now: datetime) -> datetime:
        """Return the next time to fire."""
        return now + timedelta(seconds=self.seconds)


class Scheduler:
    """Lets ``tick`` evaluate rules when they are due, and runs small jobs beside; none overlaps itself.

    ``seconds`` says what a run of a rule takes on average; see Lanes.
    """

    def __init__(self, tick: Callable[[Sequence[Rule]], object], clock: Clock, seconds: Callable[[str], float]) -> None:
        self._tick = tick
        self._seconds = seconds
        self._clock = clock
        self._gap = clock.now() - clock.monotonic()
        self._running = False
        self._crews: dict[str, Crew] = {}
        self._jobs = BackgroundScheduler(
            timezone=UTC,
            executors={"default": ThreadPoolExecutor(1), "beside": ThreadPoolExecutor(3)},
            job_defaults={"misfire_grace_time": None, "coalesce": True, "max_instances": 1},
        )

    def start(self) -> None:
        """Begin to fire."""
        self._running = True
        for crew in self._crews.values():
            crew.start()
        self._jobs.start()

    def stop(self) -> None:
        """Stop firing and wait for what is running."""
        if self._jobs.running:
            self._jobs.shutdown(wait=True)
        for crew in self._crews.values():
            crew.stop()

    def every(self, name: str, seconds: float, job: Callable[[], object]) -> None:
        """Run ``job`` every so many seconds, beside the rules."""
        self._jobs.add_job(job, EveryTrigger(seconds), id=name, executor="beside", replace_existing=True)

    def replace(self, rules: Iterable[Rule]) -> None:
        """Schedule these rules instead of the former ones."""
        rules = list(rules)
        for job in self._jobs.get_jobs():
            if job.id.startswith("slot "):
                job.remove()
        for name, crew in self._crews.items():
            crew.lanes.keep({rule.name for rule in rules if cluster_of(rule) == name})
        for slot, members in slots(rules).items():
            cluster, schedule, query_delay, part = slot
            trigger = NominalTrigger(schedule, query_delay + slot_offset(schedule, part))
            when = f"{schedule.cron or schedule.every} {schedule.limit or ''} {schedule.timezone}"
            name = f"slot {cluster} {when} {query_delay} {part}"
            lanes = self._crew(cluster).lanes
            self._jobs.add_job(lanes.add, trigger, args=[tuple(members)], id=name, replace_existing=True)

    def hurry(self, rules: Iterable[Rule]) -> None:
        """Let these rules be evaluated now, whenever they would be due."""
        for rule in rules:
            self._crew(cluster_of(rule)).lanes.add([rule])

    def mind_clock(self) -> bool:
        """Arm all jobs anew when the wall clock was set back since the last call; returns whether it was.

        They would else wait until the clock is where it was before. Set forward, they fire by themselves.
        """
        gap = self._clock.now() - self._clock.monotonic()
        jump, self._gap = gap - self._gap, gap
        if jump > JUMP:
            log.warning("the system clock was set forward by %s, or the machine slept", length_text(jump))
        if jump >= -JUMP:
            return False
        log.warning("the system clock was set back by %s; what is evaluated is not evaluated again", length_text(-jump))
        now = _datetime(self._clock.now())
        for job in self._jobs.get_jobs():
            job.modify(next_run_time=job.trigger.get_next_fire_time(None, now))
        return True

    def _crew(self, cluster: str) -> Crew:
        crew = self._crews.get(cluster)
        if crew is None:
            crew = self._crews[cluster] = Crew(cluster, Lanes(self._seconds), self._tick)
            if self._running:
                crew.start()
        return crew


def slots(rules: Iterable[Rule]) -> dict[Slot, list[Rule]]:
    """Group rules that become due together."""
    grouped: dict[Slot, list[Rule]] = defaultdict(list)
    for rule in rules:
        grouped[(cluster_of(rule), rule.schedule, rule.query_delay, slot_part(rule.name))].append(rule)
    return grouped


def _millis(moment: datetime) -> Millis:
    return round(moment.timestamp() * SECOND)


def _datetime(at: Millis) -> datetime:
    return datetime.fromtimestamp(at / SECOND, UTC)
