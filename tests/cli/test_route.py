"""``alerter route`` and ``alerter notify-test``: what they say, and their exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from alerter.cli.main import main

FILE = """
route:
  receiver: default
  routes:
    - {receiver: order, matchers: [domain="order"], mute_time_intervals: [night], repeat_interval: 4h}
receivers: [{name: default, console: {}}, {name: order, console: {}}]
time_intervals: [{name: night, time_intervals: [{times: [{start_time: "22:00", end_time: "24:00"}]}]}]
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Routing files in a folder of their own, named by the environment."""
    (tmp_path / "routes.yaml").write_text(FILE, encoding="utf-8")
    monkeypatch.setenv("ALERTER_NOTIFIERS", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_tree_is_drawn(capsys: pytest.CaptureFixture[str]) -> None:
    """Without labels every route stands with its receiver and what mutes it."""
    assert main(["route"]) == 0
    root, child = capsys.readouterr().out.splitlines()[:2]
    assert root.startswith("everything -> default")
    assert 'domain="order" -> order' in child
    assert "night" in child


def test_tree_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    """Programs get the same tree."""
    assert main(["route", "--format", "json"]) == 0
    tree = json.loads(capsys.readouterr().out)
    assert tree["routes"][0]["repeat_interval_ms"] == 4 * 3_600_000


def test_labels_are_explained_at_an_instant(capsys: pytest.CaptureFixture[str]) -> None:
    """Where they go, by which route, and why not now."""
    assert main(["route", "domain=order", "--at", "2026-03-10T22:30:00Z", "--format", "json"]) == 0
    (found,) = json.loads(capsys.readouterr().out)["destinations"]
    assert (found["receiver"], found["muted"], found["muted_by"]) == ("order", "mute_time", "night")
    assert main(["route", "domain=user"]) == 0
    assert "default" in capsys.readouterr().out


@pytest.mark.parametrize("arguments", [["route", "order"], ["route", "a=b", "--at", "soon"], ["notify-test", "ordr"]])
def test_wrong_usage_is_said(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """What is wrong and what to write instead, with exit code 2."""
    assert main(arguments) == 2
    assert "hint" in capsys.readouterr().err


def test_broken_files_are_named(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An error in the files is shown at its place."""
    (folder / "routes.yaml").write_text(FILE.replace("receiver: default", "receiver: defalt"), encoding="utf-8")
    assert main(["route"]) == 2
    assert "routes.yaml:3:13" in capsys.readouterr().err


def test_message_is_sent(capsys: pytest.CaptureFixture[str]) -> None:
    """The receiver gets one message that says that nothing is wrong."""
    assert main(["notify-test", "order"]) == 0
    assert "#order" in capsys.readouterr().out


def test_groups_are_shown(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What is told together, and when; timers are inherited, Alertmanager's where none are written."""
    routes = """
route:
  receiver: default
  group_by: [rule, domain]
  routes:
    - {receiver: order, matchers: [domain="order"], group_wait: 10s, group_by: ['...']}
receivers: [{name: default, console: {}}, {name: order, console: {}}]
"""
    (folder / "routes.yaml").write_text(routes, encoding="utf-8")
    assert main(["route", "domain=user"]) == 0
    assert "told in one message (by rule, domain) after 30 s, then every 5 min" in capsys.readouterr().out
    assert main(["route", "domain=order"]) == 0
    assert (
        "told in one message (incidents with the same labels) after 10 s, then every 5 min" in capsys.readouterr().out
    )
    assert main(["route", "domain=order", "--format", "json"]) == 0
    (found,) = json.loads(capsys.readouterr().out)["destinations"]
    assert (found["group_by"], found["group_wait_ms"], found["group_interval_ms"]) == (["..."], 10_000, 300_000)
    assert main(["route"]) == 0
    tree = capsys.readouterr().out
    assert "[one message by rule, domain]" in tree
    assert "[one message by all labels]" in tree


@pytest.mark.parametrize(
    ("aggregation", "said"),
    [
        ("aggregation: {minutes: 10}", "(all incidents of the rule) after 10 min, then every 10 min, repeated when"),
        ("aggregation: {minutes: 10}\naggregation_key: user", "(by user) after 10 min, then every 10 min"),
        ("aggregation: {schedule: '0 9 * * *'}", "(all incidents of the rule) at 0 9 * * * (UTC)"),
    ],
)
def test_the_aggregation_of_a_rule_is_said(
    folder: Path, capsys: pytest.CaptureFixture[str], aggregation: str, said: str
) -> None:
    """It goes before what the route groups by, as in a run; other labels, and other rules, have the route's."""
    (folder / "routes.yaml").write_text(
        "route: {receiver: default, group_by: [domain]}\nreceivers: [{name: default, console: {}}]\n"
    )
    (folder / "rules").mkdir()
    (folder / "rules" / "gathered.yaml").write_text(f"name: gathered\ntype: any\nindex: logs\n{aggregation}\n")
    assert main(["route", "rule=gathered", "domain=order"]) == 0
    assert f"told in one message by the rule's aggregation {said}" in capsys.readouterr().out
    assert main(["route", "rule=gathered", "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["destinations"][0]["aggregation"].keys() == {
        "by", "period_ms", "cron", "timezone"
    }  # fmt: skip
    for other in ("rule=other", "domain=order"):
        assert main(["route", other]) == 0
        assert "told in one message (by domain)" in capsys.readouterr().out
