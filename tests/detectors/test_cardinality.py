"""cardinality: the case table, and any split of any stream, by counts of any width, against brute force."""

from __future__ import annotations

import copy
from collections import defaultdict
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from alerter.clock import DAY, MINUTE, SECOND
from alerter.detectors import first_checkpoint, reads_from
from alerter.engine.dryrun import dry_run
from alerter.engine.tick import Engine
from alerter.model.incident import Change
from alerter.model.rule import Cardinality, Realert, Rule, Schedule, TimeField, TimeKind
from alerter.sources.embedded import EmbeddedSource
from alerter.sources.reader import Reader
from alerter.spread import Spread, joined
from alerter.state.sqlite import SqliteState
from alerter.testing import MemoryEvents, evaluated, rule
from alerter.timetext import iso
from tests.detectors.brute_cardinality import brute
from tests.detectors.test_exact import folded, told
from tests.engine.support import routing as make_routing
from tests.support.early import counted, never_early, remembered

NOW = Realert(0, written=True)
T = 10 * SECOND
ROUTING = make_routing()
PROPERTIES = {"k": {"type": "keyword"}, "v": {"type": "keyword"}, "n": {"type": "long"}}
GAPS = st.sampled_from([0, 0, 1, 1, 1, 2, 2, 3, 3, 5, 5, 7, 10, 10, 20, 60, 301])
ODD = st.sampled_from([0, 0, 0, 1])
LENGTHS = st.sampled_from([3 * SECOND, 5 * SECOND, 10 * SECOND, 60 * SECOND])
VALUES = st.lists(st.sampled_from("abcde"), max_size=3).map(tuple)
KEYS = st.sampled_from([["a"], ["a"], ["b"], ["a", "b"], []])


@dataclass(frozen=True)
class World:
    """A rule, its events as (time, raw key values, values), where the span begins, and where it is cut (end last)."""

    rule: Rule
    docs: list[tuple[int, list[str], tuple[str, ...]]]
    start: int
    cuts: list[int]

    @property
    def events(self):
        """The events with the keys they count under."""
        if not self.rule.query_key:
            return [(at, [None], values) for at, _, values in self.docs]
        return [(at, [(("k", k),) for k in dict.fromkeys(keys) or [None]], values) for at, keys, values in self.docs]

    @property
    def expected(self):
        """What brute force says."""
        return brute(self.rule, self.events, self.start, self.cuts[-1], [at for at, _, _ in self.docs])


@st.composite
def conditions(draw):
    """Limits that are met in short streams; too many, too few, or both."""
    maximum = draw(st.one_of(st.none(), st.integers(0, 3), st.integers(0, 3)))
    minimum = draw(st.integers(1, 4)) if maximum is None else None
    if maximum and draw(st.booleans()):
        minimum = draw(st.integers(1, maximum))
    return Cardinality("v", draw(LENGTHS), maximum, minimum)


@st.composite
def worlds(draw, epoch=0):
    tested = rule(
        draw(conditions()),
        query_key=("k",) if draw(st.booleans()) else (),
        realert=Realert(draw(st.sampled_from([0, 1, 5, 30, 400])) * SECOND, written=True),
        resolve_after=draw(st.sampled_from([None, None, 1 * SECOND, 7 * SECOND, 60 * SECOND])),
        schedule=Schedule(draw(st.sampled_from([4, 5, 20])) * SECOND),
        known_keys_for=draw(st.sampled_from([20, 120, 86_400])) * SECOND,
        buffer_time=draw(st.sampled_from([0, 10, 120])) * SECOND,
        max_catchup=10 * DAY,
    )
    times = [epoch + at * SECOND + draw(ODD) for at in accumulate(draw(st.lists(GAPS, min_size=1, max_size=30)))]
    times.sort()
    docs = [(at, draw(KEYS), draw(VALUES)) for at in times]
    start = epoch + draw(st.sampled_from([-1, 0, 3, 30])) * SECOND + draw(st.sampled_from([0, 1, 999]))
    end = max(times[-1], start) + draw(st.sampled_from([0, 1, 5, 10, 70, 400])) * SECOND + 1
    near = {
        draw(st.sampled_from(times)) + draw(st.sampled_from([0, 1, 500, T])) for _ in range(draw(st.integers(0, 6)))
    }
    cuts = sorted(
        {at for at in near | draw(st.sets(st.integers(start + 1, end), max_size=3)) if start < at < end} | {end}
    )
    return World(tested, docs, start, cuts)


def spreads_of(events, timeframe):
    """Return what a source would know of the values of these events."""
    runs: dict[Any, dict[str, list]] = defaultdict(lambda: defaultdict(list))
    for at, keys, values in events:
        for key in keys:
            for value in values:
                runs[key][value].append((at, at))
    return {key: Spread([joined(r, timeframe) for r in of.values()], timeframe) for key, of in runs.items()}


def in_runs(world, cuts, width=1):
    """Evaluate from cut to cut, each time seeing only what has happened by then, known in buckets of a width."""
    return [transition for outcome in outcomes_of(world, cuts, width) for transition in outcome.transitions]


def outcomes_of(world, cuts, width=1):
    """Yield what each of these evaluations gives."""
    tested, checkpoint = world.rule, first_checkpoint(world.rule, world.start)
    for _, end in pairwise([world.start, *cuts]):
        checkpoint = copy.deepcopy(checkpoint)
        visible = [event for event in world.events if event[0] <= end]
        needed = checkpoint.evaluated - tested.timeframe
        events = MemoryEvents(
            [(at, key) for at, keys, _ in visible for key in keys],
            start=reads_from(tested, checkpoint, end),
            end=end,
            first_document=min((at for at, _, _ in visible), default=None),
            width=width,
            spreads=spreads_of([event for event in visible if event[0] > needed], tested.timeframe),
        )
        outcome = evaluated(tested, events, checkpoint, end)
        checkpoint = outcome.checkpoint
        yield outcome


def values_of(transitions):
    """Return the number of different values of each match."""
    return {(t.key, t.match.at): t.match.facts["value"] for t in transitions if t.match is not None}


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(world=worlds())
def test_what_is_told_early_is_what_judging_tells(world):
    """Where it is plain that nothing happened, judging every key tells and remembers the same."""
    with counted() as told:
        early = [replace(o, checkpoint=remembered(o.checkpoint)) for o in outcomes_of(world, world.cuts)]
    event(f"told early: {any(told)}")
    with never_early():
        judged = [replace(o, checkpoint=remembered(o.checkpoint)) for o in outcomes_of(world, world.cuts)]
    assert early == judged


@settings(max_examples=600, deadline=None, suppress_health_check=list(HealthCheck))
@given(world=worlds(), width=st.sampled_from([1, 2, 500, 1_000, 4_000, 7_001, 60_000]))
def test_any_split_equals_brute_force(world, width):
    """However the span is cut and however coarse the counts, incidents and values are those of brute force."""
    expected, values = world.expected
    for cuts in ([world.cuts[-1]], world.cuts):
        found = in_runs(world, cuts, width)
        assert told(found) == expected
        assert values_of(found).items() <= values.items()


def documents_of(world, field="@timestamp", write=iso):
    """Return the world's documents; one value of several stands alone as often as in a list."""
    for at, keys, values in world.docs:
        held = {"k": keys, "v": values[0] if len(values) == 1 else list(values)}
        yield {field: write(at), **{name: value for name, value in held.items() if value}}


def through(tested, source, start, cuts):
    """Run the engine from cut to cut and return all transitions."""
    state = SqliteState(":memory:")
    state.init()
    state.save_checkpoint(first_checkpoint(tested, start), None)
    engine = Engine(Reader(source), state, ROUTING, gaps=False)
    transitions = []
    for end in cuts:
        report = engine.tick([tested], end + tested.query_delay)
        assert not report.failures
        transitions += report.outcomes[tested.name].transitions
    state.close()
    return transitions


def same(found, world):
    """Assert that the engine found what brute force does."""
    expected, values = world.expected
    assert [r[1:] for r in folded(told(found))] == [r[1:] for r in folded(expected)]
    assert values_of(found).items() <= values.items()


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(world=worlds(epoch=10 * DAY))
def test_reading_through_a_source_gives_the_same(world):
    """What the reader asks for makes the same incidents: arrays, missing fields and keys, any split."""
    source = EmbeddedSource(documents=documents_of(world), properties=PROPERTIES)
    same(through(world.rule, source, world.start, world.cuts), world)
    same(dry_run(world.rule, source, ROUTING, world.start, world.cuts[-1]).transitions, world)


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(world=worlds(epoch=10 * DAY))
def test_reading_every_event_gives_the_same(world):
    """Where the server cannot select by time every event is read, with the same answer."""
    time = TimeField("stamp", TimeKind.CUSTOM, "%d/%m/%Y %H:%M:%S.%f")

    def written(at):
        day, clock = iso(at)[:10].split("-"), iso(at)[11:23]
        return f"{day[2]}/{day[1]}/{day[0]} {clock}"

    tested = rule(world.rule.condition, **{**_settings(world.rule), "time": time})
    documents = documents_of(world, "stamp", written)
    source = EmbeddedSource(documents=documents, properties={**PROPERTIES, "stamp": {"type": "keyword"}})
    same(through(tested, source, world.start, world.cuts), world)


def _settings(tested):
    names = ("query_key", "realert", "resolve_after", "schedule", "known_keys_for", "buffer_time", "max_catchup")
    return {name: getattr(tested, name) for name in names}


# --- the case table -----------------------------------------------------------------------------------------------


def run(condition, docs, *, end=80, start=-1, **options):
    """Judge documents given as (seconds, values) and return (second, count, value) of each match."""
    world = World(rule(condition, realert=NOW, **options), [(round(at * SECOND), [], v) for at, v in docs], start, [])
    found = in_runs(world, [end * SECOND])
    return [(t.match.at / SECOND, t.match.count, t.match.facts["value"]) for t in found if t.match is not None]


@pytest.mark.parametrize(
    ("maximum", "docs", "matches"),
    [
        (2, [(0, "a"), (1, "b")], []),
        (2, [(0, "a"), (1, "b"), (2, "c")], [(2, 3, 3)]),
        (2, [(0, "a"), (5, "b"), (10, "c")], []),
        (2, [(0, "a"), (5, "b"), (9.999, "c")], [(9.999, 3, 3)]),
        (2, [(0, "abc")], [(0, 1, 3)]),
        (2, [(0, "aab"), (1, ""), (2, "ab")], []),
        (0, [(0, ""), (1, "a"), (2, "")], [(1, 2, 1)]),
        (2, [(0, "a"), (0, "b"), (0, "c"), (0, "d")], [(0, 4, 4)]),
        (2, [(0, "a"), (1, "b"), (2, "c"), (3, "d"), (4, "e")], [(2, 3, 3)]),
        (2, [(0, "a"), (1, "b"), (2, "c"), (10, ""), (10.5, "d")], [(2, 3, 3), (10.5, 4, 3)]),
        (2, [(0, "a"), (1, "b"), (2, "c"), (10.5, "d")], [(2, 3, 3)]),
    ],
    ids=[
        "as many as allowed",
        "one more",
        "a value exactly T ago has left",
        "a millisecond earlier it has not",
        "an array counts each element",
        "a value counts once, a missing field as none",
        "more than none",
        "all of a millisecond together",
        "the rising edge only",
        "fallen at an event without the field",
        "fallen and risen between two events",
    ],
)
def test_too_many(maximum, docs, matches):
    """More than the limit, at the time of any event of the key, once per rise."""
    assert run(Cardinality("v", T, maximum), docs) == matches


def test_too_few():
    """Fewer than the limit at a nominal instant whose window is covered; each such instant is a match."""
    docs = [(0.001, "a"), (1, "b"), (12, "a"), (13, ""), (25, "abc")]
    found = run(Cardinality("v", T, None, 2), docs, end=40, schedule=Schedule(5 * SECOND))
    assert found == [(15, 2, 1), (20, 2, 1), (35, 0, 0), (40, 0, 0)]


def test_too_many_and_too_few_are_one_incident():
    """With both limits there is one incident, which one and the other open again and keep open."""
    docs = [(0, "ab"), (8, "abcd"), (30, "ab")]
    tested = rule(Cardinality("v", T, 3, 2), realert=NOW, schedule=Schedule(5 * SECOND))
    found = in_runs(World(tested, [(at * SECOND, [], v) for at, v in docs], -1, []), [31 * SECOND])
    assert [(t.at // SECOND, t.change) for t in found if t.change is not Change.MEASURED] == [
        (8, Change.OPENED),
        (18, Change.RESOLVED),
        (20, Change.REOPENED),
        (25, Change.REPEATED),
        (30, Change.RESOLVED),
    ]
    assert len({t.incident for t in found}) == 1


def test_a_bucket_that_reaches_back_tells_nothing_of_the_time_before():
    """That there were too many at the last event asked stays so until an event is known at which there are not."""
    docs = [(0, [], "a"), (1_000, [], "b"), (2_000, [], "c"), (10_500, [], "d")]
    tested = rule(Cardinality("v", T, 2), realert=NOW)
    found = in_runs(World(tested, docs, -1, []), [10_200, 10_400, 10_600], MINUTE)
    assert [t.match.at for t in found if t.match is not None] == [2_000]


def test_a_rise_at_the_first_instant_of_a_bucket_is_a_match():
    """A bucket at all of whose events there are too many is taken in as a whole only when there were before."""
    docs = [(0, [], "a"), (1_000, [], "b"), (11_500, [], ""), (20_001, [], "ab"), (20_500, [], "a")]
    tested = rule(Cardinality("v", T, 1), realert=NOW, resolve_after=MINUTE)
    found = in_runs(World(tested, docs, -1, []), [22_000], SECOND)
    assert [t.match.at for t in found if t.match is not None] == [1_000, 20_001]


@settings(max_examples=300, deadline=None)
@given(
    values=st.lists(st.lists(st.integers(0, 30), min_size=1, max_size=6), max_size=4),
    timeframe=st.integers(1, 8),
    limit=st.integers(0, 3),
    span=st.tuples(st.integers(-1, 20), st.integers(0, 20)),
)
def test_the_spread_is_what_counting_gives(values, timeframe, limit, span):
    """At every instant, the values with an event in the window; spans above a limit are the longest there are."""
    spread = Spread([joined([(at, at) for at in times], timeframe) for times in values], timeframe)
    numbers = {t: sum(any(t - timeframe < at <= t for at in times) for times in values) for t in range(-1, 45)}
    assert {t: spread.number(t) for t in numbers} == numbers
    start, end = span[0], span[0] + span[1]
    above = spread.above(limit, start, end)
    assert {t for s, e in above for t in range(s + 1, e + 1)} == {
        t for t in range(start + 1, end + 1) if numbers[t] > limit
    }
    assert all(one[1] < other[0] for one, other in pairwise(above))


def test_default_resolutions():
    """Too many is over after the smaller of the timeframe and 10 minutes, too few at the next nominal instant."""
    many = World(rule(Cardinality("v", 30 * MINUTE, 1), realert=NOW), [(0, [], ("a", "b"))], -1, [])
    assert [t.at for t in in_runs(many, [20 * MINUTE]) if t.change is Change.RESOLVED] == [10 * MINUTE]
    few = World(rule(Cardinality("v", T, None, 1), realert=NOW), [(0, [], ("a",)), (119_999, [], ("a",))], -1, [])
    assert [t.at for t in in_runs(few, [2 * MINUTE]) if t.change is Change.RESOLVED] == [2 * MINUTE]
