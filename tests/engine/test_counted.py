"""What ElastAlert's options count for a message: most frequent values, the other events, tables, gathered matches."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from alerter.clock import HOUR, MINUTE
from alerter.config import Settings
from alerter.engine.dryrun import dry_run
from alerter.engine.tables import drawn
from alerter.model.incident import Incident, Kind, Reason
from alerter.model.rule import Rule
from alerter.model.texts import NO_TEXTS, Column, Table, TableStyle
from alerter.notifiers.apprise import body_of
from alerter.notifiers.console import draw
from alerter.notifiers.slack.format import payload
from alerter.notifiers.webhook import incident_json
from alerter.ruleset.load import load_rules
from alerter.sources.elasticsearch import ElasticsearchSource
from alerter.sources.embedded import EmbeddedSource
from tests.engine.support import T0, World, documents, routing
from tests.notifiers.judge import faults, mentions
from tests.notifiers.test_slack_format import outgoing
from tests.servers.elastic import Node
from tests.support.client import client_of

FREQUENCY = "name: storm\ntype: frequency\nindex: logs\nnum_events: 3\ntimeframe: {minutes: 5}\n"
ANY = "name: each\ntype: any\nindex: logs\n"


def loaded(folder: Path, text: str) -> Rule:
    """Return the rule of a file with this text."""
    (folder / "a.yaml").write_text(text, encoding="utf-8")
    found = load_rules([folder], Settings())
    assert [d for d in found.diagnostics if d.severity != "info"] == []
    return found.rules[0]


def told(rule: Rule, events: list[dict[str, Any]], *seconds: float) -> tuple[Incident, World]:
    """Return the one incident of these events."""
    world = World(events, [rule])
    for second in (0, *seconds):
        world.tick(second)
    (stored,) = world.state.incidents()
    return stored.value, world


EVENTS = [
    *documents([1, 2, 3], host={"name": "web-1"}, code=500, user="x"),
    *documents([4, 5], host={"name": "web-2, old"}, code=404, user="y"),
    *documents([6], host={"name": "web-3"}, code=404),
]
TOP = FREQUENCY.replace("num_events: 3", "num_events: 6")


def test_top_counts_add_up_and_are_shown_everywhere(tmp_path: Path) -> None:
    """The most frequent values of the match's window, commas in values included; the rest is summed."""
    texts = "alert_text: '{0}'\nalert_text_args: [top_events_code]\n"
    options = "top_count_keys: [host.name, code]\ntop_count_number: 2\n" + texts
    incident, _ = told(loaded(tmp_path, TOP + options), EVENTS, 60)
    names, codes = incident.view.top
    assert (names.name, names.rows, names.others) == ("host.name", (("web-1", 3), ("web-2, old", 2)), 1)
    assert sum(count for _, count in codes.rows) + codes.others == incident.count == 6
    assert incident.view.summary == "{'404': 3, '500': 3}"
    message = outgoing(incident, Kind.FIRING, Reason.FIRST_MATCH)
    body = payload(message, {"channel": "#x"})
    assert faults(body) == []
    for shown in (str(body["blocks"]), "\n".join(draw(message)), body_of(message)):
        assert "web-2, old" in shown
    assert incident_json(incident)["top"]["code"] == {"values": {"404": 3, "500": 3}, "others": 0}


def test_top_counts_are_of_the_key(tmp_path: Path) -> None:
    """Each key's message counts its own events."""
    rule = loaded(tmp_path, FREQUENCY + "query_key: host.name\ntop_count_keys: [user]\nraw_count_keys: true\n")
    incident, _ = told(rule, EVENTS, 60)
    assert incident.key == (("host.name", "web-1"),)
    assert [top.rows for top in incident.view.top] == [(("x", 3),)]


def test_only_what_is_announced_is_asked_for(tmp_path: Path) -> None:
    """A quiet rule asks for nothing of it; one match asks once, whatever the number of fields."""
    rule = loaded(
        tmp_path, TOP + "top_count_keys: [host.name, code]\nattach_related: true\nsummary_table_fields: [user]\n"
    )
    asked: list[Any] = []
    world = World(EVENTS, [rule])
    search = world.source.search
    world.source.search = lambda requests: (asked.extend(requests), search(requests))[1]  # type: ignore[method-assign]
    world.tick(0)
    quiet = [r for r in asked if {"top0", "rows"} & set(r.body.get("aggs", {})) or r.body.get("size", 0) > 3]
    world.tick(60)
    later = [r for r in asked if "top0" in r.body.get("aggs", {})]
    assert quiet == []
    assert [sorted(r.body["aggs"]) for r in later] == [["top0", "top1"]]


def test_without_the_options_nothing_is_counted(tmp_path: Path) -> None:
    """No question, no warning, nothing in the message."""
    rule = loaded(tmp_path, FREQUENCY)
    assert rule.texts == NO_TEXTS
    incident, world = told(rule, EVENTS, 60)
    assert (incident.view.top, incident.view.table) == ((), "")
    assert world.tick(120).warnings == []


def test_texts_may_name_the_document(tmp_path: Path) -> None:
    """``_id`` and ``_index``, for links to it, as in ElastAlert; who does not name them does not see them."""
    events = [{"_index": "logs-1", "_id": f"id-{n}", "_source": d} for n, d in enumerate(documents([1, 2, 3]))]
    path = tmp_path / "d.ndjson"
    path.write_text("".join(json.dumps(event) + "\n" for event in events), encoding="utf-8")
    source = EmbeddedSource([path])
    text = "alert_text: '{0}/{1}'\nalert_text_args: [_index, _id]\n"
    (named,) = dry_run(loaded(tmp_path, FREQUENCY + text), source, routing(), T0, T0 + MINUTE).incidents
    (plain,) = dry_run(loaded(tmp_path, FREQUENCY), source, routing(), T0, T0 + MINUTE).incidents
    assert named.view.summary.endswith("/id-2")
    assert "id-2" not in plain.view.sample


def test_hidden_and_hostile_values(tmp_path: Path) -> None:
    """Redacted fields are hashes, Slack's markup is text, a field that is not there costs nothing."""
    events = documents([1, 2, 3], who="<!channel> *x*\n\x1b[2J", token="t0p")
    rule = loaded(tmp_path, FREQUENCY + "top_count_keys: [who, token, gone]\nsummary_table_fields: [who, token]\n")
    incident, world = told(rule, events, 60)
    assert [top.name for top in incident.view.top] == ["who", "token"]
    message = outgoing(incident, Kind.FIRING, Reason.FIRST_MATCH)
    body = payload(message, {"channel": "#x"})
    assert (faults(body), mentions(body)) == ([], [])
    assert "t0p" not in str(body)
    assert all(line.isprintable() for line in draw(message))
    assert any("gone" in text for _, text in world.tick(120).warnings)


def test_related_events_with_their_true_total(tmp_path: Path) -> None:
    """The other events of the window, up to a hundred, for texts; the message says how many there are."""
    text = "attach_related: true\nalert_text_type: alert_text_jinja\nalert_text: '{{ related_events|length }}'\n"
    incident, _ = told(
        loaded(tmp_path, FREQUENCY.replace("3", "250") + text), documents([n / 10 for n in range(1, 251)]), 60
    )
    assert incident.view.summary == "100"
    shown = loaded(tmp_path, FREQUENCY.replace("3", "250") + "attach_related: true\n")
    incident, _ = told(shown, documents([n / 10 for n in range(1, 251)]), 60)
    assert ("Related events", "249 more in the window") in incident.view.fields


ROWS = [(("web-1", "x"), 2), (("web-2", "None"), 1)]
COLUMNS = (Column("host.name", "host.name"), Column("user", "User"))


@pytest.mark.parametrize(
    ("style", "expected"),
    [
        (
            TableStyle.ASCII,
            "PRE\n+-----------+------+-------+\n| host.name | User | count |\n+===========+======+=======+\n"
            "| web-1     | x    | 2     |\n+-----------+------+-------+\n| web-2     | None | 1     |\n"
            "+-----------+------+-------+\nSUF",
        ),
        (
            TableStyle.MARKDOWN,
            "PRE\n| host.name | User | count |\n|-----|-----|-----|\n| web-1 | x | 2 |\n| web-2 | None | 1 |\nSUF",
        ),
    ],
)
def test_table_is_elastalerts(style: TableStyle, expected: str) -> None:
    """Drawn as ElastAlert 2.31.0 draws it (recorded from it)."""
    assert drawn(Table(COLUMNS, style, prefix="PRE", suffix="SUF"), ROWS) == expected


def test_html_table_is_escaped() -> None:
    """Values are text in every style."""
    rows = [(("<b>&", "a|b"), 1)]
    assert "<td>&lt;b&gt;&amp;</td><td>a|b</td><td>1</td>" in drawn(Table(COLUMNS, TableStyle.HTML), rows)
    assert "a&#124;b" in drawn(Table(COLUMNS, TableStyle.MARKDOWN), rows)


def test_rows_that_do_not_fit_are_summed() -> None:
    """Nothing is cut silently."""
    text = drawn(Table(COLUMNS, rows=1), [*ROWS, (("web-3", "y"), 1)])
    assert text.endswith("2 more rows, 2 events")
    many = [((f"web-{n}", "x"), 1) for n in range(150)]
    assert drawn(Table(COLUMNS, rows=1_000), many).endswith("50 more rows, 50 events")
    assert drawn(Table(COLUMNS), ROWS, more=True).endswith("0 more rows, 0 events, and others not counted")


def test_table_of_a_match(tmp_path: Path) -> None:
    """Counts by the columns, the most frequent first, a missing value as None; without any text but the table."""
    options = "summary_table_fields: [code, {path: user, header: who}]\nalert_text_type: aggregation_summary_only\n"
    incident, _ = told(loaded(tmp_path, TOP + options), EVENTS, 60)
    cells = [[c.strip() for c in line.split("|")[1:-1]] for line in incident.view.table.split("\n") if "|" in line]
    assert cells == [["code", "who", "count"], ["500", "x", "3"], ["404", "y", "2"], ["404", "None", "1"]]
    assert "```" in str(payload(outgoing(incident, Kind.FIRING, Reason.FIRST_MATCH), {"channel": "#x"}))


def gathered(folder: Path, aggregation: str, seconds: list[float], *ticks: float) -> World:
    """Return the world in which a rule with this aggregation saw events at these seconds."""
    world = World(documents(seconds), [loaded(folder, ANY + f"aggregation: {aggregation}\n")])
    for second in (0, *ticks):
        world.tick(second)
    return world


def test_aggregation_tells_at_most_once_in_its_period(tmp_path: Path) -> None:
    """The first match at once, then a repeat for all that came in ten minutes; every match is counted."""
    seconds = [60 * n + 1.0 for n in range(25)]
    world = gathered(tmp_path, "{minutes: 10}", seconds, *range(60, 1560, 60))
    assert [(kind, at) for kind, _, at in world.told()] == [("firing", 1), ("repeat", 601), ("repeat", 1201)]
    (stored,) = world.state.incidents()
    assert (stored.value.matches, stored.value.suppressed) == (25, 0)


def test_aggregation_by_cron_has_the_rules_time_zone(tmp_path: Path) -> None:
    """One message between two fire times: ten past in Kathmandu is 25 past in UTC."""
    seconds = [60 * n + 1.0 for n in range(60)]
    zone = "schedule: {every: 1m, timezone: Asia/Kathmandu}\n"
    world = World(documents(seconds), [loaded(tmp_path, ANY + 'aggregation: {schedule: "10 * * * *"}\n' + zone)])
    for second in (0, *range(60, 3660, 60)):
        world.tick(second)
    assert [(kind, at) for kind, _, at in world.told()] == [("firing", 1), ("repeat", 1501)]


def test_realert_is_zero_with_aggregation_unless_written(tmp_path: Path) -> None:
    """ElastAlert's default; and the file says what aggregation does here."""
    rule = loaded(tmp_path, ANY + "aggregation: {hours: 2}\n")
    assert (rule.realert.length, rule.realert.written) == (0, False)
    assert rule.texts.gathering is not None
    assert rule.texts.gathering.period == 2 * HOUR
    (found,) = load_rules([tmp_path], Settings()).diagnostics
    assert (found.severity, found.code, found.line) == ("info", "gathered", 4)
    assert "2 h" in found.message
    written = loaded(tmp_path, ANY + "aggregation: {hours: 2}\nrealert: 5m\n")
    assert written.realert.length == 5 * MINUTE


def test_aggregation_with_a_bad_cron_is_an_error(tmp_path: Path) -> None:
    """With its place."""
    (tmp_path / "a.yaml").write_text(ANY + "aggregation:\n  schedule: 0 0 31 2 *\n", encoding="utf-8")
    found = [d for d in load_rules([tmp_path], Settings()).diagnostics if d.severity == "error"]
    assert [(d.code, d.line) for d in found] == [("cron", 5)]


@pytest.mark.es
def test_elasticsearch_counts_as_files_do(es: Node, index_prefix: str, tmp_path: Path) -> None:
    """The same events in an index of three shards give the same message."""
    index = f"{index_prefix}-counted"
    es.request("PUT", index, {"settings": {"number_of_shards": 3}})
    lines: list[Any] = [line for event in EVENTS for line in ({"index": {}}, event)]
    es.request("POST", f"{index}/_bulk?refresh=true", lines)
    rule = loaded(
        tmp_path,
        TOP.replace("index: logs", f"index: {index}")
        + "top_count_keys: [host.name, code]\ntop_count_number: 2\nattach_related: true\n"
        + "summary_table_fields: [code, user, gone]\n",
    )
    source = ElasticsearchSource(client_of(es))
    live = dry_run(rule, source, routing(), T0, T0 + MINUTE)
    source.close()
    files = dry_run(rule, EmbeddedSource(documents=EVENTS), routing(), T0, T0 + MINUTE)
    (there,), (here,) = live.incidents, files.incidents
    assert there.view.table == here.view.table != ""
    assert (there.view.top, there.view.fields) == (here.view.top, here.view.fields)
