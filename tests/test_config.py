"""Settings: the file, the environment over it, every mistake with its place, secrets never shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from alerter.clock import DAY, HOUR, MINUTE, SECOND
from alerter.config import Settings, WatchSettings, load_settings
from alerter.errors import UsageError


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def load(folder: Path, text: str, **environ: str) -> Settings:
    file = folder / "alerter.yaml"
    file.write_text(text, encoding="utf-8")
    return load_settings(str(file), environ)


def refusal(folder: Path, text: str, **environ: str) -> str:
    with pytest.raises(UsageError) as refused:
        load(folder, text, **environ)
    return refused.value.message


def test_nothing_configured(folder: Path) -> None:
    """Without a file the shipped rules and notifiers serve, and the contract's defaults hold."""
    settings = load_settings(None, {})
    assert settings.rules[0].name == "rules"
    assert settings.rules[0].is_absolute()
    assert not settings.configured
    assert (settings.run_every, settings.buffer_time, settings.query_delay) == (MINUTE, 2 * MINUTE, 2 * SECOND)
    assert (settings.max_catchup, settings.lease_ttl) == (DAY, 6 * SECOND)
    kept = settings.retention
    assert (kept.incidents, kept.decisions, kept.silences) == (90 * DAY, 14 * DAY, 30 * DAY)
    assert (settings.http_host, settings.http_port) == ("127.0.0.1", 9797)
    assert settings.instance.endswith(":9797")
    assert (settings.state_index, settings.state_file) == ("alerter", Path("alerter.db"))


def test_own_folders_win_over_the_shipped_ones(folder: Path) -> None:
    """``./rules`` and ``./notifiers`` are taken where they exist."""
    (folder / "rules").mkdir()
    settings = load_settings(None, {})
    assert settings.rules == (Path("rules"),)
    assert settings.notifiers[0].is_absolute()


def test_file_beside_the_caller_is_found(folder: Path) -> None:
    """``alerter.yaml`` in the current folder is read without being named."""
    (folder / "alerter.yaml").write_text("run_every: 30s\n", encoding="utf-8")
    assert load_settings(None, {}).run_every == 30 * SECOND


def test_paths_are_relative_to_the_file(tmp_path: Path) -> None:
    """Relative paths of the file are below its folder; those of the environment are the caller's."""
    settings = load(tmp_path, "rules: [a, /b]\ndata: x.ndjson\nstate_file: s.db\n", ALERTER_NOTIFIERS="n,m")
    assert settings.rules == (tmp_path / "a", Path("/b"))
    assert settings.notifiers == (Path("n"), Path("m"))
    assert (settings.data, settings.state_file) == ((tmp_path / "x.ndjson",), tmp_path / "s.db")
    assert settings.configured


def test_environment_wins_over_the_file(tmp_path: Path) -> None:
    """Every key has its variable, also those of groups."""
    text = "run_every: 30s\nretention: {incidents: 36h, silences: 2d}\nlog: {level: info}\nhonour_rule_webhooks: no\n"
    settings = load(
        tmp_path,
        text,
        ALERTER_RUN_EVERY="10s",
        ALERTER_RETENTION_SILENCES="1d",
        ALERTER_LOG_LEVEL="DEBUG",
        ALERTER_LOG_FORMAT="json",
        ALERTER_LEASE_TTL="9s",
        ALERTER_HTTP_PORT="0",
        ALERTER_INSTANCE="a",
        ALERTER_HONOUR_RULE_WEBHOOKS="1",
    )
    assert settings.run_every == 10 * SECOND
    assert (settings.retention.incidents, settings.retention.silences) == (36 * HOUR, DAY)
    assert (settings.log.level, settings.log.format) == ("debug", "json")
    assert (settings.lease_ttl, settings.http_port, settings.instance) == (9 * SECOND, 0, "a")
    assert settings.honour_rule_webhooks


@pytest.mark.parametrize(
    ("text", "places"),
    [
        ("ruls: x\n", ["alerter.yaml:1:1: error[setting]: unknown setting ruls", "did you mean rules?"]),
        ("es_url: http://x\n", ["alerter.yaml:1:1:", "ALERTER_ES_URL"]),
        ("log: {levl: info}\n", ["alerter.yaml:1:7:", "unknown setting log.levl", "did you mean level?"]),
        ("log: {level: inf}\n", ["alerter.yaml:1:14:", "did you mean info?"]),
        ("retention: 5d\n", ["alerter.yaml:1:12:", "retention is a mapping"]),
        ("retention: {decisions: soon}\n", ["alerter.yaml:1:24:", "retention.decisions"]),
        ("retention: {incidents: 23h}\n", ["alerter.yaml:1:24:", "too short", "at least 1 d"]),
        ("run_every: soon\nhttp_port: 99999\n", ["alerter.yaml:1:12:", "alerter.yaml:2:12:"]),
        ("run_every: 0s\n", ["alerter.yaml:1:12:", "too short"]),
        ("rules: 5\n", ["alerter.yaml:1:8:", "a path or a list of paths"]),
        ("state_index: Big Name\n", ["alerter.yaml:1:14:", "index name"]),
        ("honour_rule_webhooks: maybe\n", ["alerter.yaml:1:23:"]),
        ("kibana_url: [a]\n", ["alerter.yaml:1:13:"]),
        ("- a\n", ["alerter.yaml:1:1:", "settings are a mapping"]),
        ("rules: a\n---\nrules: b\n", ["alerter.yaml:3:1:", "one document"]),
        ("rules: [\n", ["alerter.yaml:2:1: error[yaml_syntax]"]),
        ("rules: a\nrules: b\n", ["alerter.yaml:2:1: error[duplicate_key]"]),
    ],
)
def test_mistakes_name_their_place(tmp_path: Path, text: str, places: list[str]) -> None:
    """Everything wrong with the file is said at once, with file, line and column."""
    said = refusal(tmp_path, text)
    assert [place for place in places if place not in said] == []


def test_folder_is_no_data_file(tmp_path: Path) -> None:
    """Data are files: a folder is refused at its place, a file that is not there yet is not."""
    (tmp_path / "logs").mkdir()
    said = refusal(tmp_path, "data: [later.ndjson, logs]\n")
    assert "alerter.yaml:1:7: error[setting]: data: " in said
    assert "logs is a folder" in said


def test_mistake_in_the_environment_names_the_variable(tmp_path: Path) -> None:
    """A bad variable is named, not a line of the file it overrides."""
    said = refusal(tmp_path, "http_port: 80\n", ALERTER_HTTP_PORT="many", ALERTER_LEASE_TTL="x")
    assert "ALERTER_HTTP_PORT: http_port: 'many' is not a port" in said
    assert "ALERTER_LEASE_TTL: lease.ttl" in said
    assert "alerter.yaml" not in said


def test_named_file_must_exist(folder: Path) -> None:
    """A file that was named, by option or variable, is not optional."""
    for path, environ in (("gone.yaml", {}), (None, {"ALERTER_CONFIG": "gone.yaml"})):
        with pytest.raises(UsageError, match=r"gone[.]yaml does not exist"):
            load_settings(path, environ)


@pytest.mark.parametrize(
    ("environ", "urls"),
    [
        ({"ES_HOST": "es.example"}, ("http://es.example:9200",)),
        ({"ES_HOST": "es.example", "ES_PORT": "9201", "ES_USE_SSL": "True"}, ("https://es.example:9201",)),
        ({"ES_HOSTS": "a:1, b", "ES_HOST": "c", "ES_URL_PREFIX": "es/"}, ("http://a:1/es", "http://b:9200/es")),
        ({"ES_HOST": "https://es.example:443"}, ("https://es.example:443",)),
        ({"ES_HOST": "old", "ALERTER_ES_URL": "http://new"}, ("http://new",)),
    ],
)
def test_elastalerts_names_say_where_the_cluster_is(
    folder: Path, environ: dict[str, str], urls: tuple[str, ...]
) -> None:
    """ES_HOSTS, ES_HOST and what belongs to them stand in for ALERTER_ES_URL."""
    assert load_settings(None, environ).es.urls == urls


def test_elastalerts_credentials_are_not_mixed_with_ours(folder: Path) -> None:
    """ES_* credentials are read where no ALERTER_ name gives one, and not beside one; none is ever shown."""
    theirs = {"ES_USERNAME": "u", "ES_PASSWORD": "hidden-1", "ES_BEARER": "hidden-2", "ES_API_KEY": "hidden-3"}
    es = load_settings(None, theirs).es
    secrets = (es.password, es.bearer, es.api_key)
    assert (es.username, *(s.reveal() for s in secrets)) == ("u", "hidden-1", "hidden-2", "hidden-3")
    assert "hidden" not in repr(es)
    es = load_settings(None, {**theirs, "ALERTER_ES_API_KEY": "ours"}).es
    assert (es.username, bool(es.password), bool(es.bearer), es.api_key.reveal()) == ("", False, False, "ours")


def test_a_wrong_host_names_elastalerts_variable(folder: Path) -> None:
    """A URL made of ES_HOST that cannot be used is said of ES_HOST."""
    with pytest.raises(UsageError, match="ES_HOST: URL 1 is not like"):
        load_settings(None, {"ES_HOST": "a b"})


def test_access_comes_from_the_environment(folder: Path) -> None:
    """URLs are split at commas; certificates are paths; what is not set is empty."""
    environ = {"ALERTER_ES_URL": "http://a, http://b", "ALERTER_ES_CA_CERTS": "ca.pem", "ALERTER_SLACK_TOKEN": "xoxb"}
    settings = load_settings(None, environ)
    assert settings.es.urls == ("http://a", "http://b")
    assert (settings.es.ca_certs, bool(settings.es.password)) == ("ca.pem", False)
    assert settings.slack.token.reveal() == "xoxb"
    assert settings.slack.base_url == "https://slack.com/api/"


@pytest.mark.parametrize(
    "url",
    [
        "https://user:hu@sh@es.example:9200",
        "https://user:hu/sh@es.example:9200",
        "https://user:hu?sh@es.example:9200",
        "https://user:hu#sh@es.example:9200",
        "https://user:hu,sh@es.example:9200",
        "https://user:hu sh@es.example:9200",
        "https://user:hush@es.example:port",
        "user:hush@es.example:9200",
        "https://es.example/path@hush",
        "https://",
    ],
)
@pytest.mark.parametrize("from_file", [True, False])
def test_url_that_cannot_be_read_safely_is_refused_unseen(folder: Path, url: str, from_file: bool) -> None:
    """Where a password ends is never guessed; the variable is named, and nothing of the URL is shown."""
    environ = {"ALERTER_ES_URL": f"http://a:9200, {url}"}
    if from_file:
        (folder / "url").write_text(environ["ALERTER_ES_URL"], encoding="utf-8")
        environ = {"ALERTER_ES_URL_FILE": str(folder / "url")}
    with pytest.raises(UsageError, match="ALERTER_ES_USERNAME") as refused:
        load_settings(None, environ)
    said = refused.value.message
    assert said.startswith(f"{next(iter(environ))}: URL 2")
    assert [part for part in ("hu", "sh@", "user:", "path") if part in said] == []


@pytest.mark.parametrize(
    "url",
    [
        "https://user:p%40ss%2Fword@es.example:9200/prefix",
        "HTTP://[::1]:9200",
        "https://es.example",
        "https://us.er:a:b!$&'()*+;=@10.0.0.1:443/",
    ],
)
def test_url_of_any_sound_form_is_taken(folder: Path, url: str) -> None:
    """Escaped passwords, addresses and prefixes are no mistakes; and the settings show none of it."""
    settings = load_settings(None, {"ALERTER_ES_URL": url})
    assert settings.es.urls == (url,)
    assert url not in repr(settings)


def test_secret_file_is_read_again(folder: Path) -> None:
    """A secret that is rotated in its file is used from then on, without a restart."""
    file = folder / "secret"
    file.write_text("first\n", encoding="utf-8")
    password = load_settings(None, {"ALERTER_ES_PASSWORD_FILE": str(file)}).es.password
    assert password.reveal() == "first"
    file.write_text("second\n", encoding="utf-8")
    assert password.reveal() == "second"


def test_secret_file_that_cannot_be_read_is_named(folder: Path) -> None:
    """The variable and the path are said at start."""
    with pytest.raises(UsageError, match=r"ALERTER_SLACK_TOKEN_FILE: cannot read gone"):
        load_settings(None, {"ALERTER_SLACK_TOKEN_FILE": "gone"})


def test_secrets_never_show(folder: Path) -> None:
    """Neither the settings nor a secret show what is in them."""
    settings = load_settings(None, {"ALERTER_ES_PASSWORD": "geheim", "ALERTER_SLACK_TOKEN": "geheim"})
    assert "geheim" not in repr(settings) + str(settings) + f"{settings.es.password}{settings.slack.token!r}"


def test_signs_of_trouble_have_their_times_and_may_be_turned_off(tmp_path: Path) -> None:
    """Each sign is a length or off, from the file or the environment."""
    text = "watch: {rules_failing: 1m, outbox_old: off, engine_lost: 'off'}\n"
    watch = load(tmp_path, text, ALERTER_WATCH_RULES_DIFFER="Off", ALERTER_WATCH_CATCH_UP_CUT="1h").watch
    assert (watch.rules_failing, watch.outbox_old, watch.engine_lost) == (MINUTE, None, None)
    assert (watch.rules_differ, watch.catch_up_cut) == (None, HOUR)
    assert load(tmp_path, "").watch.rules_failing == 5 * MINUTE
    assert "watch.rules_failed" in refusal(tmp_path, "watch: {rules_failed: 1m}\n")
    assert "soon" in refusal(tmp_path, "watch: {rules_failing: soon}\n")


def test_the_whole_watch_may_be_off(tmp_path: Path) -> None:
    """``watch: off``, in the file or as a variable, is every sign off; no other group may be."""
    off = WatchSettings(None, None, None, None, None)
    assert load(tmp_path, "watch: off\n").watch == off
    assert load(tmp_path, "", ALERTER_WATCH="off").watch == off
    assert "watch is a mapping" in refusal(tmp_path, "watch: on\n")
    assert "retention is a mapping" in refusal(tmp_path, "retention: off\n")


def test_the_dead_mans_switch_goes_one_way(tmp_path: Path) -> None:
    """Off by default; a webhook by URL, variable or file, or a Slack channel."""
    assert load(tmp_path, "").dead_mans_switch is None
    (tmp_path / "url").write_text("https://hc.example/3\n", encoding="utf-8")
    for way, environ, url in (
        ("{url: 'https://hc.example/1'}", {}, "https://hc.example/1"),
        ("{url_env: PING}", {"PING": "https://hc.example/2"}, "https://hc.example/2"),
        (f"{{url_file: '{tmp_path / 'url'}'}}", {}, "https://hc.example/3"),
    ):
        switch = load(tmp_path, f"dead_mans_switch: {{webhook: {way}}}\n", **environ).dead_mans_switch
        assert switch is not None
        assert (switch.every, switch.url.reveal(), switch.channel) == (MINUTE, url, "")
        assert url not in repr(switch)
    switch = load(tmp_path, "dead_mans_switch: {every: 30s, slack: {channel: '#alive'}}\n").dead_mans_switch
    assert switch is not None
    assert (switch.every, switch.channel) == (30 * SECOND, "#alive")
    by_variable = load(tmp_path, "", ALERTER_DEAD_MANS_SWITCH_WEBHOOK_URL="http://hc.example/4").dead_mans_switch
    assert by_variable is not None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{every: 30s}", "goes one way"),
        ("{webhook: {url: 'http://a'}, slack: {channel: x}}", "goes one way"),
        ("{webhook: {url_env: NOT_SET_HERE}}", "export NOT_SET_HERE"),
        ("{webhook: {url: 'somewhere'}}", "no URL"),
        ("{webhook: {link: 'http://a'}}", "dead_mans_switch.webhook.link"),
        ("{webhook: nowhere}", "is a mapping"),
        ("{every: 1s, slack: {channel: x}}", "too short"),
    ],
)
def test_a_wrong_switch_is_named(tmp_path: Path, text: str, said: str) -> None:
    """What is wrong is said with its place."""
    message = refusal(tmp_path, f"dead_mans_switch: {text}\n")
    assert said in message
    assert "alerter.yaml:1:" in message


@pytest.mark.parametrize(
    ("written", "listed", "said"),
    [
        ("", True, "is one of the data files"),
        (None, True, "is one of the data files"),
        ("{}\n", True, "is one of the data files"),
        ("{}\n", False, "is there, and is no SQLite database"),
        ("", False, ""),
        (None, False, ""),
    ],
)
def test_state_is_never_written_over_other_files(folder: Path, written: str | None, listed: bool, said: str) -> None:
    """Data files, also empty ones or none yet, and whatever is no database; an empty file may become one."""
    state = folder / "events.ndjson"
    if written is not None:
        state.write_text(written, encoding="utf-8")
    data = "./events.ndjson" if listed else "other.ndjson"
    text = f"data: [{data}]\nstate_file: events.ndjson\n"
    if said:
        message = refusal(folder, text)
        assert said in message
        assert "alerter.yaml:2:13:" in message
        assert (state.read_text(encoding="utf-8") if state.exists() else None) == written
    else:
        assert load(folder, text).state_file == state


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        ({"ALERTER_DATA": "alerter.db"}, "alerter.db is one of the data files"),
        ({"ALERTER_DELIVERY_SECOND_LOOK": "1s"}, "second_look must come after first_look"),
    ],
)
def test_mistakes_of_variables_together_are_named(folder: Path, environ: dict[str, str], said: str) -> None:
    """Also without a settings file."""
    with pytest.raises(UsageError, match=said):
        load_settings(None, environ)


def test_looks_for_unclear_messages(folder: Path) -> None:
    """The ages at which an unclear message is looked for can be set, in their order."""
    settings = load(folder, "delivery: {first_look: 300ms, second_look: 1s}\n")
    assert (settings.delivery.first_look, settings.delivery.second_look) == (300, SECOND)
    assert "second_look must come after first_look" in refusal(folder, "delivery: {first_look: 30s}\n")
    assert "second_look must come after first_look" in refusal(folder, "delivery: {first_look: 20s}\n")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("lease: {ttl: 1s}\n", ["alerter.yaml:1:14:", "lease.ttl: '1s' is too short", "at least 2 s"]),
        ("lease: {ttl: 6m}\n", ["alerter.yaml:1:14:", "lease.ttl: '6m' is too long", "at most 5 min"]),
        ("delivery: {first_look: 0s}\n", ["alerter.yaml:1:24:", "delivery.first_look: '0s' is too short"]),
    ],
)
def test_lengths_have_bounds(folder: Path, text: str, said: list[str]) -> None:
    """What no fleet and no channel can live with is refused at its place."""
    message = refusal(folder, text)
    assert all(part in message for part in said)
    assert load(folder, "lease: {ttl: 2s}\n").lease_ttl == 2 * SECOND
    assert load(folder, "lease: {ttl: 5m}\n").lease_ttl == 5 * MINUTE
