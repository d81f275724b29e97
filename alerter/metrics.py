"""Prometheus metrics of one engine; names begin with ``alerter_``."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from alerter.clock import SECOND, Millis

if TYPE_CHECKING:
    from alerter.model.rule import Rule
    from alerter.sources.protocol import Source


class Metrics:
    """One registry per engine, so that several can live in one process (tests do that)."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        of = self.registry
        self._evaluations = Counter("alerter_evaluations_total", "Rule evaluations finished", ["rule"], registry=of)
        self._failures = Counter("alerter_evaluation_failures_total", "Not evaluated", ["rule", "kind"], registry=of)
        self._seconds = Histogram("alerter_evaluation_seconds", "Seconds per rule evaluation", registry=of)
        self._lag = Gauge(
            "alerter_evaluation_lag_seconds", "Age of the newest instant evaluated", ["rule"], registry=of
        )
        self._late = Counter("alerter_instants_caught_up_total", "Instants evaluated later than one run", registry=of)
        self._matches = Counter("alerter_matches_total", "Announced matches", ["rule"], registry=of)
        self._requests = Gauge("alerter_source_requests", "Requests sent to the source so far", registry=of)
        self._waited = Gauge("alerter_source_request_seconds", "Seconds spent waiting for the source", registry=of)
        self._reached: dict[str, Millis] = {}
        self.incidents = Gauge("alerter_incidents", "Incidents by state", ["state"], registry=of)
        self.messages = Counter("alerter_messages_total", "Messages by outcome", ["kind", "outcome"], registry=of)
        self.outbox = Gauge("alerter_outbox_depth", "Messages planned and not yet delivered", registry=of)
        self.outbox_age = Gauge("alerter_outbox_age_seconds", "Age of the oldest undelivered message", registry=of)
        self.silences = Gauge("alerter_silences", "Active silences", registry=of)
        self.rules = Gauge("alerter_rules", "Rules by whether they loaded", ["state"], registry=of)
        self.reload_ok = Gauge("alerter_reload_successful", "1 when the last reload was taken over", registry=of)

    @contextmanager
    def evaluation(self, _rule: str) -> Iterator[None]:
        """Time one rule's evaluation."""
        with self._seconds.time():
            yield

    def evaluated(self, rule: Rule, start: Millis, end: Millis, matches: int) -> None:
        """Count a finished evaluation of ``(start, end]``."""
        self._evaluations.labels(rule.name).inc()
        self._reached[rule.name] = end
        late = (end - start) // max(rule.schedule.every, 1) - 1
        if late > 0:
            self._late.inc(late)
        if matches:
            self._matches.labels(rule.name).inc(matches)

    def failed(self, rule: str, kind: str) -> None:
        """Count an evaluation that gave no answer."""
        self._failures.labels(rule, kind).inc()

    def asked(self, source: Source) -> None:
        """Note what the source was asked so far."""
        self._requests.set(source.requests)
        self._waited.set(getattr(source, "waited", 0) / SECOND)

    def known(self, firing: int, silences: int) -> None:
        """Note what a tick found in the state."""
        self.incidents.labels("firing").set(firing)
        self.silences.set(silences)

    def resolved(self, number: int) -> None:
        """Count incidents that were resolved."""
        self.incidents.labels("resolved").inc(number)

    def text(self, now: Millis) -> bytes:
        """Return the metrics in Prometheus' text format; lags are as of ``now``."""
        for rule, reached in list(self._reached.items()):
            self._lag.labels(rule).set((now - reached) / SECOND)
        return generate_latest(self.registry)
