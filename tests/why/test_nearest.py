"""How near a rule came, found by asking the same evaluator with other thresholds, against brute force."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from random import Random

import pytest

from alerter.clock import MINUTE
from alerter.engine.dryrun import dry_run
from alerter.model.incident import Match
from alerter.model.metric import Limits, Metric, MetricAggregation, MetricKind, PercentageMatch, Share, Windows
from alerter.model.rule import (
    Cardinality,
    Condition,
    Flatline,
    Frequency,
    Realert,
    Redaction,
    Rule,
    Schedule,
    Spike,
    SpikeAggregation,
    SpikeType,
)
from alerter.routing.tree import console_routing
from alerter.sources.embedded import EmbeddedSource
from alerter.testing import rule
from alerter.timetext import iso
from alerter.why.nearest import Counted, count_again
from tests.engine.support import T0, documents, single
from tests.exact.running import embedded
from tests.exact.worlds import IN_FILES, World, make_world

ALL = Realert(0, written=True)


def asked(world: World, tested: Rule) -> list[Match]:
    """Return every match of a rule over the world, announced or not."""
    answer = dry_run(tested, embedded(world), console_routing(), world.start, world.end)
    return [t.match for t in answer.transitions if t.match is not None]


def nearest(tested: Rule, source: EmbeddedSource, minutes: float = 10) -> Counted:
    """Count over the minutes after T0."""

    def matches(one: Rule) -> Sequence[Match]:
        answer = dry_run(one, source, console_routing(), T0, T0 + round(minutes * MINUTE))
        return [t.match for t in answer.transitions if t.match is not None]

    return count_again(tested, matches)


@pytest.mark.parametrize("seed", range(60))
def test_the_fullest_window_is_that_of_all_windows(seed: int) -> None:
    """With a threshold that nothing reaches, the largest count of any key is found, and an instant of it."""
    world = make_world(Random(seed), "frequency", times=IN_FILES)
    condition = world.rule.condition
    assert isinstance(condition, Frequency)
    every = asked(world, replace(world.rule, condition=replace(condition, num_events=1), realert=ALL))
    most = max((m.count for m in every), default=0)
    strict = replace(world.rule, condition=replace(condition, num_events=most + 7))
    found = count_again(strict, lambda one: asked(world, one))
    assert found.matches == ()
    if most == 0:
        assert found.text == f"there were no events at all (threshold {most + 7})"
        return
    assert found.text == f"the fullest window held {most} of {most + 7} events"
    assert found.nearest is not None
    assert found.nearest.count >= most


def test_a_rule_that_matches_says_so() -> None:
    """Matches are returned, and nothing else is looked for."""
    found = nearest(rule(Frequency(2, MINUTE)), EmbeddedSource(documents=documents([1, 2])))
    assert [m.at for m in found.matches] == [T0 + 2000]
    assert found.text == ""


def test_a_search_that_takes_long_is_cut_with_what_it_knows() -> None:
    """Where there is no more time, a bound is said instead of the count."""
    source = EmbeddedSource(documents=documents([1, 2, 3]))
    calls: list[Rule] = []

    def matches(one: Rule) -> Sequence[Match]:
        calls.append(one)
        answer = dry_run(one, source, console_routing(), T0, T0 + MINUTE)
        return [t.match for t in answer.transitions if t.match is not None]

    found = count_again(rule(Frequency(100, MINUTE)), matches, lambda: len(calls) < 3)
    assert found.text == "every window held fewer than 25 events (threshold 100)"
    assert len(calls) == 3


def test_flatlines_name_the_emptiest_window() -> None:
    """Windows are asked at nominal instants; the first of the emptiest ones is named."""
    events = documents([*range(-300, 120, 10), *range(120, 180, 20), *range(180, 600, 10)])
    tested = rule(Flatline(2, MINUTE), schedule=Schedule(MINUTE))
    found = nearest(tested, EmbeddedSource(documents=events))
    assert found.text == "the emptiest window held 3 (threshold: fewer than 2)"
    assert found.nearest is not None
    assert found.nearest.at == T0 + 3 * MINUTE


def test_cardinality_names_the_most_and_the_fewest_different_values() -> None:
    """Both limits are judged by the number of different values."""
    events = [doc for n, second in enumerate(range(-300, 620, 20)) for doc in documents([second], user=f"u{n % 3}")]
    most = rule(Cardinality("user", MINUTE, maximum=10))
    assert nearest(most, EmbeddedSource(documents=events)).text == "the fullest window held 3 of 11 different values"
    fewest = rule(Cardinality("user", MINUTE, minimum=2), schedule=Schedule(MINUTE))
    assert (
        nearest(fewest, EmbeddedSource(documents=events)).text == "the emptiest window held 3 (threshold: fewer than 2)"
    )


def test_spikes_name_the_largest_change() -> None:
    """The height at which nothing matches any more, to a hundredth, and the windows that came nearest."""
    events = documents([*range(-600, 300, 10), *range(300, 360, 4), *range(360, 600, 10)])
    tested = rule(Spike(5, SpikeType.UP, MINUTE))
    found = nearest(tested, EmbeddedSource(documents=events))
    assert found.text.startswith("the largest change was about 2.4")
    assert found.nearest is not None


def test_event_types_say_that_no_event_met_the_condition() -> None:
    """Where one event is a match there is nothing near."""
    found = nearest(single(filter=({"term": {"level": "fatal"}},)), EmbeddedSource(documents=documents([1])))
    assert found.text == "no event met the condition"


METRIC = MetricAggregation(Metric(MetricKind.AVG, "v"), Windows(MINUTE), Limits(10, 1))
VALUES = [{"@timestamp": iso(T0 + at * 1000), "v": value} for at, value in ((30, 5.25), (90, 9.5), (150, 2))]


@pytest.mark.parametrize(
    ("condition", "text", "minute"),
    [
        (METRIC, "the value nearest to a limit was 9.5 (limit: above 10)", 2),
        (replace(METRIC, limits=Limits(minimum=1)), "the value nearest to a limit was 2 (limit: below 1)", 3),
        (replace(METRIC, measured=Metric(MetricKind.AVG, "no")), "no window had a value", None),
        (
            PercentageMatch(Share(({"range": {"v": {"gt": 5}}},)), Windows(3 * MINUTE), Limits(minimum=30)),
            "the value nearest to a limit was 66.6667 % (limit: below 30 %)",
            3,
        ),
        (
            SpikeAggregation(Metric(MetricKind.AVG, "v"), 5, SpikeType.DOWN, MINUTE),
            "the largest change was about 4.73 times (height 5): 2 against 9.5",
            3,
        ),
    ],
)
def test_the_value_nearest_to_a_limit(condition: Condition, text: str, minute: int | None) -> None:
    """Of values of windows the nearest to any limit is said, as people read numbers."""
    found = nearest(rule(condition), EmbeddedSource(documents=VALUES), 3)
    assert found.matches == ()
    assert found.text == text
    assert (found.nearest and (found.nearest.at - T0) // MINUTE) == minute


def test_values_of_a_redacted_field_stay_hidden() -> None:
    """What a match may not show is not told here either."""
    found = nearest(rule(METRIC, redact=Redaction(("v",))), EmbeddedSource(documents=VALUES), 3)
    assert found.text == "the values of the field are redacted"
