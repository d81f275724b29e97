"""When jobs fire: nominal instants plus a stable delay, never dropped."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from alerter.clock import HOUR, MINUTE, SECOND, ManualClock
from alerter.model.rule import AnyEvent, Rule, Schedule
from alerter.schedule import SLOTS
from alerter.scheduler import EveryTrigger, NominalTrigger, Scheduler, slots
from alerter.testing import rule

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
NOON_MILLIS = round(NOON.timestamp() * 1000)


def test_fires_a_delay_after_each_instant() -> None:
    """The next fire time is the next nominal instant plus the delay, whenever it is asked."""
    trigger = NominalTrigger(Schedule(MINUTE), 2 * SECOND)
    first = trigger.get_next_fire_time(None, NOON + timedelta(seconds=30))
    assert first == NOON + timedelta(seconds=62)
    assert trigger.get_next_fire_time(first, first) == NOON + timedelta(seconds=122)


def test_a_pause_is_caught_up_in_one_run() -> None:
    """After a pause it fires once, at the latest instant missed, and then goes on."""
    trigger = NominalTrigger(Schedule(MINUTE), 0)
    late = NOON + timedelta(hours=3, seconds=10)
    missed = trigger.get_next_fire_time(NOON, late)
    assert missed == NOON + timedelta(hours=3)
    assert trigger.get_next_fire_time(missed, late) == NOON + timedelta(hours=3, minutes=1)


def test_cron_in_a_time_zone() -> None:
    """Cron expressions are read in the rule's time zone."""
    trigger = NominalTrigger(Schedule(cron="0 9 * * *", timezone="Europe/Berlin"), 0)
    assert trigger.get_next_fire_time(None, NOON) == datetime(2026, 3, 11, 8, tzinfo=UTC)


def test_rules_are_spread_by_their_names() -> None:
    """Rules of one schedule share at most SLOTS jobs; a rule's slot never changes."""
    rules = [rule(AnyEvent(), name=f"rule {n}") for n in range(200)]
    grouped = slots(rules)
    assert len(grouped) == SLOTS
    assert max(len(members) for members in grouped.values()) < 40
    moved = slots([replace(r, description="other words") for r in rules])
    assert [sorted(r.name for r in m) for m in grouped.values()] == [sorted(r.name for r in m) for m in moved.values()]


def test_rules_of_several_clusters_share_no_slot(monkeypatch: pytest.MonkeyPatch) -> None:
    """A slot belongs to one cluster, so that each cluster's rules wait in lanes of their own."""
    monkeypatch.setattr("alerter.scheduler.cluster_of", lambda one: one.name[0])
    rules = [rule(AnyEvent(), name=f"{cluster} {n}") for n in range(50) for cluster in "ab"]
    for (cluster, *_), members in slots(rules).items():
        assert {member.name[0] for member in members} == {cluster}


class Fires:
    """A scheduler that is not started, on a manual clock, with one rule a minute and a job every ten seconds."""

    def __init__(self) -> None:
        self.clock = ManualClock(NOON_MILLIS)
        self.rule: Rule = rule(AnyEvent(), name="one", schedule=Schedule(MINUTE), query_delay=2 * SECOND)
        self.scheduler = Scheduler(lambda _rules: None, self.clock, lambda _name: 0.0)
        self.scheduler.replace([self.rule])
        self.scheduler.every("beat", 10, lambda: None)
        for job in self.scheduler._jobs.get_jobs():  # as starting it would, but at the time of the manual clock
            job.modify(next_run_time=job.trigger.get_next_fire_time(None, NOON))

    def next(self) -> dict[str, datetime]:
        """Return when each job fires next, by the first word of its name."""
        return {job.id.split()[0]: job.next_run_time for job in self.scheduler._jobs.get_jobs()}


def test_a_clock_set_back_an_hour_stops_nothing() -> None:
    """What would have waited for the old time is armed for the new one: rules and the jobs beside."""
    fires = Fires()
    before = fires.next()
    fires.clock.set(NOON_MILLIS - HOUR)
    assert fires.scheduler.mind_clock() is True
    after = fires.next()
    assert after["beat"] == NOON - timedelta(hours=1) + timedelta(seconds=10)
    assert after["slot"] == before["slot"] - timedelta(hours=1)
    assert fires.scheduler.mind_clock() is False


def test_a_clock_set_forward_an_hour_fires_once() -> None:
    """Due jobs stay due: what was missed comes in one run at the newest instant, and then goes on."""
    fires = Fires()
    before = fires.next()
    fires.clock.set(NOON_MILLIS + HOUR)
    fires.clock._monotonic = 0  # the machine's own count of time did not move
    assert fires.scheduler.mind_clock() is False
    assert fires.next() == before
    trigger = NominalTrigger(fires.rule.schedule, 2 * SECOND)
    late = NOON + timedelta(hours=1, seconds=59)
    missed = trigger.get_next_fire_time(before["slot"], late)
    assert late - timedelta(minutes=1) < missed <= late
    assert late < trigger.get_next_fire_time(missed, late) <= late + timedelta(minutes=1)


def test_time_that_passes_is_no_jump() -> None:
    """Both clocks moving on, or the wall clock being slewed a little, arms nothing anew."""
    fires = Fires()
    before = fires.next()
    fires.clock.advance(HOUR)
    assert fires.scheduler.mind_clock() is False
    fires.clock.set(fires.clock.now() - SECOND)
    assert fires.scheduler.mind_clock() is False
    assert fires.next() == before


def test_jobs_beside_forget_what_the_clock_said() -> None:
    """The next time is counted from now, not from the time before, which may be of another clock."""
    trigger = EveryTrigger(10)
    assert trigger.get_next_fire_time(NOON + timedelta(hours=1), NOON) == NOON + timedelta(seconds=10)


def test_a_cluster_that_does_not_answer_delays_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """While every thread of one cluster waits for it, rules of another are evaluated."""
    monkeypatch.setattr("alerter.scheduler.cluster_of", lambda one: one.name[0])
    answer, stuck, evaluated = threading.Event(), threading.Semaphore(0), threading.Event()

    def tick(rules: Sequence[Rule]) -> None:
        if rules[0].name.startswith("slow"):
            stuck.release()
            assert answer.wait(30)
        else:
            evaluated.set()

    yearly = Schedule(cron="0 0 1 1 *")  # nothing becomes due by itself while the test runs
    made = [rule(AnyEvent(), name=name, schedule=yearly) for name in ("slow 1", "slow 2", "slow 3", "quick")]
    scheduler = Scheduler(tick, ManualClock(NOON_MILLIS), lambda _name: 0.0)
    scheduler.replace(made)
    scheduler.start()
    try:
        for one in made:
            scheduler._crews[one.name[0]].lanes.add([one])
            if one.name.startswith("slow"):
                assert stuck.acquire(timeout=30)
        assert evaluated.wait(30)
    finally:
        answer.set()
        scheduler.stop()
