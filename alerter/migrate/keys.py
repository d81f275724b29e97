"""Every key of an ElastAlert configuration: what becomes of it here."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from alerter.ruleset.options import MEANINGLESS, REFUSED, ROUTED, ROUTED_PREFIXES, is_known


class Fate(StrEnum):
    """What becomes of a key."""

    SETTING = "setting"
    """It is written to alerter.yaml."""
    ENVIRONMENT = "environment"
    """It is access or a secret: a variable of the environment."""
    ROUTES = "routes"
    """Where messages go: notifiers/."""
    IGNORED = "ignored"
    """It means nothing here; nothing is lost."""
    RULE = "rule"
    """An option for every rule: the file of defaults."""
    UNSUPPORTED = "unsupported"
    """It changes the meaning and is not supported."""
    UNKNOWN = "unknown"
    """No key of ElastAlert."""


@dataclass(frozen=True)
class Meaning:
    """What becomes of a key, in words; ``name`` is the setting or variable it becomes."""

    fate: Fate
    text: str
    name: str = ""


def _setting(name: str, text: str) -> Meaning:
    return Meaning(Fate.SETTING, text, name)


def _variable(name: str, text: str) -> Meaning:
    return Meaning(Fate.ENVIRONMENT, text, name)


def _ignored(text: str) -> Meaning:
    return Meaning(Fate.IGNORED, text)


_WATCH = "the alerter's own troubles are incidents of the domain alerter: route them; docs/operations.md"
_PAGES = "nothing is truncated: there is no such limit"
_CLUSTER = "part of ALERTER_ES_URL"
KEYS: dict[str, Meaning] = {
    "rules_folder": _setting("rules", "the folders with the rules"),
    "scan_subdirectories": _ignored("folders are always read with all below them"),
    "run_every": _setting("run_every", "how often rules are asked"),
    "buffer_time": _setting("buffer_time", "how late events may come; metric rules without timeframe judge that long"),
    "query_delay": _setting("query_delay", "how long after an instant it is asked"),
    "old_query_limit": _setting("max_catchup", "how long ago a missed instant may be and still be evaluated"),
    "writeback_index": _setting(
        "state_index", "the prefix of our own indices; ElastAlert's documents stay as they are"
    ),
    "realert": _ignored(
        "ElastAlert gives it to no rule: one without has a minute, or none with aggregation; write it into the file of "
        "defaults where it is meant for all"
    ),
    "kibana_url": _setting("kibana_url", "the base of links"),
    "logging": _setting("log", "log: {level, format}; Python's logging configuration is not read"),
    "es_host": _variable("ALERTER_ES_URL", "where the cluster is"),
    "es_hosts": _variable("ALERTER_ES_URL", "where the cluster is; the next one is asked when one is down"),
    "es_port": _variable("ALERTER_ES_URL", _CLUSTER),
    "use_ssl": _variable("ALERTER_ES_URL", _CLUSTER),
    "es_url_prefix": _variable("ALERTER_ES_URL", _CLUSTER),
    "es_username": _variable("ALERTER_ES_USERNAME", "who we are"),
    "es_password": _variable("ALERTER_ES_PASSWORD", "a secret; or ALERTER_ES_PASSWORD_FILE"),
    "es_api_key": _variable("ALERTER_ES_API_KEY", "a secret; or ALERTER_ES_API_KEY_FILE"),
    "es_bearer": _variable("ALERTER_ES_BEARER", "a secret; or ALERTER_ES_BEARER_FILE"),
    "ca_certs": _variable("ALERTER_ES_CA_CERTS", "whom we trust"),
    "client_cert": _variable("ALERTER_ES_CLIENT_CERT", "our certificate"),
    "client_key": _variable("ALERTER_ES_CLIENT_KEY", "its key"),
    "verify_certs": _ignored(
        "the certificate of ALERTER_ES_URL is always checked; to trust one of your own: ALERTER_ES_CA_FINGERPRINT; a "
        "rule may write verify_certs: false itself"
    ),
    "ssl_show_warn": _ignored("certificates are always checked"),
    "es_conn_timeout": _ignored("time-outs are alerter's own"),
    "es_send_get_body_as": _ignored("alerter uses POST"),
    "aws_region": Meaning(Fate.UNSUPPORTED, "requests are not signed for AWS; use an access that ALERTER_ES_* can say"),
    "profile": Meaning(Fate.UNSUPPORTED, "requests are not signed for AWS; use an access that ALERTER_ES_* can say"),
    "boto_profile": Meaning(
        Fate.UNSUPPORTED, "requests are not signed for AWS; use an access that ALERTER_ES_* can say"
    ),
    "rules_loader": Meaning(Fate.UNSUPPORTED, "Python classes of ElastAlert are not loaded; keep the rules in files"),
    "skip_invalid": _ignored("a file with errors never stops the others"),
    "max_threads": _ignored("due rules share their requests"),
    "misfire_grace_time": _ignored("every missed instant is evaluated, up to max_catchup ago"),
    "disable_rules_on_error": _ignored("a failing rule is tried again and again, later each time"),
    "show_disabled_rules": _ignored("alerter check and alerter status show rules"),
    "alert_time_limit": _ignored("a message is tried until it is delivered or its receiver's fallback has it"),
    "max_aggregation": _ignored("every match counts; there is one message per incident"),
    "max_query_size": _ignored(_PAGES),
    "max_scrolling_count": _ignored(_PAGES),
    "scroll_keepalive": _ignored(_PAGES),
    "notify_email": Meaning(Fate.ROUTES, _WATCH),
    "notify_alert": Meaning(Fate.ROUTES, _WATCH),
    "notify_all_errors": Meaning(Fate.ROUTES, _WATCH),
    "statsd_host": _ignored("Prometheus metrics are served at /metrics"),
    "statsd_instance_tag": _ignored("Prometheus metrics are served at /metrics"),
    "prometheus_port": _ignored("metrics are served at http_port (9797), /metrics"),
    "replace_dots_in_field_names": _ignored("documents are stored nowhere, so no name needs a change"),
    "string_multi_field_name": _ignored("the mapping says which fields are keywords"),
    "add_metadata_alert": _ignored("labels are always there"),
    "custom_pretty_ts_format": _ignored("the time zone is set per receiver"),
    "jinja_filters": Meaning(Fate.UNSUPPORTED, "Python functions of your own are not loaded; use Jinja2's own filters"),
    "slack_webhook_url": _variable("ALERTER_SLACK_WEBHOOK_URL", "a secret; the webhook of receivers without their own"),
    "alert": Meaning(Fate.ROUTES, "where messages go is for the routes: notifiers/"),
}
"""Section 5 of what ElastAlert reads, and what every configuration is likely to hold."""
_DEFAULT = Meaning(Fate.RULE, "an option of every rule that does not write it: the file of defaults", "rule_defaults")
_NOTIFIER = Meaning(
    Fate.ROUTES,
    "an option of a notifier: with honour_rule_webhooks it counts for every rule that does not write it, from the file "
    "of defaults; else write a receiver in notifiers/, see docs/routing.md",
)
FAMILIES = {
    "es_": Meaning(Fate.UNKNOWN, "no key of ElastAlert; access is set by ALERTER_ES_*"),
    "statsd_": KEYS["statsd_host"],
    "jinja_": _DEFAULT,
    "shorten_": _ignored("links are not shortened"),
    "kibana_": _DEFAULT,
}
NOT_FOR_RULES = ("notify_email", "notify_alert", "notify_all_errors")
"""Options of notifiers that are about ElastAlert itself."""


def meaning_of(key: str) -> Meaning:
    """Return what becomes of a key."""
    if key in KEYS:
        return KEYS[key]
    if key in ROUTED or key.startswith(ROUTED_PREFIXES):
        return _NOTIFIER
    if key in REFUSED:
        return Meaning(Fate.UNSUPPORTED, REFUSED[key])
    if key in MEANINGLESS:
        return _ignored(MEANINGLESS[key])
    for beginning, meaning in FAMILIES.items():
        if key.startswith(beginning):
            return meaning
    return _DEFAULT if is_known(key) else Meaning(Fate.UNKNOWN, "no key of ElastAlert")
