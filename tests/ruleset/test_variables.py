"""Variables of the environment in rules: where they are filled in, and where they never are."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from alerter.cli.main import main
from alerter.config import Settings
from alerter.model.rule import Frequency
from alerter.ruleset.load import LoadedRules, load_rules

RULE = "type: frequency\nindex: logs\nnum_events: 5\ntimeframe: 5m\n"


def load(folder: Path, text: str, **environ: str) -> LoadedRules:
    (folder / "a.yaml").write_text(text, encoding="utf-8")
    return load_rules([folder], Settings(environ=environ))


def test_values_are_filled_in(tmp_path: Path) -> None:
    """Anywhere in a value, at any depth; a value without quotes is what the text means in YAML, keys stay."""
    text = "type: frequency\nindex: $STAGE-logs,${STAGE}-old\nnum_events: $LIMIT\ntimeframe: 5m\n"
    text += "filter: [{term: {$STAGE: '$LIMIT'}}]\nlabels: {stage: $STAGE}\n"
    loaded = load(tmp_path, text, STAGE="live", LIMIT="7")
    (rule,) = loaded.rules
    assert (rule.index, rule.condition) == ("live-logs,live-old", Frequency(7, rule.timeframe))
    assert rule.filter == ({"term": {"$STAGE": "7"}},)
    assert (rule.labels["stage"], loaded.diagnostics) == ("live", ())


def test_a_wrong_value_is_named_where_the_variable_stands(tmp_path: Path) -> None:
    """The finding says what the value is."""
    (found,) = load(tmp_path, RULE.replace("5\n", "$LIMIT\n", 1), LIMIT="many").diagnostics
    assert (found.code, found.line, found.column) == ("wrong_value", 3, 13)
    assert "'many'" in found.message


def test_variables_that_are_not_set_stay(tmp_path: Path) -> None:
    """As they are written, with a warning where the text looks like a variable."""
    loaded = load(tmp_path, RULE + "description: 'costs $5 ${NOT_SET} $Recycle $NOT_SET $a'\n")
    (rule,) = loaded.rules
    assert rule.description == "costs $5 ${NOT_SET} $Recycle $NOT_SET $a"
    (found,) = loaded.diagnostics
    assert (found.severity, found.code, found.line, found.column) == ("warning", "environment_variable", 5, 14)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DB_PASSWORD", "hunter2-x"),
        ("API_TOKEN", "hunter2-x"),
        ("SLACK_HOOK", "hunter2-x"),
        ("AWS_KEY", "hunter2-x"),
        ("PLACE", "https://user:hunter2-x@example.com/"),
        ("CHANNEL", "https://hooks.slack.com/services/hunter2-x"),
    ],
)
def test_secrets_are_not_filled_in(tmp_path: Path, name: str, value: str) -> None:
    """A rule's texts are shown in messages, links and state: a credential in one is an error, and is not printed."""
    loaded = load(tmp_path, RULE + f"filter: [{{term: {{a: ${name}}}}}]\n", **{name: value})
    (found,) = loaded.diagnostics
    assert (loaded.rules, found.code, found.line, found.column) == ((), "secret_variable", 5, 21)
    assert "hunter2" not in repr(loaded) + found.text()


def test_options_of_notifiers_are_not_filled_in(tmp_path: Path) -> None:
    """They mean nothing here, so secrets never come in by them; nor is a variable's name an inline secret."""
    text = RULE + "es_password: $ES_PASSWORD\nslack_webhook_url: ${HOOK}\n"
    loaded = load(tmp_path, text, ES_PASSWORD="hunter2-x", HOOK="https://hooks.slack.com/services/hunter2-x")
    assert len(loaded.rules) == 1
    assert "hunter2" not in repr(loaded) + loaded.rules[0].file_text
    assert [(d.severity, d.code) for d in loaded.diagnostics] == [("info", "routed_elsewhere")]


def test_imported_files_are_filled_in(tmp_path: Path) -> None:
    """And so are the paths of imports."""
    (tmp_path / "live.inc").write_text("owner: $TEAM\n", encoding="utf-8")
    (rule,) = load(tmp_path, "import: ${STAGE}.inc\n" + RULE, STAGE="live", TEAM="shop").rules
    assert rule.owner == "shop"


def test_no_output_holds_a_secret(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """``check`` and ``test-rule`` take variables of the process, and print no credential."""
    monkeypatch.setenv("SHOP_TOKEN", "hunter2-x")
    monkeypatch.setenv("SHOP_STAGE", "live")
    rule, data = tmp_path / "a.yaml", tmp_path / "d.ndjson"
    data.write_text('{"@timestamp": "2026-03-10T11:00:00Z", "stage": "live"}\n', encoding="utf-8")
    rule.write_text("type: any\nindex: logs\nfilter: [{term: {stage: $SHOP_STAGE}}]\nes_password: $SHOP_TOKEN\n")
    assert main(["test-rule", str(rule), "--data", str(data), "--format", "json"]) == 0
    out = capsys.readouterr()
    assert len(json.loads(out.out)["matches"]) == 1
    rule.write_text("type: any\nindex: logs\nfilter: [{term: {token: $SHOP_TOKEN}}]\n")
    assert main(["check", "--format", "json", str(rule)]) == 1
    both = capsys.readouterr()
    assert "hunter2" not in out.out + out.err + both.out + both.err
