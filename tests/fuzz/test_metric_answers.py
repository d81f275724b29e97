"""Damaged answers about values of windows: the rule fails and waits, or the damage was to nothing that is read."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from alerter.clock import MINUTE
from alerter.detectors import first_checkpoint
from alerter.engine.tick import Engine
from alerter.model.metric import Limits, Metric, MetricAggregation, MetricKind, PercentageMatch, Share, Windows
from alerter.model.rule import SpikeAggregation, SpikeType
from alerter.sources.embedded import EmbeddedSource
from alerter.sources.reader import Reader
from alerter.state.memory import MemoryState
from alerter.testing import rule
from alerter.timetext import iso
from tests.engine.support import routing
from tests.fuzz.mangle import broken

FREE = ("key_as_string", "from", "to", "from_as_string", "to_as_string", "avg", "0", "v")
"""Parts that nobody reads, and values of fields, which may be anything."""
SHARE = PercentageMatch(Share(({"range": {"v": {"gt": 4}}},)), Windows(3 * MINUTE), Limits(45.2, 45.1))
CONDITIONS = [
    *(MetricAggregation(Metric(kind, "v", 90.0), Windows(2 * MINUTE), Limits(4.2, 4.1)) for kind in MetricKind),
    MetricAggregation(Metric(MetricKind.AVG, "v"), Windows(4 * MINUTE, MINUTE), Limits(4.2, 4.1)),
    SHARE,
    SpikeAggregation(Metric(MetricKind.SUM, "v"), 1.02, SpikeType.BOTH, 2 * MINUTE),
]
DOCUMENTS = [{"@timestamp": iso(n * 7_000), "v": n * n % 11, "k": "abc"[n % 3]} for n in range(200)]
PROPERTIES = {"v": {"type": "long"}, "k": {"type": "keyword"}}


class Damaging(EmbeddedSource):
    """Damages one part of one answer with aggregations."""

    dice: random.Random | None = None
    free: tuple[str, ...] = FREE

    def search(self, requests):
        """Answer, and break."""
        answers = super().search(requests)
        whole = [n for n, answer in enumerate(answers) if getattr(answer, "aggregations", None)]
        if self.dice is not None and whole:
            n = self.dice.choice(whole)
            found = {name: broken(part, self.dice, self.free) for name, part in answers[n].aggregations.items()}
            answers[n] = replace(answers[n], aggregations=found)
        return answers


def run(condition, keys, dice):
    """Return the failures of a tick over ten minutes, and the transitions."""
    source = Damaging(documents=DOCUMENTS, properties=PROPERTIES)
    source.dice = dice
    if getattr(condition.measured, "kind", None) is MetricKind.PERCENTILES:
        source.free = (*FREE, "value")  # nothing is the percentile of no values
    return ticked(source, rule(condition, query_key=keys))


def ticked(source, tested):
    """Return the failures of a tick over the ten minutes from the fifth on, and the transitions."""
    state = MemoryState()
    state.save_checkpoint(first_checkpoint(tested, 5 * MINUTE), None)
    engine = Engine(Reader(source), state, routing(), gaps=False)
    report = engine.tick([tested], 15 * MINUTE + tested.query_delay)
    outcome = report.outcomes.get(tested.name)
    return [failure.kind for failure in report.failures], outcome and outcome.transitions


@pytest.mark.parametrize("keys", [(), ("k",)], ids=["whole", "by key"])
@pytest.mark.parametrize("condition", CONDITIONS, ids=lambda c: type(c).__name__)
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
