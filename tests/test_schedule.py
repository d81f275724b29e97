"""Nominal instants: multiples since the epoch, or cron's fire times in their zone."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerter import schedule as schedule_module
from alerter.clock import DAY, HOUR, MINUTE
from alerter.model.rule import Schedule
from alerter.schedule import count_instants, cron_problem, instants, latest_instant, longest_pause, next_instant

BERLIN = ZoneInfo("Europe/Berlin")


def local(text: str, fold: int = 0) -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=BERLIN, fold=fold).timestamp() * 1000)


@given(st.integers(1, 10**7), st.integers(0, 10**13))
def test_instants_are_multiples_since_the_epoch(every, at):
    """The next instant is after, the latest at or before; both are multiples, one step apart at most."""
    schedule = Schedule(every)
    after, latest = next_instant(schedule, at), latest_instant(schedule, at)
    assert after % every == latest % every == 0
    assert latest <= at < after == latest + every


def test_span_excludes_its_start_and_includes_its_end():
    """Instants lie in ``(start, end]``."""
    assert list(instants(Schedule(MINUTE), MINUTE, 3 * MINUTE)) == [2 * MINUTE, 3 * MINUTE]


def test_cron_fires_in_its_zone():
    """Nine o'clock in Berlin is another UTC hour in summer than in winter."""
    nine = Schedule(cron="0 9 * * *", timezone="Europe/Berlin")
    winter, summer = local("2026-01-15T09:00"), local("2026-07-15T09:00")
    assert next_instant(nine, winter - 1) == winter
    assert next_instant(nine, summer - 1) == summer
    assert latest_instant(nine, summer) == summer
    assert latest_instant(nine, summer - 1) == local("2026-07-14T09:00")
    assert winter % (24 * HOUR) - summer % (24 * HOUR) == HOUR


def test_cron_goes_on_through_the_changes_of_clocks():
    """Hourly instants stay an hour apart when clocks go forward and back; none is lost or doubled."""
    hourly = Schedule(cron="0 * * * *", timezone="Europe/Berlin")
    for day in ("2026-03-29T00:00", "2026-10-25T00:00"):
        found = list(instants(hourly, local(day), local(day) + 8 * HOUR))
        assert found == [local(day) + n * HOUR for n in range(1, 9)]


def test_next_and_latest_agree_on_cron():
    """Every instant is its own latest one, and the next one of the millisecond before."""
    quarter = Schedule(cron="*/15 6-18 * * mon-fri", timezone="America/New_York")
    found = list(instants(quarter, local("2026-03-06T00:00"), local("2026-03-10T00:00")))
    assert found == sorted(set(found))
    assert all(latest_instant(quarter, at) == at == next_instant(quarter, at - 1) for at in found)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("*/5 * * * *", ""),
        ("0 9 * * mon-fri", ""),
        ("0 0 29 2 *", ""),
        ("0 0 * * 5#2", ""),
        ("@hourly", ""),
        ("0 0 31 2 *", "never fires"),
        ("0 0 31 4,6 *", "never fires"),
        ("R R * * *", "is not a cron expression of five fields"),
        ("H 3 * * *", "is not a cron expression of five fields"),
        ("* * * * * * 2020", "is not a cron expression of five fields"),
        ("0 0 1 1 * 0", "is not a cron expression of five fields"),
        ("61 * * * *", "is not a cron expression of five fields"),
    ],
)
def test_cron_expressions_that_cannot_be_asked_are_known_at_load(text: str, problem: str) -> None:
    """One that never fires, or draws its fields by chance, must not reach the scheduler."""
    assert cron_problem(text) == problem


OFFICE = Schedule(MINUTE, timezone="Europe/Berlin", limit="* 8-17 * * mon-fri")


def test_a_limit_lets_multiples_through_in_its_minutes_only():
    """The last instant of a day is 17:59, the next one the beginning of the next working day."""
    friday, monday = local("2026-03-06T17:59"), local("2026-03-09T08:00")
    assert next_instant(OFFICE, friday - 1) == friday
    assert next_instant(OFFICE, friday) == monday == next_instant(OFFICE, local("2026-03-07T12:00"))
    assert latest_instant(OFFICE, monday - 1) == friday
    assert count_instants(OFFICE, local("2026-03-06T00:00"), local("2026-03-10T00:00")) == 2 * 600


@pytest.mark.parametrize(
    ("every", "limit", "minutes"),
    [
        (10 * MINUTE, "* 1 * * *", [60, 70, 80, 90, 100, 110]),
        (10 * MINUTE, "5-25 1 * * *", [65, 70, 80]),
        (HOUR, "*/20 1 * * *", [60, 80, 100]),
        (30_000, "59 0 * * *", [59, 59.5]),
        (HOUR, "7 * * * *", [7, 67]),
    ],
    ids=["multiples", "its beginning and multiples", "each minute is a row", "twice a minute", "no multiple in it"],
)
def test_a_row_of_allowed_minutes_begins_with_an_instant(every: int, limit: str, minutes: list[float]):
    """Where no multiple of ``run_every`` lies in an allowed minute, the rule is evaluated all the same."""
    found = list(instants(Schedule(every, limit=limit), -1, 2 * HOUR - 1))
    assert [at / MINUTE for at in found] == minutes


LIMITS = st.sampled_from(
    ["* 8-17 * * *", "5-25 * * * *", "*/7 */3 * * *", "0 9 * * sun", "* * * * *", "58,59,0 * * * *"]
)


@given(st.sampled_from([1_000, 45_000, MINUTE, 7 * MINUTE, HOUR]), LIMITS, st.integers(0, 40 * DAY))
def test_next_and_latest_agree_on_limits(every, limit, at):
    """The next instant is after; it is its own latest one, and nothing lies between it and the latest at or before."""
    schedule = Schedule(every, limit=limit, timezone="Europe/Berlin")
    after, latest = next_instant(schedule, at), latest_instant(schedule, at)
    assert latest <= at < after
    assert next_instant(schedule, latest) == after
    assert latest_instant(schedule, after) == after
    assert latest_instant(schedule, after - 1) == latest


@pytest.mark.parametrize("day", ["2026-03-29T12:00", "2026-10-25T12:00"])
@pytest.mark.parametrize("limit", ["* * * * *", "* 1-5 * * *", "* 2 * * sun"])
@pytest.mark.parametrize("every", [5 * HOUR, 2 * DAY])
def test_the_latest_of_a_long_run_every_is_the_last_one_before(every: int, limit: str, day: str):
    """Also over hours that a change of the clocks leaves out or repeats."""
    schedule = Schedule(every, limit=limit, timezone="Europe/Berlin")
    for at in range(local(day) - 14 * HOUR, local(day) + 20 * HOUR, 7 * HOUR + 13 * MINUTE):
        latest = latest_instant(schedule, at)
        assert list(instants(schedule, latest - 1, at)) == [latest]


def test_the_latest_of_a_long_run_every_takes_few_steps(monkeypatch: pytest.MonkeyPatch):
    """It is asked for at every tick: whole hours are passed over at once, and remembered."""
    steps = []

    class Counted(schedule_module.croniter):
        def get_prev(self, *args, **settings):
            steps.append(self)
            return super().get_prev(*args, **settings)

    monkeypatch.setattr(schedule_module, "croniter", Counted)
    weekly = Schedule(7 * DAY, timezone="Europe/Berlin", limit="* * * * *")
    at = local("2026-03-11T23:59")
    assert latest_instant(weekly, at) == at // (7 * DAY) * 7 * DAY
    assert len(steps) < 500
    steps.clear()
    assert latest_instant(weekly, at + HOUR) == at // (7 * DAY) * 7 * DAY
    assert len(steps) < 70


@pytest.mark.parametrize(
    ("limit", "least"),
    [
        ("* 8-17 * * mon-fri", local("2026-03-09T08:00") - local("2026-03-06T17:59")),
        ("0 9 1 * *", 31 * DAY),
        ("0 0 29 2 *", (4 * 365 + 1) * DAY),
        ("@weekly", 7 * DAY),
    ],
)
def test_the_longest_pause_is_bounded(limit: str, least: int):
    """A rule must look back over the longest time in which it is not evaluated."""
    assert least <= longest_pause(limit)
