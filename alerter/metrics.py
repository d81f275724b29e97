"""Prometheus metrics of one engine; names begin with ``alerter_``."""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from alerter.clock import SECOND, Millis
from alerter.progress import MAIN, Progress

if TYPE_CHECKING:
    from alerter.model.cost import Cost
    from alerter.model.heartbeat import Load
    from alerter.model.rule import Rule
    from alerter.sources.protocol import Source

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
"""Upper bounds (inclusive) of the histogram's buckets."""


class Metrics:
    """One registry per engine, so that several can live in one process (tests do that).

    What is told per rule is kept as plain numbers and becomes metrics when somebody asks: thousands of rules run in a
    minute. ``now`` is the time by which evaluations are late; without it none is.
    """

    def __init__(self, now: Callable[[], Millis] | None = None) -> None:
        self.registry = CollectorRegistry()
        of = self.registry
        self.progress = Progress()
        self._now = now
        self._seconds = [0] * (len(SECONDS) + 1)
        self._spent = 0.0
        self._timing = threading.Lock()
        self._failures = Counter("alerter_evaluation_failures_total", "Not evaluated", ["rule", "kind"], registry=of)
        self._requests = Gauge("alerter_source_requests", "Requests sent to the source so far", registry=of)
        self._waited = Gauge("alerter_source_request_seconds", "Seconds spent waiting for the source", registry=of)
        self._concurrency = Gauge(
            "alerter_search_concurrency", "Searches that may be in flight at once", ["cluster"], registry=of
        )
        self.incidents = Gauge("alerter_incidents", "Incidents by state", ["state"], registry=of)
        self.messages = Counter("alerter_messages_total", "Messages by outcome", ["kind", "outcome"], registry=of)
        self.delivery_errors = Counter(
            "alerter_delivery_errors_total", "Failed calls of receivers", ["receiver", "class", "code"], registry=of
        )
        self.outbox = Gauge("alerter_outbox_depth", "Messages planned and not yet delivered", registry=of)
        self.outbox_age = Gauge("alerter_outbox_age_seconds", "Age of the oldest undelivered message", registry=of)
        self.silences = Gauge("alerter_silences", "Active silences", registry=of)
        self.rules = Gauge("alerter_rules", "Rules by whether they loaded", ["state"], registry=of)
        self.ready = Gauge("alerter_ready", "1 while state and source answer, as /readyz", registry=of)
        self.leases = Gauge("alerter_leases", "Rules that this engine holds", registry=of)
        self.members = Gauge("alerter_fleet_members", "Living engines, this one included", registry=of)
        self._state_errors = Counter(
            "alerter_state_errors_total", "Requests of the state that failed", ["kind"], registry=of
        )
        self.known_at: Millis = 0
        """When the incidents were counted last (wall clock)."""
        self.switch: bool | None = None
        """Whether the last sign of life got through; None while this engine sends none."""
        self.reload_ok = Gauge("alerter_reload_successful", "1 when the last reload was taken over", registry=of)

    def evaluated(self, rule: Rule, start: Millis, end: Millis, matches: int) -> None:
        """Count a finished evaluation of ``(start, end]``."""
        self.progress.evaluated(rule, start, end, matches, end if self._now is None else self._now())

    def spent(self, costs: Mapping[str, Cost]) -> None:
        """Note what the evaluations of a tick cost."""
        self.progress.spent(costs)
        with self._timing:
            for cost in costs.values():
                self._seconds[bisect_left(SECONDS, cost.seconds)] += 1
                self._spent += cost.seconds

    def failed(self, rule: str, kind: str) -> None:
        """Count an evaluation that gave no answer."""
        self._failures.labels(rule, kind).inc()

    def state_failed(self, kind: str) -> None:
        """Count a request of the state that failed, by the kind of its StateError."""
        self._state_errors.labels(kind).inc()

    def asked(self, source: Source, others: Mapping[str, Source] | None = None) -> None:
        """Note what the source was asked so far, and the other clusters, and how much at once each may be asked."""
        every = {MAIN: source, **(others or {})}
        self._requests.set(sum(one.requests for one in every.values()))
        self._waited.set(sum(getattr(one, "waited", 0) for one in every.values()) / SECOND)
        for name, one in every.items():
            pressure = getattr(one, "pressure", None)
            if pressure is not None:
                self._concurrency.labels(name).set(pressure.limit)

    def known(self, firing: int, silences: int) -> None:
        """Note what a tick found in the state."""
        self.knows(firing)
        self.silences.set(silences)

    def knows(self, firing: int) -> None:
        """Note how many incidents fire, and that it is known as of now."""
        self.incidents.labels("firing").set(firing)
        self.known_at = 0 if self._now is None else self._now()

    def resolved(self, number: int) -> None:
        """Count incidents that were resolved."""
        self.incidents.labels("resolved").inc(number)

    def text(self, now: Millis) -> bytes:
        """Return the metrics in Prometheus' text format; lags are as of ``now``."""
        counted = CollectorRegistry()
        counted.register(_Families(lambda: self._families(now)))
        return generate_latest(self.registry) + generate_latest(counted)

    def _families(self, now: Millis) -> Iterator[Metric]:
        yield from _per_rule(self.progress, now)
        yield self._histogram()
        yield from _per_cluster(self.progress.loads(now))
        known = self.progress
        yield CounterMetricFamily(
            "alerter_instants_caught_up", "Instants evaluated later than one run", known.caught_up
        )
        yield CounterMetricFamily(
            "alerter_merged_runs", "Instants this process evaluated with a later one", known.merged
        )
        yield CounterMetricFamily(
            "alerter_instants_skipped", "Instants given up as longer ago than max_catchup", known.skipped
        )

        if self.switch is not None:
            yield GaugeMetricFamily(
                "alerter_dead_mans_switch_success", "1 when the last sign of life got through", int(self.switch)
            )

    def _histogram(self) -> Metric:
        with self._timing:
            counts, spent = list(self._seconds), self._spent
        bounds = [*(str(bound) for bound in SECONDS), "+Inf"]
        buckets = [(bound, float(sum(counts[: n + 1]))) for n, bound in enumerate(bounds)]
        return HistogramMetricFamily("alerter_evaluation_seconds", "Seconds per rule evaluation", buckets, spent)


class _Families(Collector):
    """Metrics made when they are asked for."""

    def __init__(self, families: Callable[[], Iterable[Metric]]) -> None:
        self._families = families

    def describe(self) -> Iterable[Metric]:
        """Name nothing beforehand; no other collector shares the registry."""
        return ()

    def collect(self) -> Iterable[Metric]:
        """Return the metrics as of now."""
        return self._families()


def _per_rule(progress: Progress, now: Millis) -> Iterator[Metric]:
    runs = CounterMetricFamily("alerter_evaluations", "Rule evaluations finished", labels=["rule"])
    matches = CounterMetricFamily("alerter_matches", "Announced matches", labels=["rule"])
    ages = GaugeMetricFamily("alerter_evaluation_lag_seconds", "Age of the newest instant evaluated", labels=["rule"])
    for one in progress.rules():
        if one.evaluated is None:
            continue
        name = [one.rule.name]
        runs.add_metric(name, one.runs)
        ages.add_metric(name, (now - one.evaluated) / SECOND)
        if one.matches:
            matches.add_metric(name, one.matches)
    yield from (runs, matches, ages)


def _per_cluster(loads: Iterable[Load]) -> Iterator[Metric]:
    lag = GaugeMetricFamily("alerter_lag_seconds", "By how much rules are late", labels=["cluster", "quantile"])
    queue = GaugeMetricFamily("alerter_queue_depth", "Rules due and not yet evaluated", labels=["cluster"])
    for load in loads:
        for share, value in (("0.5", load.lag_p50), ("0.95", load.lag_p95), ("1", load.lag_max)):
            lag.add_metric([load.cluster, share], value)
        queue.add_metric([load.cluster], load.queue)
    yield from (lag, queue)
