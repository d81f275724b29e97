"""Conditions about values of windows, as files write them."""

from __future__ import annotations

import math
from pathlib import Path

from alerter.clock import MINUTE
from alerter.config import Settings
from alerter.model.metric import Metric, MetricKind
from alerter.model.rule import SpikeAggregation, SpikeType
from alerter.ruleset.load import LoadedRules, load_rules

SPIKE = "type: spike\nindex: logs\nspike_height: 2\nspike_type: up\ntimeframe: {minutes: 5}\n"


def loaded(folder: Path, text: str) -> LoadedRules:
    (folder / "a.yaml").write_text(text, encoding="utf-8")
    return load_rules([folder], Settings())


def test_a_spike_of_a_field_is_one_of_its_mean(tmp_path: Path) -> None:
    """ElastAlert's field_value: no thresholds, which is said where they stand; new data as for counts."""
    text = SPIKE + "field_value: duration.ms\nthreshold_cur: 10\nquery_key: user\nalert_on_new_data: true\n"
    found = loaded(tmp_path, text)
    assert found.rules[0].condition == SpikeAggregation(
        Metric(MetricKind.AVG, "duration.ms"), 2, SpikeType.UP, 5 * MINUTE, -math.inf, -math.inf, True, True
    )
    assert [(d.severity, d.code, d.line) for d in found.diagnostics] == [("info", "ignored_option", 7)]


def test_a_field_that_is_no_text_is_refused(tmp_path: Path) -> None:
    """The error stands at the value."""
    found = loaded(tmp_path, SPIKE + "field_value: [a]\n")
    assert found.rules == ()
    assert [(d.code, d.line, d.column) for d in found.diagnostics] == [("wrong_value", 6, 14)]
