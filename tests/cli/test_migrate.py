"""``alerter migrate``: what it prints and writes, and ElastAlert's silences taken over from a real cluster."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from elasticsearch import Elasticsearch

from alerter.cli.main import main
from alerter.clock import HOUR, SystemClock
from alerter.config import load_settings
from alerter.engine.audience import silenced_by
from alerter.model.incident import Incident
from alerter.state.open import open_state
from alerter.timetext import iso
from tests.support.client import client_of

CONFIG = "rules_folder: rules\nes_host: es\nes_password: hush\nrun_every: {minutes: 1}\nnonsense: 1\n"
MAPPING = {
    "properties": {
        "rule_name": {"type": "keyword"},
        "until": {"type": "date", "format": "date_optional_time"},
        "@timestamp": {"type": "date", "format": "date_optional_time"},
    }
}
"""As ElastAlert 2 makes the index of its silences."""


@pytest.fixture
def place(alone: Path) -> Path:
    """A folder with a configuration and two rules."""
    (alone / "rules").mkdir()
    (alone / "rules" / "r.yaml").write_text("name: r\ntype: any\nindex: logs\n", encoding="utf-8")
    (alone / "rules" / "k.yaml").write_text("name: k\ntype: any\nindex: logs\nquery_key: user\n", encoding="utf-8")
    (alone / "config.yaml").write_text(CONFIG, encoding="utf-8")
    return alone


def test_it_says_each_key_and_writes_the_files(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A line per key with its place; the files are there afterwards, and a second call changes none."""
    assert main(["migrate", "config.yaml"]) == 0
    out = capsys.readouterr().out
    assert "config.yaml:3:1: es_password [environment] ALERTER_ES_PASSWORD: " in out
    assert "config.yaml:5:1: nonsense [unknown]" in out
    assert "2 rules load, 0 are refused" in out
    assert "hush" not in out
    assert load_settings(None).rules == (place / "rules",) or load_settings(None).rules[0].resolve() == place / "rules"
    assert main(["check"]) == 0
    capsys.readouterr()
    assert main(["migrate", "config.yaml"]) == 2
    assert "already there" in capsys.readouterr().err
    assert main(["migrate", "config.yaml", "--force"]) == 0


def test_a_dry_run_shows_and_writes_nothing(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The files' texts are printed instead; JSON for programs."""
    assert main(["migrate", "config.yaml", "--dry-run"]) == 0
    assert "--- alerter.yaml" in capsys.readouterr().out
    assert main(["migrate", "config.yaml", "--dry-run", "--format", "json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [key["status"] for key in found["keys"]] == ["setting", "environment", "environment", "setting", "unknown"]
    assert (found["rules"], found["refused"], found["written"]) == (2, 0, [])
    assert found["environment"] == ["ALERTER_ES_URL", "ALERTER_ES_PASSWORD"]
    assert not (place / "alerter.yaml").exists()


@pytest.mark.parametrize("arguments", [[], ["config.yaml", "--writeback", "x"], ["gone.yaml"], ["--writeback", "x"]])
def test_wrong_usage(place: Path, arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Neither, both, a file that is not there, no cluster: exit 2 with what to do."""
    assert main(["migrate", *arguments]) == 2
    assert "hint: " in capsys.readouterr().err


@pytest.fixture
def writeback(
    place: Path, es: Any, index_prefix: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[str, Elasticsearch]]:
    """The silences of an ElastAlert, in an index as it makes it."""
    monkeypatch.setenv("ALERTER_ES_URL", es.url)
    monkeypatch.setenv("ALERTER_STATE_INDEX", f"alerter-{index_prefix}")
    (place / "alerter.yaml").write_text("rules: rules\n", encoding="utf-8")
    client = client_of(es)
    name = f"ea-{index_prefix}"
    client.indices.create(index=f"{name}_silence", mappings=MAPPING)
    now = SystemClock().now()
    for rule, until in (("r", HOUR), ("r", HOUR // 2), ("k.alice", 2 * HOUR), ("k.over", -HOUR), ("gone.x", HOUR)):
        body = {"exponent": 0, "rule_name": rule, "@timestamp": iso(now - HOUR), "until": iso(now + until)}
        client.index(index=f"{name}_silence", document=body)
    client.indices.refresh(index=f"{name}_silence")
    yield name, client
    client.indices.delete(index=f"{name}_silence")
    client.close()


@pytest.mark.es
def test_silences_are_taken_over_once(writeback: tuple[str, Elasticsearch], capsys: pytest.CaptureFixture[str]) -> None:
    """What ElastAlert keeps quiet stays quiet here; calling again changes nothing; what has no rule is named."""
    index, _ = writeback
    ask = ["migrate", "--writeback", index, "--format", "json"]

    def asked(*more: str) -> dict[str, Any]:
        assert main([*ask, *more]) == 0
        found = json.loads(capsys.readouterr().out)
        assert isinstance(found, dict)
        return found

    dry = asked("--dry-run")
    assert [one["status"] for one in dry["silences"]] == ["would be taken over"] * 2
    first = asked()
    assert [(one["rule_name"], one["status"]) for one in first["silences"]] == [
        ("k.alice", "taken over"),
        ("r", "taken over"),
    ]
    assert first["unmapped"] == [
        {"rule_name": "gone.x", "reason": "no rule that is loaded has this name and such a key"}
    ]
    again = asked()
    assert [one["status"] for one in again["silences"]] == ["there already"] * 2
    now = SystemClock().now()
    state = open_state(load_settings(None))
    silences = [stored.value for stored in state.silences(now)]
    state.close()
    quiet = Incident("i", "k", "any", (("user", "alice"),), {"rule": "k"}, now)
    assert silenced_by(quiet, silences, now) is not None
    assert silenced_by(replace(quiet, key=(("user", "bob"),)), silences, now) is None
    assert (
        silenced_by(replace(quiet, rule="r", key=None, labels={"rule": "r"}), silences, now + HOUR - 60_000) is not None
    )
    assert main(["silence", "expire", first["silences"][0]["id"]]) == 0
    capsys.readouterr()
    assert [one["status"] for one in asked()["silences"]] == ["ended by hand", "there already"]


@pytest.mark.es
def test_an_index_that_is_not_there(writeback: tuple[str, Elasticsearch], capsys: pytest.CaptureFixture[str]) -> None:
    """A wrong name is said, with where to find the right one."""
    assert main(["migrate", "--writeback", "nowhere-at-all"]) == 2
    said = capsys.readouterr().err
    assert "nowhere-at-all_silence" in said
    assert "writeback_index" in said
