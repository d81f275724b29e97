"""Settings: one YAML file, the environment over it, secrets only from environment or files."""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from alerter.access import NOWHERE, UNSET, EsAccess
from alerter.clock import DAY, MINUTE, SECOND, Millis
from alerter.config_paths import data, folders, rule_defaults, state_file
from alerter.config_values import Values
from alerter.elastalert_environ import secret_of
from alerter.errors import UsageError
from alerter.ruleset.yaml_positions import Document, read_file
from alerter.secrets import Secret
from alerter.timetext import length_text

DEFAULT_FILE = "alerter.yaml"


@dataclass(frozen=True)
class SlackAccess:
    """How to reach Slack; the webhook is the default of receivers without their own."""

    token: Secret = UNSET
    app_token: Secret = UNSET
    webhook_url: Secret = UNSET
    base_url: str = "https://slack.com/api/"


@dataclass(frozen=True)
class KeptFor:
    """Retention of closed records, milliseconds."""

    incidents: Millis = 90 * DAY
    decisions: Millis = 14 * DAY
    silences: Millis = 30 * DAY


@dataclass(frozen=True)
class LogSettings:
    """Level and format of the log."""

    level: str = "info"
    format: str = "text"


@dataclass(frozen=True)
class WatchSettings:
    """After how long a sign of trouble with the alerter itself becomes an incident, milliseconds; None: never.

    For ``catch_up_cut`` it is the shortest span given up that is worth telling.
    """

    rules_failing: Millis | None = 5 * MINUTE
    outbox_old: Millis | None = 5 * MINUTE
    catch_up_cut: Millis | None = MINUTE
    engine_lost: Millis | None = 30 * SECOND
    rules_differ: Millis | None = 10 * MINUTE


@dataclass(frozen=True)
class SwitchSettings:
    """The dead man's switch: how often, and where to: a webhook's URL (may be a secret), or a Slack channel."""

    every: Millis = MINUTE
    url: Secret = UNSET
    channel: str = ""


@dataclass(frozen=True)
class DeliverySettings:
    """At which ages a message that may or may not have been posted is looked for, before it is sent again; ms."""

    first_look: Millis = 5 * SECOND
    second_look: Millis = 20 * SECOND


@dataclass(frozen=True)
class Settings:
    """Everything that is not a rule or a route; ``configured``: a file or ALERTER_NOTIFIERS says where routes are."""

    rules: tuple[Path, ...] = ()
    rule_defaults: Path | None = None
    notifiers: tuple[Path, ...] = ()
    data: tuple[Path, ...] = ()
    state_file: Path = Path("alerter.db")
    state_index: str = "alerter"
    es: EsAccess = NOWHERE
    slack: SlackAccess = SlackAccess()
    http_host: str = "127.0.0.1"
    http_port: int = 9797
    instance: str = ""
    kibana_url: str = ""
    run_every: Millis = MINUTE
    buffer_time: Millis = 2 * MINUTE
    query_delay: Millis = 2 * SECOND
    max_catchup: Millis = DAY
    retention: KeptFor = KeptFor()
    lease_ttl: Millis = 6 * SECOND
    delivery: DeliverySettings = DeliverySettings()
    log: LogSettings = LogSettings()
    watch: WatchSettings = WatchSettings()
    dead_mans_switch: SwitchSettings | None = None
    honour_rule_webhooks: bool = False
    configured: bool = False
    environ: Mapping[str, str] = field(default_factory=dict, repr=False)


PATHS = ("rules", "rule_defaults", "notifiers", "data", "state_file")
LENGTHS = ("run_every", "buffer_time", "query_delay", "max_catchup")
PLAIN = ("state_index", "http_host", "http_port", "instance", "kibana_url", "honour_rule_webhooks")
LEAST_LOOK: Millis = 200
LOOKS = tuple(field.name for field in fields(DeliverySettings))
SIGNS = tuple(field.name for field in fields(WatchSettings))
GROUPS = {
    "retention": ("incidents", "decisions", "silences"),
    "lease": ("ttl",),
    "delivery": LOOKS,
    "log": ("level", "format"),
    "watch": SIGNS,
    "dead_mans_switch": ("every", "webhook", "slack"),
}
KEYS: Mapping[str, tuple[str, ...]] = {**dict.fromkeys((*PATHS, *LENGTHS, *PLAIN), ()), **GROUPS}
"""Every key of the file, with the keys below it."""
SWITCH = "dead_mans_switch"
SWITCHES = {"webhook": ("url", "url_env", "url_file"), "slack": ("channel",)}
"""Where the dead man's switch may go, with the keys below."""
LOG_LEVELS = ("debug", "info", "warning", "error", "critical")
_INDEX_NAME = re.compile(r"[a-z0-9][a-z0-9._-]*")
URL = re.compile(r"https?://([^\s/@?#]*@)?(\[[0-9a-f:.]+\]|[^\s/@?#:\[\]]+)(:\d{1,5})?(/[^\s@?#]*)?", re.IGNORECASE)
"""A URL whose user name and password end where every reader of URLs thinks they do."""


def is_url(text: str) -> bool:
    """Tell whether a text is the URL of a cluster, with a port that there is."""
    try:
        return URL.fullmatch(text) is not None and urlsplit(text).port != 0
    except ValueError:  # no port, or no address of version 6
        return False


def load_settings(path: str | None, environ: Mapping[str, str] | None = None) -> Settings:
    """Read the settings file (``alerter.yaml`` when there is one) and the environment over it.

    Raises UsageError naming ``file:line:col``, or the variable, of everything that is wrong.
    """
    environ = os.environ if environ is None else environ
    file = Path(path or environ.get("ALERTER_CONFIG", "") or DEFAULT_FILE)
    document = _read(file, required=path is not None or "ALERTER_CONFIG" in environ)
    values = Values(document, environ)
    values.unknown(KEYS, may_be_off=("watch",))
    settings = _build(values, environ, configured=file.exists() or "ALERTER_NOTIFIERS" in environ)
    if values.problems:
        raise UsageError("\n".join(values.problems))
    return settings


def _read(file: Path, *, required: bool) -> Document | None:
    if not file.exists():
        if required:
            raise UsageError(f"the settings file {file} does not exist", "see docs/operations.md for what it holds")
        return None
    documents, findings = read_file(file)
    if len(documents) > 1:
        message = "a settings file holds one document, this one has several"
        findings.append(documents[1].diagnostic("error", "settings", message, "remove the lines ---"))
    errors = [f for f in findings if f.severity == "error"]
    if errors:
        raise UsageError("\n".join(f.text() for f in errors))
    return documents[0] if documents else None


def _build(values: Values, environ: Mapping[str, str], *, configured: bool) -> Settings:
    http_port = values.port(Settings.http_port, "http_port")
    files = data(values)
    return Settings(
        rules=folders(values, "rules"),
        rule_defaults=rule_defaults(values),
        notifiers=folders(values, "notifiers"),
        data=files,
        state_file=state_file(values, files, Settings.state_file),
        state_index=_state_index(values),
        es=_es_access(environ, values),
        slack=_slack_access(environ),
        http_host=values.text(Settings.http_host, "http_host"),
        http_port=http_port,
        instance=values.text("", "instance") or f"{socket.gethostname()}:{http_port}",
        kibana_url=values.text("", "kibana_url"),
        run_every=values.length(Settings.run_every, "run_every", least=SECOND),
        buffer_time=values.length(Settings.buffer_time, "buffer_time"),
        query_delay=values.length(Settings.query_delay, "query_delay"),
        max_catchup=values.length(Settings.max_catchup, "max_catchup"),
        retention=_retention(values),
        lease_ttl=values.length(Settings.lease_ttl, "lease", "ttl", least=2 * SECOND, most=5 * MINUTE),
        delivery=_delivery(values),
        log=LogSettings(
            values.choice(LogSettings.level, LOG_LEVELS, "log", "level"),
            values.choice(LogSettings.format, ("text", "json"), "log", "format"),
        ),
        watch=_watch(values),
        dead_mans_switch=_switch(values, environ),
        honour_rule_webhooks=values.flag(False, "honour_rule_webhooks"),
        configured=configured,
        environ=environ,
    )


def _retention(values: Values) -> KeptFor:
    """Return how long closed records are kept; incidents at least so long that none is gone while it may re-open."""
    return KeptFor(
        values.length(KeptFor.incidents, "retention", "incidents", least=DAY),
        values.length(KeptFor.decisions, "retention", "decisions"),
        values.length(KeptFor.silences, "retention", "silences"),
    )


def _delivery(values: Values) -> DeliverySettings:
    looks = (values.length(getattr(DeliverySettings, n), "delivery", n, least=LEAST_LOOK) for n in LOOKS)
    found = DeliverySettings(*looks)
    if found.second_look <= found.first_look:
        hint = f"both count from the attempt; first_look is {length_text(found.first_look)}"
        values.problem("delivery: second_look must come after first_look", hint, "delivery")
    return found


def _watch(values: Values) -> WatchSettings:
    """Return after how long each sign is told; ``watch: off`` is every one of them off."""
    if values.is_off("watch"):
        return WatchSettings(*(None for _ in SIGNS))
    return WatchSettings(*(values.length_or_off(getattr(WatchSettings, n), "watch", n) for n in SIGNS))


def _state_index(values: Values) -> str:
    name = values.text(Settings.state_index, "state_index")
    if not _INDEX_NAME.fullmatch(name):
        values.problem(f"state_index: {name!r} cannot begin an index name", "lower case, like alerter", "state_index")
    return name


def _es_access(environ: Mapping[str, str], values: Values) -> EsAccess:
    secret = partial(secret_of, environ)
    return EsAccess(
        urls=_urls(secret("URL"), values),
        username=secret("USERNAME").reveal(),
        password=secret("PASSWORD"),
        api_key=secret("API_KEY"),
        bearer=secret("BEARER"),
        ca_certs=secret("CA_CERTS").path or secret("CA_CERTS").reveal(),
        ca_fingerprint=secret("CA_FINGERPRINT").reveal(),
        client_cert=secret("CLIENT_CERT").path or secret("CLIENT_CERT").reveal(),
        client_key=secret("CLIENT_KEY").path or secret("CLIENT_KEY").reveal(),
    )


def _urls(secret: Secret, values: Values) -> tuple[str, ...]:
    """Return the URLs; one that cannot be read safely is refused without a word of it, as it may hold a password."""
    urls = tuple(u.strip() for u in secret.reveal().split(",") if u.strip())
    bad = [str(n) for n, url in enumerate(urls, 1) if not is_url(url)]
    if bad:
        hint = "in user name and password write @ as %40, / as %2F, , as %2C, or set ALERTER_ES_USERNAME and _PASSWORD;"
        hint += " ports end at 65535"
        message = f"URL {', '.join(bad)} is not like https://es.example:9200 (it is not shown: it may hold a password)"
        values.problems.append(f"{secret.name}: {message}\n  hint: {hint}")
    return urls


def _switch(values: Values, environ: Mapping[str, str]) -> SwitchSettings | None:
    """Return the dead man's switch, or None when nothing names one."""
    for kind, known in SWITCHES.items():
        values.unknown_below(known, SWITCH, kind)
    every = values.length(SwitchSettings.every, SWITCH, "every", least=5 * SECOND)
    ways = [(kind, name) for kind, names in SWITCHES.items() for name in names if values.has(SWITCH, kind, name)]
    if len(ways) != 1:
        if ways or values.has(SWITCH):
            values.problem(f"{SWITCH} goes one way", "webhook: {url_env: NAME}, or slack: {channel: NAME}", SWITCH)
        return None
    ((kind, name),) = ways
    text = values.text("", SWITCH, kind, name)
    if kind == "slack":
        return SwitchSettings(every, channel=text)
    secret = {"url": Secret(text), "url_env": Secret.of(environ, text), "url_file": Secret(path=text, name=SWITCH)}[
        name
    ]
    if not URL.match(secret.reveal()):
        hint = f"export {text}=..." if name == "url_env" else ""
        values.problem(f"{SWITCH}: no URL like https://hc.example/ping", hint, SWITCH, kind, name)
    return SwitchSettings(every, url=secret)


def _slack_access(environ: Mapping[str, str]) -> SlackAccess:
    return SlackAccess(
        token=Secret.of(environ, "ALERTER_SLACK_TOKEN"),
        app_token=Secret.of(environ, "ALERTER_SLACK_APP_TOKEN"),
        webhook_url=Secret.of(environ, "ALERTER_SLACK_WEBHOOK_URL"),
        base_url=environ.get("ALERTER_SLACK_BASE_URL", "https://slack.com/api/"),
    )
