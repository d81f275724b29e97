"""The options of rules about values of windows: metrics, percentages, their limits, windows and formats."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from alerter.clock import Millis
from alerter.model.metric import Limits, Metric, MetricAggregation, MetricKind, PercentageMatch, Share, Windows
from alerter.model.rule import SpikeAggregation, SpikeType
from alerter.numbers import is_format
from alerter.ruleset.diagnostics import Diagnostic
from alerter.ruleset.filters import clean_filter
from alerter.ruleset.yaml_positions import Document
from alerter.timetext import length_text

Length = Callable[[str], Millis | None]
"""Reads an option that is a length of time; None where it is not there, or wrong and said to be."""


class Metrics:
    """Builds these conditions from a document that its schema allows; what is wrong goes to ``findings``."""

    def __init__(self, document: Document, findings: list[Diagnostic], length: Length, buffer_time: Millis) -> None:
        self._document = document
        self._options: Mapping[str, Any] = document.value
        self._findings = findings
        self._length = length
        self._buffer_time = buffer_time

    def metric_aggregation(self) -> MetricAggregation:
        """Return the condition of that type."""
        limits = self._limits("max_threshold", "min_threshold")
        return MetricAggregation(self.metric(), self._windows(), limits, self._format("metric_format_string"))

    def percentage_match(self) -> PercentageMatch:
        """Return the condition of that type."""
        written = self._options["match_bucket_filter"]
        clauses = clean_filter(written, self._document, self._findings, ("match_bucket_filter",))
        limits = self._limits("max_percentage", "min_percentage")
        least = int(self._options.get("min_denominator", 0))
        return PercentageMatch(Share(clauses), self._windows(), limits, least, self._format("percentage_format_string"))

    def spike_aggregation(self, height: float, timeframe: Millis) -> SpikeAggregation:
        """Return the condition of that type."""
        return SpikeAggregation(
            measured=self.metric(),
            height=height,
            direction=SpikeType(self._options["spike_type"]),
            timeframe=timeframe,
            threshold_ref=self.number("threshold_ref") or 0,
            threshold_cur=self.number("threshold_cur") or 0,
        )

    def spike_of_field(self, height: float, timeframe: Millis) -> SpikeAggregation:
        """Return the condition of a spike with ``field_value``: the field's mean, to which thresholds do not apply."""
        for name in ("threshold_ref", "threshold_cur"):
            if name in self._options:
                message = f"{name} does not apply to the mean of field_value"
                hint = "type: spike_aggregation compares values, with thresholds"
                found = self._document.diagnostic("info", "ignored_option", message, hint, (name,), key=True)
                self._findings.append(found)
        return SpikeAggregation(
            measured=Metric(MetricKind.AVG, self._options["field_value"]),
            height=height,
            direction=SpikeType(self._options["spike_type"]),
            timeframe=timeframe,
            threshold_ref=-math.inf,
            threshold_cur=-math.inf,
            alert_on_new_data=self._options.get("alert_on_new_data", False),
            touching=True,
        )

    def metric(self) -> Metric:
        """Return what is computed of which field."""
        kind = MetricKind(self._options["metric_agg_type"])
        percent = self._options.get("percentile_range")
        if kind is MetricKind.PERCENTILES and percent is None:
            hint = "percentile_range: 95 is the value that 95 % of the values do not exceed"
            self._error("missing_option", "percentiles need percentile_range", hint, "metric_agg_type")
        return Metric(kind, self._options["metric_agg_key"], float(percent or 0) if kind == "percentiles" else 0.0)

    def number(self, name: str) -> float | None:
        """Return an option that is a finite number; None where it is not there."""
        value: float | None = self._options.get(name)
        if value is not None and not math.isfinite(value):
            self._error("wrong_value", f"{name}: {value} is no limit", "write a number", name)
            return None
        return value

    def _limits(self, above: str, below: str) -> Limits:
        limits = Limits(self.number(above), self.number(below))
        if self._options.get(above) is None and self._options.get(below) is None:
            hint = f"values above {above} match, and values below {below}"
            self._error("missing_option", f"{above} or {below} is missing", hint, "type")
        elif limits.maximum is not None and limits.minimum is not None and limits.minimum > limits.maximum:
            message = f"{below} {limits.minimum:g} is above {above} {limits.maximum:g}: every value would match"
            self._error("wrong_value", message, f"from {below} to {above}, both included, nothing matches", below)
        return limits

    def _windows(self) -> Windows:
        length = self._length("timeframe")
        named = "timeframe" if length is not None else "buffer_time"
        length = self._buffer_time if length is None else length
        if length <= 0:
            self._error("duration", "the window has no length", "timeframe: 5m", "type")
            return Windows(1)
        interval = self._length("bucket_interval")
        if interval is None:
            return Windows(length)
        if interval <= 0 or length % interval:
            message = f"the window of {length_text(length)} ({named}) is no multiple of bucket_interval"
            self._error("wrong_value", message, "each bucket of the window is judged by itself", "bucket_interval")
            return Windows(length)
        return Windows(length, interval, bool(self._options.get("sync_bucket_interval", False)))

    def _format(self, name: str) -> str:
        written = str(self._options.get(name) or "")
        if written and not is_format(written):
            message = f"{name}: {written[:60]!r} does not show one number"
            self._error("wrong_value", message, "like %.2f or {:.1f} ms", name)
            return ""
        return written

    def _error(self, code: str, message: str, hint: str, *path: Any) -> None:
        self._findings.append(self._document.diagnostic("error", code, message, hint, path))
