"""When jobs fire: nominal instants plus a stable delay, never dropped."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from alerter.clock import MINUTE, SECOND
from alerter.model.rule import AnyEvent, Schedule
from alerter.scheduler import SLOTS, NominalTrigger, slots
from alerter.testing import rule

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)


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
