"""What lints find is said in one line where rules are run: at the start of the service and after a dry run."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from alerter.cli.main import main
from alerter.config import load_settings
from alerter.ruleset.checking import lint_note
from alerter.ruleset.load import load_rules
from alerter.runner import Runner

ODD = """name: odd
type: frequency
index: logs
num_events: 5
timeframe: {minutes: 1}
realert: {seconds: 10}
filter: [{query_string: {query: "message: *fail or level: x"}}]
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder with one odd rule."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "odd.yaml").write_text(ODD)
    (tmp_path / "data.ndjson").write_text('{"@timestamp": "2026-03-10T11:00:00Z", "message": "x"}\n')
    return tmp_path


def test_a_line_counts_and_names_the_first(folder: Path) -> None:
    """How many, the first with its place, and the command that lists all; nothing where there is nothing."""
    note = lint_note([Path("odd.yaml")], load_settings(None))
    assert note.startswith("3 findings of what is likely not meant, the first: odd.yaml:")
    assert note.endswith("; all: alerter check odd.yaml")
    assert "default_route_only" not in note
    (folder / "fine.yaml").write_text(ODD.replace("*fail or level: x", "x").replace("seconds: 10", "minutes: 10"))
    assert lint_note([Path("fine.yaml")], load_settings(None)) == ""


def test_a_dry_run_says_it_on_stderr(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Beside the answer, which stays what programs read."""
    assert main(["test-rule", "odd.yaml", "--data", "data.ndjson", "--format", "json"]) == 0
    said = capsys.readouterr()
    assert said.err.startswith("alerter: 3 findings of what is likely not meant")
    assert said.out.count("\n") == 1
    assert "likely" not in said.out


def test_what_was_loaded_is_not_read_again(folder: Path) -> None:
    """The line speaks of the rules as they were loaded, whatever the file holds by now."""
    (folder / "notifiers").mkdir()
    (folder / "notifiers" / "n.yaml").write_text("route: {receiver: c}\nreceivers: [{name: c, console: {}}]\n")
    (folder / "alerter.yaml").write_text("rules: odd.yaml\nnotifiers: notifiers\n")
    settings = load_settings(None)
    loaded, before = load_rules(settings.rules, settings), lint_note((), settings)
    (folder / "odd.yaml").write_text(ODD.replace("*fail", "fail"))
    assert lint_note((), settings, loaded) == before != lint_note((), settings)


def test_the_service_says_it_once(
    folder: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a warning; a lint that fails is an error in the log and stops nothing."""
    (folder / "notifiers").mkdir()
    (folder / "notifiers" / "n.yaml").write_text("route: {receiver: c}\nreceivers: [{name: c, console: {}}]\n")
    (folder / "alerter.yaml").write_text("rules: odd.yaml\nnotifiers: notifiers\ndata: [data.ndjson]\n")
    runner = Runner(load_settings(None), once=False)
    with caplog.at_level(logging.WARNING):
        runner._say_lints()
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert "of what is likely not meant" in record.message
    caplog.clear()
    monkeypatch.setattr("alerter.ruleset.checking.check", lambda *_, **__: 1 / 0)
    runner._say_lints()
    assert [r.levelno for r in caplog.records] == [logging.ERROR]
