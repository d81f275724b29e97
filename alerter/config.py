"""Settings: one YAML file, the environment over it, secrets only from environment or files."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from alerter.clock import DAY, MINUTE, SECOND, Millis
from alerter.durations import parse_duration
from alerter.errors import UsageError
from alerter.ruleset.suggest import did_you_mean
from alerter.ruleset.yaml_positions import Document, read_file
from alerter.secrets import Secret
from alerter.shipped import shipped_dir

DEFAULT_FILE = "alerter.yaml"
UNSET = Secret()


@dataclass(frozen=True)
class EsAccess:
    """How to reach Elasticsearch; ``urls`` empty means that there is none."""

    urls: tuple[str, ...] = ()
    username: str = ""
    password: Secret = UNSET
    api_key: Secret = UNSET
    ca_certs: str = ""
    ca_fingerprint: str = ""
    client_cert: str = ""
    client_key: str = ""


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
class Settings:
    """Everything that is not a rule or a route; ``configured``: a file or ALERTER_NOTIFIERS says where routes are."""

    rules: tuple[Path, ...] = ()
    notifiers: tuple[Path, ...] = ()
    data: tuple[Path, ...] = ()
    state_file: Path = Path("alerter.db")
    state_index: str = "alerter"
    es: EsAccess = EsAccess()
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
    log: LogSettings = LogSettings()
    honour_rule_webhooks: bool = False
    configured: bool = False
    environ: Mapping[str, str] = field(default_factory=dict, repr=False)


LENGTHS = ("run_every", "buffer_time", "query_delay", "max_catchup")
PATHS = ("rules", "notifiers", "data", "state_file")
PLAIN = ("state_index", "http_host", "http_port", "instance", "kibana_url", "honour_rule_webhooks")
GROUPS = ("retention", "lease", "log")
GROUP_KEYS = {"retention": ("incidents", "decisions", "silences"), "lease": ("ttl",), "log": ("level", "format")}
KEYS = (*PATHS, *LENGTHS, *PLAIN, *GROUPS)


def load_settings(path: str | None, environ: Mapping[str, str] | None = None) -> Settings:
    """Read the settings file (``alerter.yaml`` when there is one) and the environment over it.

    Raises UsageError naming ``file:line:col``, or the variable, of everything that is wrong.
    """
    environ = os.environ if environ is None else environ
    file = Path(path or environ.get("ALERTER_CONFIG", "") or DEFAULT_FILE)
    document = _read(file, required=path is not None or "ALERTER_CONFIG" in environ)
    values: dict[str, Any] = {}
    if document is not None:
        _check(document)
        values = _from_file(document, file.parent)
    values |= _from_environment(environ)
    return _build(values, environ, configured=document is not None or "ALERTER_NOTIFIERS" in environ)


def _read(file: Path, *, required: bool) -> Document | None:
    if not file.exists():
        if required:
            raise UsageError(f"the settings file {file} does not exist", "see docs/operations.md for what it holds")
        return None
    documents, findings = read_file(file)
    errors = [f for f in findings if f.severity == "error"]
    if errors:
        raise UsageError("\n".join(f.text() for f in errors))
    if not documents:
        return None
    return documents[0]


def _check(document: Document) -> None:
    if not isinstance(document.value, dict):
        raise UsageError(document.diagnostic("error", "settings", "settings are a mapping of keys").text())
    problems = []
    for name in document.value:
        if name not in KEYS:
            hint = did_you_mean(str(name), KEYS) or f"known keys: {', '.join(KEYS)}"
            found = document.diagnostic("error", "unknown_key", f"unknown setting {name}", hint, (name,), key=True)
            problems.append(found)
    for name in (n for n in LENGTHS if n in document.value):
        try:
            parse_duration(document.value[name])
        except ValueError as error:
            problems.append(document.diagnostic("error", "duration", f"{name}: {error}", "", (name,)))
    if problems:
        raise UsageError("\n".join(p.text() for p in problems))


def _from_file(document: Document, folder: Path) -> dict[str, Any]:
    values = dict(document.value)
    for name in PATHS:
        if name in values:
            listed = values[name] if isinstance(values[name], list) else [values[name]]
            values[name] = [folder / str(item) for item in listed]
    return values


def _from_environment(environ: Mapping[str, str]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for name in KEYS:
        text = environ.get(f"ALERTER_{name.upper()}")
        if text is None or name in GROUPS:
            continue
        values[name] = [Path(p) for p in text.split(",") if p] if name in PATHS else text
    for group, names in GROUP_KEYS.items():
        found = {n: environ[v] for n in names if (v := f"ALERTER_{group}_{n}".upper()) in environ}
        if found:
            values[group] = found
    return values


def _build(values: Mapping[str, Any], environ: Mapping[str, str], *, configured: bool) -> Settings:
    http_host = str(values.get("http_host", "127.0.0.1"))
    http_port = _port(values.get("http_port", 9797))
    retention, lease, log = (values.get(g) or {} for g in GROUPS)
    kept = {n: _length(f"retention.{n}", v) for n, v in _known("retention", retention, KeptFor).items()}
    return Settings(
        rules=_folders(values, "rules"),
        notifiers=_folders(values, "notifiers"),
        data=tuple(values.get("data", ())),
        state_file=next(iter(values.get("state_file", ())), Path("alerter.db")),
        state_index=str(values.get("state_index", "alerter")),
        es=_es_access(environ),
        slack=_slack_access(environ),
        http_host=http_host,
        http_port=http_port,
        instance=str(values.get("instance") or f"{socket.gethostname()}:{http_port}"),
        kibana_url=str(values.get("kibana_url", "")),
        **{name: _length(name, values[name]) for name in LENGTHS if name in values},
        retention=KeptFor(**kept),
        lease_ttl=_length("lease.ttl", lease.get("ttl", "6s")),
        log=LogSettings(**{n: str(v).lower() for n, v in _known("log", log, LogSettings).items()}),
        honour_rule_webhooks=str(values.get("honour_rule_webhooks", "")).lower() in ("true", "1", "yes"),
        configured=configured,
        environ=environ,
    )


def _folders(values: Mapping[str, Any], name: str) -> tuple[Path, ...]:
    """Return the folders named, else ``./rules`` (``./notifiers``) when there is one, else the shipped ones."""
    if name in values:
        return tuple(values[name])
    own = Path(name)
    return (own if own.is_dir() else shipped_dir() / name,)


def _known(group: str, values: Any, shape: type) -> dict[str, Any]:
    if not isinstance(values, Mapping):
        raise UsageError(f"{group}: is a mapping", f"known keys: {', '.join(shape.__annotations__)}")
    for name in values:
        if name not in shape.__annotations__:
            raise UsageError(f"unknown setting {group}.{name}", did_you_mean(str(name), list(shape.__annotations__)))
    return dict(values)


def _length(name: str, value: Any) -> Millis:
    try:
        return parse_duration(value)
    except ValueError as error:
        raise UsageError(f"{name}: {error}") from None


def _port(value: Any) -> int:
    try:
        port = int(value)
    except (TypeError, ValueError):
        port = -1
    if not 0 <= port <= 65_535:
        raise UsageError(f"http_port {value!r} is not a port", "a number from 0 (off) to 65535")
    return port


def _es_access(environ: Mapping[str, str]) -> EsAccess:
    def secret(name: str) -> Secret:
        return Secret.of(environ, f"ALERTER_ES_{name}")

    urls = secret("URL").reveal()
    return EsAccess(
        urls=tuple(u.strip() for u in urls.split(",") if u.strip()),
        username=secret("USERNAME").reveal(),
        password=secret("PASSWORD"),
        api_key=secret("API_KEY"),
        ca_certs=secret("CA_CERTS").path or secret("CA_CERTS").reveal(),
        ca_fingerprint=secret("CA_FINGERPRINT").reveal(),
        client_cert=secret("CLIENT_CERT").path or secret("CLIENT_CERT").reveal(),
        client_key=secret("CLIENT_KEY").path or secret("CLIENT_KEY").reveal(),
    )


def _slack_access(environ: Mapping[str, str]) -> SlackAccess:
    return SlackAccess(
        token=Secret.of(environ, "ALERTER_SLACK_TOKEN"),
        app_token=Secret.of(environ, "ALERTER_SLACK_APP_TOKEN"),
        webhook_url=Secret.of(environ, "ALERTER_SLACK_WEBHOOK_URL"),
        base_url=environ.get("ALERTER_SLACK_BASE_URL", "https://slack.com/api/"),
    )
