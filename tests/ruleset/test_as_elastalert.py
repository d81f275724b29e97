"""Values in a form that ElastAlert takes: they mean here what they mean there, and what may not be meant is said."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from alerter.config import Settings
from alerter.model.rule import Rule, TimeKind, ValueList
from alerter.ruleset.load import LoadedRules, load_rules

BASE = "type: any\nindex: i\n"


def load(folder: Path, text: str) -> LoadedRules:
    (folder / "a.yaml").write_text(text, encoding="utf-8")
    return load_rules([folder], Settings())


def one(folder: Path, text: str) -> Rule:
    loaded = load(folder, text)
    assert [d.message for d in loaded.diagnostics if d.severity == "error"] == []
    return loaded.rules[0]


@pytest.mark.parametrize(
    ("written", "on", "said"),
    [
        ("false", False, ""),
        ("no", False, ""),
        ("", False, "is_enabled is empty: the rule is left out"),
        ("0", False, "is_enabled is 0: the rule is left out"),
        ("true", True, ""),
        ('"false"', True, "is_enabled is the text 'false': the rule is on"),
    ],
)
def test_what_turns_a_rule_off(tmp_path: Path, written: str, on: bool, said: str) -> None:
    """As there: what is empty does, a text does not."""
    loaded = load(tmp_path, f"{BASE}is_enabled: {written}\n")
    assert (len(loaded.rules), loaded.refused, loaded.unread) == (int(on), (), 0)
    assert [d.severity for d in loaded.diagnostics] == (["warning"] if said else [])
    assert all(d.message.startswith(said) and d.line == 3 for d in loaded.diagnostics)


def test_built_in_types_by_the_path_of_their_class(tmp_path: Path) -> None:
    """They are the built-in types."""
    rule = one(tmp_path, "type: elastalert.ruletypes.FrequencyRule\nindex: i\nnum_events: 5\ntimeframe: 5m\n")
    assert rule.type == "frequency"


def test_the_kind_of_time_in_any_letters_and_its_default_format(tmp_path: Path) -> None:
    """``custom`` without a format is ElastAlert's default."""
    assert one(tmp_path, f"{BASE}timestamp_type: ' Unix_MS'\n").time.kind is TimeKind.UNIX_MS
    time = one(tmp_path, f"{BASE}timestamp_type: custom\n").time
    assert (time.kind, time.format) == (TimeKind.CUSTOM, "%Y-%m-%dT%H:%M:%SZ")


def test_a_list_of_one_compared_field(tmp_path: Path) -> None:
    """It is that field; several are refused."""
    rule = one(tmp_path, "type: blacklist\nindex: i\ncompare_key: [a]\nblacklist: [x]\n")
    assert isinstance(rule.condition, ValueList)
    assert rule.condition.compare_key == "a"
    loaded = load(tmp_path, "type: blacklist\nindex: i\ncompare_key: [a, b]\nblacklist: [x]\n")
    assert [d.line for d in loaded.diagnostics] == [3]


def test_the_enhancement_that_elastalert_brings_changes_nothing(tmp_path: Path) -> None:
    """Times are shown in the receiver's zone anyway."""
    loaded = load(tmp_path, f"{BASE}match_enhancements: [elastalert.enhancements.TimeEnhancement]\n")
    assert loaded.rules[0].enhancements == ()
    assert [(d.severity, d.line, d.column) for d in loaded.diagnostics] == [("info", 3, 22)]


@pytest.mark.parametrize(("written", "text"), [("5", "5"), ("", ""), ("2024-01-01", "2024-01-01"), ("yes", "True")])
def test_descriptions_of_any_plain_value(tmp_path: Path, written: str, text: str) -> None:
    """A description is only shown."""
    assert one(tmp_path, f"{BASE}description: {written}\n").description == text


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("type: frequency\nnum_events: '5'\ntimeframe: 5m\n", "leave out the quotes"),
        ("type: any\nuse_strftime_index: 'true'\n", "leave out the quotes"),
        ("type: any\nuse_strftime_index: 'perhaps'\n", ""),
        ("type: any\nindex: [a, b]\n", "a name or a pattern; several are joined by commas"),
        ("type: any\nname: 2024\n", "a text: quote a number, a date, yes and no"),
        ("type: any\nfilter: 'level: error'\n", "a list of clauses, like - query_string: {query: 'level: error'}"),
        ("type: any\nowner:\n", "write a value, or remove it"),
    ],
)
def test_what_neither_takes_is_refused_with_what_to_do(tmp_path: Path, text: str, hint: str) -> None:
    """The hint fits the mistake."""
    found: Any = [d for d in load(tmp_path, text).diagnostics if d.severity == "error"]
    assert [(d.line, d.hint) for d in found] == [(2, hint)]


def test_a_text_may_be_another_option_of_the_rule(tmp_path: Path) -> None:
    """``$owner$`` alone is the option; one that holds a credential, or that is not there, stays as it is written."""
    text = "owner: ops\nalert_subject: $owner$\nalert_text: $es_password$\nes_password: hush\n"
    alert = one(tmp_path, BASE + text).texts.alert
    assert (alert.subject.source, alert.text.source) == ("ops", "$es_password$")
    alert = one(tmp_path, f"{BASE}alert_subject: $priority$\nalert_text: $nothing$\n").texts.alert
    assert (alert.subject.source, alert.text.source) == ("2", "$nothing$")


def test_silences_that_rules_share_are_refused(tmp_path: Path) -> None:
    """A ``realert_key`` of a rule's own changes nothing; one that another rule has, also by its name, is named."""
    text = "---\n".join(
        f"{BASE}name: {name}\nrealert_key: {key}\n" for name, key in (("a", "alone"), ("b", "both"), ("c", "both"))
    )
    loaded = load(tmp_path, f"{text}---\n{BASE}name: d\nrealert_key: e\n---\n{BASE}name: e\n")
    assert [rule.name for rule in loaded.rules] == ["a", "e"]
    assert len(loaded.documents) == 2
    assert len(loaded.refused) == 3
    said = [(d.line, d.message.partition(":")[0]) for d in loaded.diagnostics if d.severity == "error"]
    assert said == [
        (9, "realert_key 'both' is that of the rule c as well"),
        (14, "realert_key 'both' is that of the rule b as well"),
        (19, "realert_key 'e' is that of the rule e as well"),
    ]


def test_options_without_a_value_are_not_written(tmp_path: Path) -> None:
    """Where ElastAlert takes them so."""
    assert one(tmp_path, f"{BASE}limit_execution:\nsearch_extra_index:\nattach_related:\n").schedule.cron is None
