"""How often a source is asked: what must be known together is asked together, whatever the number of events."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from alerter.clock import DAY, HOUR, SECOND, Millis
from alerter.model.rule import AnyEvent, Condition, Flatline, Frequency, Realert, Rule, Schedule
from alerter.sources.embedded import EmbeddedSource
from alerter.testing import rule
from alerter.timetext import iso
from tests.exact.counting import CountingSource, buckets_in
from tests.exact.running import ROUTING, dry_run
from tests.exact.worlds import T0


def asked(tested: Rule, ats: Iterable[Millis], end: Millis) -> CountingSource:
    """Return what a dry run over these instants after T0 asks."""
    documents = [{"@timestamp": iso(T0 + at), "k": "a"} for at in ats]
    source = CountingSource(EmbeddedSource(documents=documents, properties={"k": {"type": "keyword"}}))
    dry_run(tested, source, ROUTING, T0 - 1, T0 + end)
    return source


def test_buckets_are_counted_at_any_depth() -> None:
    """Lists and named buckets count, and those inside them."""
    inner = {"t": {"buckets": [{"key": 1}, {"key": 2}]}}
    found = {"k": {"buckets": [{"key": "a", **inner}, {"key": "b"}]}, "named": {"buckets": {"x": inner}}}
    assert buckets_in(found) == 4 + 3


def test_a_quiet_rule_asks_once() -> None:
    """A threshold that is never near costs one search, and buckets by time, however many events there are."""
    tested = rule(Frequency(1_000_000, 60 * SECOND))
    few, many = (asked(tested, range(0, 600_000, step), 600_000) for step in (10_000, 100))
    for source in (few, many):
        assert (source.rounds, source.searches, source.scans, source.hits) == (1, 1, 0, 0)
    assert many.buckets <= 12 * 10


def test_what_event_types_remember_is_asked_together() -> None:
    """A hundred seconds with ten events each, one announced: the instants in buffer_time come in a few rounds."""
    tested = rule(AnyEvent(), realert=Realert(HOUR, written=True))
    assert asked(tested, range(0, 100_000, 100), 100_000).rounds < 50


@pytest.mark.parametrize("condition", [AnyEvent(), Frequency(1, SECOND)])
def test_matches_of_one_incident_are_shown_in_few_rounds(condition: Condition) -> None:
    """Sixty announced matches need no sixty rounds of questions."""
    tested = rule(condition, realert=Realert(0, written=True), buffer_time=0)
    assert asked(tested, range(0, 60_000, 1_000), 60_000).rounds < 50


def test_an_odd_window_is_not_asked_by_the_millisecond() -> None:
    """Known keys are looked for over a day in some dozens of searches, whatever T and the schedule have in common."""
    tested = rule(Flatline(1, 7_001), query_key=("k",), known_keys_for=DAY, schedule=Schedule(20 * SECOND))
    assert asked(tested, [0, 1_000], 60_000).searches < 100
