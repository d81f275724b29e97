"""limit_execution: evaluated only in allowed minutes, over everything that came since the last of them."""

from __future__ import annotations

from alerter.clock import HOUR, MINUTE, SECOND
from alerter.engine.dryrun import dry_run
from alerter.model.metric import Limits, Metric, MetricAggregation, MetricKind, Windows
from alerter.model.rule import Schedule
from alerter.sources.embedded import EmbeddedSource
from alerter.testing import rule
from alerter.timetext import iso
from tests.engine.support import T0, World, documents, routing, single, storm

DAYTIME = Schedule(MINUTE, limit="* 8-11 * * *")
"""T0 is eleven o'clock."""
NIGHT = 15 * 3600
"""Two in the morning, in seconds after T0."""


def punctual(world: World, seconds: float):
    """Evaluate as the scheduler does: up to the last nominal instant."""
    return world.engine.tick(world.rules, T0 + round(seconds * 1000) + 2 * SECOND, punctual=True)


def test_what_came_at_night_is_found_at_the_next_allowed_minute():
    """Nothing is evaluated at night, and nothing of it is lost: its time is that of the event."""
    world = World(documents([NIGHT]), [single(schedule=DAYTIME)])
    world.tick(0)
    assert punctual(world, 3_600).evaluated == 1
    for hours in (15.1, 18, 20.9):
        assert punctual(world, hours * 3_600).evaluated == 0
    assert world.told() == []
    assert punctual(world, 21 * 3_600).evaluated == 1
    assert world.told() == [("firing", "user", NIGHT)]


def test_a_window_over_the_edge_of_a_pause_counts_all_its_events():
    """Two events before the last evaluation and one after it are three in a minute."""
    eleven = 59 * 60
    world = World(documents([eleven - 1, eleven, eleven + 30]), [storm(schedule=DAYTIME)])
    world.tick(0)
    punctual(world, eleven)
    assert world.told() == []
    punctual(world, 21 * 3_600)
    assert world.told()[0] == ("firing", "user", eleven + 30)


def test_values_of_windows_are_asked_at_allowed_instants_only():
    """A metric that is too high all night matches once in the morning; a dry run over the day says the same."""
    too_high = MetricAggregation(Metric(MetricKind.MAX, "v"), Windows(5 * MINUTE), Limits(maximum=1))
    tested = rule(too_high, schedule=Schedule(10 * MINUTE, limit="* 8 * * *"))
    source = EmbeddedSource(documents=[{"@timestamp": iso(T0 + n * MINUTE), "v": 5} for n in range(22 * 60)])
    found = dry_run(tested, source, routing(), T0, T0 + 22 * HOUR)
    assert found.evaluations == 6
    assert [iso(match.at)[11:16] for match in found.matches] == ["08:00", "08:10", "08:20", "08:30", "08:40", "08:50"]
