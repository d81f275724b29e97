"""Thousands of worlds through the production engine over documents in memory, against every instant known."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from alerter.sources.embedded import EmbeddedSource
from alerter.timetext import iso
from tests.streams.worlds import (
    ANCHOR,
    World,
    dense_worlds,
    essence,
    known_exactly,
    outcomes,
    through_the_engine,
    worlds,
)
from tests.support.early import never_early, remembered

PROPERTIES = {"k": {"type": "keyword"}, "world": {"type": "keyword"}}


def played(world: World, *, restarts: bool = False) -> list:
    """Return what the engine makes of a world."""
    source = EmbeddedSource(documents=[{"@timestamp": iso(ANCHOR)}], properties=PROPERTIES)
    show = lambda events: source.extend(event.document("w") for event in events)  # noqa: E731 - one line
    return essence(through_the_engine(world, source, show, "w", restarts=restarts))


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(worlds())
def test_counts_give_what_all_instants_give(world):
    """Bursts, ties, gaps of exactly T, keys missing or several: the incidents are the same to the millisecond."""
    assert played(world) == essence(known_exactly(world))


@settings(max_examples=250, deadline=None, suppress_health_check=list(HealthCheck))
@given(worlds(late=True))
def test_late_events_change_the_answer_as_if_all_was_read_again(world):
    """Events that arrive within buffer_time change counts exactly where they would change instants."""
    assert played(world) == essence(known_exactly(world))


@settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
@given(worlds(late=True), st.just(True))
def test_a_restart_between_any_two_evaluations_changes_nothing(world, restarts):
    """What is kept in memory is only a saving: without it the answer is the same."""
    assert played(world, restarts=restarts) == essence(known_exactly(world))


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(worlds(late=True))
def test_what_is_told_early_is_what_judging_tells(world):
    """Where it is plain that nothing happened, every key judged gives the same: transitions, warnings, checkpoints."""
    early = [replace(outcome, checkpoint=remembered(outcome.checkpoint)) for outcome in outcomes(world)]
    with never_early():
        judged = [replace(outcome, checkpoint=remembered(outcome.checkpoint)) for outcome in outcomes(world)]
    assert early == judged


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(dense_worlds())
def test_dense_streams_are_divided_to_the_millisecond(world):
    """Hundreds of events in a bucket must be divided to be told apart."""
    assert played(world) == essence(known_exactly(world))
