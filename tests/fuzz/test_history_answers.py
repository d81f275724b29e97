"""Damaged answers about earlier events: the rule fails and waits, or the damage was to nothing that is read."""

from __future__ import annotations

import random

import pytest

from alerter.clock import MINUTE
from alerter.detectors import first_checkpoint
from alerter.engine.tick import Engine
from alerter.model.history import NewTerm, ValueChange
from alerter.model.rule import Realert
from alerter.sources.reader import Reader
from alerter.state.sqlite import SqliteState
from alerter.testing import rule
from alerter.timetext import iso
from tests.engine.support import routing
from tests.fuzz.test_metric_answers import Damaging

FREE = ("doc_count", "k", "0", "v0", "v1", "v")
"""Values of fields, which may be anything, and a number of events that nobody needs."""
DOCUMENTS = [
    {"@timestamp": iso(n * 7_000), "v": n // 9, "k": "abc"[n % 3], **({"w": "x"} if n % 2 else {})} for n in range(200)
]
PROPERTIES = {"v": {"type": "long"}, "k": {"type": "keyword"}, "w": {"type": "keyword"}}
CONDITIONS = [
    ValueChange(("v",)),
    NewTerm((("v",),), 10 * MINUTE),
    NewTerm((("k", "v"), ("w",)), 2 * MINUTE),
]


def run(condition, keys, dice):
    """Return the failures of two ticks, and the transitions."""
    source = Damaging(documents=DOCUMENTS, properties=PROPERTIES)
    source.dice, source.free = dice, FREE
    state = SqliteState(":memory:")
    state.init()
    tested = rule(condition, query_key=keys, realert=Realert(0, written=True))
    state.save_checkpoint(first_checkpoint(tested, 5 * MINUTE), None)
    engine = Engine(Reader(source), state, routing(), gaps=False)
    report = engine.tick([tested], 15 * MINUTE + tested.query_delay)
    state.close()
    outcome = report.outcomes.get(tested.name)
    return [failure.kind for failure in report.failures], outcome and outcome.transitions


@pytest.mark.parametrize("keys", [(), ("k",)], ids=["whole", "by key"])
@pytest.mark.parametrize("condition", CONDITIONS, ids=["change", "new_term", "new_terms"])
def test_damaged_answers(condition, keys):
    """Of a hundred broken parts each is noticed, or changes nothing."""
    _, calm = run(condition, keys, None)
    assert calm
    noticed = 0
    for seed in range(100):
        failures, transitions = run(condition, keys, random.Random(seed))
        assert failures in ([], ["incomplete"])
        noticed += bool(failures)
        assert failures or transitions == calm, seed
    assert noticed > 50
