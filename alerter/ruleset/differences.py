"""What ElastAlert's options mean otherwise here, and which options are alerter's own: for docs/elastalert.md."""

from __future__ import annotations

OURS = frozenset(
    {
        "alive", "domain", "environment", "known_keys_for", "labels", "max_catchup", "message", "options", "redact",
        "resolve_after", "schedule", "severity",
    }
)  # fmt: skip
"""Options that ElastAlert does not have; docs/rules.md explains them."""

DIFFERENCES: dict[str, str] = {
    "name": "may be missing (the file's name); of two equal ones the second gets its file as suffix",
    "index": "may be missing when all indices are meant",
    "filter": "a single mapping or none at all is fine; `kql:` is a clause too; "
    "one query in EQL or ES|QL is sent to a server that has them: [rules](rules.md#eql-and-esql)",
    "es_host": "the rule asks that cluster, and the state stays where it is: [rules](rules.md#another-cluster)",
    "es_username": "sent where `es_password` is; it is shown, so a variable in it that holds a credential is refused",
    "es_password": "sent to the cluster it is written for only, and no credentials of the settings to another host; as "
    "`$NAME` of the environment, in a file it is a warning; those of a default or an import not where the rule names "
    "a place or credentials itself",
    "es_api_key": "as `es_password`; `[ID, KEY]` too",
    "es_bearer": "as `es_password`",
    "es_port": "a number or a text; what is not written is that of the settings",
    "query_key": "an array counts under each of its values; several fields work with every type; `_id` and `_index`, "
    "which ElastAlert copies into each event, are no fields: [`metadata_field`](check.md#metadata_field)",
    "cardinality_field": "`_id` and `_index` are no fields: [`metadata_field`](check.md#metadata_field)",
    "use_strftime_index": "the names for all days (hours) of the span; missing ones are left out",
    "timestamp_type": "`unix_ms` keeps its milliseconds",
    "run_every": "only when it is noticed, not what counts: evaluations are at multiples of it",
    "buffer_time": "how late events may come; metric types without `timeframe` judge that long, as there",
    "query_delay": "2s unless written",
    "realert": "in event time, so that a catch-up gives the same answer; `{minutes: 0}` announces every match",
    "exponential_realert": "in event time; a cap that is no longer than `realert` is an error",
    "limit_execution": "postpones, as there; in `schedule.timezone` when it is written; `max_catchup` covers the pause",
    "limit_execution_coverage": "only `false`",
    "is_enabled": "empty or a text in quotes mean what they mean there, with a warning",
    "match_enhancements": "names of installed [plug-ins](plugins.md), not classes of ElastAlert, but for its "
    "`TimeEnhancement`, which changes nothing here",
    "run_enhancements_first": "`true` only where `realert` is 0",
    "num_events": "the window is emptied by an announced match, not by one that `realert` kept untold",
    "blacklist": "`/.../` is an anchored regular expression; an array matches by any element",
    "whitelist": "`/.../` is an anchored regular expression; an array matches by any element",
    "spike_height": "`spike`: told once, at the rise or fall; `spike_aggregation`: more than that, there at least",
    "spike_type": "`down` and the falls of `both` are asked at nominal instants",
    "threshold_ref": "for `spike_aggregation` on the value of each window itself",
    "threshold_cur": "for `spike_aggregation` on the value of each window itself",
    "alert_on_new_data": "0 events against 0 never match",
    "field_value": "the mean is not cut to whole numbers, and is asked at nominal instants; nested paths work",
    "threshold": "one incident while it is low, not a match for each run; needs a whole `timeframe` of data first",
    "forget_keys": "a key that is told is known no more until it is seen again",
    "max_cardinality": "told once, when the number rises above it; a value seen exactly `timeframe` ago is out",
    "min_cardinality": "also where no event was ever seen; exact, never estimated",
    "metric_agg_type": "each window is computed by itself: cardinality and percentiles are not sums of runs",
    "min_threshold": "asked at nominal instants, a window never twice",
    "max_threshold": "asked at nominal instants, a window never twice",
    "min_denominator": "no events at all have no percentage",
    "fields": "compared with the index's own history, so that a restart loses nothing; 0 and false are values",
    "compare_key": "one field; a list works with `change`",
    "ignore_null": "`change`: in order of event time, also for events that come late",
    "alert_subject_args": "a path that leads below a plain value is missing, where ElastAlert shows that value",
    "alert_text_args": "a path that leads below a plain value is missing, where ElastAlert shows that value",
    "alert_text": "a value that its format does not fit stands as it is, where ElastAlert loses the alert; markup is "
    "shown as text: [messages](messages.md)",
    "alert_subject": "it is the title below the state and the severity; lines become one",
    "alert_text_type": "state, title, key and time of the start are always shown",
    "jinja_template_path": "relative to the rule's file",
    "top_count_keys": "of the match's window and key, by the field or its `.keyword`; the rest is summed",
    "attach_related": "with every type that has a `timeframe`; up to 100 events for texts, and their true number",
    "summary_table_fields": "counts the events of the window, without `aggregation` too; rows left out are summed",
    "kibana_discover_from_timedelta": "without it the link begins with the match's window",
    "kibana_discover_to_timedelta": "without it the link ends at the match",
    "opensearch_discover_from_timedelta": "without it the link begins with the match's window",
    "opensearch_discover_to_timedelta": "without it the link ends at the match",
    "aggregation": "the message stays and is edited while any of its incidents lasts; later matches are told once in "
    "each period that begins with the first",
    "aggregation_key": "fields of the key, labels, or fields of the event; of types that count, of the newest event",
    "aggregate_by_match_time": "the period begins with the first match; without it, when that is evaluated",
    "priority": "becomes a label, too",
    "category": "becomes a label, too",
    "owner": "becomes a label, too",
    "import": "findings in an imported file name that file and its line; cycles are refused",
}
"""Options of ElastAlert that mean the same but for this; those that are not here mean exactly the same."""
