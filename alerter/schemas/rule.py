"""The schema of rule files as editors show it: each option with what it means, and an example."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from alerter.ruleset.options import MEANINGLESS, REFUSED
from alerter.ruleset.schema import whole_schema

OPTIONS: Mapping[str, tuple[str, Any]] = {
    "name": ("the rule's name, one of its own (default: that of the file)", "payment-errors"),
    "type": ("when the rule matches: see docs/rules.md", "frequency"),
    "index": ("where to look: an index, an alias or a wildcard", "logs-*"),
    "import": ("files with further options, relative to this one; what this file says counts first", "../shop.inc"),
    "use_strftime_index": ("index holds %Y.%m.%d: the names for the days (hours, months) of the span, in UTC", True),
    "search_extra_index": ("one name more, before the first", True),
    "is_enabled": ("false leaves the rule out", False),
    "description": ("what messages say below the title", "Customers cannot pay."),
    "filter": ("which events: clauses that must all hold", [{"query_string": {"query": "level:ERROR"}}]),
    "es_host": ("another cluster than that of the settings", "es2.example.com"),
    "es_hosts": ("several nodes of it", ["es2.example.com:9200", "es3.example.com:9200"]),
    "es_port": ("its port", 9200),
    "use_ssl": ("whether it speaks https", True),
    "verify_certs": ("false: its certificate is not checked", True),
    "ca_certs": ("a PEM file with its authority", "/etc/ssl/es2.pem"),
    "client_cert": ("a PEM file that shows who asks", "/etc/ssl/alerter.pem"),
    "client_key": ("the key of client_cert", "/etc/ssl/alerter.key"),
    "es_username": ("the user there", "alerter"),
    "es_password": ("a variable of the environment that holds the password", "$ES2_PASSWORD"),
    "es_api_key": ("a variable of the environment that holds the key", "$ES2_API_KEY"),
    "es_bearer": ("a variable of the environment that holds the token", "$ES2_TOKEN"),
    "es_url_prefix": ("the path of its address", "es"),
    "query_key": ("counts the events of each value by itself; several fields: each combination", "user.name"),
    "timeframe": ("the length of the window (t - timeframe, t]", "5m"),
    "run_every": ("how often it is evaluated; answers do not depend on it but for what is missing", "1m"),
    "schedule": ("nominal instants: every a length, or cron with a time zone", {"cron": "*/5 * * * *"}),
    "limit_execution": (
        "a cron: evaluated only in these minutes, over all that came since the last",
        "* 8-18 * * mon-fri",
    ),
    "limit_execution_coverage": ("only false: what happens outside these minutes counts too", False),
    "query_delay": ("how long after an instant it is evaluated, so that events can be seen", "2s"),
    "buffer_time": ("how late events may come and still be counted", "2m"),
    "max_catchup": ("what is longer ago after a pause is given up, and said", "1d"),
    "known_keys_for": ("for how long a key that is not seen any more is still missed", "1d"),
    "realert": ("silent for so long after an announced match", "15m"),
    "exponential_realert": ("the longest silence; it doubles up to this while matches go on", "4h"),
    "resolve_after": ("over when the condition did not hold for so long", "10m"),
    "options": ("what a rule type of an installed package is given", {"factor": 3}),
    "match_enhancements": ("installed plug-ins that see each match before it is told", ["office_hours"]),
    "run_enhancements_first": ("true only where realert is 0: a dropped match silences its key", False),
    "include": ("fields of an event that messages show", ["message", "host.name"]),
    "timestamp_field": ("the field that says when an event happened", "@timestamp"),
    "timestamp_type": ("how it is written", "iso"),
    "timestamp_format": ("strptime's notation, for timestamp_type: custom", "%d/%b/%Y:%H:%M:%S %z"),
    "domain": ("what routes see; default: the first folder under rules/", "order"),
    "severity": ("info, warning or critical, or taken from the event", "critical"),
    "environment": ("what routes see", "production"),
    "owner": ("what routes see", "checkout"),
    "labels": ("more names that routes see", {"team": "checkout"}),
    "priority": ("becomes a label", 2),
    "category": ("becomes a label", "payments"),
    "message": ("Jinja2 templates: title, summary, fields, runbook, dashboard", {"title": "Payments fail"}),
    "redact": ("fields and patterns never shown, stored or logged", {"fields": ["card.number"]}),
    "kibana_url": ("messages link to Discover there", "https://kibana.example.com"),
    "alert_subject": ("the message's title, filled in by alert_subject_args", "{0} is failing"),
    "alert_subject_args": ("fields, or options of the rule, for {0}, {1}, ...", ["host.name"]),
    "alert_subject_max_len": ("characters of the title", 120),
    "alert_text": ("the message's summary, filled in by alert_text_args or alert_text_kw", "{0} events"),
    "alert_text_args": ("fields, or options of the rule, for {0}, {1}, ...", ["num_hits"]),
    "alert_text_kw": ("fields, each with its name in the text", {"host.name": "host"}),
    "alert_text_type": ("what is shown beside the text", "exclude_fields"),
    "alert_missing_value": ("stands for what is not there", "?"),
    "jinja_root_name": ("the name of all fields and options in a template", "_data"),
    "jinja_template_path": ("a file with the template, relative to this one", "page.j2"),
    "top_count_keys": ("fields of which messages show the most frequent values", ["host.name"]),
    "top_count_number": ("how many values", 5),
    "raw_count_keys": ("accepted: values are counted by .keyword where there is one", True),
    "attach_related": ("texts see the other events of the window as related_events", True),
    "summary_table_fields": ("messages show a table of counts by these fields", ["host.name", "user.name"]),
    "summary_table_type": ("ascii, markdown or html", "markdown"),
    "summary_table_max_rows": ("rows shown, the rest is summed", 10),
    "summary_prefix": ("text above the table", "Failed logins:"),
    "summary_suffix": ("text below the table", ""),
    "aggregation": ("what matches in this time is one message; or {schedule: cron}", {"minutes": 30}),
    "aggregation_key": ("what differs in this field is told apart", "host.name"),
    "aggregate_by_match_time": ("the time of aggregation begins with the first match", True),
    "num_events": ("frequency: at least so many events in the window", 10),
    "spike_height": ("so many times as many (or few) as in the window before", 3),
    "spike_type": ("the direction", "up"),
    "threshold_ref": ("the window before must hold at least so many", 10),
    "threshold_cur": ("the current window must hold at least so many", 10),
    "alert_on_new_data": ("a key without a window before may match", True),
    "field_value": ("spike: compares the mean of this field instead of numbers of events", "duration_ms"),
    "threshold": ("flatline: fewer than so many events in the window", 1),
    "forget_keys": ("a key is told once, and then known no more until it is seen again", True),
    "alive": ("documents that show that the pipeline still delivers", {"filter": [{"match_all": {}}]}),
    "cardinality_field": ("the field whose different values are counted", "user.name"),
    "max_cardinality": ("more different values than this match", 5),
    "min_cardinality": ("fewer different values than this match", 2),
    "compare_key": ("the field that is compared, case sensitive", "user.name"),
    "blacklist": ("values that match; /.../ is a regular expression, !file NAME a list", ["root"]),
    "whitelist": ("values that do not match", ["main"]),
    "ignore_null": ("an event without the field does not match", True),
    "fields": ("new_term: a new value of one of these matches; a list in the list is one term", ["user.name"]),
    "terms_window_size": ("a term is new when it was not seen for so long", "30d"),
    "alert_on_missing_field": ("an event without the field matches too", True),
    "metric_agg_key": ("the field whose values are taken together", "duration_ms"),
    "metric_agg_type": ("how: min, max, avg, sum, cardinality, value_count, percentiles", "avg"),
    "percentile_range": ("for percentiles: which one", 95),
    "max_threshold": ("above this it matches", 800),
    "min_threshold": ("below this it matches", 10),
    "match_bucket_filter": ("the events whose share is taken", [{"query_string": {"query": "level:ERROR"}}]),
    "max_percentage": ("a higher share matches", 5),
    "min_percentage": ("a lower share matches", 50),
    "min_denominator": ("of fewer events no share is taken", 20),
}


def whole() -> dict[str, Any]:
    """Return the schema of a rule file."""
    schema = whole_schema()
    properties = {name: _described(name, shape) for name, shape in schema["properties"].items()}
    for choice in schema["allOf"]:
        inner = choice["then"]["properties"]
        choice["then"] = {**choice["then"], "properties": {n: _described(n, s) for n, s in inner.items()}}
    return {**schema, "properties": properties}


def _described(name: str, shape: dict[str, Any]) -> dict[str, Any]:
    if name in OPTIONS:
        text, example = OPTIONS[name]
        return {**shape, "description": text, "examples": [example]}
    if name in REFUSED:
        return {**shape, "description": f"not supported: {REFUSED[name]}", "deprecated": True}
    if name in MEANINGLESS:
        return {**shape, "description": f"changes nothing: {MEANINGLESS[name]}", "deprecated": True}
    return shape
