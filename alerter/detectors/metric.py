"""metric_aggregation and percentage_match: a value of a window beyond its limits, at nominal instants."""

from __future__ import annotations

from typing import Any

from alerter.asked import Asked
from alerter.detectors.protocol import Events, Span
from alerter.incidents import Lifecycle
from alerter.measures import Measure
from alerter.model.incident import Match
from alerter.model.metric import Metric, MetricAggregation, PercentageMatch, Window
from alerter.model.rule import Key, KeyValue, Measuring, Rule
from alerter.numbers import formatted, plain
from alerter.redact import hide
from alerter.timetext import iso

Bounded = MetricAggregation | PercentageMatch


def detect(events: Events, life: Lifecycle, span: Span) -> None:
    """Judge the nominal instants of ``(span.start, span.end]``; a window without a value matches nothing."""
    condition = life.rule.condition
    assert isinstance(condition, Bounded)
    for at in span.instants:
        measures = [(window, events.measured(life.key, window)) for window in condition.windows.at(at)]
        beyond = _beyond(condition, life.key, measures)
        if beyond is None:
            continue
        count = sum(measure.events for _, measure in measures)
        life.ask(Asked(at, True, Match(at, life.key, count, _facts(life.rule, condition, *beyond))))
        life.measure(at, lambda: count)  # noqa: B023 - called at once


def _beyond(condition: Bounded, key: Key, measures: list[tuple[Window, Measure]]) -> tuple[Window, float] | None:
    """Return the newest window with a value beyond the limits, and that value."""
    for window, measure in measures:
        value = judged_value(condition, key, measure)
        if value is not None and condition.limits.crossed(value):
            return window, value
    return None


def judged_value(condition: Measuring, key: Key, measure: Measure) -> float | None:
    """Return the value that is judged; None where there is none.

    Without a key a window without events is judged too, by what counts or adds; a key without events is not there.
    """
    if isinstance(condition, PercentageMatch):
        return measure.value if measure.events >= condition.least else None
    if not measure.events and key is None:
        return condition.measured.of_nothing
    return measure.value


def _facts(rule: Rule, condition: Bounded, window: Window, value: float) -> dict[str, Any]:
    """Return what is said of a match; a value of a redacted field is hidden."""
    shown: KeyValue = plain(value)
    if isinstance(condition.measured, Metric) and condition.measured.of_nothing is None:
        shown = hide(condition.measured.field, shown, rule.redact)
    facts: dict[str, Any] = {"value": shown}
    if condition.format and not isinstance(shown, str):
        facts["formatted"] = formatted(condition.format, value)
    if condition.windows.interval is not None:
        facts["bucket_end"] = iso(window[1])
    return facts
