"""Random streams: a rule, events with the instant each arrives, and where the span is cut into evaluations."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

from hypothesis import strategies as st

from alerter.clock import DAY, MINUTE, SECOND, Millis
from alerter.detectors import first_checkpoint, reads_from
from alerter.engine.tick import Engine
from alerter.model.incident import Checkpoint, Outcome, Transition
from alerter.model.rule import AnyEvent, Condition, Flatline, Frequency, Key, Realert, Rule, Schedule, Spike, SpikeType
from alerter.sources.protocol import Source
from alerter.sources.reader import Reader
from alerter.state.sqlite import SqliteState
from alerter.testing import MemoryEvents, evaluated, rule
from alerter.timetext import iso
from tests.detectors.test_exact import folded, told
from tests.engine.support import routing

EPOCH: Millis = 1_700_000_000_000
ANCHOR: Millis = EPOCH - 30 * DAY
"""A document of no stream, before all of them: windows are covered."""


@dataclass(frozen=True)
class Event:
    """One document: when it happened, when it can be seen, the values of its key field (several, one, none)."""

    at: Millis
    arrives: Millis
    values: tuple[str, ...]

    def keys(self, tested: Rule) -> tuple[Key, ...]:
        """Return the groups it counts in."""
        if not tested.query_key:
            return (None,)
        return tuple((("k", value),) for value in dict.fromkeys(self.values or (None,)))

    def document(self, world: str) -> dict[str, Any]:
        """Return it as a document."""
        values: Any = self.values[0] if len(self.values) == 1 else list(self.values)
        return {"@timestamp": iso(self.at), "world": world, **({"k": values} if self.values else {})}


@dataclass(frozen=True)
class World:
    """What is evaluated, and when."""

    rule: Rule
    events: tuple[Event, ...]
    start: Millis
    cuts: tuple[Millis, ...]


def conditions(length: Millis) -> st.SearchStrategy[Condition]:
    """Return conditions that happen in streams of some dozens of events."""
    spikes = st.builds(
        Spike,
        st.sampled_from([1.5, 2, 3]),
        st.sampled_from(list(SpikeType)),
        st.just(length),
        threshold_ref=st.integers(0, 3),
        threshold_cur=st.integers(0, 3),
    )
    flat = st.builds(Flatline, st.integers(1, 4), st.just(length))
    return st.one_of(st.builds(Frequency, st.integers(1, 12), st.just(length)), spikes, flat, st.just(AnyEvent()))


@st.composite
def worlds(draw: Any, *, late: bool = False, most: int = 60) -> World:
    """Return a world with bursts, ties, events exactly T apart and one millisecond off, keys missing or several."""
    length = draw(st.sampled_from([3 * SECOND, 10 * SECOND, MINUTE, 10 * MINUTE]))
    gaps = [0, 0, 0, 1, 7, length // 10, length // 3, length - 1, length, length + 1]
    times, at = [], EPOCH + draw(st.integers(0, 999))
    for gap in draw(st.lists(st.sampled_from(gaps), min_size=1, max_size=most)):
        at += gap
        times.append(at)
    buffer = draw(st.sampled_from([10 * SECOND, 2 * MINUTE]))
    delays = st.sampled_from([0, 0, 0, 1 * SECOND, buffer // 2]) if late else st.just(0)
    values = st.sampled_from([("a",), ("a",), ("b",), (), ("a", "b"), ("b", "b")])
    events = tuple(Event(t, t + draw(delays), draw(values)) for t in times)
    start = EPOCH + draw(st.sampled_from([-1, 0, length // 2]))
    end = max(times[-1], start) + draw(st.sampled_from([1, length, 3 * length + 1]))
    cuts = draw(st.sets(st.integers(start + 1, end), max_size=6))
    if late:  # so that an event arrives between two evaluations, the first of which should have seen it
        soon = st.builds(lambda e, gap: e.at + gap, st.sampled_from(events), st.sampled_from([0, 1, 400, 900]))
        cuts |= {at for at in draw(st.sets(soon, max_size=4)) if start < at < end}
    return World(_rule(draw, draw(conditions(length)), buffer), events, start, tuple(sorted(cuts | {end})))


@st.composite
def dense_worlds(draw: Any) -> World:
    """Return a world of hundreds of events within a few windows: the instants of most are never asked for."""
    length = draw(st.sampled_from([10 * SECOND, MINUTE, 10 * MINUTE]))
    dice = draw(st.randoms(use_true_random=False))
    number = draw(st.integers(300, 2_000))
    span = length * draw(st.sampled_from([1, 3, 6]))
    times = sorted(EPOCH + int(span * dice.random() ** draw(st.sampled_from([1, 3]))) for _ in range(number))
    events = tuple(Event(t, t, (dice.choice("aab"),)) for t in times)
    per_window = max(number * length // span, 2)
    several = st.sampled_from([0.1, 0.5, 0.9, 1.1, 1.5]).map(lambda part: max(int(per_window * part), 1))
    chosen = draw(several)
    condition = draw(
        st.one_of(
            st.just(Frequency(chosen, length)),
            st.just(Flatline(chosen, length)),
            st.builds(Spike, st.sampled_from([1.1, 1.5, 2]), st.sampled_from(list(SpikeType)), st.just(length)),
            st.just(AnyEvent()),
        )
    )
    end = EPOCH + span + draw(st.sampled_from([1, 2 * length]))
    cuts = sorted(draw(st.sets(st.integers(EPOCH + 1, end), max_size=4)) | {end})
    return World(_rule(draw, condition, 10 * SECOND), events, EPOCH, tuple(cuts))


def _rule(draw: Any, condition: Condition, buffer: Millis) -> Rule:
    return rule(
        condition,
        query_key=("k",) if draw(st.booleans()) else (),
        realert=Realert(draw(st.sampled_from([0, 5, 60, 600])) * SECOND, written=True),
        resolve_after=draw(st.sampled_from([None, None, 1 * SECOND, 30 * SECOND])),
        schedule=Schedule(draw(st.sampled_from([5, 20, 60])) * SECOND),
        buffer_time=buffer,
        max_catchup=10 * DAY,
    )


def known_exactly(world: World) -> list[Transition]:
    """Evaluate with every instant known: what tests/detectors hold equal to brute force."""
    return [transition for outcome in outcomes(world) for transition in outcome.transitions]


def outcomes(world: World) -> Iterator[Outcome]:
    """Yield what each evaluation from cut to cut gives, every instant known."""
    checkpoint = first_checkpoint(world.rule, world.start)
    for _, end in pairwise([world.start, *world.cuts]):
        checkpoint = copy.deepcopy(checkpoint)
        seen = [e for e in world.events if e.at <= end and e.arrives <= end]
        pairs = [(e.at, key) for e in seen for key in e.keys(world.rule)]
        since = reads_from(world.rule, checkpoint, end)
        events = MemoryEvents(pairs, start=since, end=end, first_document=ANCHOR)
        outcome = evaluated(world.rule, events, checkpoint, end)
        checkpoint = outcome.checkpoint
        yield outcome


def through_the_engine(
    world: World, source: Source, show: Callable[[Sequence[Event]], object], name: str, *, restarts: bool = False
) -> list[Transition]:
    """Run the engine from cut to cut; ``show`` makes events visible in the source, those of ``name`` are selected."""
    tested = replace(world.rule, filter=({"term": {"world": name}},))
    state = SqliteState(":memory:")
    state.init()
    state.save_checkpoint(Checkpoint(tested.name, tested.meaning(), world.start, world.start), None)
    transitions: list[Transition] = []
    engine = Engine(Reader(source), state, routing(), gaps=False)
    shown: set[int] = set()
    for end in world.cuts:
        new = [n for n, e in enumerate(world.events) if n not in shown and e.at <= end and e.arrives <= end]
        show([world.events[n] for n in new])
        shown |= set(new)
        report = engine.tick([tested], end + tested.query_delay)
        assert not report.failures, report.failures
        transitions += report.outcomes[tested.name].transitions
        if restarts:
            engine = Engine(Reader(source), state, routing(), gaps=False)
    state.close()
    return transitions


def essence(transitions: Iterable[Transition]) -> list[tuple[Any, ...]]:
    """Return what happened, runs of suppressed matches by number; a run's first instant only where it is known."""
    return [row[1:] if row[1] == "suppressed" else row for row in folded(told(list(transitions)))]
