"""``alerter test-rule`` on files: contract section 6, field by field."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from alerter.cli.main import main

RULE = """
name: errors
type: frequency
index: logs
num_events: 3
timeframe: 1m
realert: 1m
query_key: user.name
filter:
  - query_string: {query: "level:error"}
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Run in an empty folder, without any settings."""
    monkeypatch.chdir(tmp_path)
    for name in ("ALERTER_ES_URL", "ALERTER_NOTIFIERS", "ALERTER_RULES", "ALERTER_CONFIG"):
        monkeypatch.delenv(name, raising=False)
    Path("rule.yaml").write_text(RULE)
    return tmp_path


def events(seconds: list[int], user: str = "x", level: str = "error") -> list[dict[str, Any]]:
    at = "2026-03-10T11:{:02d}:{:02d}.123Z"
    return [{"@timestamp": at.format(s // 60, s % 60), "level": level, "user": {"name": user}} for s in seconds]


def data(documents: list[dict[str, Any]], name: str = "events.ndjson") -> str:
    lines = "".join(json.dumps(d) + "\n" for d in documents)
    if name.endswith(".gz"):
        Path(name).write_bytes(gzip.compress(lines.encode()))
    else:
        Path(name).write_text(lines)
    return name


def answer(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> dict[str, Any]:
    assert main(["test-rule", "rule.yaml", *arguments, "--format", "json"]) == code
    out = capsys.readouterr().out
    assert out.count("\n") == 1
    return dict(json.loads(out))


def test_json_has_everything(capsys: pytest.CaptureFixture[str]) -> None:
    """Span, source, matches, incidents with messages, decisions, warnings: as the contract writes them."""
    found = answer(capsys, "--data", data([*events([0, 10, 20, 30, 200]), *events([210], level="info")]))
    assert (found["rule"], found["type"]) == ("errors", "frequency")
    assert (found["start"], found["end"]) == ("2026-03-10T11:00:00.122Z", "2026-03-10T11:04:00.000Z")
    assert found["evaluations"] == 4
    assert found["source"] == {"kind": "embedded", "events": 6, "requests": 0}
    assert found["matches"] == [{"at": "2026-03-10T11:00:20.123Z", "key": {"user.name": "x"}, "count": 3}]
    (incident,) = found["incidents"]
    assert (incident["opened"], incident["resolved"]) == ("2026-03-10T11:00:20.123Z", "2026-03-10T11:01:30.123Z")
    assert (incident["matches"], incident["peak"]) == (1, 4)
    assert [(m["kind"], m["receiver"], m["reason"]) for m in incident["messages"]] == [
        ("firing", "console", "first_match"),
        ("resolved", "console", "condition_over"),
    ]
    assert "x" in incident["messages"][0]["text"]


def test_suppressed_runs_are_folded(capsys: pytest.CaptureFixture[str]) -> None:
    """Matches inside realert are one decision with their number and the end of the silence."""
    found = answer(capsys, "--data", data(events(list(range(12)))))
    suppressed = [d for d in found["decisions"] if d["outcome"] == "suppressed"]
    assert [(d["reason"], d["count"], d["until"]) for d in suppressed] == [("realert", 7, "2026-03-10T11:01:02.123Z")]


def test_wrapped_lines_gzip_and_several_files(capsys: pytest.CaptureFixture[str]) -> None:
    """Lines may be wrapped in _source, files packed, and several files are one set of documents."""
    wrapped = [{"_index": "other", "_id": str(n), "_source": d} for n, d in enumerate(events([0, 1]))]
    found = answer(capsys, "--data", data(wrapped, "a.ndjson.gz"), data(events([2]), "b.ndjson"))
    assert len(found["matches"]) == 1


def test_missing_key_is_its_own_group(capsys: pytest.CaptureFixture[str]) -> None:
    """Events without the key field are grouped under null."""
    nameless = [{k: v for k, v in d.items() if k != "user"} for d in events([0, 1, 2])]
    found = answer(capsys, "--data", data([*events([3]), *nameless]))
    assert [m["key"] for m in found["matches"]] == [{"user.name": None}]


def test_span_is_half_open(capsys: pytest.CaptureFixture[str]) -> None:
    """--start is exclusive and --end inclusive; windows reach back before the start."""
    file = data(events([0, 10, 20]))
    inside = answer(capsys, "--data", file, "--start", "2026-03-10T11:00:15Z", "--end", "2026-03-10T11:00:20.123Z")
    assert len(inside["matches"]) == 1
    before = answer(capsys, "--data", file, "--start", "2026-03-10T11:00:20.123Z", "--end", "2026-03-10T11:05:00Z")
    assert before["matches"] == []


def test_fail_on_match_is_exit_code_1(capsys: pytest.CaptureFixture[str]) -> None:
    """With --fail-on-match a match is a finding."""
    file = data(events([0, 1, 2]))
    assert answer(capsys, "--data", file, "--fail-on-match", code=1)["matches"]


def test_redacted_key_keeps_incidents_apart(capsys: pytest.CaptureFixture[str]) -> None:
    """A secret in the key is shown as a stable hash, everywhere."""
    Path("rule.yaml").write_text(RULE.replace("user.name", "api_key"))
    documents = [{**d, "api_key": key} for key in ("s3cret-1", "s3cret-2") for d in events([0, 1, 2])]
    found = answer(capsys, "--data", data(documents))
    assert "s3cret" not in json.dumps(found)
    keys = {m["key"]["api_key"] for m in found["matches"]}
    assert len(keys) == 2
    assert all(k.startswith("redacted:") for k in keys)


@pytest.mark.parametrize("hostile", ["a\nincident forged", "\x1b[2J\x1b]0;t\x07", "\u202eevil\u2066", "\x9b31m\u2028"])
def test_text_shows_no_control_characters(capsys: pytest.CaptureFixture[str], hostile: str) -> None:
    """Keys, messages, decisions and labels of events cannot move the cursor, forge a line or turn the text around."""
    Path("rule.yaml").write_text(RULE + "domain: {field: team, split: false}\n")
    documents = [{**d, "team": hostile} for d in events([*range(9), 800, 801, 802], user=hostile)]
    assert main(["test-rule", "rule.yaml", "--data", data(documents)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert all(line.isprintable() for line in lines)
    assert sum(line.startswith("  incident ") for line in lines) == 2
    assert not any(line.startswith("incident") for line in lines)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["test-rule", "rule.yaml"], "ALERTER_ES_URL"),
        (["test-rule", "none.yaml", "--data", "events.ndjson"], "none.yaml"),
        (["test-rule", "rule.yaml", "--data", "none.ndjson"], "none.ndjson"),
        (["test-rule", "rule.yaml", "--data", "events.ndjson", "--start", "soon"], "--start"),
    ],
)
def test_wrong_usage_says_what_to_do(capsys: pytest.CaptureFixture[str], arguments: list[str], says: str) -> None:
    """Wrong usage: one message on stderr that names the thing, no answer, not exit code 0."""
    data(events([0]))
    assert main(arguments) in (1, 2)
    captured = capsys.readouterr()
    assert says in captured.err
    assert captured.out == ""
