"""``alerter test-rule`` on files: contract section 6, field by field."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from alerter.cli.main import main
from alerter.cli.test_rule import _exit_code

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
    assert main(arguments) == 2
    captured = capsys.readouterr()
    assert says in captured.err
    assert captured.out == ""


@pytest.mark.parametrize("arguments", [["rule.yaml", "--days", "3"], ["--days=3", "rule.yaml"]])
def test_an_option_of_elastalert_is_answered_with_ours(
    capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    """The usage is that of the command, and the hint says how its spans are written; nothing new is taken."""
    with pytest.raises(SystemExit) as ended:
        main(["test-rule", *arguments])
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert said.startswith("usage: alerter test-rule ")
    assert "unrecognized arguments: --days" in said
    assert "hint: a span begins with --start: --start -3d" in said


def test_what_is_wrong_with_a_text_is_said_once(
    capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    """Every message of the rule would say it again."""
    rule = Path("rule.yaml")
    rule.write_text(rule.read_text() + 'alert_text: "{kubernetes.pod_name}"\nalert_text_args: [level]\n')
    data([*events(list(range(9)), user="x"), *events(list(range(9)), user="y")])
    assert len(answer(capsys, "--data", "events.ndjson")["incidents"]) > 1
    assert sum("{kubernetes.pod_name}" in record.getMessage() for record in caplog.records) == 1


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"\x9f\x00\xfe\x01\n\xff\n", "2 of 2 lines left out as no documents; the first: d.ndjson:1: not JSON"),
        (b"", "nothing but blank lines in d.ndjson"),
        (b"\n\n", "nothing but blank lines in d.ndjson"),
        (b'[{"a": 1}]\n', "1 of 1 line left out as no documents; the first: d.ndjson:1: not a JSON object"),
        (b'{\n  "a": 1\n}\n', "3 of 3 lines left out as no documents; the first: d.ndjson:1: not JSON"),
    ],
)
def test_data_without_a_document_is_refused(capsys: pytest.CaptureFixture[str], content: bytes, why: str) -> None:
    """A pipeline must not take a rule for good because nothing could be read."""
    Path("d.ndjson").write_bytes(content)
    assert main(["test-rule", "rule.yaml", "--data", "d.ndjson", "--fail-on-match"]) == 2
    captured = capsys.readouterr()
    assert captured.err.startswith(f"alerter: --data holds no document: {why}")
    assert captured.err.endswith("  hint: one document a line: jq -c '.[]'\n")
    assert captured.out == ""


def test_a_broken_line_among_others_is_a_warning(capsys: pytest.CaptureFixture[str]) -> None:
    """What can be read is evaluated, and how much was left out is said."""
    file = Path(data(events([0, 1, 2])))
    file.write_text(file.read_text() + "{\n")
    found = answer(capsys, "--data", str(file))["warnings"]
    (warning,) = [warning for warning in found if warning["code"] == "data"]
    assert warning["message"].startswith("1 of 4 lines left out as no documents; the first: events.ndjson:4: not JSON")


def test_a_byte_order_mark_costs_no_document(capsys: pytest.CaptureFixture[str]) -> None:
    """Some editors and exports write one before the first line of a file."""
    file = Path(data(events([0, 1, 2])))
    file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes())
    found = answer(capsys, "--data", str(file))
    assert (found["source"]["events"], len(found["matches"])) == (3, 1)
    assert not any(warning["code"] == "data" for warning in found["warnings"])


def test_text_says_what_was_read_and_what_was_selected(capsys: pytest.CaptureFixture[str]) -> None:
    """A filter that selects nothing of much shows at once; one is not several."""
    file = data([*events([0]), *events([1, 2], level="info")])
    assert main(["test-rule", "rule.yaml", "--data", file]) == 0
    out = capsys.readouterr().out
    assert "answered by the embedded evaluator, 3 documents read, 1 event selected by the filter\n" in out
    assert ", 1 evaluation\n" in out


COMMAND = [sys.executable, "-m", "alerter.cli.main", "test-rule", "rule.yaml", "--data"]
ODD = [{"@timestamp": "2028-03-10T11:00:00Z", "level": "error"}]


@pytest.mark.parametrize("wrapped", [False, True])
def test_a_document_of_another_year_is_named(capsys: pytest.CaptureFixture[str], wrapped: bool) -> None:
    """One wrong time makes a long span; it is gone through all the same, as nobody else can tell what was meant."""
    lines = [*events([0, 1, 2]), *ODD]
    file = data([{"_id": f"d{n}", "_source": d} for n, d in enumerate(lines)] if wrapped else lines)
    found = answer(capsys, "--data", file)
    assert (len(found["matches"]), found["end"]) == (1, "2028-03-10T11:00:00.000Z")
    (odd,) = [warning["message"] for warning in found["warnings"] if warning["code"] == "odd_time"]
    assert odd.startswith("the documents are from 2026-03-10T11:00:00.123Z (events.ndjson:1) ")
    assert "to 2028-03-10T11:00:00.000Z (events.ndjson:4): 730 d 23 h" in odd
    named = answer(capsys, "--data", file, "--end", "2026-03-10T12:00:00Z")
    assert not [warning for warning in named["warnings"] if warning["code"] == "odd_time"]


def test_a_refused_query_is_said_once() -> None:
    """The finding at the rule's place is all there is on stderr; in a process of its own, where logs go there too."""
    Path("rule.yaml").write_text(RULE.replace("level:error", "level:(a"))
    done = subprocess.run([*COMMAND, data(events([0]))], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith("rule.yaml:2:1: error[rejected]: errors: ")


def test_what_a_failure_is() -> None:
    """A rule that is refused is a finding; a source that gave no answer, which it may give later, is none."""
    assert [_exit_code(kinds) for kinds in (["rejected"], ["unsupported", "missing"], ["too_many", "plugin"])] == [
        1
    ] * 3
    assert [_exit_code(kinds) for kinds in (["incomplete"], ["rejected", "busy"], ["bug", "busy"])] == [2, 2, 3]


def test_a_full_disk_is_no_bug() -> None:
    """One line and exit code 2; nothing is tried again when the program ends."""
    if not Path("/dev/full").exists():
        pytest.skip("no device that is always full")
    file = data(events([0]))
    with Path("/dev/full").open("w") as full:
        done = subprocess.run([*COMMAND, file], stdout=full, stderr=subprocess.PIPE, text=True, check=False)
        unheard = subprocess.run([*COMMAND, "none.ndjson"], stderr=full, check=False)
    assert (done.returncode, done.stderr) == (2, "alerter: cannot write the output: No space left on device\n")
    assert unheard.returncode == 2
