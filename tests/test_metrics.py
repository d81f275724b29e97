"""The text that Prometheus reads."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from alerter.clock import MINUTE, SECOND
from alerter.metrics import Metrics
from alerter.model.cost import Cost
from alerter.model.rule import AnyEvent, Schedule
from alerter.pressure import Pressure
from alerter.testing import rule
from alerter.timetext import parse_instant

NOON = parse_instant("2026-03-10T12:00:00Z")
LATE = NOON + 5 * MINUTE


def samples(metrics: Metrics, now: int) -> dict[tuple[str, ...], float]:
    """Return each sample by its name and label values."""
    families = text_string_to_metric_families(metrics.text(now).decode())
    return {(one.name, *one.labels.values()): one.value for family in families for one in family.samples}


def test_evaluations_of_rules() -> None:
    """Counts, ages, lags and merged instants, as of the time of asking."""
    metrics = Metrics(lambda: LATE)
    one = rule(AnyEvent(), name='hostile "name"\n', schedule=Schedule(MINUTE), query_delay=2 * SECOND)
    quiet = rule(AnyEvent(), name="quiet", schedule=Schedule(MINUTE))
    metrics.progress.replace([one, quiet], LATE)
    metrics.evaluated(one, NOON - MINUTE, NOON, 2)
    metrics.evaluated(one, NOON, NOON + 2 * MINUTE, 1)
    found = samples(metrics, LATE)
    assert found["alerter_evaluations_total", one.name] == 2
    assert found["alerter_matches_total", one.name] == 3
    assert found["alerter_evaluation_lag_seconds", one.name] == 180
    assert found["alerter_merged_runs_total",] == found["alerter_instants_caught_up_total",] == 1
    assert found["alerter_instants_skipped_total",] == 0
    assert found["alerter_queue_depth", "default"] == 1
    assert 120 < found["alerter_lag_seconds", "default", "1"] <= 240
    assert found["alerter_lag_seconds", "default", "0.5"] == 0
    assert ("alerter_evaluations_total", "quiet") not in found


def test_seconds_of_evaluations() -> None:
    """Each cost is counted under the bounds it does not exceed."""
    metrics = Metrics()
    metrics.spent({"a": Cost(0.001), "b": Cost(0.7), "c": Cost(90.0)})
    found = samples(metrics, NOON)
    at = {key[1]: value for key, value in found.items() if key[0] == "alerter_evaluation_seconds_bucket"}
    assert (at["0.001"], at["0.5"], at["1.0"], at["60.0"], at["+Inf"]) == (1, 1, 2, 2, 3)
    assert found["alerter_evaluation_seconds_count",] == 3
    assert found["alerter_evaluation_seconds_sum",] == 90.701


def test_how_much_a_cluster_may_be_asked() -> None:
    """The limit is shown where the source has one; the embedded source has none."""
    metrics = Metrics()
    source: Any = SimpleNamespace(requests=7, waited=1500)
    metrics.asked(source)
    assert ("alerter_search_concurrency", "default") not in samples(metrics, NOON)
    source.pressure = Pressure(5)
    source.pressure.busy()
    metrics.asked(source)
    found = samples(metrics, NOON)
    assert found["alerter_search_concurrency", "default"] == 4
    assert found["alerter_source_request_seconds",] == 1.5
