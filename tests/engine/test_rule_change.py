"""A rule changed while its incident is open: what resolves it, and what the checkpoint means after the rest."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from alerter.clock import HOUR, MINUTE
from alerter.model.incident import Kind, Reason
from alerter.model.rule import (
    AnyEvent,
    Flatline,
    Frequency,
    FromEvent,
    Realert,
    Rule,
    Spike,
    SpikeType,
    TimeField,
    ValueList,
)
from alerter.testing import rule
from tests.engine.support import T0, World, documents

LISTED = ValueList("user", ("x",), deny=True)
AT_ONCE = Realert(0, written=True)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (rule(Frequency(3, MINUTE)), {"condition": Frequency(4, MINUTE)}),
        (rule(Flatline(3, MINUTE)), {"condition": Flatline(4, MINUTE, forget_keys=True)}),
        (rule(Spike(2, SpikeType.UP, MINUTE)), {"condition": Spike(3, SpikeType.UP, MINUTE, 5, 6)}),
        (rule(LISTED), {"condition": replace(LISTED, values=("x", "y"))}),
        (rule(LISTED), {"condition": replace(LISTED, patterns=("z+",))}),
        (rule(AnyEvent()), {"realert": AT_ONCE, "severity": "critical", "description": "new words"}),
    ],
)
def test_thresholds_lists_and_words_are_no_other_rule(before: Rule, after: dict[str, Any]) -> None:
    """They judge the same counts; what a checkpoint remembers keeps its meaning."""
    assert replace(before, **after).meaning() == before.meaning()


@pytest.mark.parametrize(
    "after",
    [
        {"index": "other"},
        {"filter": ({"term": {"a": 1}},)},
        {"query_key": ("user",)},
        {"condition": Frequency(3, 2 * MINUTE)},
        {"condition": Flatline(3, MINUTE), "type": "flatline"},
        {"time": TimeField("when")},
        {"domain": FromEvent("team")},
        {"domain": FromEvent("kafka.key", {"User": "user"})},
    ],
)
def test_filter_index_key_and_window_are_another_rule(after: dict[str, Any]) -> None:
    """What is counted, how it is grouped, and over which time."""
    before = rule(Frequency(3, MINUTE), domain=FromEvent("kafka.key"))
    assert replace(before, **after).meaning() != before.meaning()


def test_compared_field_is_part_of_the_filter() -> None:
    """A list over another field selects other events."""
    assert rule(replace(LISTED, compare_key="host")).meaning() != rule(LISTED).meaning()


def changed(world: World, *rules: Rule) -> None:
    """Take over changed rules, as a reload does."""
    world.rules = list(rules)


def outcome(world: World) -> list[tuple[Kind, Reason, float]]:
    return [(d.kind, d.reason, (d.at - T0) / 1000) for d in world.deliveries()]


def test_raised_threshold_ends_the_incident_as_its_condition_does() -> None:
    """The same incident goes on, no longer held by the new condition, and is over as usual."""
    world = World(documents([1, 2, 3, 61, 62, 63]), [rule(Frequency(3, MINUTE), realert=AT_ONCE)])
    world.tick(0)
    world.tick(30)
    changed(world, rule(Frequency(50, MINUTE), realert=AT_ONCE))
    world.tick(50)
    world.tick(120)
    assert outcome(world) == [
        (Kind.FIRING, Reason.FIRST_MATCH, 3),
        (Kind.RESOLVED, Reason.CONDITION_OVER, 63),
    ]


def test_lowered_threshold_counts_what_no_match_has_consumed() -> None:
    """Events that an announced match consumed are not told again; new ones meet the new threshold."""
    world = World(documents([1, 2, 3, 61, 62, 63, 64]), [rule(Frequency(3, MINUTE), realert=AT_ONCE)])
    world.tick(0)
    world.tick(30)
    changed(world, rule(Frequency(2, MINUTE), realert=AT_ONCE))
    world.tick(50)
    assert len(world.deliveries()) == 1
    world.tick(70)
    (incident,) = world.state.incidents()
    assert incident.value.matches == 3
    assert incident.value.resolved is None


def test_longer_list_tells_of_new_values_and_nothing_twice() -> None:
    """An event whose value was listed already stays told once."""
    events = documents([1], user="x") + documents([2], user="y") + documents([100], user="y")
    listed = {"realert": AT_ONCE, "query_key": ("user",)}
    world = World(events, [rule(LISTED, **listed)])
    world.tick(0)
    world.tick(30)
    assert outcome(world) == [(Kind.FIRING, Reason.FIRST_MATCH, 1)]
    changed(world, rule(replace(LISTED, values=("y", "x")), **listed))
    world.tick(110)
    keys = sorted(str(v.value.key) for v in world.state.incidents())
    assert keys == ["(('user', 'x'),)", "(('user', 'y'),)"]
    assert [at for _, _, at in outcome(world)].count(1) == 1
    assert Reason.RULE_CHANGED not in [reason for _, reason, _ in outcome(world)]


def test_shorter_list_and_unlike_one_break_nothing() -> None:
    """What was judged under the former list is not judged again, whatever the new one holds."""
    events = documents([1, 2, 3], user="x") + documents([50], user="z")
    world = World(events, [rule(LISTED, realert=AT_ONCE)])
    world.tick(0)
    world.tick(30)
    told = len(world.deliveries())
    changed(world, rule(replace(LISTED, values=("z",)), realert=AT_ONCE))
    world.tick(40)
    assert len(world.deliveries()) == told
    world.tick(60)
    assert len(world.deliveries()) == told + 1


def test_flatline_threshold_below_the_count_resolves_at_the_next_instant() -> None:
    """Its incident is judged by the new threshold, its coverage and keys stay known."""
    events = documents([-400, *range(-300, 600, 20)])
    world = World(events, [rule(Flatline(10, MINUTE), realert=Realert(HOUR, written=True))])
    world.tick(0)
    world.tick(60)
    assert outcome(world) == [(Kind.FIRING, Reason.FIRST_MATCH, 60)]
    changed(world, rule(Flatline(2, MINUTE), realert=Realert(HOUR, written=True)))
    world.tick(180)
    assert outcome(world)[1:] == [(Kind.RESOLVED, Reason.CONDITION_OVER, 120)]


def test_spike_remembers_its_edge_under_a_new_height() -> None:
    """A rise that goes on under a lower height is no second match; a later one is."""
    events = documents([-100, -60, *range(1, 40, 2), 130, *range(181, 239, 2)])
    world = World(events, [rule(Spike(5, SpikeType.UP, MINUTE), realert=AT_ONCE)])
    world.tick(0)
    world.tick(30)
    assert len(world.deliveries()) == 1
    changed(world, rule(Spike(2, SpikeType.UP, MINUTE), realert=AT_ONCE))
    world.tick(50)
    assert len(world.deliveries()) == 1
    world.tick(240)
    kinds = [kind for kind, _, _ in outcome(world)]
    assert kinds.count(Kind.FIRING) == 2
    assert Reason.RULE_CHANGED not in [reason for _, reason, _ in outcome(world)]
