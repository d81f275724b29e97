"""Conditions on values of windows in words: what is looked for, and what a match found."""

from __future__ import annotations

from collections.abc import Iterator

from alerter.model.incident import Match
from alerter.model.metric import Limits, MetricAggregation, MetricKind, PercentageMatch, Windows
from alerter.model.rule import Measuring, Rule, SpikeAggregation
from alerter.numbers import number_text
from alerter.timetext import length_text


def metric_condition(condition: Measuring) -> str:
    """Return the condition in words."""
    if isinstance(condition, SpikeAggregation):
        change = f"{condition.direction} by a factor of {condition.height:g}"
        return f"{condition.measured.name} {change} over {length_text(condition.timeframe)}"
    unit = " %" if isinstance(condition, PercentageMatch) else ""
    limits = " or ".join(f"{side} {number_text(limit)}{unit}" for side, limit in _sides(condition.limits))
    enough = ""
    if isinstance(condition, PercentageMatch) and condition.least:
        enough = f", of at least {condition.least:,}"
    return f"{condition.measured.name} {limits} in {_window(condition.windows)}{enough}"


def metric_sentence(rule: Rule, match: Match) -> str:
    """Return the value of a match against the limit that it lies beyond, or against the one before."""
    condition = rule.condition
    assert isinstance(condition, Measuring)
    if isinstance(condition, SpikeAggregation):
        return _spike_sentence(condition, match)
    value = match.facts.get("value")
    crossed = condition.limits.crossed(value) if isinstance(value, int | float) else None
    unit = " %" if isinstance(condition, PercentageMatch) else ""
    shown = match.facts.get("formatted") or (f"{_text(value)}{unit}")
    against = f" ({crossed[0]} {number_text(crossed[1])}{unit})" if crossed else ""
    window = length_text(condition.windows.step)
    if "bucket_end" in match.facts:
        window = f"the {window} to {match.facts['bucket_end']}"
    if isinstance(condition, PercentageMatch):
        of = f" of {match.count:,}" if "bucket_end" not in match.facts else ""
        return f"{shown}{of} in {window}{against}"
    return f"{condition.measured.name} is {_about(condition)}{shown} in {window}{against}"


def _spike_sentence(condition: SpikeAggregation, match: Match) -> str:
    value, reference = match.facts.get("value"), match.facts.get("reference")
    window = length_text(condition.timeframe)
    times = ""
    if isinstance(value, int | float) and isinstance(reference, int | float) and reference:
        times = f", {number_text(round(value / reference, 2))} times as much"
    before = f"{_text(reference)} in the {window} before"
    return f"{condition.measured.name} is {_about(condition)}{_text(value)} in {window} against {before}{times}"


def _about(condition: MetricAggregation | SpikeAggregation) -> str:
    return "about " if condition.measured.kind is MetricKind.PERCENTILES else ""


def _text(value: object) -> str:
    return number_text(float(value)) if isinstance(value, int | float) else str(value)


def _sides(limits: Limits) -> Iterator[tuple[str, float]]:
    for side, limit in (("above", limits.maximum), ("below", limits.minimum)):
        if limit is not None:
            yield side, limit


def _window(windows: Windows) -> str:
    whole = length_text(windows.length)
    return whole if windows.interval is None else f"any {length_text(windows.interval)} of {whole}"
