"""Worlds through the engine: whole as a dry run, or from cut to cut on one state, with restarts and late documents."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from alerter.detectors import first_checkpoint
from alerter.engine.dryrun import DryRun, dry_run
from alerter.engine.tick import Engine
from alerter.model.incident import Checkpoint, Incident, Transition
from alerter.sources.embedded import EmbeddedSource
from alerter.sources.protocol import Source
from alerter.sources.reader import Reader
from alerter.state.sqlite import SqliteState
from tests.engine.support import routing
from tests.exact.counting import CountingSource
from tests.exact.worlds import PROPERTIES as ALL_PROPERTIES
from tests.exact.worlds import World, body_of

ROUTING = routing()
PROPERTIES = {name: mapped for name, mapped in ALL_PROPERTIES.items() if name != "nanos"}


@dataclass(frozen=True)
class Runs:
    """What each evaluation told, and the incidents and the checkpoint that are stored at the end."""

    each: Sequence[Sequence[Transition]]
    incidents: Sequence[Incident]
    checkpoint: Checkpoint

    @property
    def transitions(self) -> list[Transition]:
        """All of it, in the order it was told."""
        return [transition for told in self.each for transition in told]


def embedded(world: World, nth: int | None = None) -> EmbeddedSource:
    """Return a source of the world's documents, those that evaluation ``nth`` can see."""
    docs = [doc for doc in world.docs if nth is None or doc.visible(nth)]
    return EmbeddedSource(documents=[body_of(world.rule, doc) for doc in docs], properties=PROPERTIES)


def whole(world: World, source: Source) -> DryRun:
    """Evaluate the whole span at once."""
    return dry_run(world.rule, source, ROUTING, world.start, world.end)


class Live:
    """One world's engine and state, evaluated cut by cut."""

    def __init__(self, world: World, source: Source) -> None:
        self.world = world
        self.source = source
        self.state = SqliteState(":memory:")
        self.state.init()
        self.state.save_checkpoint(first_checkpoint(world.rule, world.start), None)
        self.engine = self._started()
        self.told: list[Sequence[Transition]] = []

    def _started(self) -> Engine:
        return Engine(Reader(self.source), self.state, ROUTING, gaps=False)

    def step(self, nth: int) -> None:
        """Evaluate up to a cut, with a new engine where the world says so."""
        if nth in self.world.restarts:
            self.engine = self._started()
        tested = self.world.rule
        report = self.engine.tick([tested], self.world.cuts[nth] + tested.query_delay)
        assert not report.failures
        self.told.append(report.outcomes[tested.name].transitions)

    def finish(self) -> Runs:
        """Return what happened, and let go."""
        incidents: list[Any] = [stored.value for stored in self.state.incidents()]
        self.engine.release()
        (checkpoint,) = self.state.checkpoints([self.world.rule.name]).values()
        self.state.close()
        return Runs(self.told, incidents, checkpoint.value)


def in_runs(world: World, source: Source) -> Runs:
    """Evaluate from cut to cut over documents that are there from the start."""
    live = Live(world, source)
    for nth in range(len(world.cuts)):
        live.step(nth)
    return live.finish()


def with_news(world: World) -> Runs:
    """Evaluate from cut to cut, each time over the documents that can be seen by then."""
    source = CountingSource(embedded(world, 0))
    live = Live(world, source)
    for nth in range(len(world.cuts)):
        source.inner = embedded(world, nth)
        live.step(nth)
    return live.finish()
