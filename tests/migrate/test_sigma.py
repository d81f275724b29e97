"""Sigma rules become rule files that load and find what they should."""

from __future__ import annotations

import builtins
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from alerter.cli.main import main
from alerter.config import Settings
from alerter.ruleset.load import load_rules

pytest.importorskip("sigma", reason="the extra alerter[sigma] is not installed")

WHOAMI = r"""
title: Whoami execution
id: 11111111-1111-4111-8111-111111111111
description: somebody asks who they are
logsource: {category: process_creation, product: windows}
detection:
  selection: {Image|endswith: '\whoami.exe'}
  filter: {ParentImage|startswith: 'C:\Program Files\'}
  condition: selection and not filter
level: high
"""
FAILED = """
title: Failed logon
name: failed
id: 22222222-2222-4222-8222-222222222222
logsource: {product: windows, service: security}
detection: {selection: {EventID: 4625}, condition: selection}
---
title: Brute force
id: 33333333-3333-4333-8333-333333333333
correlation: {type: event_count, rules: [failed], group-by: [User], timespan: 5m, condition: {gte: 3}}
level: critical
---
title: Many hosts
id: 44444444-4444-4444-8444-444444444444
correlation:
  type: value_count
  rules: [failed]
  group-by: [User]
  timespan: 15m
  condition: {gte: 3, field: Host}
"""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with Sigma rules."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sigma" / "proc").mkdir(parents=True)
    (tmp_path / "sigma" / "proc" / "whoami.yml").write_text(WHOAMI, encoding="utf-8")
    (tmp_path / "sigma" / "failed.yml").write_text(FAILED, encoding="utf-8")
    return tmp_path


def converted(*more: str) -> int:
    """Run the command on the folder."""
    return main(["sigma", "convert", "sigma", "--pipeline", "ecs_windows", "-o", "rules", *more])


def test_each_shape_of_the_converter_loads(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """any, frequency and metric_aggregation, in the folders of the Sigma files, with severity and index."""
    assert converted("--index", "winlogbeat-*") == 0
    assert "3 rules written to rules, 0 not converted" in capsys.readouterr().out
    rules = {rule.name: rule for rule in load_rules([place / "rules"], Settings()).rules}
    assert {name: (rule.type, rule.severity) for name, rule in rules.items()} == {
        "Whoami execution": ("any", "critical"),
        "Brute force": ("frequency", "critical"),
        "Many hosts": ("metric_aggregation", "warning"),
    }
    assert {rule.index for rule in rules.values()} == {"winlogbeat-*"}
    assert rules["Whoami execution"].domain == "proc"


def test_the_rules_find_what_they_should(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A dry run over events: the excluded parent and the fourth failure of another user give nothing."""
    assert converted() == 0
    at = "2026-03-10T11:00:0{}.000Z"
    windows = r"C:\Windows\whoami.exe"

    def process(second: int, parent: str) -> dict[str, Any]:
        return {"@timestamp": at.format(second), "process": {"executable": windows, "parent": {"executable": parent}}}

    def failure(second: int, user: str, host: str) -> dict[str, Any]:
        winlog = {"channel": "Security", "event_data": {"Host": host}}
        event = {"code": "4625"}
        return {"@timestamp": at.format(second), "event": event, "user": {"name": user}, "winlog": winlog}

    events = [process(0, r"C:\x.exe"), process(1, "C:\\Program Files\\x.exe")]
    events += [failure(n, "alice", f"h{n}") for n in range(3)] + [failure(n, "bob", "h") for n in range(2)]
    (place / "e.ndjson").write_text("".join(json.dumps(e) + "\n" for e in events), encoding="utf-8")
    for file in (place / "rules").rglob("*.yaml"):  # the sub-field of ECS; files are mapped dynamically
        text = file.read_text(encoding="utf-8").replace(".caseless", ".keyword")
        file.write_text(text, encoding="utf-8")
    capsys.readouterr()
    assert main(["test-rule", "rules", "--data", "e.ndjson", "--format", "json"]) == 0
    found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    keys = {one["rule"]: [match["key"] for match in one["matches"]] for one in found}
    assert keys["Whoami execution"] == [None]
    assert keys["Brute force"] == [{"user.name": "alice"}]
    assert keys["Many hosts"][:1] == [{"user.name": "alice"}]


def test_what_cannot_be_converted_is_named_and_the_rest_is_written(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Broken YAML, no condition, a correlation of nothing or of a kind that is none: exit 1, each with its file."""
    texts = {
        "broken": "title: [\n",
        "bare": "title: x\nlogsource: {product: windows}\ndetection: {selection: {a: 1}}\n",
        "alone": FAILED.replace("[failed]", "[gone]").replace("name: failed", "name: other"),
        "list": "- a\n",
        "temporal": FAILED.split("---")[1].replace("event_count", "temporal").replace(", condition: {gte: 3}", ""),
    }
    for name, text in texts.items():
        (place / "sigma" / f"{name}.yml").write_text(text, encoding="utf-8")
    assert converted("--format", "json") == 1
    found = json.loads(capsys.readouterr().out)
    failed = {Path(one["file"]).stem for one in found["failures"]}
    assert {"broken", "bare", "alone", "temporal"} <= failed
    assert all(one["message"] for one in found["failures"])
    assert {"rules/proc/whoami.yaml", "rules/failed.yaml"} <= set(found["written"])
    assert found["errors"] == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["gone", "-o", "r"], "gone does not exist"),
        (["sigma", "-o", "r", "--pipeline", "no_such"], "ecs_windows"),
        (["sigma", "-o", "r", "--pipeline", "sigma/proc/whoami.yml"], "--pipeline"),
    ],
)
def test_wrong_usage(place: Path, arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Paths and pipelines that are not there: exit 2 and nothing written."""
    assert main(["sigma", "convert", *arguments]) == 2
    assert said in capsys.readouterr().err
    assert not (place / "r").exists()


def test_nothing_is_overwritten(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file that is there keeps all from being written, unless it is asked for."""
    assert converted() == 0
    file = place / "rules" / "proc" / "whoami.yaml"
    file.write_text("mine", encoding="utf-8")
    assert converted() == 2
    assert file.read_text(encoding="utf-8") == "mine"
    assert converted("--force") == 0
    assert yaml.safe_load(file.read_text(encoding="utf-8"))["type"] == "any"


def test_without_the_extra_it_says_what_to_install(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A clear message in place of an ImportError."""
    real = builtins.__import__

    def importing(name: str, *args: Any, **kwargs: Any) -> Any:
        if name.startswith("sigma"):
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", importing)
    assert converted() == 2
    assert "pip install 'alerter[sigma]'" in capsys.readouterr().err
