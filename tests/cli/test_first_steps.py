"""What a new user meets: a project without settings, a rule that cannot ask, data without times, small numbers."""

from __future__ import annotations

import logging
import shutil
from pathlib import Path

import pytest

from alerter.cli.main import main
from alerter.config import load_settings
from alerter.errors import UsageError
from alerter.project import load_project

RULE = """
name: errors
type: frequency
index: logs
num_events: 1
timeframe: 1m
filter:
  - query_string: {query: "level:error"}
"""
ROUTES = """
route: {receiver: here}
receivers:
  - name: here
    console: {}
"""
EVENT = '{"@timestamp": "2026-03-10T11:00:00Z", "level": "error"}\n'
RUN = ["test-rule", "rules/team/errors.yaml", "--data", "events.ndjson"]
SWEEP = ["backtest", "rules/team/errors.yaml", "--sweep", "num_events=1,2", "--data", "events.ndjson"]


@pytest.fixture(autouse=True)
def project(alone: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in a folder with a rule, routes and an event, and without settings."""
    monkeypatch.delenv("ALERTER_DATA")
    for file, text in (("rules/team/errors.yaml", RULE), ("notifiers/routes.yaml", ROUTES), ("events.ndjson", EVENT)):
        Path(file).parent.mkdir(parents=True, exist_ok=True)
        Path(file).write_text(text)
    return alone


@pytest.mark.parametrize("arguments", [RUN, SWEEP])
def test_routes_that_are_not_asked_are_said(capsys: pytest.CaptureFixture[str], arguments: list[str]) -> None:
    """Without settings all goes to the console receiver; that ``alerter run`` has other routes is one line."""
    assert main(arguments) == 0
    captured = capsys.readouterr()
    assert "to see the routes of ./notifiers, as alerter run has them, write an alerter.yaml" in captured.err
    assert "console" in captured.out


@pytest.mark.parametrize("arguments", [RUN, SWEEP])
def test_without_routes_nothing_is_said(capsys: pytest.CaptureFixture[str], arguments: list[str]) -> None:
    """A folder with nothing but rules has nobody else to tell."""
    shutil.rmtree("notifiers")
    assert main(arguments) == 0
    assert "routes" not in capsys.readouterr().err


@pytest.mark.parametrize("text", ["", "# nothing to say\n", "---\n"])
def test_empty_settings_are_settings(capsys: pytest.CaptureFixture[str], text: str) -> None:
    """A file without a key leaves all to the defaults: the routes are those of ``./notifiers``."""
    Path("alerter.yaml").write_text(text)
    assert load_settings(None).configured
    assert main(RUN) == 0
    captured = capsys.readouterr()
    assert "-> here (here; first_match)" in captured.out
    assert "settings file" not in captured.err


@pytest.mark.parametrize("command", [RUN[:2], SWEEP[:4]])
def test_a_rule_without_its_credential_is_named(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, command: list[str]
) -> None:
    """The rule and its place are said; what may be part of a password is not."""
    own = 'es_host: other.example\nes_port: 9200\nes_username: me\nes_password: "${PASS_HUSH}"\n'
    Path("rules/team/errors.yaml").write_text(RULE + own)
    monkeypatch.delenv("PASS_HUSH", raising=False)
    assert main(command) == 2
    said = capsys.readouterr().err
    assert said.startswith("alerter: rules/team/errors.yaml:2:1: errors: es_password: ")
    assert "HUSH" not in said


def test_a_failure_has_its_column(capsys: pytest.CaptureFixture[str]) -> None:
    """A rule whose own cluster cannot be asked is named at file, line and column, as every other finding."""
    Path("rules/team/errors.yaml").write_text(RULE + "es_host: 127.0.0.1\nes_port: 1\n")
    assert main(RUN[:2]) == 2
    assert "\nrules/team/errors.yaml:2:1: error[unreachable]: errors: " in capsys.readouterr().err


def test_documents_without_a_time_have_no_span(capsys: pytest.CaptureFixture[str]) -> None:
    """No date of 1970 is shown; a span that was asked for is."""
    Path("events.ndjson").write_text('{"level": "error"}\n')
    assert main(RUN) == 0
    said = capsys.readouterr().out
    assert "  no span: no document has a time\n" in said
    assert not {"1969", "1970"} & set(said.replace("-", " ").split())
    assert main([*RUN, "--start", "2026-03-10T11:00:00Z", "--end", "2026-03-10T12:00:00Z"]) == 0
    assert "2026-03-10T12:00:00.000Z (1 h), 60 evaluations" in capsys.readouterr().out


def test_data_without_documents_are_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    """An array in one line is no document: nothing was asked, so the exit code is that of a wrong command line."""
    Path("events.ndjson").write_text('[{"a": 1}]\n')
    assert main(RUN) == 2
    assert "jq -c '.[]'" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["rule_defaults", "state_file"])
@pytest.mark.parametrize("value", ["", "5"])
def test_one_path_is_asked_for(name: str, value: str) -> None:
    """A key that takes one path does not offer a list."""
    Path("alerter.yaml").write_text(f"{name}: {value}\n")
    with pytest.raises(UsageError) as refused:
        load_settings(None)
    assert f"{name}: a path\n" in refused.value.message


def test_one_rule_and_one_file(caplog: pytest.LogCaptureFixture) -> None:
    """Numbers have their noun also where they are one."""
    Path("rules/team/bad.yaml").write_text("name: bad\n")
    with caplog.at_level(logging.INFO, "alerter.project"):
        load_project(load_settings(None)).log()
    assert "1 rule loaded from rules, notifiers, 1 file refused" in caplog.messages


def test_one_rule_is_migrated(capsys: pytest.CaptureFixture[str]) -> None:
    """The same in what ``alerter migrate`` counts."""
    Path("config.yaml").write_text("rules_folder: rules\n")
    assert main(["migrate", "config.yaml", "--dry-run"]) == 0
    assert "1 rule loads, 0 are refused" in capsys.readouterr().out
