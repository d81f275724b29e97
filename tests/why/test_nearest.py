"""How near a rule came, found by asking the same evaluator with other thresholds, against brute force."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from random import Random

import pytest

from alerter.clock import MINUTE
from alerter.engine.dryrun import dry_run
from alerter.model.incident import Match
from alerter.model.rule import Cardinality, Flatline, Frequency, Realert, Rule, Schedule, Spike, SpikeType
from alerter.routing.tree import console_routing
from alerter.sources.embedded import EmbeddedSource
from alerter.testing import rule
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
