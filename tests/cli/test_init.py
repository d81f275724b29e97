"""``alerter init``: what is created, and what a missing right says."""

from __future__ import annotations

from pathlib import Path

import pytest

from alerter.cli.main import main
from tests.servers.elastic import Node


def test_the_file_is_created_once(alone: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without a cluster the state is a file; a second time there is nothing to do."""
    assert main(["init"]) == 0
    assert capsys.readouterr().out == "alerter.db created\n"
    assert (alone / "alerter.db").exists()
    assert main(["init"]) == 0
    assert "nothing to do" in capsys.readouterr().out


@pytest.mark.usefixtures("alone")
def test_the_indices_are_created_once(
    monkeypatch: pytest.MonkeyPatch, es: Node, index_prefix: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each index is said; a second time, and with --upgrade, there is nothing to do."""
    prefix = f"alerter-{index_prefix}"
    monkeypatch.setenv("ALERTER_ES_URL", es.url)
    monkeypatch.setenv("ALERTER_STATE_INDEX", prefix)
    assert main(["init"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        f"index {prefix}-{suffix} created" for suffix in ("state", "incidents", "silences", "decisions")
    ]
    mapping = es.request("GET", f"{prefix}-incidents/_mapping")[f"{prefix}-incidents"]["mappings"]
    assert (mapping["dynamic"], mapping["_meta"]) == ("strict", {"alerter_version": 1})
    assert main(["init", "--upgrade"]) == 0
    assert "nothing to do" in capsys.readouterr().out


@pytest.mark.usefixtures("alone")
def test_a_missing_right_is_named_with_the_role(
    monkeypatch: pytest.MonkeyPatch, es_secure: Node, index_prefix: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The privilege, and the role that has it as a request to send; no password in it."""
    for name, value in es_secure.environment("no_create_index").items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("ALERTER_STATE_INDEX", f"alerter-{index_prefix}")
    assert main(["init"]) == 2
    said = capsys.readouterr().err
    assert "create_index" in said
    assert "PUT _security/role/" in said
    assert es_secure.password("no_create_index") not in said


@pytest.mark.usefixtures("alone")
@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "127.0.0.1:1", "ftp://x"])
def test_a_server_that_cannot_be_reached(
    url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every command on state ends with 2, one message and a hint."""
    monkeypatch.setenv("ALERTER_ES_URL", url)
    commands = (["init"], ["status"], ["incidents"], ["silence", "list"], ["silence", "expire", "x"])
    for command in commands:
        assert main(list(command)) == 2
        said = capsys.readouterr()
        assert "hint: " in said.err
        assert "Traceback" not in said.err
        assert said.out == ""


def test_a_later_file_is_refused(alone: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What a later version wrote is left alone, and said."""
    import sqlite3

    with sqlite3.connect(alone / "alerter.db") as db:
        db.execute("PRAGMA user_version = 99")
    assert main(["init"]) == 2
    assert "later version" in capsys.readouterr().err


def test_a_file_that_is_no_database(alone: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A foreign file under that name is named, and not touched."""
    (alone / "alerter.db").write_text("not a database, certainly not one\n" * 50)
    assert main(["status"]) == 2
    assert "alerter.db" in capsys.readouterr().err
    assert (alone / "alerter.db").read_text().startswith("not a database")
