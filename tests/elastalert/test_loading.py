"""Options of odd values: what ElastAlert loads loads here, or is refused at that option for a reason of the list."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random
from typing import Any

import pytest

from alerter.config import Settings
from alerter.ruleset.load import load_rules
from tests.elastalert.peer import Case, ElastAlert

CASES = 800
T = {"minutes": 5}
TYPES: list[dict[str, Any]] = [
    {"type": "any"},
    {"type": "frequency", "num_events": 5, "timeframe": T},
    {"type": "spike", "spike_height": 3, "spike_type": "up", "timeframe": T, "threshold_cur": 1, "threshold_ref": 1},
    {"type": "flatline", "threshold": 1, "timeframe": T},
    {"type": "cardinality", "cardinality_field": "a", "max_cardinality": 5, "timeframe": T},
    {"type": "metric_aggregation", "metric_agg_key": "a", "metric_agg_type": "avg", "max_threshold": 5},
    {"type": "percentage_match", "match_bucket_filter": [{"term": {"a": 1}}], "max_percentage": 5},
    {
        "type": "spike_aggregation",
        "metric_agg_key": "a",
        "metric_agg_type": "avg",
        "spike_height": 2,
        "spike_type": "both",
        "timeframe": T,
    },
    {"type": "change", "compare_key": "a", "query_key": "b", "ignore_null": True},
    {"type": "blacklist", "compare_key": "a", "blacklist": ["x"]},
    {"type": "whitelist", "compare_key": "a", "whitelist": ["x"], "ignore_null": True},
]
MORE: dict[str, Any] = {
    "filter": [{"term": {"a": 1}}], "query_key": "k", "realert": T, "aggregation": T, "query_delay": T,
    "buffer_time": T, "run_every": T, "include": ["a"], "timestamp_field": "t", "timestamp_type": "iso",
    "timestamp_format": "%Y", "use_strftime_index": True, "search_extra_index": True, "owner": "o", "priority": 2,
    "category": "c", "description": "d", "alert_text": "x", "alert_subject": "s", "alert_text_args": ["a"],
    "alert_subject_args": ["a"], "alert_text_kw": {"a": "b"}, "alert_text_type": "alert_text_only",
    "alert_missing_value": "-", "alert_subject_max_len": 5, "top_count_keys": ["a"], "top_count_number": 3,
    "raw_count_keys": True, "attach_related": True, "summary_table_fields": ["a"], "summary_table_type": "ascii",
    "summary_table_max_rows": 5, "summary_prefix": "p", "aggregation_key": "a", "kibana_url": "http://k",
    "generate_kibana_discover_url": True, "kibana_discover_columns": ["a"], "kibana_discover_from_timedelta": T,
    "match_enhancements": [], "is_enabled": True, "limit_execution": "* * * * *", "use_count_query": True,
    "doc_type": "x", "terms_size": 5, "jinja_root_name": "x", "bucket_interval": {"minutes": 1},
    "sync_bucket_interval": True,
    "min_threshold": 1, "min_denominator": 1, "forget_keys": True, "alert_on_new_data": True, "field_value": "f",
    "metric_format_string": "{:.2f}", "percentile_range": 95, "slack_webhook_url": "https://h/x",
    "slack_channel_override": "#x", "email": ["a@b"], "max_query_size": 5, "query_timezone": "UTC",
    "use_local_time": False, "realert_key": "x", "custom_pretty_ts_format": "%Y", "_source_enabled": True,
}  # fmt: skip
POOL: list[Any] = [
    None, "", "5", 5, 0, -1, 1.5, True, False, [], ["a"], [1], [["a"]], {}, {"minutes": 5}, {"minutes": "5"},
    {"minutes": 0}, {"hours": 1, "minutes": 30}, {"days": 0.5}, {"a": 1}, "a", "a b", "%Y.%m", "{0}", "{{ a }}",
    "2024-01-01", "yes", "A", "{",
]  # fmt: skip
STRICTER = {
    "aggregate_by_match_time": "true or false, where ElastAlert looks at nothing",
    "aggregation_key": "a name or a list of names",
    "alert_subject": "a plain value",
    "alert_subject_args": "names",
    "alert_subject_max_len": "a number",
    "alert_text_args": "names",
    "attach_related": "true or false",
    "blacklist": "one that is empty matches nothing",
    "buffer_time": "a length of time",
    "cardinality_field": "a field",
    "compare_key": "a field",
    "description": "a plain value",
    "filter": "clauses: the server refuses anything else at every run",
    "field_value": "a field",
    "index": "a name",
    "is_enabled": "true, false or a text",
    "jinja_root_name": "a name that a template can use",
    "limit_execution": "a cron expression: ElastAlert stops the rule when it reaches another one",
    "match_bucket_filter": "clauses",
    "max_cardinality": "at least 0",
    "metric_agg_key": "a field",
    "metric_format_string": "a text",
    "name": "a text",
    "num_events": "at least 1",
    "percentile_range": "between 0 and 100",
    "query_delay": "a length of time",
    "realert": "a length of time",
    "run_every": "a length of time that is longer than nothing",
    "search_extra_index": "true or false",
    "spike_height": "above 0",
    "summary_table_fields": "names",
    "threshold": "at least 1",
    "threshold_cur": "at least 0",
    "threshold_ref": "at least 0",
    "timeframe": "longer than nothing",
    "timestamp_field": "a field",
    "timestamp_format": "a text",
    "top_count_keys": "names",
    "top_count_number": "at least 1",
    "whitelist": "a list",
}
"""Options of which alerter takes fewer values, and which it takes."""


def thrown(dice: Random) -> tuple[str, dict[str, Any]]:
    """Return a rule that is well but for one option, and that option."""
    rule = {"name": "n", "index": "logs", "alert": "debug", **dice.choice(TYPES)}
    rule |= {name: MORE[name] for name in dice.sample(sorted(MORE), dice.randint(0, 2))}
    odd = dice.choice([name for name in (*rule, *dice.sample(sorted(MORE), 3)) if name not in ("alert", "type")])
    return odd, {**rule, odd: dice.choice(POOL)}


@pytest.mark.peer
def test_what_is_loaded_there_is_loaded_here(elastalert: ElastAlert, tmp_path: Path) -> None:
    """Never a traceback; each refusal is of the odd option, at its line, and of one that is known to be stricter."""
    dice = Random(7)
    cases = [thrown(dice) for _ in range(CASES)]
    taken = 0
    for (odd, rule), said in zip(cases, elastalert.ask([Case(rule, []) for _, rule in cases]), strict=True):
        lines = [f"{json.dumps(name)}: {json.dumps(value)}" for name, value in rule.items()]
        (tmp_path / "r.yaml").write_text("\n".join(lines) + "\n", encoding="utf-8")
        loaded = load_rules([tmp_path], Settings())
        errors = [d for d in loaded.diagnostics if d.severity == "error"]
        assert loaded.rules or errors or not rule.get("is_enabled", True), rule
        if said.failed or not errors:
            taken += not said.failed
            continue
        assert [lines[error.line - 1].partition(":")[0] for error in errors] == [f'"{odd}"'], (rule, errors)
        assert odd in STRICTER, (rule, errors[0].message)
    assert taken > CASES / 4
