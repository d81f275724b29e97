"""An ElastAlert configuration in alerter's terms: every key, no secret, files that alerter takes as they are."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest
import yaml

from alerter.cli.main import main
from alerter.clock import DAY, MINUTE
from alerter.config import Settings, load_settings
from alerter.errors import UsageError
from alerter.migrate.config import Configuration, read_configuration
from alerter.migrate.files import file_texts, write_files
from alerter.migrate.keys import KEYS, Fate
from alerter.migrate.routes import find_places
from alerter.model.rule import Frequency
from alerter.project import load_project
from alerter.routing.load import load_routing
from alerter.ruleset.checking import check
from alerter.ruleset.load import load_rules

WHOLE = """\
rules_folder: rules
scan_subdirectories: true
run_every: {minutes: 1}
buffer_time: {minutes: 15}
es_host: es.example
es_port: 9243
use_ssl: true
es_url_prefix: es
es_username: alerts
es_password: hushhush
verify_certs: false
writeback_index: elastalert_status
old_query_limit: {days: 7}
alert_time_limit: {days: 2}
skip_invalid: true
max_threads: 10
disable_rules_on_error: false
notify_alert: [email]
notify_all_errors: true
max_aggregation: 100
statsd_host: statsd
statsd_instance_tag: a
logging: {version: 1, root: {level: WARN}, loggers: {elastalert: {level: WARNING}}}
replace_dots_in_field_names: false
string_multi_field_name: .raw
jinja_root_name: _new
custom_pretty_ts_format: "%Y"
slack_webhook_url: https://hooks.slack.com/services/hushhush
timestamp_field: time
aws_region: eu-west-1
rules_foldr: typo
"""
SLACK = "https://hooks.slack.com/services/T0/B0/hushhush"


def configuration(folder: Path, text: str = WHOLE, **rules: str) -> Configuration:
    """Write a configuration with its rules and read it."""
    (folder / "rules").mkdir(exist_ok=True)
    for name, rule in rules.items():
        (folder / "rules" / f"{name}.yaml").write_text(f"type: any\nindex: logs\n{rule}", encoding="utf-8")
    (folder / "config.yaml").write_text(text, encoding="utf-8")
    return read_configuration(folder / "config.yaml")


def texts(config: Configuration, folder: Path) -> dict[str, str]:
    """Return the files of a migration into a folder."""
    return file_texts(config, find_places(load_rules(config.rules, Settings()), config.options), folder)


def test_every_key_has_its_place_and_its_meaning(tmp_path: Path) -> None:
    """Each key of the reference is named with line and column; the unknown one with the nearest known name."""
    config = configuration(tmp_path)
    assert [row.line for row in config.rows] == list(range(1, len(WHOLE.splitlines()) + 1))
    fates = {row.key: row.fate for row in config.rows}
    assert {key for key, fate in fates.items() if fate is Fate.UNKNOWN} == {"rules_foldr"}
    assert (fates["timestamp_field"], fates["jinja_root_name"]) == (Fate.RULE, Fate.RULE)
    assert (fates["aws_region"], fates["notify_alert"]) == (Fate.UNSUPPORTED, Fate.ROUTES)
    assert all(row.meaning and "hush" not in row.meaning for row in config.rows)
    (typo,) = (row for row in config.rows if row.fate is Fate.UNKNOWN)
    assert "did you mean rules_folder?" in typo.meaning


def test_the_settings_are_taken_as_they_are_written(tmp_path: Path) -> None:
    """alerter reads the file that was written, with the rules where they are."""
    out = tmp_path / "new" / "place"
    config = configuration(tmp_path, order="")
    write_files(texts(config, out), out, force=False)
    settings = load_settings(str(out / "alerter.yaml"), {})
    assert [path.resolve() for path in settings.rules] == [(tmp_path / "rules").resolve()]
    assert (settings.run_every, settings.buffer_time, settings.max_catchup) == (MINUTE, 15 * MINUTE, 7 * DAY)
    assert (settings.state_index, settings.log.level) == ("elastalert_status", "warning")
    assert not settings.honour_rule_webhooks
    routing, findings = load_routing(settings.notifiers)
    assert routing is not None, findings


def test_variables_are_named_and_secrets_are_not_shown(tmp_path: Path) -> None:
    """What is no secret is filled in; of a secret the line where it stands."""
    config = configuration(tmp_path, a=f"alert: slack\nslack_webhook_url: {SLACK}\n")
    written = texts(config, tmp_path)
    assert "hush" not in "".join(written.values()) + repr(config)
    env = written["alerter.env"]
    assert "ALERTER_ES_URL=https://es.example:9243/es\n" in env
    assert "ALERTER_ES_USERNAME=alerts\n" in env
    assert "# the value is in config.yaml, line 10\n# ALERTER_ES_PASSWORD=\n" in env
    assert "# ALERTER_SLACK_WEBHOOK_URL=\n" in env
    assert f"{tmp_path / 'rules' / 'a.yaml'}:4\n# SLACK_WEBHOOK_1=\n" in env


def test_a_url_with_a_password_is_a_secret(tmp_path: Path) -> None:
    """A host that holds a user and a password is not written."""
    config = configuration(tmp_path, "es_hosts: ['https://u:hush@es.example:9200', b]\n")
    assert [(v.name, v.value) for v in config.environment] == [("ALERTER_ES_URL", "")]


@pytest.mark.parametrize(
    ("text", "key", "note"),
    [
        ("run_every: {milliseconds: 5}\n", "run_every", "left out: at least 1 s"),
        ("buffer_time: 15\n", "buffer_time", "left out: 15 is not a length of time"),
        ("writeback_index: _Bad\n", "writeback_index", "alerter is taken"),
        ("scan_subdirectories: false\n", "scan_subdirectories", "move them elsewhere"),
        ("rules_folder: nowhere\n", "rules_folder", "there is no folder"),
        ("verify_certs: false\n", "verify_certs", "ALERTER_ES_CA_FINGERPRINT"),
    ],
)
def test_what_alerter_would_refuse_is_left_out_with_a_note(tmp_path: Path, text: str, key: str, note: str) -> None:
    """The written settings always load; the row says what could not be kept."""
    config = configuration(tmp_path, text)
    assert note in next(row.meaning for row in config.rows if row.key == key)
    (tmp_path / "alerter.yaml").write_text(texts(config, tmp_path)["alerter.yaml"], encoding="utf-8")
    load_settings(str(tmp_path / "alerter.yaml"), {})


def test_routes_lead_where_the_rules_did(tmp_path: Path) -> None:
    """The place of most rules is the default; others have a route by name, and hear what they heard."""
    both = "slack_channel_override: ['#one', '#two']\n"
    config = configuration(
        tmp_path,
        "rules_folder: rules\n",
        a=f"name: a\nalert: slack\nslack_webhook_url: {SLACK}\nslack_channel_override: '#one'\n",
        b=f"name: b\nalert: slack\nslack_webhook_url: {SLACK}\nslack_channel_override: '#one'\n",
        c=f"name: 'c \"x\\y'\nalert: slack\nslack_webhook_url: $HOOK\n{both}",
        d="name: d\nalert: [email, debug]\nemail: a@b.c\n",
    )
    text = texts(config, tmp_path)["notifiers/routes.yaml"]
    (tmp_path / "routes.yaml").write_text(text, encoding="utf-8")
    routing, findings = load_routing([tmp_path / "routes.yaml"])
    assert routing is not None, [f.text() for f in findings]

    def channels(rule: str) -> list[str]:
        return [routing.receivers[d.receiver].channel for d in routing.destinations({"rule": rule}, 0)]

    assert (channels("a"), channels("b"), channels("d")) == (["#one"], ["#one"], ["#one"])
    assert channels('c "x\\y') == ["#one", "#two"]
    assert {r.options.get("webhook_env") for r in routing.receivers.values()} == {"SLACK_WEBHOOK_1", "HOOK"}
    assert "# alert email of d: use an apprise receiver" in text


def test_without_channels_messages_go_to_the_console(tmp_path: Path) -> None:
    """There is always a receiver."""
    text = texts(configuration(tmp_path, "rules_folder: rules\n", a=""), tmp_path)["notifiers/routes.yaml"]
    assert yaml.safe_load(text)["receivers"] == [{"name": "console", "console": {}}]


@pytest.mark.parametrize("text", ["- a\n", "type: any\nindex: x\n", "a: [\n", "a: 1\na: 2\n", ""])
def test_what_is_no_configuration_is_refused(tmp_path: Path, text: str) -> None:
    """A list, a rule, broken YAML: said with the file, never a traceback."""
    with pytest.raises(UsageError, match=r"config[.]yaml"):
        configuration(tmp_path, text)


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    """One file that is there keeps all from being written, unless it is asked for."""
    (tmp_path / "alerter.yaml").write_text("mine", encoding="utf-8")
    written = texts(configuration(tmp_path), tmp_path)
    with pytest.raises(UsageError, match="already there"):
        write_files(written, tmp_path, force=False)
    assert not (tmp_path / "notifiers").exists()
    assert (tmp_path / "alerter.yaml").read_text(encoding="utf-8") == "mine"
    assert len(write_files(written, tmp_path, force=True)) == 4


def test_what_was_typed_in_since_stays(tmp_path: Path) -> None:
    """Written again, the variables keep their values; nobody else may read them."""
    written = texts(configuration(tmp_path), tmp_path)
    write_files(written, tmp_path, force=False)
    env = tmp_path / "alerter.env"
    assert env.stat().st_mode & 0o077 == 0
    env.write_text(written["alerter.env"].replace("# ALERTER_ES_PASSWORD=\n", "ALERTER_ES_PASSWORD=typed\n"))
    write_files(written, tmp_path, force=True)
    assert "ALERTER_ES_PASSWORD=typed\n" in env.read_text(encoding="utf-8")
    for line in ("export ALERTER_ES_PASSWORD=typed\n", "ALERTER_ES_PASSWORD_FILE=/run/pw\n"):
        env.write_text(written["alerter.env"].replace("# ALERTER_ES_PASSWORD=\n", line))
        write_files(written, tmp_path, force=True)
        assert f"\n{line}" in env.read_text(encoding="utf-8")


def test_no_webhook_of_several_is_lost(tmp_path: Path) -> None:
    """The first is that of all receivers; the second keeps its receiver and its place among the defaults."""
    text = "rules_folder: rules\nslack_webhook_url: [https://a.example/hushhush1, https://a.example/hushhush2]\n"
    config = configuration(tmp_path, text, a="alert: slack\n")
    assert config.defaults["slack_webhook_url"] == ["${ALERTER_SLACK_WEBHOOK_URL}", "${SLACK_WEBHOOK_URL_2}"]
    assert "the first of 2" in config.rows[1].meaning
    written = texts(config, tmp_path)
    assert not any("hush" in one for one in written.values())
    assert "# SLACK_WEBHOOK_URL_2=\n" in written["alerter.env"]
    assert "webhook_env: SLACK_WEBHOOK_URL_2" in written["notifiers/routes.yaml"]


def test_a_name_that_begins_another_is_not_filled_in(tmp_path: Path) -> None:
    """$R is no part of $RX."""
    (tmp_path / "config.yaml").write_text("rules_folder: $R/$RX/${R}\n", encoding="utf-8")
    config = read_configuration(tmp_path / "config.yaml", {"R": "r", "RX": "other"})
    assert config.rules == (tmp_path / "r" / "other" / "r",)


def test_all_files_or_none(tmp_path: Path) -> None:
    """A file where a folder should be is seen before anything is written."""
    written = texts(configuration(tmp_path), tmp_path)
    (tmp_path / "notifiers").write_text("", encoding="utf-8")
    with pytest.raises(UsageError, match="is no folder"):
        write_files(written, tmp_path, force=False)
    assert not (tmp_path / "alerter.yaml").exists()


def test_a_link_with_a_login_is_left_out(tmp_path: Path) -> None:
    """It would stand in every message."""
    config = configuration(tmp_path, "kibana_url: https://u:hush@kibana.example\n")
    assert "hush" not in "".join(texts(config, tmp_path).values()) + repr(config)


def test_the_documentation_lists_every_key() -> None:
    """docs/migrate.md has a row for each key, with its words."""
    text = (Path(__file__).parents[2] / "docs" / "migrate.md").read_text(encoding="utf-8")
    assert [key for key, meaning in KEYS.items() if f"| `{key}` | {meaning.fate} |" not in text] == []
    assert [key for key, meaning in KEYS.items() if meaning.text not in text] == []


SHARED = """\
rules_folder: rules
index: logs-*
num_events: 3
timeframe: {minutes: 5}
timestamp_field: time
realert: {minutes: 30}
alert: [pagerduty, slack]
slack_webhook_url: https://hooks.slack.com/services/hushhush
pagerduty_service_key: hushhush
http_post_headers: {Authorization: Bearer hushhush, X-Api-Key: hushhush, X-Caller: hushhush, Content-Type: text/plain}
http_post_static_payload: {x-access-key: hushhush, stage: live}
workwechat_bot_id: hushhush
lark_bot_id: hushhush
dingtalk_sign: hushhush
twilio_account_sid: hushhush
mattermost_webhook_url: [https://m.example/hooks/hushhush1, https://m.example/hooks/hushhush2]
opensearch_url: https://u:hushhush@os.example
use_local_time: false
jinja_filters: [a.B]
"""


def test_rules_inherit_what_they_inherited(tmp_path: Path) -> None:
    """Options of the configuration are the rules' defaults; a notifier's secrets are variables there."""
    config = configuration(tmp_path, SHARED)
    (tmp_path / "rules" / "a.yaml").write_text("type: frequency\n", encoding="utf-8")
    write_files(texts(config, tmp_path), tmp_path, force=False)
    assert all("hush" not in file.read_text() for file in tmp_path.glob("alerter.*"))
    assert "hush" not in (tmp_path / "defaults.yaml").read_text(encoding="utf-8")
    (env,) = tmp_path.glob("alerter.env")
    names = [line[2:-1] for line in env.read_text(encoding="utf-8").splitlines() if line.endswith("=")]
    assert names == [
        "ALERTER_SLACK_WEBHOOK_URL",
        "PAGERDUTY_SERVICE_KEY",
        "HTTP_POST_HEADERS_AUTHORIZATION",
        "HTTP_POST_HEADERS_X_API_KEY",
        "HTTP_POST_HEADERS_X_CALLER",
        "HTTP_POST_STATIC_PAYLOAD_X_ACCESS_KEY",
        "WORKWECHAT_BOT_ID",
        "LARK_BOT_ID",
        "DINGTALK_SIGN",
        "TWILIO_ACCOUNT_SID",
        "MATTERMOST_WEBHOOK_URL_1",
        "MATTERMOST_WEBHOOK_URL_2",
    ]
    assert config.defaults["http_post_headers"]["Content-Type"] == "text/plain"
    assert config.defaults["http_post_static_payload"]["stage"] == "live"
    environ = {"ALERTER_HONOUR_RULE_WEBHOOKS": "true", "PAGERDUTY_SERVICE_KEY": "k", "ALERTER_SLACK_WEBHOOK_URL": SLACK}
    settings = load_settings(str(tmp_path / "alerter.yaml"), environ)
    loaded = load_project(settings)
    (rule,) = loaded.rules
    assert rule.condition == Frequency(3, 5 * MINUTE)
    assert (rule.index, rule.time.name, rule.realert.length) == ("logs-*", "time", MINUTE)
    heard = [loaded.routing.receivers[d.receiver].kind for d in loaded.routing.destinations({"rule": "a"}, 0)]
    assert heard == ["service", "slack"]
    notes = {row.key: row.meaning for row in config.rows}
    assert "it holds a credential" in notes["opensearch_url"]
    fates = {row.key: row.fate for row in config.rows}
    assert (fates["use_local_time"], fates["jinja_filters"]) == (Fate.IGNORED, Fate.UNSUPPORTED)


FROM_ENVIRONMENT = """\
rules_folder: ${WHERE}/rules
es_host: ${HOST}.example
es_port: $PORT
es_password: ${PW}
run_every: {minutes: $N}
kibana_url: https://$KIBANA/a"b
writeback_index: $INDEX
timestamp_field: $FIELD
"""


def test_what_comes_from_the_environment_stays_a_reference(tmp_path: Path) -> None:
    """A shell that reads the file fills it in; what alerter has no variable for is said with its line."""
    (tmp_path / "config.yaml").write_text(FROM_ENVIRONMENT, encoding="utf-8")
    config = read_configuration(tmp_path / "config.yaml", {"WHERE": str(tmp_path / "here")})
    assert config.rules == (tmp_path / "here" / "rules",)
    (tmp_path / "alerter.env").write_text(texts(config, tmp_path)["alerter.env"], encoding="utf-8")
    values = {"HOST": "es", "PORT": "9243", "PW": "pw", "KIBANA": "k", "INDEX": "ea", "PATH": os.environ["PATH"]}
    command = ["sh", "-c", "set -a; . ./alerter.env; env"]
    said = subprocess.run(command, env=values, cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    found = dict(line.split("=", 1) for line in said.splitlines())
    assert found["ALERTER_ES_URL"] == "http://es.example:9243"
    assert (found["ALERTER_ES_PASSWORD"], found["ALERTER_STATE_INDEX"]) == ("pw", "ea")
    assert found["ALERTER_KIBANA_URL"] == 'https://k/a"b'
    assert config.defaults == {"timestamp_field": "$FIELD"}
    assert config.settings == {}
    notes = {row.key: (row.line, row.meaning) for row in config.rows}
    assert notes["run_every"][0] == 5
    assert "left out: it takes N from the environment" in notes["run_every"][1]


def test_a_variable_that_is_set_is_never_taken_away(tmp_path: Path) -> None:
    """A rule may name any: reading the file leaves what the environment has."""
    config = configuration(tmp_path, "es_password: hush\n", a="alert: slack\nslack_webhook_url: $HOOK\n")
    (tmp_path / "alerter.env").write_text(texts(config, tmp_path)["alerter.env"], encoding="utf-8")
    values = {"HOOK": SLACK, "ALERTER_ES_PASSWORD": "set", "PATH": os.environ["PATH"]}
    command = ["sh", "-c", 'set -a; . ./alerter.env; echo "$HOOK $ALERTER_ES_PASSWORD"']
    said = subprocess.run(command, env=values, cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    assert said == f"{SLACK} set\n"


def test_the_numbers_are_of_rules(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Every rule of a file counts, and the names of all variables are in the JSON."""
    configuration(tmp_path, SHARED, a=f"alert: slack\nslack_webhook_url: {SLACK}\n")
    (tmp_path / "rules" / "b.yaml").write_text("type: flatline\n---\ntype: spike\n---\na: 1\na: 2\n", encoding="utf-8")
    (tmp_path / "rules" / "c.yaml").write_text("type: any\nimport: nowhere\n", encoding="utf-8")
    assert main(["migrate", str(tmp_path / "config.yaml"), "--dry-run", "--format", "json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["rules"], said["refused"]) == (1, 4)
    assert {"SLACK_WEBHOOK_1", "ALERTER_SLACK_WEBHOOK_URL", "PAGERDUTY_SERVICE_KEY"} <= set(said["environment"])
    assert "hush" not in json.dumps(said)


def test_no_rule_that_named_a_channel_reaches_the_default_alone(tmp_path: Path) -> None:
    """What was written is what check wants: a route for each, the default for what named none."""
    slack = f"alert: slack\nslack_webhook_url: {SLACK}\n"
    config = configuration(
        tmp_path, "rules_folder: rules\n", a=slack, b=slack, c=f"{slack}slack_channel_override: x\n", d=""
    )
    write_files(texts(config, tmp_path), tmp_path, force=False)
    found = check([], load_settings(str(tmp_path / "alerter.yaml"), {}))
    assert [Path(d.file).name for d in found.diagnostics if d.code == "default_route_only"] == ["d.yaml"]


@pytest.mark.parametrize(("out", "written"), [("", "rules"), ("new", "{}/rules"), ("rules/deep", "{}/rules")])
def test_rules_stay_where_they_are(tmp_path: Path, out: str, written: str) -> None:
    """An absolute path stays one, so that the settings may be moved; below their folder it is relative."""
    config = configuration(tmp_path, f"rules_folder: {tmp_path}/rules\n", a="")
    settings = yaml.safe_load(texts(config, tmp_path / out)["alerter.yaml"])
    assert settings["rules"] == written.format(tmp_path)


def test_names_of_rules_in_a_route_stay_readable(tmp_path: Path) -> None:
    """What a regular expression does not need is not escaped, and each rule finds its way."""
    names = ["a b-c", "d.e (f)", 'g "h"', "x\\y"]
    slack = f"alert: slack\nslack_webhook_url: {SLACK}\n"
    rules = {f"r{n}": f"name: {json.dumps(name)}\n{slack}" for n, name in enumerate(names)}
    config = configuration(tmp_path, "rules_folder: rules\n", **rules, o=f"{slack}slack_channel_override: x\n")
    text = texts(config, tmp_path)["notifiers/routes.yaml"]
    assert 'rule=~"a b-c|' in text
    (tmp_path / "routes.yaml").write_text(text, encoding="utf-8")
    routing, _ = load_routing([tmp_path / "routes.yaml"])
    assert routing is not None
    assert all(len(routing.destinations({"rule": name}, 0)[0].path.split(">")) == 2 for name in names)
