"""What an evaluation asks: one small search for a quiet rule, however many the events."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from alerter.clock import MINUTE
from alerter.engine.tick import Engine
from alerter.model.incident import Checkpoint
from alerter.model.rule import Flatline, Frequency, Rule, Spike, SpikeType
from alerter.sources.counting import bucket_width
from alerter.sources.embedded import EmbeddedSource
from alerter.sources.protocol import SearchRequest
from alerter.sources.reader import Reader
from alerter.state.sqlite import SqliteState
from alerter.testing import rule
from alerter.timetext import iso
from tests.engine.support import routing

T0 = 1_700_000_040_000 // MINUTE * MINUTE


class Counted(EmbeddedSource):
    """Counts what it is asked and what it answers."""

    searches = 0
    buckets = 0
    scans = 0

    def search(self, requests: Sequence[SearchRequest]) -> list[Any]:
        """Answer, and count."""
        answers = super().search(requests)
        self.searches += len(requests)
        self.buckets += sum(str(getattr(answer, "aggregations", "")).count("doc_count'") for answer in answers)
        return answers

    def scan(self, request: SearchRequest, page: int = 10_000) -> Any:
        """Count that documents were read."""
        self.scans += 1
        return super().scan(request, page)


def asked(tested: Rule, number: int) -> tuple[int, int, int]:
    """Return searches, buckets and scans of the tenth minute's evaluation, with so many events a minute."""
    step = MINUTE / number
    documents = [{"@timestamp": iso(T0 + int(n * step))} for n in range(30 * number)]
    source = Counted(documents=documents)
    state = SqliteState(":memory:")
    state.init()
    start = T0 + 15 * MINUTE
    state.save_checkpoint(Checkpoint(tested.name, tested.meaning(), start, start, covered=True), None)
    engine = Engine(Reader(source), state, routing())
    for minute in range(1, 11):
        source.searches = source.buckets = source.scans = 0
        assert not engine.tick([tested], start + minute * MINUTE + tested.query_delay).failures
    return source.searches, source.buckets, source.scans


@pytest.mark.parametrize(
    "condition",
    [Frequency(10**6, 10 * MINUTE), Flatline(1, 10 * MINUTE), Spike(5, SpikeType.BOTH, 5 * MINUTE)],
)
def test_a_quiet_rule_costs_one_search_of_the_newest_slice(condition):
    """Ten or a thousand events a minute: the same search and the same few buckets, and no document is read."""
    few, many = (asked(rule(condition), number) for number in (10, 1_000))
    assert few == many
    searches, buckets, scans = few
    assert (searches, scans) == (1, 0)
    assert buckets == 3 * MINUTE // bucket_width(rule(condition))


def test_a_firing_rule_asks_little_more_for_a_hundred_times_the_events():
    """The exact instant of a match among many events costs a few more searches, not more documents."""
    few, many = (asked(rule(Frequency(5 * number, 10 * MINUTE)), number) for number in (20, 2_000))
    assert few[2] == many[2] == 0
    assert many[0] <= few[0] + 8
