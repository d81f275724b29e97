"""``alerter backtest`` on files: golden text and JSON, exit codes, every wrong use said."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from alerter.backtest.sweep import OPTIONS
from alerter.cli.main import main
from alerter.demo.stream import documents
from alerter.shipped import shipped_dir

GOLDEN = Path(__file__).parent.parent / "golden" / "backtest"
SWEEP = ["--sweep", "num_events=5,20,60,90", "--sweep", "timeframe=1m,2m"]
REGOLD = "REGOLD" in os.environ
KNOWN = """
- {from: 2026-03-10T11:04:00Z, to: 2026-03-10T11:11:00Z, name: refunds}
"""


@pytest.fixture(autouse=True)
def folder(alone: Path) -> Path:
    """Work in a folder with a shipped rule, the demonstration's logs and a labelled time."""
    shutil.copy(shipped_dir() / "rules/order/refund-surge.yaml", "rule.yaml")
    Path("logs.ndjson").write_text("".join(json.dumps(d) + "\n" for d in documents()))
    Path("known.yaml").write_text(KNOWN)
    return alone


def ran(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> str:
    assert main(["backtest", "rule.yaml", "--data", "logs.ndjson", *arguments]) == code
    captured = capsys.readouterr()
    assert captured.err == ""
    return captured.out


def golden(name: str, text: str) -> None:
    """Compare with the golden file, or write it (REGOLD=1)."""
    if REGOLD:
        (GOLDEN / name).write_text(text)
    assert text == (GOLDEN / name).read_text()


def test_table(capsys: pytest.CaptureFixture[str]) -> None:
    """Every setting in a row, the rule as it is written first, messages by channel and hour, what was missed."""
    golden("table.txt", ran(capsys, *SWEEP, "--expect", "known.yaml"))


def test_the_page_is_true(capsys: pytest.CaptureFixture[str]) -> None:
    """The table of docs/backtest.md is what its command prints over the demonstration's stream, row by row."""
    page = (Path(__file__).parents[2] / "docs/backtest.md").read_text()
    start, end = page.index("       num_events"), page.index("    * as the file says")
    shown = [line[4:].strip() for line in page[start:end].splitlines() if line]
    sweep = ["--sweep", "num_events=20,40,60", "--sweep", "timeframe=1m,2m"]
    out = ran(capsys, *sweep, "--expect", "known.yaml")
    assert " ".join(sweep) in page
    assert KNOWN.strip() in page
    printed = [line.strip() for line in out.splitlines()]
    at = printed.index(shown[0])
    assert printed[at : at + len(shown)] == shown


def test_json(capsys: pytest.CaptureFixture[str]) -> None:
    """The same for programs, in one line."""
    out = ran(capsys, "--sweep", "num_events=20,90", "--expect", "known.yaml", "--format", "json")
    assert out.count("\n") == 1
    golden("answer.json", json.dumps(json.loads(out), indent=1) + "\n")


def test_without_labels_nothing_is_suggested(capsys: pytest.CaptureFixture[str]) -> None:
    """Without --expect the table has no such columns, and says why nothing is suggested."""
    out = ran(capsys, *SWEEP)
    assert "caught" not in out
    assert "nothing is suggested without labelled times (--expect FILE)" in out


def test_no_setting_catches_all_is_a_finding(capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 1, with the setting that catches most."""
    Path("known.yaml").write_text(KNOWN + "- {from: 2026-03-10T11:20:00Z, to: 2026-03-10T11:20:01Z}\n")
    assert "catches most: 1 of 2" in ran(capsys, "--sweep", "num_events=20,60", "--expect", "known.yaml", code=1)


def test_the_setting_of_the_file_is_not_tried_twice(capsys: pytest.CaptureFixture[str]) -> None:
    """Where the sweep holds what the file says, that row is marked and no other is added."""
    answer = json.loads(ran(capsys, "--sweep", "num_events=40,50", "--format", "json"))
    assert [(s["setting"], s["written"]) for s in answer["settings"]] == [
        ({"num_events": 40}, True),
        ({"num_events": 50}, False),
    ]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--sweep", "filter=a"], "a rule of type frequency cannot sweep filter"),
        (["--sweep", "num_event=5"], "did you mean num_events"),
        (["--sweep", "num_events"], "has no values"),
        (["--sweep", "num_events=5,,6"], "has no values"),
        (["--sweep", "num_events=0"], "--sweep num_events=0: "),
        (["--sweep", "num_events=many"], "--sweep num_events=many: "),
        (["--sweep", "timeframe=5"], "--sweep timeframe=5: "),
        (["--sweep", "num_events=[", "--sweep", "timeframe=1m"], "'[' is not a value"),
        (["--sweep", "num_events=5", "--sweep", "num_events=6"], "is there twice"),
        (["--sweep", "timeframe=1m,60s"], "timeframe=1m and timeframe=60s are the same rule"),
        (["--sweep", "num_events=" + ",".join(map(str, range(1, 600)))], "599 combinations are too many"),
        (["--sweep", "num_events=2026-13-45"], "'2026-13-45' is not a value"),
        (["--sweep", "num_events=5", "--rule", "nothing"], "there is no rule nothing"),
        (["--sweep", "num_events=5", "--expect", "none.yaml"], "none.yaml"),
        (["--sweep", "num_events=5", "--early", "soon"], "--early"),
    ],
)
def test_wrong_use_says_what_to_do(capsys: pytest.CaptureFixture[str], arguments: list[str], says: str) -> None:
    """Exit code 2, one message, nothing on stdout."""
    assert main(["backtest", "rule.yaml", "--data", "logs.ndjson", *arguments]) == 2
    captured = capsys.readouterr()
    assert says in captured.err
    assert captured.out == ""


def test_the_rule_that_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    """One message, exit code 2."""
    assert main(["backtest", "none.yaml", "--data", "logs.ndjson", "--sweep", "num_events=5"]) == 2
    assert capsys.readouterr().err == "alerter: none.yaml does not exist\n  hint: name rule files or folders\n"


def test_data_without_a_document(capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing that could be wrong with the rule shows in it, so it is refused."""
    Path("logs.ndjson").write_text(json.dumps(list(documents())))
    assert main(["backtest", "rule.yaml", "--data", "logs.ndjson", "--sweep", "num_events=5"]) == 2
    captured = capsys.readouterr()
    assert "logs.ndjson:1: not a JSON object\n  hint: one document a line: jq -c '.[]'" in captured.err
    assert captured.out == ""


def test_values_of_a_program_are_numbers(capsys: pytest.CaptureFixture[str]) -> None:
    """JSON has numbers as numbers, lengths as they are written, and null where the file says nothing."""
    out = ran(capsys, "--sweep", "num_events=1,20", "--sweep", "resolve_after=5m", "--format", "json")
    settings = [one["setting"] for one in json.loads(out)["settings"]]
    assert settings[:2] == [
        {"num_events": 40, "resolve_after": None},
        {"num_events": 1, "resolve_after": "5m"},
    ]


def test_one_is_not_several(capsys: pytest.CaptureFixture[str]) -> None:
    """One setting, one event."""
    lines = Path("logs.ndjson").read_text().splitlines()
    Path("logs.ndjson").write_text(next(line for line in lines if "for refund" in line))
    assert "  1 setting over 1 event\n" in ran(capsys, "--sweep", "num_events=40")


def test_a_file_of_several_rules_needs_a_name(capsys: pytest.CaptureFixture[str]) -> None:
    """--rule names one; its own document is changed, not its neighbour's."""
    text = Path("rule.yaml").read_text()
    Path("rule.yaml").write_text(f"{text}\n---\n{text.replace('refund-surge', 'second').replace('40', '30')}")
    assert main(["backtest", "rule.yaml", "--data", "logs.ndjson", "--sweep", "timeframe=1m"]) == 2
    assert "name one with --rule: refund-surge, second" in capsys.readouterr().err
    answer = json.loads(ran(capsys, "--rule", "second", "--sweep", "num_events=30", "--format", "json"))
    assert [s["written"] for s in answer["settings"]] == [True]


def test_picture(capsys: pytest.CaptureFixture[str]) -> None:
    """--plot draws a lane for each setting."""
    arguments = ["--sweep", "num_events=20,90", "--expect", "known.yaml", "--plot", "a.svg"]
    assert main(["backtest", "rule.yaml", "--data", "logs.ndjson", *arguments]) == 0
    assert capsys.readouterr().err == "drawn into a.svg\n"
    assert "&gt;* num_events=40" in Path("a.svg").read_text()


@pytest.mark.parametrize("kind", sorted(OPTIONS))
def test_every_type_can_be_swept(kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Each option of each type is read as in the rule's file, and gives what a dry run of such a rule gives."""
    values = {"spike_type": "up", "alert_on_new_data": "true", "forget_keys": "true"}
    assert main(["new", kind, "new.yaml"]) == 0
    text = Path("new.yaml").read_text().replace('query: "', 'query: "*:* OR ').replace("duration_ms", "n")
    Path("new.yaml").write_text(text)
    lines = [json.loads(line) | {"n": n % 50} for n, line in enumerate(Path("logs.ndjson").read_text().splitlines())]
    Path("logs.ndjson").write_text("".join(json.dumps(d) + "\n" for d in lines))
    length = {"timeframe": "3m", "run_every": "30s", "known_keys_for": "2h"}
    capsys.readouterr()
    for option in OPTIONS[kind]:
        value = values.get(option) or length.get(option, "2" if option.startswith("min_") else "7")
        arguments = ["--data", "logs.ndjson", "--format", "json"]
        assert main(["backtest", "new.yaml", "--sweep", f"{option}={value}", *arguments]) == 0, option
        swept = json.loads(capsys.readouterr().out)["settings"][-1]
        kept = "\n".join(line for line in text.splitlines() if not line.startswith(f"{option}:"))
        Path("by-hand.yaml").write_text(f"{kept}\n{option}: {value}\n")
        assert main(["test-rule", "by-hand.yaml", *arguments]) == 0
        alone = json.loads(capsys.readouterr().out)
        assert (swept["matches"], swept["incidents"]) == (len(alone["matches"]), len(alone["incidents"])), option
