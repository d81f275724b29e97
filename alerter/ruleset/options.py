"""Every option a rule file may have: ElastAlert's and alerter's own, each with its status and the remedy."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

TYPES = (
    "any",
    "blacklist",
    "whitelist",
    "frequency",
    "spike",
    "flatline",
    "cardinality",
    "metric_aggregation",
    "percentage_match",
    "spike_aggregation",
    "change",
    "new_term",
)
"""The rule types that are evaluated."""

SUPPORTED = frozenset(
    [
        "import",
        "name",
        "type",
        "index",
        "use_strftime_index",
        "search_extra_index",
        "es_host",
        "es_hosts",
        "es_port",
        "use_ssl",
        "verify_certs",
        "ca_certs",
        "client_cert",
        "client_key",
        "es_username",
        "es_password",
        "es_api_key",
        "es_bearer",
        "es_url_prefix",
        "filter",
        "query_key",
        "timeframe",
        "num_events",
        "run_every",
        "schedule",
        "limit_execution",
        "limit_execution_coverage",
        "query_delay",
        "buffer_time",
        "realert",
        "exponential_realert",
        "resolve_after",
        "match_enhancements",
        "run_enhancements_first",
        "options",
        "include",
        "timestamp_field",
        "timestamp_type",
        "timestamp_format",
        "domain",
        "severity",
        "environment",
        "owner",
        "labels",
        "message",
        "redact",
        "spike_height",
        "spike_type",
        "threshold_ref",
        "threshold_cur",
        "alert_on_new_data",
        "field_value",
        "threshold",
        "forget_keys",
        "alive",
        "cardinality_field",
        "max_cardinality",
        "min_cardinality",
        "metric_agg_key",
        "metric_agg_type",
        "percentile_range",
        "max_threshold",
        "min_threshold",
        "metric_format_string",
        "bucket_interval",
        "sync_bucket_interval",
        "match_bucket_filter",
        "max_percentage",
        "min_percentage",
        "min_denominator",
        "percentage_format_string",
        "compare_key",
        "blacklist",
        "whitelist",
        "ignore_null",
        "fields",
        "terms_window_size",
        "alert_on_missing_field",
        "known_keys_for",
        "max_catchup",
        "is_enabled",
        "priority",
        "category",
        "description",
        "kibana_url",
        "kibana_discover_app_url",
        "generate_kibana_discover_url",
        "generate_opensearch_discover_url",
        "opensearch_discover_app_url",
        "opensearch_url",
        "alert_subject",
        "alert_subject_args",
        "alert_subject_max_len",
        "alert_text",
        "alert_text_args",
        "alert_text_kw",
        "alert_text_type",
        "alert_missing_value",
        "jinja_root_name",
        "jinja_template_path",
        "top_count_keys",
        "top_count_number",
        "raw_count_keys",
        "attach_related",
        "aggregation",
        "aggregation_key",
        "aggregate_by_match_time",
        "summary_table_fields",
        "summary_table_type",
        "summary_table_max_rows",
        "summary_prefix",
        "summary_suffix",
        "kibana_discover_index_pattern_id",
        "kibana_discover_columns",
        "kibana_discover_from_timedelta",
        "kibana_discover_to_timedelta",
        "opensearch_discover_index_pattern_id",
        "opensearch_discover_columns",
        "opensearch_discover_from_timedelta",
        "opensearch_discover_to_timedelta",
    ]
)
"""Options with their full meaning."""

SECRET_ACCESS = ("es_password", "es_api_key", "es_bearer")
"""Options with credentials of a cluster, which are never shown."""
HOSTS = ("es_host", "es_hosts")
PLACE = (*HOSTS, "es_port", "use_ssl", "es_url_prefix")
"""Options that say where a cluster is."""
CREDENTIALS = ("es_username", *SECRET_ACCESS)
"""Options that say who asks it, which are meant for each other: variables are filled in where they are used."""


def is_given(value: Any) -> bool:
    """Whether an option of a cluster is written with a value; without one it counts as not written."""
    return value is not None and value not in ("", [])


def has_any(options: Mapping[Any, Any], names: Collection[str]) -> bool:
    """Whether one of the named options of a cluster is given."""
    return any(is_given(options.get(name)) for name in names)


ROUTED = frozenset(
    [
        "alert",
        "alerts",
        "slack_webhook_url",
        "slack_channel_override",
        "slack_username_override",
        "slack_emoji_override",
        "slack_icon_url_override",
        "slack_msg_color",
        "slack_parse_override",
        "slack_text_string",
        "slack_title",
        "slack_title_link",
        "slack_timeout",
        "slack_proxy",
        "slack_ca_certs",
        "slack_ignore_ssl_errors",
        "slack_footer",
        "slack_footer_icon",
        "slack_image_url",
        "slack_thumb_url",
        "slack_author_name",
        "slack_author_link",
        "slack_author_icon",
        "slack_attach_kibana_discover_url",
        "slack_attach_opensearch_discover_url",
        "slack_kibana_discover_color",
        "slack_kibana_discover_title",
        "slack_alert_fields",
        "slack",
        "email",
        "email_from_field",
        "email_add_domain",
        "smtp_host",
        "smtp_port",
        "smtp_ssl",
        "smtp_auth_file",
        "from_addr",
        "cc",
        "bcc",
        "email_reply_to",
        "email_format",
        "notify_email",
        "http_post_url",
        "http_post_payload",
        "http_post_static_payload",
        "http_post_headers",
        "http_post_all_values",
        "http_post2_url",
        "debug",
        "command",
        "new_style_string_format",
        "fail_on_non_zero_exit",
    ]
)
"""Options of ElastAlert's notifiers: where messages go is the routes' business."""
ROUTED_PREFIXES = (
    "slack_", "email_", "smtp_", "http_post", "pagerduty_", "opsgenie_", "ms_teams_", "ms_power_automate_", "jira_",
    "telegram_", "victorops_", "sns_", "hive_", "servicenow_", "mattermost_", "rocket_chat_", "discord_", "gitter_",
    "googlechat_", "gelf_", "zbx_", "twilio_", "stomp_", "line_notify", "dingtalk_", "chatwork_", "datadog_",
    "alertmanager_", "tencent_", "workwechat_", "lark_", "matrixhookshot_", "exotel_", "iris_", "flashduty_",
    "smseagle_", "webex_", "yzj_", "linenotify_", "alerta_", "ses_", "hipchat_", "command_",
    "pipe_",
)  # fmt: skip
RUNS_COMMANDS = ("command", "pipe_", "new_style_string_format", "fail_on_non_zero_exit")
"""The beginnings of the options of ElastAlert's notifier that runs a shell command."""

MEANINGLESS: dict[str, str] = {
    "use_count_query": "alerter always counts on the server, exactly",
    "use_terms_query": "alerter always counts on the server, exactly",
    "terms_size": "nothing is truncated",
    "window_step_size": "the window is asked for as a whole",
    "use_keyword_postfix": "whether a field has a keyword is looked up in the mapping",
    "use_run_every_query_size": "every window is read whole; timeframe is its length",
    "allow_buffer_time_overlap": "windows end at the instants of the schedule, and overlap when they are longer",
    "doc_type": "Elasticsearch has had no document types since version 7",
    "max_query_size": "nothing is truncated",
    "scroll_keepalive": "alerter does not scroll",
    "max_scrolling_count": "alerter does not scroll",
    "ignore_unavailable": "alerter always asks that way",
    "scan_entire_timeframe": "every window is read anyway",
    "include_match_in_root": "templates see the event's fields at the root",
    "include_rule_params_in_matches": "templates see the rule",
    "use_local_time": "the time zone is set per receiver",
    "custom_pretty_ts_format": "the time zone is set per receiver",
    "_source_enabled": "documents without _source are read by doc values",
    "query_timezone": "instants are always UTC",
    "min_doc_count": "alerter counts exactly",
    "aggregation_alert_time_compared_with_timestamp_field": "matches join a group by when they are evaluated",
    "add_metadata_alert": "labels are always there",
    "kibana_discover_version": "the link works without it",
    "kibana_username": "no login is needed for a link",
    "kibana_password": "no login is needed for a link",
    "use_kibana4_dashboard": "dashboards of Kibana 4 are gone; use message.dashboard",
    "use_kibana_dashboard": "dashboards of Kibana 3 are gone; use message.dashboard",
    "generate_kibana_link": "links of Kibana 3 are gone; use kibana_url",
    "dashboard": "use message.dashboard",
    "es_conn_timeout": "time-outs are alerter's own",
    "es_send_get_body_as": "alerter uses POST",
    "realert_key": "silences are per rule and key; one that several rules have refuses them",
    "timestamp_resolution": "every time is in milliseconds",
    "notify_all_errors": "the engine's own problems are in the log and in the metrics",
}
"""Options that are accepted and change nothing here, each with the reason or the remedy."""
MEANINGLESS_PREFIXES = ("kibana_discover_", "opensearch_discover_", "shorten_", "kibana4_", "kibana_adapter")

REFUSED: dict[str, str] = {
    "timestamp_format_expr": "expressions are never evaluated; use timestamp_format",
    "timestamp_to_datetime_format_expr": "expressions are never evaluated; use timestamp_format",
    "jinja_filters": "Python functions of ElastAlert are not loaded; Jinja2's own filters are there",
    "aws_region": "requests are not signed for AWS; use an access that es_username, es_api_key or ALERTER_ES_* express",
    "profile": "requests are not signed for AWS; use an access that es_username, es_api_key or ALERTER_ES_* express",
    "metric_agg_script": "scripts are never run; index what it computes as a field",
}
"""Options that would change the meaning and are not supported: the rule does not load."""


def is_known(name: str) -> bool:
    """Tell whether an option means anything to ElastAlert or alerter."""
    return name in SUPPORTED | ROUTED | MEANINGLESS.keys() | REFUSED.keys() or name.startswith(
        (*ROUTED_PREFIXES, *MEANINGLESS_PREFIXES)
    )
