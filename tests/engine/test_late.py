"""Late events in a span that is judged again because its checkpoint could not be written: the end is told, once."""

from __future__ import annotations

from contextlib import contextmanager

import pytest

from alerter.clock import HOUR, MINUTE
from alerter.model.incident import Incident, Reason
from alerter.model.rule import Flatline, Realert
from alerter.state.protocol import StateError
from alerter.testing import rule
from tests.engine.support import T0, World, documents, single, storm


@contextmanager
def checkpoints_are_lost(world: World):
    """Let no checkpoint arrive."""

    def lost(*_: object) -> list[object]:
        raise StateError("busy", "429")

    save = world.state.save_checkpoints
    world.state.save_checkpoints = lost  # type: ignore[method-assign,assignment]
    yield
    world.state.save_checkpoints = save  # type: ignore[method-assign]


def only(world: World) -> Incident:
    (stored,) = world.state.incidents()
    return stored.value


def quiet_world() -> World:
    """Return a world in which fewer than one event a minute alerts, told every minute; quiet from 0 s on."""
    return World(documents(range(-300, 1, 20)), [rule(Flatline(1, MINUTE), domain="user", realert=Realert(MINUTE))])


def test_an_end_that_late_events_moved_before_what_is_written_is_told():
    """Written as quiet at 180 s; an event of 170 s, come late, had ended that before: it is told as of 180 s."""
    world = quiet_world()
    for seconds in (0, 60, 120):
        world.tick(seconds)
    with checkpoints_are_lost(world):
        assert world.tick(180).failures
    written = only(world)
    assert written.resolved is None
    world.source.extend(documents(range(170, 600, 20)))
    for seconds in range(190, 600, 60):
        world.tick(seconds)
    assert only(world).resolved == written.updated
    assert world.told()[-1] == ("resolved", "user", (written.updated - T0) / 1000)
    assert [kind for kind, _, _ in world.told()].count("resolved") == 1
    (memory,) = world.state.checkpoints(["a rule"])["a rule"].value.keys.values()
    assert memory.thread is not None
    assert memory.thread.resolved is not None


def test_an_end_that_was_written_is_told_once():
    """The same end derived again after its checkpoint was lost changes nothing."""
    world = quiet_world()
    for seconds in (0, 60, 120):
        world.tick(seconds)
    world.source.extend(documents(range(130, 600, 20)))
    with checkpoints_are_lost(world):
        world.tick(180)
    before = world.told()
    assert before[-1][0] == "resolved"
    for seconds in range(181, 600, 60):
        world.tick(seconds)
    assert world.told() == before


@pytest.mark.parametrize(("late", "end"), [([57, 58, 59], 63), ([80, 81, 82], 142), ([62, 64, 100, 101, 102], 162)])
def test_an_end_that_was_told_and_that_late_events_move_on_is_not_told_again(late, end):
    """Resolved was told as of 63 s; the document takes the later end, and nobody hears of it a second time."""
    world = World(documents([1, 2, 3]), [storm(realert=Realert(HOUR, written=True))])
    for seconds in (0, 60):
        world.tick(seconds)
    with checkpoints_are_lost(world):
        world.tick(120)
    world.source.extend(documents(late))
    for seconds in (130, 190, 250):
        world.tick(seconds)
    assert world.told() == [("firing", "user", 3), ("resolved", "user", 63)]
    assert only(world).resolved == T0 + end * 1000
    assert only(world).resolve_reason == Reason.CONDITION_OVER


def test_an_evaluation_that_is_behind_the_document_ends_nothing():
    """Written as open again at 202 s; one that judges up to 190 s does not tell the earlier end anew."""
    world = World(documents([1, 2, 3, 200, 201, 202]), [storm(resolve_after=30_000)])
    world.tick(0)
    with checkpoints_are_lost(world):
        world.tick(203)
    before = world.told()
    assert [kind for kind, _, _ in before] == ["firing", "resolved", "firing"]
    world.tick(190)
    assert only(world).resolved is None
    assert world.told() == before
    for seconds in (210, 240, 300):
        world.tick(seconds)
    assert world.told() == [*before, ("resolved", "user", 232)]


@pytest.mark.parametrize(
    ("quiet", "late", "again"),
    [(1, 50, [("firing", "user", 50), ("resolved", "user", 110)]), (5, 290, [("firing", "user", 290)])],
)
def test_late_events_reopen_before_an_end_that_was_told(quiet, late, again):
    """The re-opening is told once though its instant lies before that end, and so is its own end."""
    world = World(documents([1]), [single(resolve_after=quiet * MINUTE, realert=Realert(0, written=True))])
    end = quiet * 60 + 1
    for seconds in range(0, end + 60, 60):
        world.tick(seconds)
    world.source.extend(documents([late]))
    for seconds in range((end // 60 + 1) * 60, 540, 60):
        world.tick(seconds)
    planned = [(str(d.kind), d.receiver, (d.at - T0) / 1000) for d in only(world).deliveries]
    assert planned == [("firing", "user", 1), ("resolved", "user", end), *again]
