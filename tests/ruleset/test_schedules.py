"""When a rule is evaluated: ElastAlert's limit_execution beside run_every and schedule."""

from __future__ import annotations

from pathlib import Path

import pytest

from alerter.clock import DAY, MINUTE
from alerter.config import Settings
from alerter.model.rule import Schedule
from alerter.ruleset.load import LoadedRules, load_rules

RULE = "type: any\nindex: logs\n"


def loaded(folder: Path, text: str) -> LoadedRules:
    (folder / "a.yaml").write_text(RULE + text, encoding="utf-8")
    return load_rules([folder], Settings())


def test_a_limit_is_in_utc_unless_the_schedule_names_a_zone(tmp_path: Path) -> None:
    """As in ElastAlert; ``schedule.timezone`` is ours. An info says that nothing is dropped, and what drops."""
    found = loaded(tmp_path, "limit_execution: '* 7-22 * * *'\nlimit_execution_coverage: false\n")
    assert found.rules[0].schedule == Schedule(MINUTE, limit="* 7-22 * * *")
    (said,) = found.diagnostics
    assert (said.severity, said.code, said.line) == ("info", "postponed", 3)
    assert "mute_time_intervals" in said.hint
    text = "limit_execution: '* 7-22 * * *'\nschedule: {every: 5m, timezone: Europe/Berlin}\n"
    assert loaded(tmp_path, text).rules[0].schedule == Schedule(5 * MINUTE, None, "Europe/Berlin", "* 7-22 * * *")


@pytest.mark.parametrize(
    ("text", "code", "place"),
    [
        ("limit_execution: '* 25 * * *'\n", "cron", (3, 18)),
        ("limit_execution: '0 0 31 2 *'\n", "cron", (3, 18)),
        ("limit_execution: [1]\n", "wrong_value", (3, 18)),
        ("limit_execution: '* 7 * * *'\nschedule: {cron: '0 7 * * *'}\n", "schedule", (3, 18)),
        ("limit_execution: '* 7 * * *'\nlimit_execution_coverage: true\n", "unsupported_option", (4, 27)),
    ],
)
def test_what_cannot_be_meant_is_refused_at_its_place(
    tmp_path: Path, text: str, code: str, place: tuple[int, int]
) -> None:
    """A cron that never fires, two schedules, and dropping what lies outside the minutes."""
    found = loaded(tmp_path, text)
    assert found.rules == ()
    assert [(d.code, d.line, d.column) for d in found.diagnostics if d.severity == "error"] == [(code, *place)]


def test_a_pause_is_not_too_long_ago(tmp_path: Path) -> None:
    """What came over a weekend is still looked at on Monday, unless the rule itself says how far it looks back."""
    weekdays = "limit_execution: '* 8-17 * * mon-fri'\n"
    assert loaded(tmp_path, weekdays).rules[0].max_catchup >= 3 * DAY
    assert loaded(tmp_path, weekdays + "max_catchup: 2d\n").rules[0].max_catchup == 2 * DAY
    assert loaded(tmp_path, "").rules[0].max_catchup == DAY
