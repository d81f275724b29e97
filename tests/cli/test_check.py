"""alerter check and alerter schema: exit codes, forms of output, rules and routes together."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest
import yaml
from jsonschema import Draft202012Validator

from alerter.cli.main import main
from alerter.shipped import shipped_dir
from tests.servers.elastic import Node

ROOT = Path(__file__).parent.parent.parent
RULE = "type: frequency\nindex: logs\nnum_events: 5\ntimeframe: 5m\n"
TEST = "tests: [{name: t, start: 2026-03-10T11:00:00Z, expect: {messages: []}}]\n"
ROUTES = "route: {receiver: default}\nreceivers: [{name: default, console: {}}]\n"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand in a folder with one good rule, its test, and good routes; no setting in the environment."""
    for name in [n for n in os.environ if n.startswith("ALERTER_") and n != "ALERTER_TEST_HOME"]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    for name, text in {"rules/a.yaml": RULE, "rules/a.test.yaml": TEST, "notifiers/routes.yaml": ROUTES}.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


def run(capsys: pytest.CaptureFixture[str], *args: str) -> tuple[int, str]:
    return main(["check", *args]), capsys.readouterr().out


def test_all_fine(capsys: pytest.CaptureFixture[str]) -> None:
    """Without paths the rules and notifiers of the settings are checked; stdout stays empty."""
    assert run(capsys) == (0, "")


def test_error_is_exit_code_1(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An error in a rule or in a route is a finding; both are said in one run."""
    (folder / "rules/b.yaml").write_text("type: nonsense\n", encoding="utf-8")
    (folder / "notifiers/routes.yaml").write_text(ROUTES.replace("receiver:", "recever:"), encoding="utf-8")
    code, out = run(capsys)
    assert code == 1
    assert "rules/b.yaml:1:7: error[unknown_type]" in out
    assert "notifiers/routes.yaml:1:" in out


def test_warning_is_no_failure_unless_strict(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An unknown option is a warning, with --strict an error."""
    (folder / "rules/a.yaml").write_text(RULE + "num_event: 3\n", encoding="utf-8")
    assert run(capsys)[0] == 0
    assert run(capsys, "--strict")[0] == 1


def test_json_form(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Programs get the numbers of files and rules and each finding with its place."""
    (folder / "rules/a.yaml").write_text(RULE + "num_event: 3\n", encoding="utf-8")
    code, out = run(capsys, "--format", "json", "rules")
    assert code == 0
    assert json.loads(out) == {
        "files": 1,
        "rules": 1,
        "diagnostics": [
            {
                "severity": "warning",
                "code": "unknown_option",
                "message": "unknown option num_event",
                "hint": "did you mean num_events?",
                "file": "rules/a.yaml",
                "line": 5,
                "column": 1,
                "docs": "docs/check.md#unknown_option",
            }
        ],
    }


def test_paths_hold_rules_or_routes(capsys: pytest.CaptureFixture[str]) -> None:
    """A folder of routes, a folder of rules and both below one folder are told apart by what the files hold."""
    for paths in (["notifiers"], ["rules", "notifiers"], ["."]):
        assert run(capsys, *paths) == (0, "")


def test_path_that_does_not_exist_is_usage(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A path that is not there is exit code 2, whether it was given or stands in the settings."""
    assert run(capsys, "gone")[0] == 2
    (folder / "alerter.yaml").write_text("rules: gone\nnotifiers: notifiers\n", encoding="utf-8")
    assert run(capsys)[0] == 2


def test_no_secret_is_shown(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The excerpt of a line that holds a webhook or a password shows stars, in both forms."""
    text = RULE + "slack_webhook_url: https://hooks.slack.com/services/T1/B2/geheim\nes_password: geheim\n"
    (folder / "rules/a.yaml").write_text(text, encoding="utf-8")
    shown = run(capsys)[1] + run(capsys, "--format", "json")[1]
    assert shown.count("[inline_secret]") + shown.count('"inline_secret"') == 4
    assert "geheim" not in shown


def test_schema_agrees_with_check(capsys: pytest.CaptureFixture[str]) -> None:
    """The printed schema is a valid one; it takes the good rule and refuses what check refuses."""
    assert main(["schema", "rule"]) == 0
    schema = json.loads(capsys.readouterr().out)
    Draft202012Validator.check_schema(schema)
    validator = Draft202012Validator(schema)
    good = {"type": "frequency", "index": "logs", "num_events": 5, "timeframe": {"minutes": 5}, "alert": "slack"}
    assert validator.is_valid(good)
    assert not validator.is_valid({**good, "num_events": "5"})
    assert not validator.is_valid({"type": "frequency", "num_events": 5})
    assert not validator.is_valid({**good, "type": "nonsense"})


def test_dead_mans_switch_without_a_token_is_said(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """``alerter run`` would refuse it; where only files are checked the secrets may be missing, so it is a warning."""
    (folder / "alerter.yaml").write_text("dead_mans_switch: {slack: {channel: '#alive'}}\n", encoding="utf-8")
    assert main(["check"]) == 0
    assert "warning: dead_mans_switch: no way into Slack" in capsys.readouterr().err
    monkeypatch.setenv("ALERTER_SLACK_TOKEN", "xoxb-1")
    assert main(["check"]) == 0
    assert "Slack" not in capsys.readouterr().err


def test_a_finding_is_shown_with_all_its_parts(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Place, severity, code, message, source line, carets, hint, and where it is explained."""
    (folder / "rules/a.yaml").write_text(
        RULE + "realert: 10s\nfilter: [{wildcard: {host: '*web'}}]\n", encoding="utf-8"
    )
    assert run(capsys)[1].split("\n")[5:10] == [
        "rules/a.yaml:6:29: warning[leading_wildcard]: *web begins with a wildcard: every value of the field is tried",
        "    6 | filter: [{wildcard: {host: '*web'}}]",
        " " * 36 + "^^^^",
        "  hint: search for whole words, or map the field as wildcard",
        "  docs: docs/check.md#leading_wildcard",
    ]


def test_forms_for_other_programs(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """SARIF is one object on stdout, GitHub's form a command a line; the exit code is the same."""
    (folder / "rules/b.yaml").write_text("type: nonsense\n", encoding="utf-8")
    code, out = run(capsys, "--format", "sarif")
    assert code == 1
    assert [r["ruleId"] for r in json.loads(out)["runs"][0]["results"]] == ["unknown_type"]
    code, out = run(capsys, "--format", "github")
    assert code == 1
    assert out.startswith("::error file=rules/b.yaml,line=1,endLine=1,col=7,title=unknown_type::unknown rule type")


def test_silenced_findings_are_counted(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The summary tells how many comments hide, so that nobody forgets them."""
    text = RULE + "# alerter: ignore[short_realert] noisy on purpose\nrealert: 10s\n"
    (folder / "rules/a.yaml").write_text(text, encoding="utf-8")
    assert main(["check"]) == 0
    written = capsys.readouterr()
    assert written.out == ""
    assert written.err == "2 files, 1 rule: all fine (1 ignored)\n"


def test_a_cluster_that_is_not_there(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """The findings of the files are printed all the same, then exit code 2 with the remedy; --offline does not ask."""
    monkeypatch.setenv("ALERTER_ES_URL", "http://user:geheim@127.0.0.1:1")
    assert main(["check", "--format", "json"]) == 2
    written = capsys.readouterr()
    assert json.loads(written.out)["rules"] == 1
    assert "the cluster was not asked" in written.err
    assert "--offline" in written.err
    assert "geheim" not in written.err
    assert run(capsys, "--offline") == (0, "")


def test_types_from_a_mapping(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Fields are compared with a mapping, without a cluster; what is no mapping is a matter of usage."""
    (folder / "rules/a.yaml").write_text(RULE + "query_key: usr\n", encoding="utf-8")
    types = {"@timestamp": {"type": "date"}, "user": {"type": "keyword"}}
    (folder / "m.json").write_text(json.dumps({"properties": types}), encoding="utf-8")
    out = run(capsys, "--mapping", "m.json")[1]
    assert "rules/a.yaml:5:12: warning[unknown_field]: logs has no field usr" in out
    assert "did you mean user?" in out
    for text in ("[]", "{", "{}"):
        (folder / "m.json").write_text(text, encoding="utf-8")
        assert run(capsys, "--mapping", "m.json")[0] == 2


@pytest.mark.es
def test_a_cluster_is_asked(
    es: Node, index_prefix: str, folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With ALERTER_ES_URL the indices are looked at."""
    for name, value in es.environment().items():
        monkeypatch.setenv(name, value)
    (folder / "rules/a.yaml").write_text(RULE.replace("logs", f"{index_prefix}-none"), encoding="utf-8")
    assert f"rules/a.yaml:2:8: warning[unknown_index]: no index is called {index_prefix}-none" in run(capsys)[1]
    assert run(capsys, "--offline") == (0, "")


def test_the_hook_runs_what_there_is() -> None:
    """The pre-commit hook names this command, needs nothing beside the package, and looks at the right files."""
    (hook,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
    assert hook["entry"] == "alerter check"
    assert hook["additional_dependencies"] == []
    assert hook["pass_filenames"] is False
    for name in ("rules/a.yaml", "ops/rules/order/a.yml", "notifiers/slack/receivers.yaml", "alerter.yaml"):
        assert re.search(hook["files"], name)
    for name in ("docs/a.yaml", "myrules/a.yaml", "rules/README.md"):
        assert not re.search(hook["files"], name)


def test_a_rule_that_is_left_out_keeps_its_comments(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nobody looks at a disabled rule, so none of its comments is in vain."""
    text = RULE + "is_enabled: false\nrealert: 10s  # alerter: ignore[short_realert]\n"
    (folder / "rules/a.yaml").write_text(text, encoding="utf-8")
    assert run(capsys) == (0, "")


@pytest.mark.parametrize(("command", "kinds"), [("check", ["rules", "notifiers"]), ("test", ["rules"])])
def test_the_shipped_folders_are_named_where_there_are_none(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, command: str, kinds: list[str]
) -> None:
    """In a folder without rules of its own it is said whose rules were looked at; with them, or with paths, nothing."""
    (folder / "empty").mkdir()
    monkeypatch.chdir(folder / "empty")
    assert main([command]) == 0
    said = capsys.readouterr().err
    assert all(f"the {kind} shipped with alerter, {shipped_dir() / kind}: no {kind}/ here" in said for kind in kinds)
    assert said.count("shipped with alerter") == len(kinds)
    main([command, str(shipped_dir() / "rules" / "order")])
    assert "shipped with alerter" not in capsys.readouterr().err
    monkeypatch.chdir(folder)
    main(["check"])
    assert "shipped with alerter" not in capsys.readouterr().err


def test_the_findings_of_the_defaults_are_not_those_of_each_rule(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of one rule only its own are listed, but what keeps it from loading; of everything, those of the defaults too."""
    (folder / "rules/a.yaml").write_text(RULE + "num_evnts: 3\n", encoding="utf-8")
    (folder / "defaults.yaml").write_text("num_event: 3\n", encoding="utf-8")
    (folder / "alerter.yaml").write_text("rule_defaults: defaults.yaml\n", encoding="utf-8")
    one = run(capsys, "rules/a.yaml")[1]
    assert "rules/a.yaml:5:1" in one
    assert "defaults.yaml" not in one
    assert "defaults.yaml:1:1" in run(capsys)[1]
    (folder / "defaults.yaml").write_text("realert: soon\n", encoding="utf-8")
    code, out = run(capsys, "rules/a.yaml")
    assert (code, "defaults.yaml:1:" in out) == (1, True)


@pytest.mark.parametrize(
    "option",
    ["query_key: _id", "query_key: [user, _index]", "cardinality_field: _id", "compare_key: _type", "fields: [_id]"],
)
def test_what_elastalert_copies_into_events_is_no_field(
    folder: Path, capsys: pytest.CaptureFixture[str], option: str
) -> None:
    """Whatever else is wrong with the rule, and without a cluster; a filter may name it."""
    (folder / "rules/a.yaml").write_text(RULE + option + "\n", encoding="utf-8")
    assert "warning[metadata_field]" in run(capsys, "--offline")[1]
    (folder / "rules/a.yaml").write_text(RULE + "filter: [{term: {_index: logs-1}}]\n", encoding="utf-8")
    assert "metadata_field" not in run(capsys, "--offline")[1]
