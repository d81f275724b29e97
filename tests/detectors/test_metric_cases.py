"""metric_aggregation, percentage_match and spike_aggregation: the case tables."""

from __future__ import annotations

import math
import struct
from dataclasses import replace

import pytest

from alerter.clock import MINUTE, SECOND
from alerter.engine.dryrun import dry_run
from alerter.measures import as_written
from alerter.model.metric import Limits, Metric, MetricAggregation, MetricKind, PercentageMatch, Share, Windows
from alerter.model.rule import Schedule, SpikeAggregation, SpikeType, TimeField
from alerter.sources.embedded import EmbeddedSource
from alerter.sources.protocol import SourceError
from alerter.testing import rule
from alerter.timetext import iso
from tests.detectors.metric_runs import MINUTE_WINDOW, NOW, ROUTING, matches, metric
from tests.detectors.metric_worlds import PROPERTIES


def test_values_beyond_the_limits_match():
    """The table: a value above the maximum or below the minimum, both strict; none at all is no match."""
    values = [None, 0.09, 0.10, 0.79, 0.81, 0.5, 0.05, 0.95]
    documents = [(60 * n + 30, {"v": value}) for n, value in enumerate(values)]
    for kind in ("avg", "min", "max", "percentiles"):
        found = matches(metric(kind, percent=50.0, minimum=0.1, maximum=0.8), documents, end=60 * len(values))
        assert [value for *_, value in found] == [0.09, 0.81, 0.05, 0.95]
        assert [at for at, *_ in found] == [120, 300, 420, 480]


def test_percentages_beyond_the_limits_match():
    """The table: 25 to 75 per cent are healthy, and so are no events at all."""
    shares = [(0, 0), (26, 74), (74, 26), (24, 76), (76, 24), (25, 75), (75, 25)]
    documents = [
        (60 * n + 30, {"s": "yes" if nth < yes else "no"})
        for n, (yes, no) in enumerate(shares)
        for nth in range(yes + no)
    ]
    condition = PercentageMatch(Share(({"term": {"s": "yes"}},)), MINUTE_WINDOW, Limits(75, 25))
    assert matches(condition, documents, end=60 * len(shares)) == [(240, 100, 24), (300, 100, 76)]


def test_too_few_events_have_no_share():
    """Fewer than ``min_denominator`` events are no match, so many are."""
    documents = [(10, {"s": "yes"}), (70, {"s": "yes"}), (71, {"s": "no"})]
    condition = PercentageMatch(Share(({"term": {"s": "yes"}},)), MINUTE_WINDOW, Limits(40), least=2)
    assert matches(condition, documents, end=120) == [(120, 2, 50)]


def test_windows_are_open_at_their_beginning():
    """An event exactly one window before the instant is not in it, one at the instant is."""
    documents = [(60, {"v": 5}), (120, {"v": 7})]
    assert matches(metric("sum", maximum=0), documents, end=180) == [(60, 1, 5), (120, 1, 7)]


@pytest.mark.parametrize(("kind", "value"), [("sum", 0), ("value_count", 0), ("cardinality", 0)])
def test_what_counts_is_nought_without_events(kind, value):
    """A sum or number of no events is 0 and judged; of a key without events there is none."""
    documents = [(30, {"v": 5, "k": "a"}), (150, {"v": 5, "k": "a"})]
    assert matches(metric(kind, minimum=1), documents, start=0, end=180) == [(120, 0, value)]
    assert matches(metric(kind, minimum=1), documents, start=0, end=180, query_key=("k",)) == []


def test_a_sum_does_not_depend_on_binary_fractions():
    """0.1 and 0.7 are 0.8, not less, and 0.3, 0.7 and -1 are nothing."""
    assert matches(metric("avg", minimum=0, maximum=0), [(10, {"v": [0.3, 0.7, -1]})], start=0, end=60) == []
    documents = [(10, {"v": 0.1}), (20, {"v": 0.7}), (70, {"v": [0.1, 0.7]})]
    assert matches(metric("sum", minimum=0.8, maximum=0.8), documents, start=0, end=120) == []


@pytest.mark.parametrize("kind", ["avg", "min", "max", "percentiles"])
def test_a_float_is_what_was_written(kind):
    """Without a mapping numbers become floats, in which 0.8 is more than 0.8 and 0.9 less than 0.9."""
    documents = [{"@timestamp": iso(at * SECOND), "f": value} for at, value in ((10, 0.8), (20, 0.8), (70, 0.9))]
    source = EmbeddedSource(documents=documents)
    assert source.field_types("logs", ["f"])["f"] == {"float"}
    limits = {0.8: ["above"], 0.9: ["below"], 0.85: ["below", "above"]}
    for limit, sides in limits.items():
        condition = MetricAggregation(Metric(MetricKind(kind), "f", 50.0), MINUTE_WINDOW, Limits(limit, limit))
        found = dry_run(rule(condition, realert=NOW), source, ROUTING, 0, 2 * MINUTE)
        assert [condition.limits.crossed(m.facts["value"])[0] for m in found.matches] == sides
        assert {m.facts["value"] for m in found.matches} <= {0.8, 0.9}


@pytest.mark.parametrize("kind", ["avg", "percentiles"])
def test_a_computed_number_is_not_rounded_to_the_field(kind):
    """Between two numbers that a field holds lies one that it cannot hold: it is above the lower one."""
    least = 2**24
    documents = [{"@timestamp": iso(SECOND), "v": value} for value in (least, least + 2)]
    source = EmbeddedSource(documents=documents, properties={"v": {"type": "float"}})
    condition = metric(kind, percent=50.0, maximum=least)
    assert [m.facts["value"] for m in dry_run(rule(condition), source, ROUTING, -1, MINUTE).matches] == [least + 1]


@pytest.mark.parametrize(("kept", "least"), [("e", 2_048), ("f", 2**24)], ids=["half_float", "float"])
def test_numbers_of_few_digits_are_as_written(kept, least):
    """0.8 comes back as it was written; what such a field cannot hold was computed, and stays."""
    (held,) = struct.unpack(kept, struct.pack(kept, 0.8))
    assert held != 0.8
    assert as_written(held, kept) == 0.8
    assert as_written(least + 1.0, kept) == least + 1


@pytest.mark.parametrize("stamp", ["@timestamp", "stamp"], ids=["asked", "read one by one"])
@pytest.mark.parametrize(("type", "values", "middle"), [("boolean", [False, True, True], 1), ("date", [5, 7, 8], 7)])
def test_percentiles_of_dates_and_booleans(stamp, type, values, middle):
    """Both have numbers: 0 and 1, and milliseconds."""
    documents = [{stamp: iso(n * SECOND), "d": value} for n, value in enumerate(values, 1)]
    properties = {"d": {"type": type}} | ({"stamp": {"type": "keyword"}} if stamp == "stamp" else {})
    condition = MetricAggregation(Metric(MetricKind.PERCENTILES, "d", 50.0), MINUTE_WINDOW, Limits(0))
    tested = rule(condition, time=TimeField(stamp))
    run = dry_run(tested, EmbeddedSource(documents=documents, properties=properties), ROUTING, -1, MINUTE)
    assert [m.facts["value"] for m in run.matches][-1] == middle


def test_a_text_is_no_number_but_can_be_counted():
    """Indices that map a field as number and as date give texts: refused by name, never taken for 0."""

    class Texts(EmbeddedSource):
        def scan(self, request, page=10_000):
            for hits in super().scan(request, page):
                yield [replace(hit, fields={**hit.fields, "v": ["epoch_millis2"]}) for hit in hits]

    documents = [{"stamp": iso(SECOND), "v": 2}]
    source = Texts(documents=documents, properties={**PROPERTIES, "stamp": {"type": "keyword"}})
    counted = rule(metric("value_count", maximum=0), time=TimeField("stamp"))
    assert [m.facts["value"] for m in dry_run(counted, source, ROUTING, -1, MINUTE).matches] == [1]
    with pytest.raises(SourceError, match="the field v has a value that is no number, 'epoch_millis2'"):
        dry_run(rule(metric("max", maximum=0), time=TimeField("stamp")), source, ROUTING, -1, MINUTE)


def test_each_bucket_of_a_window_is_judged():
    """A window holds as long as any of its buckets is beyond the limits; the newest of them is named."""
    documents = [(30, {"v": 9}), (90, {"v": 1}), (150, {"v": 8}), (210, {"v": 1})]
    condition = metric("avg", Windows(2 * MINUTE, MINUTE), maximum=5)
    assert matches(condition, documents, end=300) == [(60, 1, 9), (120, 2, 9), (180, 2, 8), (240, 2, 8)]


def test_synced_buckets_end_at_whole_intervals():
    """With sync_bucket_interval the newest bucket is the last whole one; unsynced, the one that ends at the instant."""
    documents = [(30, {"v": 9}), (70, {"v": 1})]
    for synced, expected in ((True, [(60, 1, 9), (90, 1, 9)]), (False, [(30, 1, 9), (60, 1, 9)])):
        condition = metric("avg", Windows(MINUTE, MINUTE, synced), maximum=5)
        found = matches(condition, documents, end=120, schedule=Schedule(30 * SECOND))
        assert found == expected


# --- the window before ---------------------------------------------------------------------------------------------


def spike(kind="avg", height=2, direction="up", **options):
    """Return a comparison of minutes of the field v."""
    return SpikeAggregation(Metric(MetricKind(kind), "v"), height, SpikeType(direction), MINUTE, **options)


def field_value(**options):
    """Return a spike of the mean of v, as the rule's file makes it."""
    return spike(**options, threshold_ref=-math.inf, threshold_cur=-math.inf, touching=True)


def by_minute(*values):
    """Return a document in the middle of each minute, none where there is no value."""
    return [(60 * n + 30, {"v": value}) for n, value in enumerate(values) if value != "none"]


@pytest.mark.parametrize(
    ("condition", "values", "minutes"),
    [
        (spike(), [1, 1, 2.001], [3]),
        (spike(), [1, 1, 2], []),
        (spike(), [1, 1, 3, 7, 15], [3]),
        (spike(), [1, 1, 3, 3, 7], [3, 5]),
        (spike(), [1, 3], []),
        (spike(height=3), [1, 0.1, 0.3], []),
        (spike(height=3), [1, 0.1, 0.30001], [3]),
        (spike(direction="down"), [1, 4, 1.999], [3]),
        (spike(direction="down"), [1, 4, 2], []),
        (spike(direction="both"), [1, 1, 3, 1], [3, 4]),
        (spike(height=1), [1, 1, 1], []),
        (field_value(), [1, 1, 2], [3]),
        (field_value(height=3), [1, 0.1, 0.3], [3]),
        (field_value(direction="down"), [1, 4, 2], [3]),
        (field_value(), [1, 0, 5], []),
        (field_value(direction="down"), [1, 5, 0], []),
        (field_value(direction="down"), [0, -1, -3], [3]),
        (spike(threshold_cur=3), [1, 1, 2.9], []),
        (spike(threshold_cur=3), [1, 1, 3], [3]),
        (spike(threshold_ref=1.5), [1, 1, 3], []),
        (spike("sum"), [0, 0, 0], []),
        (spike("sum"), [0, 0, 5], [3]),
        (spike("sum"), [1, "none", 5], []),
        (spike("sum", direction="down"), [1, 5, "none"], []),
        (spike("avg"), [1, None, 5], []),
    ],
    ids=[
        "more than twice as much",
        "exactly twice",
        "the rising edge only",
        "again after a pause",
        "before two windows of data",
        "heights are decimals",
        "a little more than exactly",
        "less than half as much",
        "exactly half",
        "both directions",
        "a steady value",
        "field_value: exactly twice",
        "field_value: heights are decimals",
        "field_value: exactly half",
        "field_value: against a mean of 0",
        "field_value: a mean of 0",
        "field_value: means below 0",
        "below the threshold of the current",
        "at the threshold of the current",
        "below the threshold of the reference",
        "nothing against nothing",
        "something against nothing",
        "against an empty window",
        "an empty window",
        "against a window without values",
    ],
)
def test_spikes(condition, values, minutes):
    """Strict heights, inclusive thresholds, once per rise or fall; a window without a value matches nothing.

    With ``field_value`` heights are inclusive, thresholds do not apply, and 0 is nothing to compare.
    """
    found = matches(condition, by_minute(*values), end=60 * len(values))
    assert [at / 60 for at, *_ in found] == minutes


def test_what_a_spike_says():
    """Both values, and how many times as much."""
    documents = [{"@timestamp": iso(at * SECOND), **fields} for at, fields in by_minute(2, 2, 5)]
    source = EmbeddedSource(documents=documents, properties=PROPERTIES)
    found = dry_run(rule(spike()), source, ROUTING, -1, 3 * MINUTE)
    assert [m.facts for m in found.matches] == [{"value": 5, "reference": 2}]
    sentence = "avg of v is 5 in 1 min against 2 in the 1 min before, 2.5 times as much"
    assert found.incidents[0].view.sentence == sentence
    assert found.incidents[0].view.condition == "avg of v up by a factor of 2 over 1 min"


def test_a_spike_of_a_field_judges_values():
    """Its type is that of counts; messages still show the value and not a peak of events."""
    documents = [{"@timestamp": iso(at * SECOND), **fields} for at, fields in by_minute(2, 2, 5)]
    source = EmbeddedSource(documents=documents, properties=PROPERTIES)
    found = dry_run(rule(field_value(), type="spike"), source, ROUTING, -1, 3 * MINUTE)
    assert [(i.type, i.judges_values) for i in found.incidents] == [("spike", True)]
