"""What an index tells of a rule: on a real Elasticsearch, and from a mapping alone."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from alerter.clock import DAY, MINUTE, Millis
from alerter.config import Settings, load_settings
from alerter.lint.facts import Facts, Lag, of_mapping
from alerter.lint.gathering import SAMPLE, gather
from alerter.lint.registry import KNOWN
from alerter.ruleset.checking import Checked, check
from alerter.sources.open import open_elasticsearch
from alerter.timetext import iso
from tests.servers.elastic import Node

NOW: Millis = 1_800_000_000_000
RULES = """
name: a
type: frequency
index: {index}
num_events: 500
timeframe: 1d
buffer_time: 1m
query_key: user
filter:
  - term: {{message: Connection lost}}
  - query_string: {{query: "levle:ERROR AND host:*web"}}
  - exists: {{field: event}}
---
name: b
type: flatline
index: {index}-nothing-*
threshold: 1
timeframe: 5m
---
name: c
type: cardinality
index: {index}
cardinality_field: ok
max_cardinality: 2
timeframe: 1m
buffer_time: 1h
timestamp_field: when
---
name: d
type: any
index: {index}
buffer_time: 1h
filter: [{{range: {{size: {{gte: abc}}}}}}]
"""
PROPERTIES = {
    "@timestamp": {"type": "date"},
    "user": {"type": "text"},
    "name": {"type": "text", "fields": {"keyword": {"type": "keyword"}}},
    "level": {"type": "keyword"},
    "labels": {"type": "flattened"},
    "http": {"properties": {"status": {"type": "long"}}},
}
RULE = "type: any\nindex: logs\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an empty folder for rules, with no setting in the environment."""
    for name in [n for n in os.environ if n.startswith("ALERTER_") and n != "ALERTER_TEST_HOME"]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def mapped(folder: Path, text: str, **facts: Any) -> list[tuple[str, int, str]]:
    """Return code, line and hint of what the facts say about one rule."""
    (folder / "a.yaml").write_text(text, encoding="utf-8")
    known = Facts(of_mapping({"properties": PROPERTIES}).types, now=NOW, **facts)
    codes = {lint.id for lint in KNOWN}
    result = check([folder / "a.yaml"], Settings(), ask=lambda rules: [known for _ in rules])
    return [(d.code, d.line, d.hint) for d in result.diagnostics if d.code in codes]


def fill(node: Node, index: str) -> None:
    """Write a hundred events, one a minute; each tenth came almost seven minutes late."""
    node.request("PUT", index, {"mappings": {"properties": {"event": {"properties": {"ingested": {"type": "date"}}}}}})
    for n in range(100):
        at = NOW - n * MINUTE
        late = 400_000 if n % 10 == 0 else 10_000
        event = {"@timestamp": iso(at), "event": {"ingested": iso(at + late)}, "when": "noon", "level": "ERROR"}
        event |= {"message": "Connection lost", "user": f"u{n}", "ok": True, "size": n, "host": "web"}
        node.request("PUT", f"{index}/_doc/{n}", event)
    node.request("POST", f"{index}/_refresh")


@pytest.mark.es
def test_what_a_cluster_tells(es: Node, index_prefix: str, folder: Path) -> None:
    """Each lint that needs a cluster finds its case; a leading wildcard over a hundred documents is nothing."""
    index = f"{index_prefix}-logs"
    fill(es, index)
    (folder / "rules").mkdir()
    (folder / "rules/a.yaml").write_text(RULES.format(index=index).strip(), encoding="utf-8")
    source = open_elasticsearch(load_settings(None, es.environment()))
    result: Checked = check([folder / "rules"], Settings(), ask=lambda rules: gather(source, rules, NOW))
    found = [(d.code, d.line) for d in result.diagnostics if d.code != "untested_rule"]
    assert result.unanswered is None
    assert found == [
        ("young_index", 5),
        ("short_buffer", 6),
        ("key_on_text", 7),
        ("few_events", 8),
        ("term_on_text", 9),
        ("unknown_field", 10),
        ("unknown_index", 15),
        ("threshold_out_of_reach", 23),
        ("time_not_a_date", 26),
        ("refused_filter", 32),
    ]
    short = next(d for d in result.diagnostics if d.code == "short_buffer")
    assert short.message.startswith("10 of the newest 100 events came later than the 1 min 2 s")
    assert short.message.endswith("after 6 min 40 s")


@pytest.mark.es
def test_a_refused_clause_is_said_once(es: Node, index_prefix: str, folder: Path) -> None:
    """What the file shows needs no cluster; what only the cluster knows is said by it."""
    index = f"{index_prefix}-logs"
    es.request("PUT", index, {"mappings": {"properties": {"n": {"type": "long"}}}})
    rule = f"type: any\nindex: {index}\nfilter: "
    (folder / "a.yaml").write_text(f"name: a\n{rule}[query_string: {{query: 'a:(b'}}]\n")
    (folder / "b.yaml").write_text(f"name: b\n{rule}[term: {{n: x}}]\n")
    source = open_elasticsearch(load_settings(None, es.environment()))
    result = check([folder], Settings(), ask=lambda rules: gather(source, rules, NOW))
    said = [(Path(d.file).name, d.message[:32]) for d in result.diagnostics if d.code == "refused_filter"]
    assert said == [("a.yaml", "Elasticsearch refuses this query"), ("b.yaml", "Elasticsearch refuses the filter")]


@pytest.mark.es
def test_a_cluster_is_only_read(es: Node, index_prefix: str, folder: Path) -> None:
    """Nothing but searches and questions for fields is sent, and few of them for many rules."""
    index = f"{index_prefix}-logs"
    es.request("PUT", index)
    (folder / "a.yaml").write_text("---\n".join(f"name: r{n}\n{RULE}" for n in range(40)), encoding="utf-8")
    source = open_elasticsearch(load_settings(None, es.environment()))
    result = check([folder / "a.yaml"], Settings(), ask=lambda rules: gather(source, rules, NOW))
    assert result.rules == 40
    assert source.requests <= 3


def test_an_index_that_nobody_has(folder: Path) -> None:
    """The rest is then not asked."""
    assert (
        next(code for code, _, _ in mapped(folder, RULE + "query_key: nix", missing="no index is called logs"))
        == "unknown_index"
    )


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("filter: [{term: {http.status: 5}}, {exists: {field: http}}, {term: {labels.x: y}}]", []),
        ("filter: [{term: {_id: x}}, {query_string: {query: 'user.\\*:y'}}]", []),
        ("filter: [{query_string: {query: 'http.state:5 OR _exists_:nix'}}]", ["unknown_field", "unknown_field"]),
        ("filter: [{kql: 'http.status > 5 and levl: x'}]", ["unknown_field"]),
        ("filter: [{term: {level: ERROR}}, {match: {user: Max Meier}}, {term: {user: max}}]", []),
        ("filter: [{term: {user: Max}}]", ["term_on_text"]),
        ("filter: [{terms: {name: [max, Moritz]}}]", ["term_on_text"]),
        ("filter: [{wildcard: {user: {value: 'M*', case_insensitive: true}}}]", []),
        ("filter: [{wildcard: {user: {value: 'M*'}}}]", ["term_on_text"]),
        ("query_key: [level, http.status]", []),
        ("query_key: user", ["key_on_text"]),
        ("query_key: name", ["key_on_text"]),
        ("query_key: name.keyword", []),
        ("domain: {field: user}", ["key_on_text"]),
        ("labels: {tier: {field: gone}}", ["unknown_field"]),
        ("timestamp_field: level", ["time_not_a_date"]),
        ("timestamp_field: http.status\ntimestamp_type: unix", []),
        ("include: [message]", ["unknown_field"]),
        ("message: {title: '{{ num_hits }} of {{ count }}: {{ http.status }}'}", ["unknown_field"]),
        (
            "message: {title: '{{ event.levl }} {{ event[\"level\"] }} {{ key.nix }} {{ labels.domain }}'}",
            ["unknown_field"],
        ),
        ("message: {title: '{{ user.upper() }} {{ event.get(\"x\") }} {{ events[0].level | upper }}'}", []),
        ("message: {title: '{% for e in events %}{{ e.levl }}{% set x = 1 %}{{ x }}{% endfor %}{{ a'}", []),
    ],
)
def test_fields_of_a_mapping(folder: Path, text: str, codes: list[str]) -> None:
    """Types come from properties, sub-fields and objects; patterns and the server's own names are left alone."""
    assert [code for code, _, _ in mapped(folder, RULE + text)] == codes


def test_the_likely_field_is_named(folder: Path) -> None:
    """A misspelt name gets the one that is nearest."""
    assert mapped(folder, RULE + "filter:\n- term: {levle: x}") == [("unknown_field", 4, "did you mean level?")]


@pytest.mark.parametrize(("late", "codes"), [(SAMPLE // 100, []), (SAMPLE // 100 + 1, ["short_buffer"])])
def test_one_late_event_in_a_hundred_is_well(folder: Path, late: int, codes: list[str]) -> None:
    """More of them are missed for good."""
    lag = Lag((0,) * (SAMPLE - late) + (10 * MINUTE,) * late)
    assert [code for code, _, _ in mapped(folder, RULE, lag=lag)] == codes


@pytest.mark.parametrize(("age", "codes"), [(2 * DAY, []), (2 * DAY - 1, ["young_index"])])
def test_the_window_of_a_spike_is_twice_as_long(folder: Path, age: Millis, codes: list[str]) -> None:
    """The reference window counts too; a document exactly as old as both is enough."""
    text = "type: spike\nindex: logs\nspike_height: 3\nspike_type: up\ntimeframe: 1d\n"
    assert [code for code, _, _ in mapped(folder, text, oldest=NOW - age)] == codes


@pytest.mark.parametrize(("lately", "codes"), [(3, []), (2, ["few_events"]), (0, ["few_events"]), (None, [])])
def test_events_of_a_week(folder: Path, lately: int | None, codes: list[str]) -> None:
    """Fewer than one window needs are said; what is not known is not."""
    text = "type: frequency\nindex: logs\nnum_events: 3\ntimeframe: 5m\n"
    assert [code for code, _, _ in mapped(folder, text, lately=lately)] == codes


def test_a_mapping_as_the_server_prints_it(tmp_path: Path) -> None:
    """``{"mappings": {"properties": ...}}`` is taken as well."""
    types = of_mapping(json.loads(json.dumps({"mappings": {"properties": PROPERTIES}}))).types
    assert types["name.keyword"] == {"keyword"}
    assert types["http.status"] == {"long"}
    assert "http" not in types


@pytest.mark.es
def test_an_index_that_may_not_be_read(es_secure: Node, index_prefix: str, folder: Path) -> None:
    """It is named with the reason and the others are looked at; where nothing may be read, nobody was asked."""
    forbidden = f"forbidden-{index_prefix}"
    for name in (f"{index_prefix}-logs", forbidden):
        es_secure.request("PUT", f"{name}/_doc/1", {"@timestamp": iso(NOW), "level": "ERROR"})
    try:
        rules = [f"name: {n}\ntype: any\nindex: {n}\n" for n in (f"{index_prefix}-logs", forbidden)]
        (folder / "a.yaml").write_text("---\n".join(rules), encoding="utf-8")
        (folder / "b.yaml").write_text(rules[1], encoding="utf-8")
        source = open_elasticsearch(load_settings(None, es_secure.environment("alerter")))
        result = check([folder / "a.yaml"], Settings(), ask=lambda rules: gather(source, rules, NOW))
        found = [
            (d.code, d.line, d.message) for d in result.diagnostics if d.code in ("unknown_index", "unknown_field")
        ]
        assert [f[:2] for f in found] == [("unknown_index", 7)]
        assert found[0][2].startswith(f"{forbidden} cannot be looked at: not allowed (403)")
        result = check([folder / "b.yaml"], Settings(), ask=lambda rules: gather(source, rules, NOW))
        assert result.unanswered is not None
    finally:
        es_secure.request("DELETE", forbidden)


def test_fields_of_elastalerts_texts(folder: Path) -> None:
    """Their arguments are fields too, unless they are options of the rule or given; neither is an unknown option."""
    text = (
        "alert_text: '{0} {1} {2} {3} {4}'\nalert_text_args: [level, levle, num_hits, playbook, 'http[0].status']\n"
        "playbook: https://runbooks.example.org/x\ntop_count_keys: [level.keyword, lveel]\n"
    )
    assert [(code, line) for code, line, _ in mapped(folder, RULE + text)] == [
        ("unknown_field", 4),
        ("unknown_field", 6),
    ]
    assert [d.code for d in check([folder / "a.yaml"], Settings()).diagnostics if d.code == "unknown_option"] == []
