"""metric_aggregation and percentage_match: any split of any stream against brute force, what is said and asked."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from alerter.clock import DAY, MINUTE, SECOND
from alerter.detectors import first_checkpoint
from alerter.engine.dryrun import dry_run
from alerter.engine.tick import Engine
from alerter.model.metric import Limits, Metric, MetricAggregation, MetricKind, PercentageMatch, Share, Windows
from alerter.model.rule import FromEvent, Redaction, TimeField, TimeKind
from alerter.sources import metering
from alerter.sources.embedded import EmbeddedSource
from alerter.sources.protocol import SourceError
from alerter.sources.reader import Reader
from alerter.state.sqlite import SqliteState
from alerter.testing import rule
from alerter.timetext import iso
from tests.detectors.brute_metric import brute
from tests.detectors.metric_runs import MINUTE_WINDOW, NOW, ROUTING, metric, same, through, unfolded
from tests.detectors.metric_worlds import PROPERTIES, worlds
from tests.detectors.test_exact import told

KEPT = (MetricKind.MIN, MetricKind.MAX, MetricKind.VALUE_COUNT)


@settings(max_examples=500, deadline=None, suppress_health_check=list(HealthCheck))
@given(world=worlds(epoch=10 * DAY))
def test_any_split_equals_brute_force(world):
    """However the span is cut, and whatever is forgotten in between, incidents and values are those of brute force."""
    unfolded(lambda: EmbeddedSource(documents=world.documents(), properties=PROPERTIES), world)


@settings(max_examples=800, deadline=None, suppress_health_check=list(HealthCheck))
@given(world=worlds(epoch=10 * DAY, spiking=True))
def test_spikes_of_a_metric_equal_brute_force(world):
    """Rises and falls of all metrics, at the first instant of each, after two windows of data."""
    unfolded(lambda: EmbeddedSource(documents=world.documents(), properties=PROPERTIES), world)


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(world=worlds(epoch=10 * DAY, kinds=KEPT))
def test_fields_of_few_digits_give_the_same(world):
    """A float keeps 0.1 as 0.100000001: it is compared, and shown, as 0.1."""
    properties = {**PROPERTIES, "v": {"type": "float"}}
    same(
        through(
            world.rule, EmbeddedSource(documents=world.documents(), properties=properties), world.start, world.cuts
        ),
        world,
    )


@settings(max_examples=250, deadline=None, suppress_health_check=list(HealthCheck))
@given(world=worlds(epoch=10 * DAY), few=st.sampled_from([0, 1_000_000]), pages=st.sampled_from([1, 3, 1_000]))
def test_slices_and_whole_windows_give_the_same(world, few, pages):
    """Whether windows are asked for one by one or put together from slices, in pages of any size."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(metering, "FEW", few)
        patch.setattr(metering, "FINE", 1_000_000)
        patch.setattr(metering, "FIRST_PAGE", pages)
        patch.setattr(metering, "PAGE", pages)
        patch.setattr(metering, "TOGETHER", 7)
        patch.setattr(metering, "TOGETHER_BY_KEY", 3)
        source = EmbeddedSource(documents=world.documents(), properties=PROPERTIES)
        same(dry_run(world.rule, source, ROUTING, world.start, world.cuts[-1]).transitions, world)


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(world=worlds(epoch=10 * DAY))
def test_reading_every_event_gives_the_same(world):
    """Where the server cannot select by time every event is read, with the same answer."""

    def written(at):
        day, clock = iso(at)[:10].split("-"), iso(at)[11:23]
        return f"{day[2]}/{day[1]}/{day[0]} {clock}"

    time = TimeField("stamp", TimeKind.CUSTOM, "%d/%m/%Y %H:%M:%S.%f")
    world = replace(world, rule=replace(world.rule, time=time))
    documents = world.documents("stamp", written)
    source = EmbeddedSource(documents=documents, properties={**PROPERTIES, "stamp": {"type": "keyword"}})
    same(through(world.rule, source, world.start, world.cuts), world)


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(world=worlds(epoch=10 * DAY))
def test_times_in_seconds_give_the_same(world):
    """Epoch seconds in a number are asked for as such."""
    world = replace(world, rule=replace(world.rule, time=TimeField("stamp", TimeKind.UNIX)))
    documents = world.documents("stamp", lambda at: at / SECOND)
    source = EmbeddedSource(documents=documents, properties={**PROPERTIES, "stamp": {"type": "double"}})
    same(through(world.rule, source, world.start, world.cuts), world)


# --- what is said and what is asked --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("field", "kind", "said"),
    [
        ("s", "avg", "the field s is mapped as keyword, of which there is no avg"),
        ("t", "max", "the field t is mapped as text, of which there is no max"),
    ],
)
def test_a_field_without_numbers_is_refused(field, kind, said):
    """What has no numbers has no metric, and the error names the field, its type and the remedy."""
    source = EmbeddedSource(documents=[{"@timestamp": iso(1), "s": "a", "t": "b"}], properties=PROPERTIES)
    tested = rule(MetricAggregation(Metric(MetricKind(kind), field), MINUTE_WINDOW, Limits(1)))
    with pytest.raises(SourceError, match=said) as error:
        dry_run(tested, source, ROUTING, -1, MINUTE)
    assert "value_count" in error.value.hint


def test_a_field_that_no_document_has_is_said():
    """There is no value, and a warning says why."""
    source = EmbeddedSource(documents=[{"@timestamp": iso(1)}], properties=PROPERTIES)
    tested = rule(MetricAggregation(Metric(MetricKind.AVG, "no"), MINUTE_WINDOW, Limits(1, 0)))
    found = dry_run(tested, source, ROUTING, -1, MINUTE)
    assert not found.matches
    assert found.warnings == ("field_missing: no document has the field no yet: there is no avg of no",)


def test_a_value_of_a_redacted_field_is_hidden():
    """The greatest value of a hidden field is one of its values."""
    source = EmbeddedSource(documents=[{"@timestamp": iso(1), "v": 5}], properties=PROPERTIES)
    tested = rule(metric("max", maximum=1), redact=Redaction(("v",)))
    found = dry_run(tested, source, ROUTING, -1, MINUTE)
    assert str(found.matches[0].facts["value"]).startswith("redacted:")
    assert "5" not in found.incidents[0].view.sentence.replace(found.matches[0].facts["value"], "")


def test_what_a_match_says():
    """The value as the rule's format shows it, the limit and the window."""
    source = EmbeddedSource(documents=[{"@timestamp": iso(1), "v": 1234.5, "s": "yes"}], properties=PROPERTIES)
    share = Share(({"term": {"s": "yes"}},))
    sentences = [
        (metric("avg", maximum=1_000), "avg of v is 1,234.5 in 1 min (above 1,000)"),
        (replace(metric("avg", maximum=1_000), format="%.2f s"), "avg of v is 1234.50 s in 1 min (above 1,000)"),
        (
            metric("percentiles", percent=95.0, minimum=2e3),
            "percentile 95 of v is about 1,234.5 in 1 min (below 2,000)",
        ),
        (
            metric("sum", Windows(2 * MINUTE, MINUTE), maximum=1),
            "sum of v is 1,234.5 in the 1 min to 1970-01-01T00:01:00.000Z (above 1)",
        ),
        (metric("cardinality", maximum=0), "different values of v is 1 in 1 min (above 0)"),
        (PercentageMatch(share, MINUTE_WINDOW, Limits(99.5)), "100 % of 1 in 1 min (above 99.5 %)"),
    ]
    for condition, sentence in sentences:
        found = dry_run(rule(condition), source, ROUTING, -1, MINUTE)
        assert found.incidents[0].view.sentence == sentence


SPLITS = {
    "with a map": FromEvent("k", {"a": "x", "b": "y"}, "z"),
    "a map without a default": FromEvent("k", {"a": "x"}),
    "by the value": FromEvent("k"),
    "by the value or a default": FromEvent("k", {}, "b"),
}


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(world=worlds(epoch=10 * DAY), split=st.sampled_from(sorted(SPLITS)))
def test_attributes_from_the_event_divide_the_windows(world, split):
    """A value that several of the field's values mean is one group; percentiles of such are computed of all of them."""
    domain = SPLITS[split]
    single = [(at, keys[:1], values, chosen) for at, keys, values, chosen in world.docs]
    world = replace(world, docs=single, rule=replace(world.rule, query_key=(), domain=domain))
    named = [
        (at, [(("domain", domain.value(keys[0] if keys else None)),)], values, chosen)
        for at, keys, values, chosen in world.docs
    ]
    source = EmbeddedSource(documents=world.documents(), properties=PROPERTIES)
    found = through(world.rule, source, world.start, world.cuts)
    expected, _ = brute(replace(world.rule, query_key=("domain",)), named, world.start, world.cuts[-1])
    assert told(found) == expected


class Asked(EmbeddedSource):
    """Counts searches."""

    searches = 0

    def search(self, requests):
        """Answer, and count."""
        self.searches += len(requests)
        return super().search(requests)


@pytest.mark.parametrize("minutes", [1, 90])
def test_a_run_asks_one_search(minutes):
    """However many instants a run makes up for; counting different values takes a second one."""
    documents = [{"@timestamp": iso(m * MINUTE + 1), "v": m, "k": "ab"[m % 2]} for m in range(180)]
    for kind, searches in (("avg", 1), ("percentiles", 1), ("cardinality", 3)):
        source = Asked(documents=documents, properties=PROPERTIES)
        tested = rule(metric(kind, Windows(10 * MINUTE), percent=95.0, maximum=10_000), buffer_time=MINUTE)
        through(tested, source, 90 * MINUTE, [(90 + minutes) * MINUTE])
        assert source.searches <= searches


def test_an_incomplete_answer_advances_nothing():
    """What was not answered is asked again by the next run, with all instants in between."""

    class Failing(EmbeddedSource):
        failing = True

        def search(self, requests):
            if self.failing:
                return [SourceError("incomplete", "1 of 3 shards failed") for _ in requests]
            return super().search(requests)

    source = Failing(documents=[{"@timestamp": iso(30 * SECOND), "v": 9}], properties=PROPERTIES)
    state = SqliteState(":memory:")
    state.init()
    tested = rule(metric("max", maximum=5), realert=NOW)
    state.save_checkpoint(first_checkpoint(tested, -1), None)
    engine = Engine(Reader(source), state, ROUTING, gaps=False)
    assert [f.kind for f in engine.tick([tested], MINUTE + tested.query_delay).failures] == ["incomplete"]
    source.failing = False
    report = engine.tick([tested], 3 * MINUTE + tested.query_delay)
    assert [t.at // MINUTE for t in report.outcomes[tested.name].transitions] == [1, 2]
    state.close()
