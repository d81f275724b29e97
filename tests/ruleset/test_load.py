"""Loading rules: defaults, names, folders, whatever stands in the files."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerter.clock import HOUR, MINUTE
from alerter.config import Settings, load_settings
from alerter.errors import UsageError
from alerter.model.rule import Frequency, FromEvent
from alerter.ruleset.load import load_rules
from alerter.ruleset.yaml_positions import read_text

RULE = "type: frequency\nindex: logs\nnum_events: 5\ntimeframe: {minutes: 5}\n"
SHARED = Path(os.environ.get("ALERTER_SHARED", Path(__file__).parents[3] / "shared"))


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def test_defaults_are_filled_in(tmp_path: Path) -> None:
    """Without a name the file's stem, without a domain the first folder, one minute of realert."""
    write(tmp_path, "order/deep/storm.yaml", RULE)
    (rule,) = load_rules([tmp_path], Settings()).rules
    assert (rule.name, rule.domain, rule.severity) == ("storm", "order", "warning")
    assert rule.condition == Frequency(5, 5 * MINUTE)
    assert (rule.realert.length, rule.realert.written, rule.schedule.every) == (MINUTE, False, MINUTE)


def test_second_name_gets_its_file_as_suffix(tmp_path: Path) -> None:
    """Two rules of one name both load; the second is told apart, with a warning."""
    write(tmp_path, "a.yaml", "name: same\n" + RULE)
    write(tmp_path, "b.yaml", "name: same\n" + RULE)
    loaded = load_rules([tmp_path], Settings())
    assert [r.name for r in loaded.rules] == ["same", "same (b)"]
    assert [d.code for d in loaded.diagnostics] == ["duplicate_name"]


def test_disabled_rules_and_rule_tests_are_left_out(tmp_path: Path) -> None:
    """is_enabled: false leaves a rule out; NAME.test.yaml is never a rule."""
    write(tmp_path, "off.yaml", "is_enabled: false\n" + RULE)
    write(tmp_path, "on.test.yaml", "tests: []\n")
    assert load_rules([tmp_path], Settings()) == load_rules([tmp_path], Settings())
    assert load_rules([tmp_path], Settings()).rules == ()


def test_bad_rule_never_stops_the_others(tmp_path: Path) -> None:
    """All problems of all files come in one run; good rules load."""
    write(tmp_path, "a.yaml", "name: [\n")
    write(tmp_path, "b.yaml", RULE)
    write(tmp_path, "c.yaml", "type: nonsense\n")
    loaded = load_rules([tmp_path], Settings())
    assert [r.name for r in loaded.rules] == ["b"]
    assert [d.file.rpartition("/")[2] for d in loaded.diagnostics] == ["a.yaml", "c.yaml"]


def test_legacy_query_wrapper_is_removed(tmp_path: Path) -> None:
    """filter items wrapped in query:, once or more, or a list in it, are the clauses inside."""
    text = "filter:\n- query: {query_string: {query: 'a:b'}}\n- query: {query: [{term: {c: d}}, {term: {e: f}}]}\n"
    write(tmp_path, "a.yaml", RULE + text)
    (rule,) = load_rules([tmp_path], Settings()).rules
    assert list(rule.filter) == [{"query_string": {"query": "a:b"}}, {"term": {"c": "d"}}, {"term": {"e": "f"}}]


def test_attribute_from_the_event(tmp_path: Path) -> None:
    """domain may be taken from the event, with a map and a default."""
    write(tmp_path, "a.yaml", RULE + "domain: {field: kafka.key, map: {User: user}, default: other}\n")
    (rule,) = load_rules([tmp_path], Settings()).rules
    assert rule.domain == FromEvent("kafka.key", {"User": "user"}, "other", True)
    assert [rule.domain.value(v) for v in ("User", "x", None)] == ["user", "other", "other"]


def test_several_documents_in_one_file(tmp_path: Path) -> None:
    """A file may hold several rules."""
    write(tmp_path, "a.yaml", f"name: one\n{RULE}---\nname: two\n{RULE}")
    assert [r.name for r in load_rules([tmp_path], Settings()).rules] == ["one", "two"]


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"a: \x00", b"&a [" + b"*a," * 5, b"x" * (5 * 1024 * 1024)])
def test_hostile_files_are_findings(tmp_path: Path, content: bytes) -> None:
    """Not UTF-8, NUL, broken aliases, five megabytes: a finding, no exception."""
    (tmp_path / "a.yaml").write_bytes(content)
    loaded = load_rules([tmp_path], Settings())
    assert loaded.rules == ()
    assert loaded.diagnostics


def test_billion_laughs_are_refused() -> None:
    """Aliases that multiply are refused before they fill the memory."""
    lines = ["a0: &a0 [x,x,x,x,x,x,x,x,x,x]"]
    lines += [f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    documents, findings = read_text("\n".join(lines), "laughs.yaml")
    assert documents == []
    assert [f.code for f in findings] == ["too_large"]


@given(st.text(max_size=200))
def test_any_text_is_read_without_an_exception(text: str) -> None:
    """Whatever a file holds, there are documents or findings."""
    documents, findings = read_text(text, "any.yaml")
    assert documents or findings


@pytest.mark.skipif(not (SHARED / "wild-rules").is_dir(), reason="no wild-rules folder beside the repository")
def test_wild_rules_load_or_say_why() -> None:
    """Every public rule file gives rules or a finding with a place."""
    folder = SHARED / "wild-rules"
    loaded = load_rules([folder], Settings())
    files = {r.position.file for r in loaded.rules} | {d.file for d in loaded.diagnostics}
    expected = {str(f) for f in folder.rglob("*") if f.suffix in (".yaml", ".yml") and f.is_file()}
    assert expected <= files
    assert all(d.line >= 1 and d.column >= 1 for d in loaded.diagnostics)
    assert len(loaded.rules) > 55


def test_settings_from_file_and_environment(tmp_path: Path) -> None:
    """The environment wins over the file; paths are relative to the file; secrets are not shown."""
    file = write(tmp_path, "alerter.yaml", "rules: r\nnotifiers: n\nrun_every: 30s\nretention: {incidents: 1h}\n")
    secret = write(tmp_path, "secret", "s3cret\n")
    environ = {
        "ALERTER_RUN_EVERY": "10s",
        "ALERTER_ES_URL": "http://a, http://b",
        "ALERTER_ES_PASSWORD_FILE": str(secret),
    }
    settings = load_settings(str(file), environ)
    assert settings.rules == (tmp_path / "r",)
    assert (settings.run_every, settings.retention.incidents) == (10_000, HOUR)
    assert settings.es.urls == ("http://a", "http://b")
    assert settings.es.password.reveal() == "s3cret"
    assert "s3cret" not in repr(settings)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("ruls: x\n", "alerter.yaml:1:1"),
        ("run_every: soon\n", "alerter.yaml:1:12"),
        ("- a\n", "settings are a mapping"),
        ("http_port: 99999\n", "http_port"),
    ],
)
def test_bad_settings_name_the_place(tmp_path: Path, text: str, says: str) -> None:
    """Wrong settings are an error with file, line and column, and nothing runs."""
    file = write(tmp_path, "alerter.yaml", text)
    with pytest.raises(UsageError) as wrong:
        load_settings(str(file), {})
    assert says in wrong.value.message
