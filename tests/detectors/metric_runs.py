"""Running metric rules over documents: from cut to cut, and as the case tables are written."""

from __future__ import annotations

import pytest

from alerter.clock import MINUTE, SECOND
from alerter.detectors import first_checkpoint
from alerter.engine.dryrun import dry_run
from alerter.engine.tick import Engine
from alerter.model.metric import Limits, Metric, MetricAggregation, MetricKind, Windows
from alerter.model.rule import Realert
from alerter.sources.embedded import EmbeddedSource
from alerter.sources.reader import Reader
from alerter.state.sqlite import SqliteState
from alerter.testing import rule
from alerter.timetext import iso
from tests.detectors.metric_worlds import PROPERTIES
from tests.detectors.test_exact import told
from tests.engine.support import routing as make_routing

ROUTING = make_routing()
MINUTE_WINDOW = Windows(MINUTE)
NOW = Realert(0, written=True)


def through(tested, source, start, cuts, *, restarts=False):
    """Run the engine from cut to cut and return all transitions; ``restarts`` forgets all that is in memory at each."""
    state = SqliteState(":memory:")
    state.init()
    state.save_checkpoint(first_checkpoint(tested, start), None)
    engine = Engine(Reader(source), state, ROUTING, gaps=False)
    transitions = []
    for end in cuts:
        report = engine.tick([tested], end + tested.query_delay)
        assert not report.failures, report.failures
        transitions += report.outcomes[tested.name].transitions
        if restarts:
            engine = Engine(Reader(source), state, ROUTING, gaps=False)
    state.close()
    return transitions


def same(transitions, world):
    """Assert that incidents are those of brute force, and values with them."""
    expected, values = world.expected
    assert told(transitions) == expected
    for t in transitions:
        if t.match is not None:
            assert t.match.facts["value"] == pytest.approx(float(values[(t.key, t.match.at)]), rel=1e-12)


def unfolded(source_of, world):
    """Run a world whole, cut, and cut with restarts."""
    for cuts, restarts in (([world.cuts[-1]], False), (world.cuts, False), (world.cuts, True)):
        same(through(world.rule, source_of(), world.start, cuts, restarts=restarts), world)


def matches(condition, documents, *, end, start=-1, **options):
    """Judge documents given as (seconds, fields) and return (second, count, value) of each match."""
    found = [{"@timestamp": iso(round(at * SECOND)), **fields} for at, fields in documents]
    source = EmbeddedSource(documents=found, properties=PROPERTIES)
    tested = rule(condition, realert=NOW, **options)
    run = dry_run(tested, source, ROUTING, start, round(end * SECOND))
    return [(m.at / SECOND, m.count, m.facts["value"]) for m in run.matches]


def metric(kind, windows=MINUTE_WINDOW, *, percent=0.0, **limits):
    """Return a condition on the field v."""
    return MetricAggregation(Metric(MetricKind(kind), "v", percent), windows, Limits(**limits))
