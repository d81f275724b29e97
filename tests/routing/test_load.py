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
  - {name: s, slack: {channel: "#s", mention: {critical: S0123ABCD}, time_zone: UTC, on_unclear: hold}, fallback: w}
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


@pytest.mark.parametrize(
    ("written", "hint"),
    [
        ('domain=order"', 'write domain="order", or domain="order\\"" when the quote is part of the value'),
        ('domain=~order"', 'write domain=~"order", or domain=~"order\\"" when the quote is part of the value'),
        ('domain=or"der', 'write domain="or\\"der"'),
        ('domain="or"der"', 'write domain="or\\"der"'),
        ('domain="order\\"', 'write domain="order\\""'),
        ('domain="order', 'write domain="order"'),
    ],
)
@pytest.mark.parametrize("form", ["['{}']", "'{}'"])
def test_a_quote_inside_a_value_is_refused(tmp_path: Path, written: str, hint: str, form: str) -> None:
    """Such a matcher would never match; one text of several is no way around it."""
    tree = f"route: {{receiver: default, routes: [{{matchers: {form.format(written)}}}]}}"
    ok, findings = load(tmp_path, routes=GOOD.replace("route: {receiver: default}", tree))
    assert not ok
    column = 48 + form.startswith("[")
    assert [(f.code, f.line, f.column, f.hint) for f in findings] == [("matcher", 1, column, hint)]


def test_older_matchers_take_their_values_as_they_are(tmp_path: Path) -> None:
    """``match`` and ``match_re`` have no notation of their own: quotes and backslashes are the value's."""
    tree = """route: {receiver: default, routes: [{match: {a: 'x"y\\z'}, match_re: {b: '"\\d+"'}}]}"""
    (tmp_path / "routes.yaml").write_text(GOOD.replace("route: {receiver: default}", tree), encoding="utf-8")
    routing, findings = load_routing([tmp_path])
    assert (routing is not None, findings) == (True, [])
    assert routing is not None
    assert routing.root.routes[0].matches({"a": 'x"y\\z', "b": '"12"'})


def test_a_wrong_older_matcher_is_named_with_its_place(tmp_path: Path) -> None:
    """The caret stands at the value and not at the whole mapping."""
    tree = "route: {receiver: default, routes: [{match_re: {a: x, b: '('}}]}"
    _, findings = load(tmp_path, routes=GOOD.replace("route: {receiver: default}", tree))
    assert [(f.code, f.line, f.column) for f in findings] == [("matcher", 1, 58)]


@pytest.mark.parametrize("who", ["U012AB3CD", "W012AB3CD", "S0123ABCD", "USLACKBOT", "here", "channel", "", '""'])
def test_who_can_be_mentioned(tmp_path: Path, who: str) -> None:
    """People, user groups, all of a channel, and nobody."""
    slack = f'slack: {{channel: "#a", mention: {{critical: {who}}}}}'
    assert load(tmp_path, routes=GOOD.replace("console: {}", slack)) == (True, [])


@pytest.mark.parametrize(
    ("who", "hint"),
    [
        ('"@bob"', "a person is"),
        ("bob", "a person is"),
        ("SRE", "a person is"),
        ("SECURITY", "a person is"),
        ("everyone", "a person is"),
        ("u012ab3cd", "a person is"),
        ("[U012AB3CD]", "a person is"),
        ('"@here"', "write here; a person is"),
        ('"<@U012AB3CD>"', "write U012AB3CD; a person is"),
        ('"<!subteam^S0123ABCD>"', "write S0123ABCD; a person is"),
    ],
)
def test_only_slack_ids_are_mentioned(tmp_path: Path, who: str, hint: str) -> None:
    """A name would be shown as it is written, and tell nobody."""
    slack = f'slack: {{channel: "#a", mention: {{critical: {who}}}}}'
    ok, findings = load(tmp_path, routes=GOOD.replace("console: {}", slack))
    assert not ok
    assert [(f.code, f.line, f.column) for f in findings] == [("wrong_value", 4, 48)]
    assert findings[0].hint.startswith(hint)


def test_an_unknown_severity_is_named_with_its_key(tmp_path: Path) -> None:
    """And does not hide what is wrong beside it."""
    slack = 'slack: {channel: "#a", mention: {critcal: S0123ABCD, info: bob}}'
    _, findings = load(tmp_path, routes=GOOD.replace("console: {}", slack))
    assert [(f.column, f.message, f.hint[:21]) for f in findings] == [
        (38, "mention: unknown severity critcal", "did you mean critical"),
        (64, "mention: bob is no Slack id", "a person is U... or W"),
    ]


BROKEN = """
route: {receiver: a, routes: [{receiver: other, mute_time_intervals: [night]}]}
receivers:
  - {name: a, slack: {}, fallback: nobody}
  - {name: a, console: {}, fallback: noone}
time_intervals:
  - {name: night, time_intervals: [{hours: 1}]}
"""


def test_all_findings_at_once_and_none_that_only_follows(tmp_path: Path) -> None:
    """A receiver or an interval with a mistake is there all the same: for routes, fallbacks and others of its name."""
    ok, findings = load(tmp_path, routes=BROKEN)
    assert not ok
    assert sorted((f.line, f.code) for f in findings) == [
        (2, "unknown_receiver"),
        (4, "missing_option"),
        (4, "unknown_receiver"),
        (5, "duplicate_name"),
        (5, "unknown_receiver"),
        (7, "time_interval"),
    ]
    assert {f.message for f in findings if f.code == "unknown_receiver"} == {
        "receiver other does not exist",
        "the fallback nobody of a does not exist",
        "the fallback noone of a does not exist",
    }


@pytest.mark.parametrize(
    ("routes", "others", "code"),
    [
        ("route: {receiver: a", "receivers: [{name: a, console: {}}]", "yaml_syntax"),
        ("route: {receiver: a}", "receivers: [{name: a", "yaml_syntax"),
        ("route: {receiver: a}", "receivers: {name: a, console: {}}", "wrong_value"),
        ("route: {receiver: a}", "receivers: [a]", "wrong_value"),
        ("route: {receiver: a}", "receivers: [{console: {}}]", "missing_option"),
    ],
)
def test_nothing_is_missed_while_a_part_cannot_be_read(tmp_path: Path, routes: str, others: str, code: str) -> None:
    """The route or the receiver may well be there."""
    ok, findings = load(tmp_path, routes=routes, others=others)
    assert (ok, [f.code for f in findings]) == (False, [code])


def test_without_a_tree_the_fallbacks_are_looked_at(tmp_path: Path) -> None:
    """And with two of them both trees."""
    _, findings = load(tmp_path, a="receivers: [{name: a, console: {}, fallback: a}]")
    assert [f.code for f in findings] == ["no_route", "fallback_cycle"]
    _, findings = load(tmp_path, b="route: {receiver: b}", c="route: {receiver: c}")
    assert sorted(f.code for f in findings) == [
        "fallback_cycle",
        "second_route",
        "unknown_receiver",
        "unknown_receiver",
    ]


@pytest.mark.parametrize(
    ("kind", "hint"),
    [
        ("pagerduty", "use an apprise receiver: {url_env: NAME} with a pagerduty:// URL"),
        ("opsgenie_configs", "use an apprise receiver: {url_env: NAME} with an opsgenie:// URL"),
        ("email", "use an apprise receiver: {url_env: NAME} with a mailtos:// URL"),
        ("teams", "use an apprise receiver: {url_env: NAME} with the webhook's URL"),
        ("telegram", "use an apprise receiver: {url_env: NAME} with a tgram:// URL"),
        ("webhook_configs", "did you mean webhook?"),
        ("slak", "did you mean slack?"),
    ],
)
def test_a_service_that_is_no_kind_has_a_way_out(tmp_path: Path, kind: str, hint: str) -> None:
    """It is one error: that the receiver has no kind follows from it."""
    _, findings = load(tmp_path, routes=GOOD.replace("console: {}", f"{kind}: {{}}"))
    assert [(f.code, f.line, f.column, f.hint) for f in findings] == [("unknown_key", 4, 5, hint)]


def test_a_key_that_means_nothing_does_not_hide_the_missing_kind(tmp_path: Path) -> None:
    """Nor are the options of one kind hidden by another."""
    for key in ("colour", "fallbck"):
        _, findings = load(tmp_path, routes=GOOD.replace("console: {}", f"{key}: red"))
        assert [f.code for f in findings] == ["unknown_key", "receiver_kind"]
    _, findings = load(tmp_path, routes=GOOD.replace("console: {}", "slack: {}\n    webhook: {}"))
    assert [f.code for f in findings] == ["receiver_kind", "missing_option", "missing_option"]
