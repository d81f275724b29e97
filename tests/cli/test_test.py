"""``alerter test``: exit codes, reports, JUnit, JSON, and the shipped rules' own tests."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import textwrap
from pathlib import Path
from xml.etree.ElementTree import parse

import pytest
from jsonschema import Draft202012Validator

from alerter.cli.main import main
from alerter.ruleset.yaml_positions import read_file
from alerter.ruletest.load import test_files as files_of

ROOT = Path(__file__).parents[2]
RULE = "name: resets\ntype: frequency\nindex: logs\nnum_events: 3\ntimeframe: 1m\nrealert: 2m\n"
TESTS = """tests:
  - name: fires at the third
    start: 2026-03-10T10:00:00Z
    end: 10:05:00
    events:
      - at: 10:00:01
        repeat: {count: 3, every: 10s}
        document: {a: 1}
    expect:
      matches: [{at: 10:00:21, count: 3}]
      messages:
        - {kind: firing, receiver: RECEIVER}
        - {kind: resolved}
      only: true
"""


@pytest.fixture
def rules(alone: Path) -> Path:
    """Return a folder with a rule and a test that passes."""
    folder = alone / "rules"
    folder.mkdir()
    (folder / "resets.yaml").write_text(RULE)
    (folder / "resets.test.yaml").write_text(TESTS.replace("RECEIVER", "console"))
    return folder


def fail(rules: Path) -> None:
    """Make the test fail."""
    (rules / "resets.test.yaml").write_text(TESTS.replace("RECEIVER", "slack"))


def test_passing_tests_are_counted(rules: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without a path the rules of the settings are tested; one line says how many passed."""
    assert main(["test"]) == 0
    assert capsys.readouterr().out == "1 test: 1 passed\n"
    assert main(["test", str(rules / "resets.yaml")]) == 0


def test_a_failure_is_understood_at_once(rules: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Place, carets, difference and the time line, word for word."""
    fail(rules)
    assert main(["test", "rules"]) == 1
    assert capsys.readouterr().out == (ROOT / "tests/golden/ruletest/failure.txt").read_text()


def test_diff_shows_everything_that_happened(rules: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With --diff the list expected stands against the list that came."""
    fail(rules)
    assert main(["test", "rules", "--diff"]) == 1
    out = capsys.readouterr().out
    assert "  --- expected messages (line 10)\n  +++ happened messages (line 10)\n" in out
    assert "  -- {kind: firing, receiver: slack}\n" in out
    assert "  +- {at: 10:00:21, kind: firing, receiver: console, channel: console, reason: first_match, text:" in out


def test_diff_cuts_no_text(rules: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A message longer than a line of the short report is there to its end, in the difference and the time line."""
    fail(rules)
    long = f"{'long ' * 26}the end of it"
    rule = next(f for f in rules.rglob("*.yaml") if ".test." not in f.name and "type:" in f.read_text())
    rule.write_text(rule.read_text() + f"alert_subject: {long}\n")
    assert main(["test", "rules"]) == 1
    assert "the end of it" not in capsys.readouterr().out
    assert main(["test", "rules", "--diff"]) == 1
    assert capsys.readouterr().out.count("the end of it") >= 2


def test_json_names_every_failure(rules: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One object with counts, results with places, and the coverage when asked for."""
    fail(rules)
    assert main(["test", "rules", "--format", "json", "--coverage"]) == 1
    answer = json.loads(capsys.readouterr().out)
    assert {k: answer[k] for k in ("files", "tests", "passed", "failed", "diagnostics")} == {
        "files": 1, "tests": 1, "passed": 0, "failed": 1, "diagnostics": [],
    }  # fmt: skip
    (result,) = answer["results"]
    assert (result["name"], result["line"], result["rules"]) == ("fires at the third", 2, ["resets"])
    (failure,) = result["failures"]
    assert failure["path"] == "tests.0.expect.messages.0.receiver"
    assert (failure["line"], failure["column"]) == (12, 36)
    assert answer["coverage"]["rules"] == {"all": 1, "tested": 1}
    assert [f["code"] for f in answer["coverage"]["findings"]] == ["always_fires"]


def test_junit_is_written_beside_the_report(rules: Path) -> None:
    """A suite per file, a case per test, the report as the failure's text."""
    assert main(["test", "rules", "--junit", "ok.xml"]) == 0
    (case,) = parse("ok.xml").getroot().iter("testcase")
    assert (case.get("name"), case.get("line"), len(case)) == ("fires at the third", "2", 0)
    fail(rules)
    (rules / "bad.test.yaml").write_text("tests: 5")
    assert main(["test", "rules", "--junit", "bad.xml"]) == 1
    root = parse("bad.xml").getroot()
    assert (root.get("tests"), root.get("failures")) == ("1", "1")
    assert "what happened" in (root.find(".//failure").text or "")  # type: ignore[union-attr]
    assert "is not of type array" in root.find(".//error").get("message", "")  # type: ignore[union-attr]


def test_update_puts_a_plain_value_right(rules: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The call that updates still fails; the next one passes."""
    fail(rules)
    assert main(["test", "rules", "--update"]) == 1
    assert capsys.readouterr().err == "rules/resets.test.yaml:12:36: receiver is now console\n"
    assert main(["test", "rules"]) == 0


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["nowhere"], "nowhere does not exist"),
        (["empty"], "no tests found in empty"),
        (["rules", "--run", "("], "--run '('"),
        (["rules", "--run", "nobody"], "no test's name matches"),
        (["rules", "--junit", "nowhere/x.xml"], "cannot write"),
        (["rules", "--routes", "nowhere"], "nowhere does not exist"),
    ],
)
def test_wrong_usage_is_2(rules: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], says: str) -> None:
    """Nothing to run is no success."""
    (rules.parent / "empty").mkdir()
    assert main(["test", *arguments]) == 2
    assert says in capsys.readouterr().err


def test_a_bad_file_is_1_and_the_others_run(rules: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file that cannot be read is a finding; the tests of other files are run all the same."""
    (rules / "bad.test.yaml").write_text("tests:\n  - nmae: x\n")
    assert main(["test", "rules"]) == 1
    out = capsys.readouterr().out
    assert "rules/bad.test.yaml:2:5: error[unknown_key]: unknown key nmae" in out
    assert "hint: did you mean name?" in out
    assert out.endswith("1 test: 1 passed, 1 file cannot be read\n")


def test_the_shipped_rules_pass_their_tests(alone: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Every shipped rule has a test file, every test passes, and no threshold is seen from one side only."""
    assert main(["test", str(ROOT / "rules"), "--coverage"]) == 0
    out = capsys.readouterr().out
    found = [line.split(": ")[1] for line in out.splitlines() if ": untaken_route" not in line and ".yaml:" in line]
    assert found == []
    assert re.search(r"coverage: ([1-9]\d*) of \1 rules have a test", out)


@pytest.mark.parametrize("source", ["help", "docs"])
def test_the_documented_example_passes(rules: Path, source: str) -> None:
    """What --help and docs/rule-tests.md show is a test of a shipped rule that passes."""
    from alerter.cli.test import EXAMPLE

    if source == "help":
        text = textwrap.dedent(EXAMPLE[EXAMPLE.index("  tests:") : EXAMPLE.index("\nEvery key")])
    else:
        text = (ROOT / "docs/rule-tests.md").read_text().partition("```yaml\n")[2].partition("```")[0]
    (rules / "refund-surge.yaml").write_text((ROOT / "rules/order/refund-surge.yaml").read_text())
    (rules / "refund-surge.test.yaml").write_text(text)
    assert main(["test", "rules/refund-surge.yaml", "--routes", str(ROOT / "notifiers")]) == 0


def test_the_schema_describes_the_shipped_tests(capsys: pytest.CaptureFixture[str]) -> None:
    """``alerter schema test`` prints a valid schema, which takes every shipped test file."""
    assert main(["schema", "test"]) == 0
    schema = json.loads(capsys.readouterr().out)
    Draft202012Validator.check_schema(schema)
    for file in files_of(ROOT / "rules"):
        ((document,), _) = read_file(file)
        Draft202012Validator(schema).validate(document.value)


def test_several_processes_tell_the_same(rules: Path) -> None:
    """With ``--jobs`` results stand in file order with all that is said of a failure, as without."""
    test = TESTS.partition("\n")[2].replace("RECEIVER", "console")
    many = [test.replace("fires", f"{n} fires") for n in range(40)]
    many[7] = many[7].replace("console", "slack")
    (rules / "resets.test.yaml").write_text("tests:\n" + "".join(many))
    command = [sys.executable, "-c", "from alerter.cli.main import main; raise SystemExit(main())", "test"]
    one, two = (
        subprocess.run([*command, "--diff", "--jobs", jobs], capture_output=True, text=True, check=False)
        for jobs in ("1", "2")
    )
    assert (one.returncode, one.stderr) == (1, "")
    assert "7 fires" in one.stdout
    assert one.stdout.endswith("40 tests: 39 passed, 1 failed\n")
    assert (two.returncode, two.stdout, two.stderr) == (one.returncode, one.stdout, one.stderr)


def test_what_a_lost_process_had_to_run_is_not_said_to_have_passed() -> None:
    """A process that is ended takes its tests with it, and nothing waits for it."""
    script = (
        "import os; from alerter.ruletest.spread import passed\n"
        "print(sorted(passed(lambda n: n not in (3, 70) or n == 70 and os._exit(1), 100, 2, lambda n: None)))"
    )
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    known = set(json.loads(ran.stdout))
    assert known <= set(range(100)) - {3, 70}
    assert ran.stderr == ""
