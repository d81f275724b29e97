"""Damaged rule files: named with their place or taken as they are, never a traceback, and no harm to the others."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
import yaml

from alerter.cli.main import main
from alerter.project import load_project
from tests.fuzz.mangle import odd, scrambled
from tests.reliability.night import BURST, STORM, FileNight

RULES: list[dict[str, Any]] = [
    {"name": "a", "type": "frequency", "index": "logs", "num_events": 3, "timeframe": {"minutes": 1},
     "query_key": ["user", "host"], "filter": [{"query": {"query_string": {"query": "level: error AND n:[1 TO 5]"}}}],
     "realert": {"minutes": 5}, "exponential_realert": {"hours": 1}, "labels": {"team": "x"}, "alert": ["slack"],
     "severity": {"field": "level", "map": {"error": "critical"}, "default": "warning"}},
    {"name": "b", "type": "spike", "index": "logs", "spike_height": 3, "spike_type": "both", "timeframe": "2m",
     "threshold_cur": 2, "filter": [{"term": {"level": "error"}}],
     "schedule": {"cron": "*/2 * * * *", "timezone": "UTC"}},
    {"name": "c", "type": "flatline", "index": "logs", "threshold": 1, "timeframe": "1m", "use_keyword_postfix": False,
     "alive": {"index": "logs", "filter": [{"match_all": {}}]}, "message": {"title": "{{ rule }}", "fields": ["user"]}},
    {"name": "d", "type": "blacklist", "index": "logs", "compare_key": "user", "blacklist": ["x", "y"],
     "filter": [{"kql": "level: error or n > 3"}], "redact": {"fields": ["host"]}, "include": ["user", "n"]},
    {"name": "e", "type": "cardinality", "index": "logs", "cardinality_field": "user", "max_cardinality": 2,
     "timeframe": "1m", "timestamp_field": "@timestamp", "timestamp_type": "iso", "buffer_time": "1m"},
    {"name": "f", "type": "metric_aggregation", "index": "logs", "metric_agg_key": "n",
     "metric_agg_type": "percentiles", "percentile_range": 95, "max_threshold": 3, "min_threshold": 0.5,
     "timeframe": "4m", "bucket_interval": "2m", "sync_bucket_interval": True,
     "metric_format_string": "%.2f", "query_key": "user"},
    {"name": "g", "type": "percentage_match", "index": "logs", "match_bucket_filter": [{"term": {"level": "error"}}],
     "max_percentage": 10, "min_percentage": 1, "min_denominator": 2, "percentage_format_string": "{:.1f} %"},
    {"name": "h", "type": "spike_aggregation", "index": "logs", "metric_agg_key": "n", "metric_agg_type": "sum",
     "spike_height": 2, "spike_type": "both", "timeframe": {"minutes": 2}, "threshold_ref": 0.5, "threshold_cur": 1},
]  # fmt: skip
EVENTS = [{"user": "x", "host": "h", "n": 4, "level": "error"}, {"user": ["y", 2], "n": "many"}]
ROUNDS = 30


def damaged(number: int, dice: random.Random) -> bytes:
    """Return a rule's file with something wrong in its structure or in its bytes."""
    rule = RULES[number % len(RULES)]
    if dice.random() < 0.3:
        return scrambled(yaml.safe_dump(rule).encode(), dice)
    return yaml.safe_dump(odd(rule, dice), allow_unicode=dice.random() < 0.5).encode("utf-8", "surrogatepass")


@pytest.mark.parametrize("seed", range(8))
def test_damaged_rules_harm_nobody(seed: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each round a folder of damaged rules: what is refused is named by file; the good rule tells its incident."""
    dice = random.Random(seed)
    night = FileNight(tmp_path)
    for _ in range(ROUNDS // 8 + 1):
        for number in range(len(RULES)):
            (tmp_path / "rules" / f"damaged{number}.yaml").write_bytes(damaged(number, dice))
        (tmp_path / "rules" / "storm.yaml").write_text(STORM.format(index="logs"))
        project = load_project(night.settings)
        assert all(found.file and found.message for found in project.diagnostics)
        night.service.reload(force=True)
        assert "storm" in {rule.name for rule in night.service.project.rules}
        night.happen(*BURST, **dice.choice(EVENTS))
        night.minute()
        night.minutes((), ())
        assert "storm" not in {failure.rule for failure in night.failures}
        assert not [failure for failure in night.failures if failure.kind == "bug"], night.failures
        assert main(["check", str(tmp_path / "rules")]) in (0, 1, 2)
    assert night.incidents()
    assert "Traceback" not in "".join(capsys.readouterr())
