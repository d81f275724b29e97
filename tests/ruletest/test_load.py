"""Reading test files: every mistake with its place, all of them in one run."""

from __future__ import annotations

from pathlib import Path

import pytest

from alerter.ruletest.load import load_tests, test_files
from alerter.ruletest.times import clock_of, read_time
from alerter.timetext import parse_instant
from tests.ruletest.conftest import Folder

START = parse_instant("2026-03-10T10:00:00Z")


@pytest.mark.parametrize(
    ("text", "line", "column", "code", "says"),
    [
        ("tests: [{name: a, expect: {only: true}, evnts: []}]", 1, 41, "unknown_key", "evnts"),
        ("tests: [{expect: {only: true}}]", 1, 9, "missing_option", "name is missing"),
        ("tests: [{name: a}]", 1, 9, "no_expectation", "expects nothing"),
        ("tests: [{name: a, start: never, expect: {only: true}}]", 1, 26, "time", "'never' is not a time"),
        ("tests: [{name: a, end: 2025-01-01, expect: {only: true}}]", 1, 24, "end", "after the start"),
        ("tests: [{name: a, steps: [{at: 1m}]}]", 1, 27, "empty_step", "does nothing"),
        ("tests: [{name: a, expect: {messages: [{kind: fires}]}}]", 1, 46, "wrong_value", "'fires' is not one of"),
        ("tests: [{name: a, expect: {incidents: [{count: many}]}}]", 1, 48, "wrong_value", "count"),
        ("tests: [{name: a, expect: {messages: [{text: {matches: '['}}]}}]", 1, 56, "regular_expression", "matches"),
        ("tests: [{name: a, expect: {firing: true, only: true}}]", 1, 48, "only", "nothing about firing"),
        ("rule: other.yaml\ntests: [{name: a, expect: {only: true}}]", 1, 7, "no_such_file", "other.yaml"),
        ("- 1", 1, 1, "not_a_mapping", "a mapping"),
        ("tests: [", 2, 1, "yaml_syntax", ""),
        ("", 1, 1, "empty_file", ""),
    ],
)
def test_a_mistake_has_its_place(folder: Folder, text: str, line: int, column: int, code: str, says: str) -> None:
    """A file that cannot be read is an error with line, column, code and words."""
    loaded = folder.load(text)
    assert not loaded.files
    found = loaded.diagnostics[0]
    assert (found.severity, found.line, found.column, found.code) == ("error", line, column, code)
    assert says in found.message


@pytest.mark.parametrize(
    ("event", "code"),
    [
        ("{document: {a: 1}}", "missing_option"),
        ("{at: 1m, repeat: {every: 1s}}", "repeat"),
        ("{at: 1m, repeat: {every: 1s, until: 2m, count: 3}}", "repeat"),
        ("{at: 2m, repeat: {every: 1s, until: 1m}}", "repeat"),
        ("{at: 2m, repeat: {every: 1ms, until: 1h}}", "repeat"),
        ("{at: 2m, repeat: {every: soon, count: 2}}", "duration"),
        ("{file: nowhere.ndjson}", "no_such_file"),
        ("{file: resets.yaml, document: {a: 1}}", "not_with_file"),
        ("{at: 1m, set: {a: 1}}", "only_with_file"),
        ("{at: 25:00:00}", "time"),
    ],
)
def test_a_wrong_event_is_named(folder: Folder, event: str, code: str) -> None:
    """Each thing an event cannot be has a finding of its own."""
    loaded = folder.load(f"tests: [{{name: a, events: [{event}], expect: {{only: true}}}}]")
    assert code in [d.code for d in loaded.diagnostics]


def test_all_mistakes_are_found_in_one_run(folder: Folder) -> None:
    """Two wrong times and a step out of order give three findings."""
    loaded = folder.load(
        """
        tests:
          - name: a
            events: [{at: noon}, {at: midnight}]
            steps: [{at: 2m, restart: true}, {at: 1m, expect: {firing: false}}]
        """
    )
    assert [(d.line, d.code) for d in loaded.diagnostics] == [(3, "time"), (3, "time"), (4, "order")]


@pytest.mark.parametrize(
    "silence", ["{for: 1h}", "{matchers: ['domain=~\".*\"'], for: 1h}", "{matchers: [x], for: 1h}"]
)
def test_a_silence_needs_something_to_match(folder: Folder, silence: str) -> None:
    """What would silence everything, and what is no matcher, are errors."""
    loaded = folder.load(f"tests: [{{name: a, steps: [{{silence: {silence}, expect: {{firing: false}}}}]}}]")
    assert {d.code for d in loaded.diagnostics} <= {"silence", "matcher"}
    assert loaded.diagnostics


def test_files_are_found_by_their_ending_and_beside_a_rule(folder: Folder) -> None:
    """A folder gives its test files, a rule's file the tests beside it; no file is read twice."""
    tests = folder.write("resets.test.yaml", "tests: [{name: a, expect: {only: true}}]")
    folder.write("sub/other.test.yml", "rule: ../resets.yaml\ntests: [{name: a, expect: {only: true}}]")
    assert [f.name for f in test_files(folder.path)] == ["resets.test.yaml", "other.test.yml"]
    assert list(test_files(folder.rule)) == [tests]
    assert load_tests([folder.path, folder.rule, tests]).found == 2


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("10:00:45", "2026-03-10T10:00:45Z"),
        ("9:30", "2026-03-10T09:30:00Z"),
        ("10:00:45.5", "2026-03-10T10:00:45.500Z"),
        ("5m", "2026-03-10T10:05:00Z"),
        ("+1h30m", "2026-03-10T11:30:00Z"),
        ("-10m", "2026-03-10T09:50:00Z"),
        ("2026-03-11T00:00:00Z", "2026-03-11T00:00:00Z"),
        ("2026-03-10T11:00:00+01:00", "2026-03-10T10:00:00Z"),
    ],
)
def test_times_are_read_in_three_forms(text: str, instant: str) -> None:
    """A time of day belongs to the day of start; a length counts from start."""
    assert read_time(text, START) == parse_instant(instant)
    assert read_time(clock_of(parse_instant(instant), START), START) == parse_instant(instant)


def test_times_that_yaml_makes_numbers_are_read_as_written(folder: Folder) -> None:
    """YAML reads 10:00:21 as 36,021 and 10:01 as 601; the file means times of day."""
    (file,) = folder.load(
        """
        tests:
          - name: a
            start: 2026-03-10T10:00:00Z
            steps: [{at: 10:00:21, expect: {firing: false}}, {at: 10:01, expect: {firing: false}}]
        """
    ).files
    assert [step.at - START for step in file.cases[0].steps] == [21_000, 60_000]


def test_a_file_that_cannot_be_read_is_said(tmp_path: Path) -> None:
    """Bytes that are no UTF-8 are an error at their place."""
    file = tmp_path / "x.test.yaml"
    file.write_bytes(b"tests: \xff")
    assert load_tests([file]).diagnostics[0].code == "not_utf8"
