"""All lints, in the order in which they look; docs/check.md has a section for each."""

from __future__ import annotations

from alerter.lint import (
    cluster,
    conditions,
    empty,
    fields,
    filters,
    messages,
    options,
    refused,
    regexes,
    routes,
    rules,
    texts,
)
from alerter.lint.cluster import Known
from alerter.lint.model import Built, Lint, Scene, Subject

WRITTEN: tuple[Lint[Subject], ...] = (
    Lint("no_index", "warning", options.no_index),
    Lint("unused_option", "info", options.unused_option),
    Lint("metadata_field", "warning", fields.metadata_field),
    Lint("refused_filter", "error", refused.refused_filter),
    Lint("matches_nothing", "warning", empty.matches_nothing),
    Lint("query_lowercase_operator", "warning", filters.query_lowercase_operator),
    Lint("leading_wildcard", "warning", filters.leading_wildcard),
    Lint("quoted_wildcard", "warning", filters.quoted_wildcard),
    Lint("lucene_regex", "warning", regexes.lucene_regex),
    Lint("date_math_utc", "warning", filters.date_math_utc),
    Lint("now_in_filter", "warning", filters.now_in_filter),
    Lint("format_text", "info", messages.format_text),
    Lint("alert_format", "warning", texts.alert_format),
)
"""What looks at a rule as it is written, also when an error keeps it from loading."""

BUILT: tuple[Lint[Built], ...] = (
    Lint("short_realert", "warning", conditions.short_realert),
    Lint("gap_between_windows", "warning", conditions.gap_between_windows),
    Lint("threshold_out_of_reach", "warning", conditions.threshold_out_of_reach),
    Lint("short_catchup", "warning", conditions.short_catchup),
    Lint("redacted_field", "warning", messages.redacted_field),
    Lint("private_field", "warning", messages.private_field),
)
"""What looks at a rule that loads."""

TOGETHER: tuple[Lint[Scene], ...] = (
    Lint("duplicate_rule", "warning", rules.duplicate_rule),
    Lint("untested_rule", "info", rules.untested_rule),
)
"""What looks at rules beside each other."""

ROUTED: tuple[Lint[Scene], ...] = (
    Lint("default_route_only", "warning", rules.default_route_only),
    Lint("unreachable_route", "warning", routes.unreachable_route),
    Lint("unused_receiver", "warning", routes.unused_receiver),
    Lint("unknown_label", "warning", routes.unknown_label),
)
"""What looks at routes, and at rules and routes together."""

KNOWN: tuple[Lint[Known], ...] = (
    Lint("cluster_not_asked", "warning", cluster.cluster_not_asked),
    Lint("unknown_index", "warning", cluster.unknown_index),
    Lint("unknown_field", "warning", cluster.unknown_field),
    Lint("refused_filter", "error", cluster.refused_filter),
    Lint("key_on_text", "warning", cluster.key_on_text),
    Lint("term_on_text", "warning", cluster.term_on_text),
    Lint("time_not_a_date", "warning", cluster.time_not_a_date),
    Lint("threshold_out_of_reach", "warning", cluster.too_few_values),
    Lint("short_buffer", "warning", cluster.short_buffer),
    Lint("young_index", "warning", cluster.young_index),
    Lint("few_events", "info", cluster.few_events),
)
"""What looks at a rule that loads beside what its index says."""

READING = frozenset(
    {
        "access_file", "credentials_left_out", "duplicate_name", "empty_file", "gathered", "ignored_option",
        "inline_secret", "is_enabled", "label_clash", "limit_left_out", "message_wins", "number_as_text",
        "own_receiver", "routed_elsewhere",
        "rule_alert", "unknown_option", "unset_variable",
    }
)  # fmt: skip
"""Warnings and infos of reading the files; they can be silenced as lints can."""

ROUTES_ONLY = frozenset(lint.id for lint in ROUTED)
CLUSTER_ONLY = frozenset(lint.id for lint in KNOWN) - {lint.id for group in (WRITTEN, BUILT) for lint in group}
LINTS = frozenset(lint.id for group in (WRITTEN, BUILT, TOGETHER, ROUTED, KNOWN) for lint in group)
