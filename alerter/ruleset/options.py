"""Every option a rule file may have: ElastAlert's and alerter's own, each with its status and the remedy."""

from __future__ import annotations

TYPES = ("any", "blacklist", "whitelist", "frequency", "spike", "flatline")
"""The rule types that are evaluated."""

LATER_TYPES = (
    "change",
    "new_term",
    "cardinality",
    "metric_aggregation",
    "spike_aggregation",
    "percentage_match",
)
"""ElastAlert's types that are known by name and refused until they are evaluated."""

SUPPORTED = frozenset(
    ["name", "type", "index", "filter", "query_key", "timeframe", "num_events", "run_every", "schedule", "query_delay", "buffer_time", "realert", "exponential_realert", "resolve_after", "include", "timestamp_field", "timestamp_type", "timestamp_format", "domain", "severity", "environment", "owner", "labels", "message", "redact", "spike_height", "spike_type", "threshold_ref", "threshold_cur", "alert_on_new_data", "threshold", "forget_keys", "alive", "compare_key", "blacklist", "whitelist", "ignore_null", "known_keys_for", "max_catchup", "is_enabled", "priority", "category", "description", "kibana_url", "kibana_discover_app_url", "generate_kibana_discover_url", "generate_opensearch_discover_url", "opensearch_discover_app_url", "opensearch_url"]
)
"""Options with their full meaning."""

ROUTED = frozenset(
    ["alert", "alerts", "slack_webhook_url", "slack_channel_override", "slack_username_override", "slack_emoji_override", "slack_icon_url_override", "slack_msg_color", "slack_parse_override", "slack_text_string", "slack_title", "slack_title_link", "slack_timeout", "slack_proxy", "slack_ca_certs", "slack_ignore_ssl_errors", "slack_footer", "slack_footer_icon", "slack_image_url", "slack_thumb_url", "slack_author_name", "slack_author_link", "slack_author_icon", "slack_attach_kibana_discover_url", "slack_attach_opensearch_discover_url", "slack_kibana_discover_color", "slack_kibana_discover_title", "slack_alert_fields", "slack", "email", "email_from_field", "email_add_domain", "smtp_host", "smtp_port", "smtp_ssl", "smtp_auth_file", "from_addr", "cc", "bcc", "email_reply_to", "email_format", "notify_email", "http_post_url", "http_post_payload", "http_post_static_payload", "http_post_headers", "http_post_all_values", "http_post2_url", "debug"]
)
"""Options of ElastAlert's notifiers: where messages go is the routes' business."""
ROUTED_PREFIXES = (
    "slack_", "email_", "smtp_", "http_post", "pagerduty_", "opsgenie_", "ms_teams_", "ms_power_automate_", "jira_",
    "telegram_", "victorops_", "sns_", "hive_", "servicenow_", "mattermost_", "rocket_chat_", "discord_", "gitter_",
    "googlechat_", "gelf_", "zbx_", "twilio_", "stomp_", "line_notify", "dingtalk_", "chatwork_", "datadog_",
    "alertmanager_", "tencent_", "workwechat_", "lark_", "matrixhookshot_", "exotel_", "iris_", "flashduty_",
    "smseagle_", "webex_", "yzj_", "linenotify_", "alerta_", "ses_", "hipchat_", "command_",
)  # fmt: skip

MEANINGLESS: dict[str, str] = {
    "use_count_query": "alerter always counts on the server, exactly",
    "use_terms_query": "alerter always counts on the server, exactly",
    "terms_size": "nothing is truncated",
    "doc_type": "Elasticsearch has had no document types since version 7",
    "max_query_size": "nothing is truncated",
    "scroll_keepalive": "alerter does not scroll",
    "max_scrolling_count": "alerter does not scroll",
    "ignore_unavailable": "alerter always asks that way",
    "scan_entire_timeframe": "every window is read anyway",
    "attach_related": "samples are always shown",
    "include_match_in_root": "templates see the event's fields at the root",
    "include_rule_params_in_matches": "templates see the rule",
    "use_local_time": "the time zone is set per receiver",
    "custom_pretty_ts_format": "the time zone is set per receiver",
    "_source_enabled": "documents without _source are read by doc values",
    "raw_count_keys": "counts use keyword fields anyway",
    "query_timezone": "instants are always UTC",
    "min_doc_count": "alerter counts exactly",
    "aggregate_by_match_time": "grouping is the routes' business; see group_by",
    "alert_missing_value": "missing values are empty in message templates",
    "add_metadata_alert": "labels are always there",
    "kibana_discover_version": "the link works without it",
    "kibana_discover_index_pattern_id": "the link names the index",
    "kibana_discover_columns": "the link shows all columns",
    "kibana_discover_from_timedelta": "the link shows the exact window",
    "kibana_discover_to_timedelta": "the link shows the exact window",
    "kibana_username": "no login is needed for a link",
    "kibana_password": "no login is needed for a link",
    "use_kibana4_dashboard": "dashboards of Kibana 4 are gone; use message.dashboard",
    "use_kibana_dashboard": "dashboards of Kibana 3 are gone; use message.dashboard",
    "generate_kibana_link": "links of Kibana 3 are gone; use kibana_url",
    "dashboard": "use message.dashboard",
    "alert_subject": "use message.title",
    "alert_subject_args": "use message.title",
    "alert_subject_max_len": "lengths are kept by construction",
    "alert_text": "use message.summary",
    "alert_text_args": "use message.summary",
    "alert_text_kw": "use message.summary",
    "alert_text_type": "use message.summary",
    "jinja_root_name": "templates see the event as event",
    "jinja_template_path": "use message.summary",
    "summary_table_fields": "use message.fields",
    "summary_table_type": "use message.fields",
    "summary_table_max_rows": "use message.fields",
    "summary_prefix": "use message.summary",
    "summary_suffix": "use message.summary",
    "top_count_keys": "use message.fields",
    "top_count_number": "use message.fields",
    "aggregation": "use group_by, group_wait and group_interval of a route",
    "aggregation_key": "use group_by of a route",
    "es_host": "the cluster is set by ALERTER_ES_URL",
    "es_port": "the cluster is set by ALERTER_ES_URL",
    "es_url_prefix": "the cluster is set by ALERTER_ES_URL",
    "es_username": "access is set by ALERTER_ES_USERNAME",
    "es_password": "access is set by ALERTER_ES_PASSWORD; a password does not belong into a rule file",
    "es_api_key": "access is set by ALERTER_ES_API_KEY; a key does not belong into a rule file",
    "es_bearer": "access is set by the environment; a token does not belong into a rule file",
    "es_conn_timeout": "time-outs are alerter's own",
    "es_send_get_body_as": "alerter uses POST",
    "use_ssl": "write https in ALERTER_ES_URL",
    "verify_certs": "set ALERTER_ES_CA_CERTS or ALERTER_ES_CA_FINGERPRINT",
    "ca_certs": "set ALERTER_ES_CA_CERTS",
    "client_cert": "set ALERTER_ES_CLIENT_CERT",
    "client_key": "set ALERTER_ES_CLIENT_KEY",
    "aws_region": "use an access that ALERTER_ES_* can express",
    "profile": "use an access that ALERTER_ES_* can express",
    "timestamp_resolution": "every time is in milliseconds",
    "notify_all_errors": "the engine's own problems are in the log and in the metrics",
}
"""Options that are accepted and change nothing here, each with the reason or the remedy."""
MEANINGLESS_PREFIXES = ("kibana_discover_", "opensearch_discover_", "shorten_", "kibana4_", "kibana_adapter")

REFUSED: dict[str, str] = {
    "import": "write the imported options into this file",
    "use_strftime_index": "write a wildcard (logs-*): it also finds late data in yesterday's index",
    "search_extra_index": "write a wildcard (logs-*)",
    "match_enhancements": "classes of ElastAlert are not loaded; leaving a filter out would alert too much",
    "run_enhancements_first": "classes of ElastAlert are not loaded",
    "limit_execution": "use mute_time_intervals or active_time_intervals of a route",
    "limit_execution_coverage": "use mute_time_intervals of a route",
    "timestamp_format_expr": "expressions are never evaluated; use timestamp_format",
    "timestamp_to_datetime_format_expr": "expressions are never evaluated; use timestamp_format",
    "field_value": "spikes of a field's value are not evaluated yet; counts are",
    "realert_key": "silences are per rule and key; split the rule, or use labels and inhibit_rules",
    "command": "shell commands are never run; use a webhook receiver",
}
"""Options that would change the meaning and are not supported: the rule does not load."""


def is_known(name: str) -> bool:
    """Tell whether an option means anything to ElastAlert or alerter."""
    return name in SUPPORTED | ROUTED | MEANINGLESS.keys() | REFUSED.keys() or name.startswith(
        (*ROUTED_PREFIXES, *MEANINGLESS_PREFIXES)
    )
