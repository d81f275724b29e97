"""``alerter query``: one answer a line, errors as objects."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from alerter.cli.main import main


def _run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, list[dict[str, object]], str]:
    code = main(["query", *arguments])
    out, err = capsys.readouterr()
    return code, [json.loads(line) for line in out.splitlines()], err


@pytest.fixture
def data(tmp_path: Path) -> str:
    path = tmp_path / "data.ndjson"
    path.write_text('{"level": "error", "code": "7"}\n{"level": "info", "code": "10", "@timestamp": "2026-03-10"}\n')
    return str(path)


def test_bodies(tmp_path: Path, data: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Answers come in order; what is refused or rejected or no JSON is an object in its place."""
    bodies = tmp_path / "bodies.ndjson"
    lines = [
        '{"query": {"kql": "level: error"}}',
        '{"query": {"nested": {}}}',
        '{"query": {"x": {}}}',
        "{",
        '{"size": 0}',
    ]
    bodies.write_text("\n".join(lines) + "\n")
    code, answers, _ = _run(capsys, "--data", data, "--bodies", str(bodies))
    assert code == 0
    types = [a["error"]["type"] if "error" in a else a["hits"]["total"]["value"] for a in answers]  # type: ignore[index]
    assert types == [1, "unsupported_query", "parsing_exception", "parsing_exception", 2]


def test_mapping_and_now(tmp_path: Path, data: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Explicit properties decide types, and --now says what now means."""
    mapping, body = tmp_path / "mapping.json", tmp_path / "body.json"
    mapping.write_text('{"properties": {"code": {"type": "integer"}}}')
    filters = [{"range": {"code": {"gte": 9}}}, {"range": {"@timestamp": {"gte": "now/d"}}}]
    body.write_text(json.dumps({"query": {"bool": {"filter": filters}}}))
    arguments = ["--data", data, "--mapping", str(mapping), "--body", str(body)]
    _, (answer,), _ = _run(capsys, *arguments, "--now", "2026-03-10T12:00:00Z")
    assert answer["hits"]["total"]["value"] == 1  # type: ignore[index]
    _, (refused,), _ = _run(capsys, *arguments)
    assert refused["error"]["type"] == "unsupported_query"  # type: ignore[index]


def test_usage_errors(tmp_path: Path, data: str, capsys: pytest.CaptureFixture[str]) -> None:
    """An unreadable file or a wrong time is exit code 2 with a sentence that names it."""
    good, bad = tmp_path / "body.json", tmp_path / "bad.json"
    good.write_text("{}")
    bad.write_text("{")
    for arguments, said in (
        (["--data", "none.ndjson", "--body", str(good)], "none.ndjson"),
        (["--data", data, "--body", str(bad)], "not JSON"),
        (["--data", data, "--body", "none.json"], "none.json"),
        (["--data", data, "--body", str(good), "--mapping", str(bad)], "not JSON"),
        (["--data", data, "--body", str(good), "--now", "noon"], "--now"),
    ):
        code, answers, err = _run(capsys, *arguments)
        assert (code, answers) == (2, [])
        assert said in err
        assert "Traceback" not in err
