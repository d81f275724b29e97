"""Damaged answers about earlier events: the rule fails and waits, or the damage was to nothing that is read."""

from __future__ import annotations

import random

import pytest

from alerter.clock import MINUTE
from alerter.model.history import NewTerm, ValueChange
from alerter.model.rule import Realert
from alerter.testing import rule
from alerter.timetext import iso
from tests.fuzz.test_metric_answers import Damaging, ticked

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
    """Return the failures of a tick over ten minutes, and the transitions."""
    source = Damaging(documents=DOCUMENTS, properties=PROPERTIES)
    source.dice, source.free = dice, FREE
    return ticked(source, rule(condition, query_key=keys, realert=Realert(0, written=True)))


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
