"""Routing files: all findings with file, line and column; nothing ignored silently."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from alerter.routing.intervals import parse_interval
from alerter.routing.load import load_routing
from alerter.ruleset.diagnostics import Diagnostic

GOOD = "route: {receiver: default}\nreceivers:\n  - name: default\n    console: {}\n"


def load(folder: Path, **files: str) -> tuple[bool, list[Diagnostic]]:
    """Write files (``__`` in a name is a folder) and load them; tells whether there is a routing."""
    for name, text in files.items():
        file = folder / f"{name.replace('__', '/')}.yaml"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    routing, findings = load_routing([folder])
    return routing is not None, findings


def test_files_are_merged(tmp_path: Path) -> None:
    """The tree may lie in one file, receivers in another, and an app manifest is none of our business."""
    ok, findings = load(
        tmp_path,
        routes="route: {receiver: default}",
        slack__receivers="receivers: [{name: default, console: {}}]",
        slack__manifest="display_information: {name: alerter}\nsettings: {}",
    )
    assert ok
    assert findings == []


@pytest.mark.parametrize(
    ("text", "code", "line", "column"),
    [
        (GOOD + "rout: {}\n", "unknown_key", 5, 1),
        (GOOD.replace("receiver: default}", "receiver: default, recever: x}"), "unknown_key", 1, 28),
        (GOOD.replace("{receiver: default}", "{receiver: other}"), "unknown_receiver", 1, 19),
        (GOOD.replace("default}", 'default, matchers: [a="b"]}'), "root_route", 1, 38),
        (GOOD.replace("default}", "default, group_by: domain}"), "wrong_value", 1, 38),
        (GOOD.replace("default}", "default, group_by: [a, a]}"), "wrong_value", 1, 42),
        (GOOD.replace("default}", "default, group_by: ['...', a]}"), "wrong_value", 1, 38),
        (GOOD.replace("default}", "default, group_wait: soon}"), "duration", 1, 40),
        (GOOD.replace("default}", "default, group_interval: 0s}"), "duration", 1, 44),
        (GOOD.replace("default}", "default, repeat_interval: soon}"), "duration", 1, 45),
        (GOOD.replace("default}", "default, routes: [{mute_time_intervals: [x]}]}"), "unknown_interval", 1, 59),
        (GOOD.replace("default}", "default, routes: [{matchers: [order]}]}"), "matcher", 1, 49),
        (GOOD.replace("console: {}", "console: {colour: red}"), "unknown_key", 4, 15),
        (GOOD.replace("console: {}", "slack: {}"), "missing_option", 4, 12),
        (GOOD.replace("console: {}", "webhook: {}"), "missing_option", 4, 14),
        (GOOD.replace("console: {}", "pager: {}"), "unknown_key", 4, 5),
        (GOOD + "    fallback: nobody\n", "unknown_receiver", 3, 11),
        (GOOD + "    fallback: default\n", "fallback_cycle", 3, 11),
        ("receivers: [{name: default, console: {}}]", "no_route", 1, 1),
    ],
)
def test_errors_name_their_place(tmp_path: Path, text: str, code: str, line: int, column: int) -> None:
    """Each mistake is one error at the very characters."""
    _, findings = load(tmp_path, routes=text)
    found = [(f.code, f.line, f.column) for f in findings if f.severity == "error"]
    assert (code, line, column) in found


def test_two_trees_are_an_error(tmp_path: Path) -> None:
    """There is exactly one tree; the second is named with the place of the first."""
    ok, findings = load(tmp_path, a=GOOD, b="route: {receiver: default}")
    assert not ok
    assert [f.code for f in findings] == ["second_route"]


def test_credentials_in_a_file_are_a_warning_that_does_not_show_them(tmp_path: Path) -> None:
    """A URL that may hold a secret is named by place; the message and hint do not repeat it."""
    text = "route: {receiver: w}\nreceivers: [{name: w, webhook: {url: 'https://user:hunter2@example.org/x'}}]"
    ok, findings = load(tmp_path, routes=text)
    assert ok
    assert [f.code for f in findings] == ["inline_secret"]
    assert "hunter2" not in findings[0].message + findings[0].hint


@pytest.mark.parametrize(
    "written",
    [
        {"times": [{"start_time": "17:00", "end_time": "09:00"}]},
        {"times": [{"start_time": "25:00", "end_time": "26:00"}]},
        {"weekdays": ["friday:monday"]},
        {"weekdays": ["someday"]},
        {"days_of_month": ["0"]},
        {"months": ["13"]},
        {"location": "Mars/Olympus"},
        {"hours": []},
    ],
)
def test_wrong_intervals_are_refused(written: dict[str, object]) -> None:
    """An interval that cannot be meant is an error with what is wrong."""
    with pytest.raises(ValueError, match=r".+"):
        parse_interval(written)


def test_days_from_the_end_of_the_month() -> None:
    """-1 is the last day, also of February."""
    last = parse_interval({"days_of_month": ["-1"]})
    assert last.contains(1_772_236_800_000)  # 2026-02-28
    assert not last.contains(1_772_150_400_000)


WHOLE = """
route:
  receiver: default
  repeat_interval: 4h
  routes:
    - {receiver: s, matchers: [a="b"], match: {c: d}, continue: true, mute_time_intervals: [n], storm: off}
receivers:
  - {name: default, console: {}}
  - {name: s, slack: {channel: "#s", mention: {critical: S1}, time_zone: UTC, on_unclear: hold}, fallback: default}
  - {name: w, webhook: {url_env: W}}
time_intervals:
  - name: n
    time_intervals: [{times: [{start_time: "01:00", end_time: "02:00"}], weekdays: [monday], location: UTC}]
inhibit_rules:
  - {source_matchers: [a="b"], target_matchers: [c="d"], equal: [e], name: x}
"""


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the paths of everything in a document."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(p for key, below in inside for p in places(below, (*path, key)))]


def test_a_storm_lasts_at_least_a_second(tmp_path: Path) -> None:
    """A shorter one would put everything into digests."""
    (tmp_path / "routes.yaml").write_text(WHOLE.replace("storm: off", "storm: 0s"), encoding="utf-8")
    routing, findings = load_routing([tmp_path])
    assert routing is None
    (found,) = [f for f in findings if f.severity == "error"]
    assert (found.message, found.line) == ("storm: at least 1 s", 6)
    (tmp_path / "routes.yaml").write_text(WHOLE.replace("storm: off", "storm: 1s"), encoding="utf-8")
    assert load_routing([tmp_path])[0] is not None


@pytest.mark.parametrize("odd", [None, 5, "x", [], [[]], {}, {"q": 1}, True, -1.5])
def test_any_value_anywhere_is_a_finding_never_a_crash(tmp_path: Path, odd: Any) -> None:
    """Whatever stands in the wrong place, loading ends with findings."""
    for path in places(yaml.safe_load(WHOLE)):
        document = yaml.safe_load(WHOLE)
        if not path:
            document = odd
        else:
            holder = document
            for step in path[:-1]:
                holder = holder[step]
            holder[path[-1]] = odd
        try:
            load(tmp_path, routes=yaml.safe_dump(document))
        except Exception as error:
            pytest.fail(f"{path} = {odd!r}: {error!r}")


def test_continue_is_a_truth_value(tmp_path: Path) -> None:
    """A quoted false is not taken for true."""
    tree = 'route: {receiver: default, routes: [{matchers: [a="b"], continue: "false"}]}'
    ok, findings = load(tmp_path, routes=GOOD.replace("route: {receiver: default}", tree))
    assert not ok
    assert [f.code for f in findings] == ["wrong_value"]
