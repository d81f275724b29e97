"""ElastAlert's texts in messages: its own strings for the same match, and what hostile logs make of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from alerter.config import Settings, SlackAccess
from alerter.engine.view import Evidence, build_view
from alerter.model.incident import Incident, Kind, Match, Reason, View
from alerter.model.route import Receiver
from alerter.model.rule import Rule
from alerter.notifiers.apprise import body_of
from alerter.notifiers.console import draw
from alerter.notifiers.slack.format import payload
from alerter.notifiers.slack.notifier import SlackNotifier
from alerter.notifiers.webhook import incident_json
from alerter.redact import redact_document
from alerter.ruleset.load import load_rules
from alerter.secrets import Secret
from tests.engine.support import T0
from tests.notifiers.judge import faults, mentions
from tests.notifiers.test_slack_format import outgoing
from tests.support.slack import Slack

EVENT: dict[str, Any] = {
    "@timestamp": "2026-03-10T11:00:03.000Z",
    "host": {"name": "web-1"},
    "a.b": "dotted",
    "a": {"b": "nested"},
    "tags": ["x", "y"],
    "n": 3.14159,
    "ok": True,
    "none": None,
    "items": [{"id": 7}, {"id": 8}],
    "obj": {"k": "v"},
    "password": "hunter2",
}
ONLY = "alert_text_type: alert_text_only\n"
TYPE = "name: storm\ntype: frequency\nindex: logs\nnum_events: 3\ntimeframe: {minutes: 5}\n"


def loaded(folder: Path, options: str, type_: str = TYPE) -> Rule:
    """Return the rule with these options."""
    (folder / "storm.yaml").write_text(type_ + options, encoding="utf-8")
    found = load_rules([folder], Settings())
    assert [d for d in found.diagnostics if d.severity == "error"] == []
    return found.rules[0]


def viewed(rule: Rule, event: dict[str, Any] | None = None, match: Match | None = None, matches: int = 1) -> View:
    """Return what the message of a match shows."""
    documents = [redact_document(EVENT if event is None else event, rule.redact)]
    return build_view(rule, match or Match(T0, None, 3), {}, T0, Evidence(documents), matches)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ("alert_text: '{0} on {1}'\nalert_text_args: [num_hits, host.name]", "3 on web-1"),
        ("alert_text: '{} on {}'\nalert_text_args: [num_matches, host.name]", "1 on web-1"),
        ("alert_text: '{0}'\nalert_text_args: [a.b]", "dotted"),
        ("alert_text: '{0} {1} {2}'\nalert_text_args: [tags, obj, ok]", "['x', 'y'] {'k': 'v'} True"),
        ("alert_text: '{0:.2f}|{0:>10.1f}|{0!r}'\nalert_text_args: [n]", "3.14|       3.1|3.14159"),
        ("alert_text: '{0} {1}'\nalert_text_args: [gone, none]", "<MISSING VALUE> <MISSING VALUE>"),
        ("alert_text: '{0}'\nalert_text_args: [gone]\nalert_missing_value: '-'", "-"),
        (
            "alert_text: '{0!r} {1!r} {1:>15}'\nalert_text_args: [tags, gone]",
            "['x', 'y'] '<MISSING VALUE>' <MISSING VALUE>",
        ),
        ("alert_text: '{0} {1} {2}'\nalert_text_args: [name, index, num_events]", "storm logs 3"),
        ("alert_text: '{0} {1}'\nalert_text_args: ['items[1]id', 'items[0]']", "8 {'id': 7}"),
        ("alert_text: '{0[k]}'\nalert_text_args: [obj]", "v"),
        (
            "alert_text: '{h} saw {n:.1f} {gone}'\nalert_text_kw: {host.name: h, n: n, nope: gone}",
            "web-1 saw 3.1 <MISSING VALUE>",
        ),
        ("alert_text: '{{literal}} {0}'\nalert_text_args: [ok]", "{literal} True"),
        ("alert_text: '{0} {host}'", "{0} {host}"),
        ("alert_text: '100% of {0}'\nalert_text_args: [host.name.keyword]", "100% of web-1"),
        ("alert_text: '{0}'\nalert_text_args: [timeframe]", "0:05:00"),
    ],
)
def test_text_is_elastalerts(tmp_path: Path, options: str, expected: str) -> None:
    """What ElastAlert 2.31.0 writes for this match with these options (recorded from it)."""
    assert viewed(loaded(tmp_path, ONLY + options)).summary == expected


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ("alert_subject: 'S {0} {1}'\nalert_subject_args: [host.name, gone]", "S web-1 <MISSING VALUE>"),
        ("alert_subject: '0123456789'\nalert_subject_max_len: 4", "0123"),
        ("alert_subject: 'plain {0}'", "plain {0}"),
        ("alert_text: x", "storm"),
    ],
)
def test_subject_is_the_title(tmp_path: Path, options: str, expected: str) -> None:
    """Without one the title is the rule's name."""
    assert viewed(loaded(tmp_path, options)).title == expected


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ("alert_text: '{0} {1}'\nalert_text_args: ['items[1].id', 'items[9].id']", "8 <MISSING VALUE>"),
        ("alert_text: '{0.__class__}'\nalert_text_args: [ok]", "{0.__class__}"),
        ("alert_text: '{1}'\nalert_text_args: [ok]", "<MISSING VALUE>"),
        ("alert_text: '{0:.2f}'\nalert_text_args: [host.name]", "web-1"),
    ],
)
def test_where_elastalert_loses_the_alert(tmp_path: Path, options: str, expected: str) -> None:
    """It raises for these, or shows the insides of Python; here the message goes out."""
    assert viewed(loaded(tmp_path, ONLY + options)).summary == expected


def test_types_of_text(tmp_path: Path) -> None:
    """alert_text_only stands alone; exclude_fields leaves the event out; the default shows all."""
    shown = {
        kind: viewed(loaded(tmp_path, f"alert_text: hello\nalert_text_type: {kind}\n"))
        for kind in ("default", "alert_text_only", "exclude_fields", "aggregation_summary_only", "alert_text_jinja")
    }
    assert {k: v.summary for k, v in shown.items() if v.summary != "hello"} == {"aggregation_summary_only": ""}
    assert {k for k, v in shown.items() if v.sentence} == {"default", "exclude_fields", "aggregation_summary_only"}
    assert {k for k, v in shown.items() if v.sample} == {"default"}


def test_jinja_sees_fields_options_and_the_root_name(tmp_path: Path) -> None:
    """As in ElastAlert: top fields, options, and all of them under jinja_root_name; in the sandbox."""
    text = "{{ host.name }} {{ num_events }} {{ all['a.b'] }} {{ gone.deeper }}{{ num_hits }}{{ ''.__class__ }}"
    options = f'alert_text_type: alert_text_jinja\njinja_root_name: all\nalert_text: "{text}"\n'
    view = viewed(loaded(tmp_path, options + "alert_subject: '{{ name }}: {{ tags[0] }}'\n"))
    assert (view.summary, view.title) == ("web-1 3 dotted 3", "storm: x")


def test_template_file_is_relative_to_the_rule(tmp_path: Path) -> None:
    """Its text is the message's; the file is among those whose change loads the rules anew."""
    (tmp_path / "page.j2").write_text("on {{ host.name }}", encoding="utf-8")
    rules = tmp_path / "rules"
    rules.mkdir()
    options = "alert_text_type: alert_text_jinja\njinja_template_path: ../page.j2\n"
    assert viewed(loaded(rules, options)).summary == "on web-1"
    assert [Path(state[0]).name for state in load_rules([rules], Settings()).imported] == ["page.j2"]


@pytest.mark.parametrize(("content", "said"), [("{% if %}", "line 1"), (None, "No such file")])
def test_bad_template_file_is_an_error_of_the_rule(tmp_path: Path, content: str | None, said: str) -> None:
    """With the place of the option."""
    if content is not None:
        (tmp_path / "page.j2").write_text(content, encoding="utf-8")
    (tmp_path / "a.yaml").write_text(
        TYPE + "alert_text_type: alert_text_jinja\njinja_template_path: page.j2\n", encoding="utf-8"
    )
    (found,) = load_rules([tmp_path], Settings()).diagnostics
    assert (found.severity, found.code, found.line) == ("error", "template", 7)
    assert said in found.message


def test_message_wins_with_a_warning(tmp_path: Path) -> None:
    """Our own texts are what is shown."""
    options = "alert_subject: theirs\nalert_text: theirs\nmessage: {title: ours, summary: our own}\n" + ONLY
    rule = loaded(tmp_path, options)
    view = viewed(rule)
    assert (view.title, view.summary) == ("ours", "our own")
    assert view.sentence
    found = load_rules([tmp_path], Settings()).diagnostics
    assert [(d.code, d.severity, d.line) for d in found] == [
        ("message_wins", "warning", 6),
        ("message_wins", "warning", 7),
    ]


def test_secrets_are_not_shown(tmp_path: Path) -> None:
    """Neither redacted fields, nor patterns, nor credentials among the rule's options."""
    options = (
        "alert_text: '{0} {1} {2} {3}'\nalert_text_args: [password, es_password, slack_webhook_url, host.name]\n"
        "es_password: hunter3\nslack_webhook_url: https://hooks.example.org/abc\nredact: {patterns: ['web-\\d']}\n"
    )
    shown = viewed(loaded(tmp_path, options)).summary
    assert shown == "[redacted] <MISSING VALUE> <MISSING VALUE> [redacted]"
    jinja = "alert_text_type: alert_text_jinja\nalert_text: '{{ _data }}'\nes_password: hunter3\n"
    assert "hunter" not in viewed(loaded(tmp_path, jinja)).summary


@pytest.mark.parametrize(
    ("option", "expected"),
    [
        ("my_webhook: https://chat.example.org/hunter3", "<MISSING VALUE>"),
        ("vault_pass: hunter3", "<MISSING VALUE>"),
        ("private_key: hunter3", "<MISSING VALUE>"),
        ("boto_profile: hunter3", "<MISSING VALUE>"),
        ("redact: {patterns: [hunter3]}", "<MISSING VALUE>"),
        ("http_proxy: http://admin:hunter3@proxy.example.org:3128", "http://proxy.example.org:3128"),
        ("kibana_url: https://admin:hunter3@kib.example.org", "https://kib.example.org"),
        ("opensearch_url: https://hunter3@kib.example.org/s/ops", "https://kib.example.org/s/ops"),
        ("own: {api_key: hunter3, team: ops}", "{'api_key': '[redacted]', 'team': 'ops'}"),
        ("own: [{X-Auth: Bearer hunter3}]", "[{'X-Auth': '[redacted]'}]"),
        ("runbook_url: https://wiki.example.org/a/b@c", "https://wiki.example.org/a/b@c"),
        ("query_key: host.name", "host.name"),
        ("team: ops", "ops"),
    ],
)
def test_credentials_among_options_are_not_shown(tmp_path: Path, option: str, expected: str) -> None:
    """By the name of the option or of what is in it, and as users of URLs; other options are."""
    name = option.partition(":")[0]
    options = ONLY + f"alert_text: '{{0}}'\nalert_text_args: [{name}]\n{option}\n"
    shown = viewed(loaded(tmp_path, options)).summary
    assert shown == expected
    jinja = f"alert_text_type: alert_text_jinja\nalert_text: '{{{{ _data }}}}'\n{option}\n"
    assert "hunter" not in viewed(loaded(tmp_path, jinja)).summary


@pytest.mark.parametrize(
    ("option", "expected"),
    [
        ("kibana_url: https://admin:hunter3@kib.example.org", "https://kib.example.org"),
        ("opensearch_url: https://admin:hun/ter@3@kib.example.org:5601/x", "https://kib.example.org:5601/x"),
        ("opensearch_url: http://[::1]:5601/s/a@b", "http://[::1]:5601/s/a@b"),
        (
            "kibana_url: https://kib.example.org:5601\ngenerate_kibana_discover_url: true\n"
            "kibana_discover_app_url: https://admin:hunter3@other.example.org/app/discover#/?_a=(x:'a@b')",
            "https://other.example.org/app/discover#/?_a=(x:'a@b')",
        ),
        ("", "https://of-the-settings.example.org"),
    ],
)
def test_links_name_no_user(tmp_path: Path, option: str, expected: str) -> None:
    """A user and password in the base of links are left out, with a warning where the rule's file holds them."""
    (tmp_path / "storm.yaml").write_text(TYPE + option + "\n", encoding="utf-8")
    found = load_rules([tmp_path], Settings(kibana_url="https://admin:hunter3@of-the-settings.example.org"))
    assert found.rules[0].kibana_url == expected
    warned = [(d.severity, d.line) for d in found.diagnostics if d.code == "inline_secret"]
    assert warned == ([("warning", 5 + option.count("\n") + 1)] if "admin" in option else [])
    assert "hunter3" not in "".join(d.text() for d in found.diagnostics)


@pytest.mark.parametrize(
    ("type_", "match", "expected"),
    [
        (
            "name: s\ntype: spike\nindex: logs\nspike_height: 2\nspike_type: up\ntimeframe: 5m\n",
            Match(T0, None, 20, {"reference": 10}),
            "20 10",
        ),
        (
            "name: f\ntype: flatline\nindex: logs\nthreshold: 5\ntimeframe: 5m\n",
            Match(T0, (("h", "x"),), 2),
            "2 5 x",
        ),
        (
            "name: m\ntype: metric_aggregation\nindex: logs\nmetric_agg_key: took\nmetric_agg_type: avg\n"
            "max_threshold: 5\n",
            Match(T0, None, 20, {"value": 9.5, "formatted": "9.5 ms"}),
            "9.5 9.5 ms 9.5",
        ),
        (
            "name: p\ntype: percentage_match\nindex: logs\nmatch_bucket_filter: [{term: {a: 1}}]\nmax_percentage: 5\n",
            Match(T0, None, 20, {"value": 9.5}),
            "9.5 20",
        ),
    ],
)
def test_facts_by_elastalerts_names(tmp_path: Path, type_: str, match: Match, expected: str) -> None:
    """What each type adds to the match has the name that ElastAlert's rules use."""
    names = {
        "s": "spike_count, reference_count",
        "f": "count, threshold, key",
        "m": "metric_took_avg, metric_agg_value_formatted, metric_agg_value",
        "p": "percentage, denominator",
    }[type_[6]]
    text = " ".join("{}" for _ in names.split(","))
    options = ONLY + f"alert_text: '{text}'\nalert_text_args: [{names}]\n"
    assert viewed(loaded(tmp_path, options, type_), {}, match).summary == expected


HOSTILE = "<!channel> {0.__class__} *bold* \x1b[31m <https://evil.example|click> & \u202e"


def test_hostile_logs_in_every_receiver(tmp_path: Path) -> None:
    """Placeholders are not filled twice, Slack's markup is escaped, nothing moves a terminal's cursor."""
    options = (
        ONLY + "alert_subject: '{0}'\nalert_subject_args: [evil]\nalert_text: 'saw {0}'\nalert_text_args: [evil]\n"
    )
    view = viewed(loaded(tmp_path, options), {"evil": HOSTILE})
    incident = Incident("i" * 20, "storm", "frequency", None, {"severity": "critical"}, T0, matches=1, view=view)
    message = outgoing(incident, Kind.FIRING, Reason.FIRST_MATCH)
    body = payload(message, {"channel": "#x"})
    assert faults(body) == []
    assert mentions(body) == []
    assert "{0.__class__}" in str(body)
    assert all(line.isprintable() for line in draw(message))
    assert "saw" in body_of(message)
    assert incident_json(incident)["summary"] == view.summary


def test_long_texts_are_cut_and_say_so(tmp_path: Path) -> None:
    """Slack takes the message whatever is logged."""
    options = ONLY + "alert_text: '{0}'\nalert_text_args: [evil]\n"
    view = viewed(loaded(tmp_path, options), {"evil": "<&>" * 5_000})
    incident = Incident("i" * 20, "storm", "frequency", None, {}, T0, matches=1, view=view)
    body = payload(outgoing(incident, Kind.FIRING, Reason.FIRST_MATCH), {"channel": "#x"})
    assert faults(body) == []
    assert "more characters" in str(body["blocks"])


def test_alone_the_text_is_what_notifications_say(tmp_path: Path) -> None:
    """State, severity, title, the text, since when; the numbers and the event are not shown."""
    options = ONLY + "alert_subject: Down\nalert_text: 'web-1 is gone'\n"
    view = viewed(loaded(tmp_path, options))
    incident = Incident(
        "i" * 20, "storm", "frequency", (("h", "x"),), {"severity": "critical"}, T0, matches=1, view=view
    )
    message = outgoing(incident, Kind.FIRING, Reason.FIRST_MATCH)
    assert message.delivery.text == "[FIRING] [CRITICAL] Down - web-1 is gone, h x. Started 11:00 UTC."
    shown = str(payload(message, {"channel": "#x"})["blocks"])
    assert "in 5 min" not in shown
    assert "dotted" not in shown
    assert "web-1 is gone" in shown


def test_discover_link_in_the_text_stays_a_link(tmp_path: Path) -> None:
    """kibana_discover_url in a text is a link in Slack, whole in other receivers."""
    options = ONLY + (
        "generate_kibana_discover_url: true\nkibana_discover_app_url: http://kibana.example/app/kibana#/discover\n"
        "kibana_discover_index_pattern_id: 477b4a90\nkibana_discover_columns: [message, host.name]\n"
        "kibana_discover_from_timedelta: {minutes: 10}\nkibana_discover_to_timedelta: {minutes: 2}\n"
        "alert_text: 'see {0} now'\nalert_text_args: [kibana_discover_url]\n"
    )
    rule = loaded(tmp_path, options)
    view = viewed(rule)
    assert view.link.startswith("http://kibana.example/app/kibana#/discover?_g=")
    assert "index:'477b4a90'" in view.link
    assert "columns:!(message,host.name)" in view.link
    assert "from:'2026-03-10T10:50:00.000Z',to:'2026-03-10T11:02:00.000Z'" in view.link
    assert view.summary == f"see {view.link} now"
    incident = Incident("i" * 20, "storm", "frequency", None, {}, T0, matches=1, view=view)
    body = payload(outgoing(incident, Kind.FIRING, Reason.FIRST_MATCH), {"channel": "#x"})
    assert body["blocks"][1]["text"]["text"].startswith("see <http://kibana.example/app/kibana#/discover?_g=")
    assert body["blocks"][1]["text"]["text"].endswith("|View> now")


def test_seen_at_slack(tmp_path: Path, slack: Slack) -> None:
    """The message as Slack stores it: subject in the headline, text below, escaped; nobody is pinged."""
    options = (
        ONLY + "alert_subject: 'Down: {0}'\nalert_subject_args: [host.name]\n"
        "alert_text: 'saw {0}'\nalert_text_args: [evil]\n"
    )
    view = viewed(loaded(tmp_path, options), {"host": {"name": "web-1"}, "evil": HOSTILE})
    incident = Incident("i" * 20, "storm", "frequency", None, {}, T0, matches=1, view=view)
    access = SlackAccess(token=Secret(slack.token), base_url=slack.base_url)
    receiver = Receiver("order", "slack", {"channel": "#alerts-order"})
    SlackNotifier(receiver, access).post(outgoing(incident, Kind.FIRING, Reason.FIRST_MATCH))
    (stored,) = slack.messages("alerts-order")
    texts = [block["text"]["text"] for block in stored["blocks"] if "text" in block]
    assert "Down: web-1" in texts[0]
    assert texts[1].startswith("saw &lt;!channel&gt; {0.")
    assert mentions(dict(stored)) == []
