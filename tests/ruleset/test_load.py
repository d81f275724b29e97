"""Loading rules: defaults, names, folders, whatever stands in the files."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from alerter.clock import MINUTE
from alerter.config import Settings
from alerter.model.rule import Frequency, FromEvent, ValueList
from alerter.ruleset.load import load_rules
from alerter.ruleset.options import SUPPORTED, TYPES

RULE = "type: frequency\nindex: logs\nnum_events: 5\ntimeframe: {minutes: 5}\n"
WORDS = ["field", "map", "default", "split", "every", "cron", "timezone", "minutes", "title", "fields", "query", "kql"]
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


def test_names_of_the_alerters_own_incidents_are_refused(tmp_path: Path) -> None:
    """Incidents of the watch could not be told from those of such a rule; the error stands at the name."""
    write(tmp_path, "a.yaml", "index: logs\nname: 'alerter: an engine is gone'\n" + RULE.replace("index: logs\n", ""))
    loaded = load_rules([tmp_path], Settings())
    assert loaded.rules == ()
    (found,) = loaded.diagnostics
    assert (found.severity, found.code, found.line, found.column) == ("error", "reserved_name", 2, 7)
    write(tmp_path, "a.yaml", "name: alerter is fine\n" + RULE)
    assert len(load_rules([tmp_path], Settings()).rules) == 1


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


def test_list_file_is_read_line_by_line(tmp_path: Path) -> None:
    """``!file`` gives one value per line, trailing blanks stripped; /regex/ entries are patterns; 5 stays a number."""
    write(tmp_path, "bad.txt", "one \ntwo\n")
    write(tmp_path, "a.yaml", "type: blacklist\ncompare_key: ip\nblacklist: ['!file bad.txt', 5, '/10[.].*/']\n")
    (rule,) = load_rules([tmp_path], Settings()).rules
    assert rule.condition == ValueList("ip", ("one", "two", 5), True, patterns=("10[.].*",))


def test_key_is_a_tuple_however_it_is_written(tmp_path: Path) -> None:
    """A text, a list of one and a list are the same kind of key; an empty list is none."""
    keys = {"a": "x", "b": "[x]", "c": "[x, y]", "d": "[]", "e": "null"}
    for name, written in keys.items():
        write(tmp_path, f"{name}.yaml", f"{RULE}query_key: {written}\n")
    assert [r.query_key for r in load_rules([tmp_path], Settings()).rules] == [("x",), ("x",), ("x", "y"), (), ()]


def test_cron_with_a_time_zone(tmp_path: Path) -> None:
    """A cron schedule keeps its zone; priority and category become labels."""
    text = RULE + "schedule: {cron: '*/5 8-18 * * 1-5', timezone: Europe/Berlin}\npriority: 1\ncategory: shop\n"
    write(tmp_path, "a.yaml", text)
    (rule,) = load_rules([tmp_path], Settings()).rules
    assert (rule.schedule.cron, rule.schedule.timezone) == ("*/5 8-18 * * 1-5", "Europe/Berlin")
    assert rule.labels == {"priority": "1", "category": "shop"}


def test_number_written_as_text_is_a_warning(tmp_path: Path) -> None:
    """A length whose number is quoted counts, with a warning; units add up; fractions count."""
    write(tmp_path, "a.yaml", "type: frequency\nindex: logs\nnum_events: 1\ntimeframe: {minutes: '1.5', seconds: 30}\n")
    loaded = load_rules([tmp_path], Settings())
    assert loaded.rules[0].timeframe == 2 * MINUTE
    assert [d.code for d in loaded.diagnostics] == ["number_as_text"]


def test_date_in_a_filter_stays_text(tmp_path: Path) -> None:
    """YAML's dates are text again, as the search request is JSON."""
    write(tmp_path, "a.yaml", RULE + "filter: [{range: {born: {gt: 2026-03-10}}}]\n")
    (rule,) = load_rules([tmp_path], Settings()).rules
    assert rule.filter == ({"range": {"born": {"gt": "2026-03-10"}}},)


def test_strict_makes_unknown_options_errors(tmp_path: Path) -> None:
    """An unknown option is a warning that names the nearest one; with strict the rule does not load."""
    write(tmp_path, "a.yaml", RULE + "num_event: 5\n")
    lenient, strict = load_rules([tmp_path], Settings()), load_rules([tmp_path], Settings(), strict=True)
    assert (len(lenient.rules), len(strict.rules)) == (1, 0)
    assert [(d.severity, d.hint) for d in lenient.diagnostics] == [("warning", "did you mean num_events?")]
    assert [d.severity for d in strict.diagnostics] == ["error"]


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 10**12) | st.floats() | st.text(max_size=8) | st.just("{{ x"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=3),
    max_leaves=6,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(type_=st.sampled_from(TYPES), options=st.dictionaries(st.sampled_from(sorted(SUPPORTED)), ANYTHING, max_size=8))
def test_any_value_of_any_option_is_a_rule_or_a_finding(tmp_path: Path, type_: str, options: dict[str, Any]) -> None:
    """Whatever stands behind an option, the rule loads or is named with an error."""
    enough = {"num_events": 1, "timeframe": "5m", "threshold": 1, "compare_key": "a", "ignore_null": True}
    enough |= {"blacklist": ["x"], "whitelist": ["x"], "spike_height": 3, "spike_type": "up"}
    write(tmp_path, "a.yaml", yaml.safe_dump({**enough, **options, "type": type_, "is_enabled": True}))
    loaded = load_rules([tmp_path], Settings())
    assert bool(loaded.rules) != any(d.severity == "error" for d in loaded.diagnostics)


def test_index_with_dates(tmp_path: Path) -> None:
    """With use_strftime_index the name is made of the span's days; the written one is what routes see."""
    text = RULE.replace("index: logs", "index: logs-%Y.%m.%d\nuse_strftime_index: true\nsearch_extra_index: true")
    write(tmp_path, "a.yaml", text)
    loaded = load_rules([tmp_path], Settings())
    (rule,) = loaded.rules
    assert (rule.index, loaded.diagnostics) == ("logs-%Y.%m.%d", ())
    assert rule.indices(1_773_140_400_000, 1_773_140_400_001) == "logs-2026.03.09,logs-2026.03.10"
    write(tmp_path, "a.yaml", text.replace("%Y.%m.%d", "*"))
    (plain,) = load_rules([tmp_path], Settings()).rules
    assert (plain.dated, plain.indices(0, 1), plain.everywhere) == (None, "logs-*", "logs-*")
    assert plain.meaning() != rule.meaning()


def test_dotted_lengths_are_refused(tmp_path: Path) -> None:
    """ElastAlert ignores them in silence; the error stands at the option and says how it is written."""
    write(tmp_path, "a.yaml", RULE + "buffer_time.minutes: 5\n")
    loaded = load_rules([tmp_path], Settings())
    assert [(d.severity, d.line, d.column) for d in loaded.diagnostics] == [("error", 5, 1)]
    assert loaded.diagnostics[0].hint.startswith("write buffer_time: {minutes: 5}")
