"""How far rules are, how late, and what they cost; manual times."""

from __future__ import annotations

import pytest

from alerter.clock import DAY, HOUR, MINUTE, SECOND, Millis
from alerter.model.cost import Cost
from alerter.model.heartbeat import Costly
from alerter.model.rule import AnyEvent, Rule, Schedule
from alerter.progress import Progress, quantile
from alerter.schedule import slot_offset, slot_part
from alerter.testing import rule
from alerter.timetext import parse_instant

NOON = parse_instant("2026-03-10T12:00:00Z")
DELAY = 2 * SECOND


def made(name: str = "one", schedule: Schedule | None = None) -> Rule:
    """Return a rule a minute with a query delay of two seconds."""
    return rule(AnyEvent(), name=name, schedule=schedule or Schedule(MINUTE), query_delay=DELAY)


def due(one: Rule, instant: Millis) -> Millis:
    """Return when an instant of a rule is to be computed."""
    return instant + DELAY + slot_offset(one.schedule, slot_part(one.name))


def follow(*rules: Rule, since: Millis = NOON) -> Progress:
    """Return the progress of rules that were loaded at an instant."""
    progress = Progress()
    progress.replace(rules, since)
    return progress


def test_a_punctual_rule_is_late_by_what_its_evaluation_took() -> None:
    """Neither the spreading over the interval nor the query delay is a lag."""
    one = made()
    progress = follow(one)
    progress.evaluated(one, NOON, NOON + MINUTE, 0, due(one, NOON + MINUTE) + 300)
    [load] = progress.loads(due(one, NOON + 2 * MINUTE))
    assert (load.lag_max, load.queue, load.rules) == (0.3, 0, 1)


def test_a_rule_whose_instant_passed_is_in_the_queue() -> None:
    """From a millisecond after it is due, a rule counts as waiting, and its lag grows."""
    one = made()
    progress = follow(one)
    progress.evaluated(one, NOON, NOON + MINUTE, 0, due(one, NOON + MINUTE))
    [load] = progress.loads(due(one, NOON + 2 * MINUTE) + 1)
    assert (load.queue, load.lag_max) == (1, 0.001)
    [load] = progress.loads(due(one, NOON + 2 * MINUTE) + HOUR)
    assert load.lag_max == 3600


def test_a_rule_that_never_gave_an_answer_is_late_from_when_it_was_loaded() -> None:
    """A rule that fails from the start is no punctual one."""
    one = made()
    progress = follow(one, since=NOON + DELAY)
    assert progress.loads(due(one, NOON + MINUTE) + 5 * SECOND)[0].lag_max == 5


def test_a_merged_run_is_as_late_as_its_oldest_instant() -> None:
    """Three instants in one run: two are merged, and the lag is the first one's."""
    one = made()
    progress = follow(one)
    progress.evaluated(one, NOON - MINUTE, NOON, 0, due(one, NOON))
    progress.evaluated(one, NOON, NOON + 3 * MINUTE, 0, due(one, NOON + 3 * MINUTE))
    assert (progress.merged, progress.caught_up, progress.skipped) == (2, 2, 0)
    assert progress.loads(due(one, NOON + 3 * MINUTE))[0].lag_max == 120


def test_what_passed_while_no_engine_ran_is_caught_up_and_not_merged() -> None:
    """The first evaluation in this process says nothing about its own speed."""
    one = made()
    progress = follow(one, since=NOON + HOUR)
    progress.evaluated(one, NOON, NOON + HOUR, 0, NOON + HOUR)
    assert (progress.merged, progress.caught_up, progress.skipped) == (0, 59, 0)


def test_instants_longer_ago_than_max_catchup_are_skipped() -> None:
    """A gap of 25 hours with a bound of a day: an hour of instants is given up, the rest caught up."""
    one = made()
    progress = follow(one)
    progress.evaluated(one, NOON, NOON + DAY + HOUR, 0, NOON + DAY + HOUR)
    assert (progress.skipped, progress.caught_up) == (60, DAY // MINUTE - 1)


def test_cron_instants_are_counted_as_such() -> None:
    """An hourly rule that was away for three hours merged two instants, not a hundred and seventy-nine."""
    one = made(schedule=Schedule(cron="0 * * * *"))
    progress = follow(one)
    progress.evaluated(one, NOON - HOUR, NOON, 0, due(one, NOON))
    assert progress.merged == 0
    progress.evaluated(one, NOON, NOON + 3 * HOUR, 0, due(one, NOON + 3 * HOUR))
    assert progress.merged == 2


def test_a_clock_set_back_is_no_negative_lag() -> None:
    """What was evaluated by the old clock is in the future; the rule is not late."""
    one = made()
    progress = follow(one)
    progress.evaluated(one, NOON, NOON + MINUTE, 0, due(one, NOON + MINUTE))
    [load] = progress.loads(NOON - HOUR)
    assert (load.lag_max, load.queue) == (0, 0)


def test_a_reload_keeps_what_is_known_of_rules_that_stay() -> None:
    """Counts go on; a rule that is gone is forgotten, and one that finishes afterwards does not come back."""
    one, gone = made(), made("gone")
    progress = follow(one, gone)
    for each in (one, gone):
        progress.evaluated(each, NOON, NOON + MINUTE, 3, NOON + 2 * MINUTE)
    hourly = made(schedule=Schedule(HOUR))
    progress.replace([hourly], NOON + 2 * MINUTE)
    progress.evaluated(gone, NOON + MINUTE, NOON + 2 * MINUTE, 0, NOON + 3 * MINUTE)
    [kept] = progress.rules()
    assert (kept.rule, kept.runs, kept.matches) == (hourly, 1, 3)


def test_costs_are_moving_averages() -> None:
    """The newest run weighs three tenths: found costly at once, forgiven after some runs."""
    progress = follow(made())
    assert progress.seconds("one") == 0
    progress.spent({"one": Cost(10.0, 2, 100, 5, 900), "unknown": Cost(1.0)})
    assert progress.seconds("one") == 10
    progress.spent({"one": Cost(0.0, 1, 0, 5, 0)})
    [costly] = progress.costly(20)
    assert costly == Costly("one", 7.0, 1.7, 70.0, 5.0, 630.0, heavy=True)
    progress.spent({"one": Cost(0.0)})
    assert progress.costly(20)[0].heavy is False
    assert progress.seconds("unknown") == 0


def test_the_costliest_come_first() -> None:
    """By seconds, then by name; no more than asked for, and none that was not measured."""
    progress = follow(*(made(name) for name in "abcd"))
    progress.spent({"a": Cost(1.0), "b": Cost(3.0), "c": Cost(3.0)})
    assert [one.rule for one in progress.costly(2)] == ["b", "c"]
    assert len(progress.costly(20)) == 3


def test_clusters_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """The lag of a slow cluster is its own."""
    monkeypatch.setattr("alerter.progress.cluster_of", lambda one: one.name)
    slow, quick = made("slow"), made("quick")
    progress = follow(slow, quick)
    progress.evaluated(slow, NOON, NOON + MINUTE, 0, due(slow, NOON + MINUTE) + 40 * SECOND)
    progress.evaluated(quick, NOON, NOON + MINUTE, 0, due(quick, NOON + MINUTE))
    assert {load.cluster: load.lag_p50 for load in progress.loads(NOON)} == {"quick": 0, "slow": 40}


@pytest.mark.parametrize(("share", "found"), [(0.5, 10), (0.95, 19), (1.0, 20)])
def test_quantiles_are_values_that_there_are(share: float, found: int) -> None:
    """Of 1 to 20: half are at most 10, 95 % at most 19, all at most 20."""
    assert quantile(range(1, 21), share) == found
    assert quantile([7], share) == 7
