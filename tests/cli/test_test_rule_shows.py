"""What ``alerter test-rule`` shows: chart, cost, warnings, messages, requests, pictures; golden where it is text."""

from __future__ import annotations

import json
import os
import shutil
import sys
from io import BytesIO, TextIOWrapper
from pathlib import Path
from typing import Any

import pytest

from alerter.cli.main import main
from alerter.demo.stream import documents
from alerter.shipped import shipped_dir

GOLDEN = Path(__file__).parent.parent / "golden" / "test_rule"
REGOLD = "REGOLD" in os.environ


@pytest.fixture(autouse=True)
def folder(alone: Path) -> Path:
    """Work in a folder with shipped rules and the demonstration's logs."""
    for name in ("refund-surge", "order-silent"):
        shutil.copy(shipped_dir() / f"rules/order/{name}.yaml", ".")
    Path("logs.ndjson").write_text("".join(json.dumps(d) + "\n" for d in documents()))
    return alone


def ran(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> str:
    assert main(["test-rule", *arguments]) == code
    return capsys.readouterr().out


def golden(name: str, text: str) -> None:
    """Compare with the golden file, or write it (REGOLD=1)."""
    if REGOLD:
        (GOLDEN / name).write_text(text)
    assert text == (GOLDEN / name).read_text()


def test_text_with_chart_cost_and_messages(capsys: pytest.CaptureFixture[str]) -> None:
    """The whole answer for people, with each message as Slack shows it."""
    golden("refund-surge.txt", ran(capsys, "refund-surge.yaml", "--data", "logs.ndjson", "--show-messages"))


ELASTALERT = """
name: failed payments
type: frequency
index: logs
num_events: 3
timeframe: {minutes: 5}
filter: [{term: {level: error}}]
alert_subject: "{0} failed payments on {1}"
alert_subject_args: [num_hits, host]
alert_text: "the last one took {0:.1f} s: {1}"
alert_text_args: [took, said]
alert_text_type: exclude_fields
top_count_keys: [user]
attach_related: true
summary_table_fields: [code, {path: user, header: Who}]
"""


def test_texts_of_elastalert_as_slack_shows_them(capsys: pytest.CaptureFixture[str]) -> None:
    """Subject, text, most frequent values, related events and the table, with what is logged as text."""
    stamped = [{"@timestamp": f"2026-03-10T11:00:0{n}Z", "level": "error", "host": "web-1"} for n in range(3)]
    events = [
        {**e, "user": f"u{n % 2}", "code": 500, "took": 1.25, "said": "<!channel> {0}"} for n, e in enumerate(stamped)
    ]
    Path("d.ndjson").write_text("".join(json.dumps(event) + "\n" for event in events))
    Path("texts.yaml").write_text(ELASTALERT)
    golden("elastalert-texts.txt", ran(capsys, "texts.yaml", "--data", "d.ndjson", "--show-messages"))


def test_several_rules_end_with_a_sum(capsys: pytest.CaptureFixture[str]) -> None:
    """A folder's rules one after the other, and the sum of all as the last line."""
    out = ran(capsys, ".", "--data", "logs.ndjson")
    assert out.splitlines()[-1] == "2 rules: 1 matched, 1 incident, 5 messages"
    assert out.count("cost: ") == 2


def test_standard_input_is_data(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """``--data -`` reads NDJSON from standard input, for all rules."""
    monkeypatch.setattr(sys, "stdin", TextIOWrapper(BytesIO(Path("logs.ndjson").read_bytes())))
    assert ran(capsys, ".", "--data", "-").splitlines()[-1] == "2 rules: 1 matched, 1 incident, 5 messages"


def answer(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    out = ran(capsys, "refund-surge.yaml", "--format", "json", *arguments)
    assert out.count("\n") == 1
    return dict(json.loads(out))


def test_json_has_the_cost(capsys: pytest.CaptureFixture[str]) -> None:
    """Searches, time of the server, buckets and documents of the rule's own evaluation."""
    cost = answer(capsys, "--data", "logs.ndjson")["cost"]
    assert set(cost) == {"searches", "server_ms", "buckets", "documents"}
    assert cost["searches"] > 2
    assert cost["documents"] > 100


def test_explained_requests_can_be_sent_again(capsys: pytest.CaptureFixture[str]) -> None:
    """Each line is a curl command whose body is JSON; access is left to the reader's environment."""
    import shlex

    found = answer(capsys, "--data", "logs.ndjson", "--explain")["explain"]
    words = [shlex.split(line) for line in found]
    assert all(w[0] == "curl" and any(part.startswith("$ALERTER_ES_URL/general-logs/") for part in w) for w in words)
    bodies = [json.loads(w[w.index("-d") + 1]) for w in words if "-d" in w]
    assert len(bodies) > 3
    assert any("aggs" in body for body in bodies)
    assert all(line.isprintable() for line in found)


def test_no_secret_is_explained(capsys: pytest.CaptureFixture[str]) -> None:
    """Values of a redacted key are asked for in clear, and shown as hashes."""
    text = Path("refund-surge.yaml").read_text() + "query_key: api_key\n"
    Path("refund-surge.yaml").write_text(text.replace("num_events: 40", "num_events: 5"))
    lines = [json.dumps({**d, "api_key": f"s3cret-{n % 3}"}) for n, d in enumerate(documents())]
    Path("logs.ndjson").write_text("\n".join(lines))
    found = answer(capsys, "--data", "logs.ndjson", "--explain")
    assert found["matches"]
    assert "redacted:" in json.dumps(found["explain"])
    assert "s3cret" not in json.dumps(found)


def warned(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, dict[str, Any]]:
    return {w["code"]: w for w in answer(capsys, "--data", "logs.ndjson", *arguments)["warnings"]}


def test_a_field_that_no_document_has_is_named_at_its_place(capsys: pytest.CaptureFixture[str]) -> None:
    """A typing mistake in a filter selects nothing, and says so."""
    file = Path("refund-surge.yaml")
    file.write_text(file.read_text().replace("log_message:", "log_mesage:"))
    found = warned(capsys)["unknown_field"]
    assert "general-logs has no field log_mesage" in found["message"]
    line = file.read_text().splitlines()[found["line"] - 1]
    assert line[found["column"] - 1 :].startswith("log_mesage")


def test_a_rule_that_names_no_field_of_the_documents_is_no_all_clear(capsys: pytest.CaptureFixture[str]) -> None:
    """Each field is named when none of them is there; without a document that is what is said."""
    rule = "name: a\ntype: any\nindex: general-logs\nfilter: [{term: {levle: ERROR}}, {exists: {field: usr}}]\n"
    Path("refund-surge.yaml").write_text(rule)
    said = answer(capsys, "--data", "logs.ndjson")["warnings"]
    assert [w["message"] for w in said if w["code"] == "unknown_field"] == [
        "general-logs has no field levle",
        "general-logs has no field usr",
    ]
    Path("logs.ndjson").write_text(json.dumps({"message": "without a time"}))
    assert set(warned(capsys)) & {"unknown_field", "no_data"} == {"no_data"}


def test_data_outside_the_span_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    """A span that no document lies in is no proof of quiet."""
    found = warned(capsys, "--start", "2026-03-12T00:00:00Z", "--end", "2026-03-12T01:00:00Z")
    assert "from 2026-03-10T10:40:00.931Z to 2026-03-10T11:26:00.147Z" in found["outside"]["message"]
    assert "outside" not in warned(capsys)


def test_pictures(capsys: pytest.CaptureFixture[str]) -> None:
    """--plot writes a picture of every rule's curve; what is no picture is wrong usage before anything is asked."""
    for name in ("a.svg", "a.html", "a.png"):
        assert main(["test-rule", ".", "--data", "logs.ndjson", "--plot", name]) == 0
        assert capsys.readouterr().err == f"drawn into {name}\n"
    assert Path("a.svg").read_text().count("events in 2 min") == 2
    assert "2 rules" in Path("a.html").read_text()
    assert main(["test-rule", ".", "--data", "none.ndjson", "--plot", "a.gif"]) == 2
    assert "--plot a.gif" in capsys.readouterr().err
