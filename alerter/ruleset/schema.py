"""The JSON Schema of a rule file, per rule type."""

from __future__ import annotations

from functools import cache
from typing import Any

from alerter.model.metric import MetricKind
from alerter.ruleset.options import MEANINGLESS, REFUSED, ROUTED, SECRET_ACCESS, SUPPORTED, TYPES
from alerter.ruleset.text_schema import text_options

LENGTH = {
    "description": "a length of time: 5m, 1h30m or {minutes: 5}",
    "anyOf": [{"type": "string"}, {"type": "object", "minProperties": 1}],
}
TEXT = {"type": "string", "minLength": 1}
LABEL = {"type": ["string", "number", "boolean"]}
FROM_EVENT: dict[str, Any] = {
    "type": "object",
    "required": ["field"],
    "additionalProperties": False,
    "properties": {
        "field": TEXT,
        "map": {"type": "object", "additionalProperties": LABEL},
        "default": LABEL,
        "split": {"type": "boolean"},
    },
}
SEVERITY = {"enum": ["info", "warning", "critical"]}
SEVERITY_FROM_EVENT = {
    **FROM_EVENT,
    "properties": {
        **FROM_EVENT["properties"],
        "map": {"type": "object", "additionalProperties": SEVERITY},
        "default": SEVERITY,
    },
}
ATTRIBUTE = {"anyOf": [LABEL, FROM_EVENT]}
TEXTS = {"anyOf": [TEXT, {"type": "array", "items": TEXT}]}
COMPOSITE = {"type": "array", "minItems": 1, "items": TEXT}
PEM_FILES = ("ca_certs", "client_cert", "client_key")
COUNT = {"type": "integer", "minimum": 0}
NUMBER = {"type": "number"}
BUCKETS = {"bucket_interval": LENGTH, "sync_bucket_interval": {"type": "boolean"}}
METRIC: dict[str, Any] = {
    "metric_agg_key": TEXT,
    "metric_agg_type": {"enum": [str(kind) for kind in MetricKind]},
    "percentile_range": {"type": "number", "exclusiveMinimum": 0, "maximum": 100},
}

COMMON: dict[str, Any] = {
    "name": {**TEXT, "maxLength": 512, "description": "a text: quote a number, a date, yes and no"},
    "type": TEXT,
    "index": {**TEXT, "description": "a name or a pattern; several are joined by commas"},
    "import": TEXTS,
    "use_strftime_index": {"type": "boolean"},
    "search_extra_index": {"type": "boolean"},
    "is_enabled": {"type": "boolean"},
    "description": {"type": ["string", "number", "boolean", "null"]},
    "filter": {
        "description": "a list of clauses, like - query_string: {query: 'level: error'}",
        "anyOf": [{"type": "array"}, {"type": "object"}, {"type": "null"}],
    },
    "query_key": {"anyOf": [{"type": "string"}, {"type": "array", "items": TEXT}, {"type": "null"}]},
    "timeframe": LENGTH,
    "run_every": LENGTH,
    "query_delay": LENGTH,
    "buffer_time": LENGTH,
    "max_catchup": LENGTH,
    "known_keys_for": LENGTH,
    "realert": LENGTH,
    "exponential_realert": LENGTH,
    "resolve_after": LENGTH,
    "schedule": {
        "type": "object",
        "additionalProperties": False,
        "minProperties": 1,
        "properties": {"every": LENGTH, "cron": TEXT, "timezone": TEXT},
    },
    "limit_execution": TEXT,
    "limit_execution_coverage": {"type": "boolean"},
    "match_enhancements": {"anyOf": [TEXT, {"type": "array", "items": TEXT}, {"type": "null"}]},
    "run_enhancements_first": {"type": "boolean"},
    "include": TEXTS,
    "timestamp_field": TEXT,
    "timestamp_type": {"enum": ["iso", "unix", "unix_ms", "custom"]},
    "timestamp_format": TEXT,
    "domain": ATTRIBUTE,
    "severity": {"anyOf": [SEVERITY, SEVERITY_FROM_EVENT]},
    "environment": ATTRIBUTE,
    "owner": ATTRIBUTE,
    "labels": {"type": "object", "additionalProperties": ATTRIBUTE},
    "priority": {"type": ["integer", "string"]},
    "category": LABEL,
    "message": {
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "title": {"type": "string"},
            "summary": {"type": "string"},
            "fields": {"type": "object", "additionalProperties": LABEL},
            "runbook": {"type": "string"},
            "dashboard": {"type": "string"},
        },
    },
    "redact": {
        "type": "object",
        "additionalProperties": False,
        "properties": {"fields": TEXTS, "patterns": TEXTS},
    },
    "kibana_url": TEXT,
    **{name: {"type": ["string", "null"]} for name in ("es_host", "es_username", "es_url_prefix")},
    **{name: {"type": ["string", "null"]} for name in (*SECRET_ACCESS, *PEM_FILES)},
    "es_api_key": {
        "anyOf": [
            {"type": ["string", "null"]},
            {"type": "array", "items": {"type": "string"}, "minItems": 2, "maxItems": 2},
        ]
    },
    "es_hosts": {"anyOf": [TEXTS, {"type": "null"}]},
    "es_port": {
        "anyOf": [
            {"type": "integer", "minimum": 1, "maximum": 65535},
            {"type": "string", "pattern": r"^\s*\d{1,5}\s*$"},
        ]
    },
    **{name: {"type": "boolean"} for name in ("use_ssl", "verify_certs")},
    **text_options(LENGTH),
}

BY_TYPE: dict[str, dict[str, Any]] = {
    "any": {"properties": {}, "required": []},
    "blacklist": {
        "properties": {"compare_key": TEXT, "blacklist": {"type": "array", "minItems": 1}},
        "required": ["compare_key", "blacklist"],
    },
    "whitelist": {
        "properties": {
            "compare_key": TEXT,
            "whitelist": {"type": "array"},
            "ignore_null": {"type": "boolean"},
        },
        "required": ["compare_key", "whitelist", "ignore_null"],
    },
    "frequency": {
        "properties": {"num_events": {"type": "integer", "minimum": 1}},
        "required": ["num_events", "timeframe"],
    },
    "spike": {
        "properties": {
            "spike_height": {"type": "number", "exclusiveMinimum": 0},
            "spike_type": {"enum": ["up", "down", "both"]},
            "threshold_ref": COUNT,
            "threshold_cur": COUNT,
            "alert_on_new_data": {"type": "boolean"},
            "field_value": TEXT,
        },
        "required": ["spike_height", "spike_type", "timeframe"],
    },
    "flatline": {
        "properties": {
            "threshold": {"type": "integer", "minimum": 1},
            "forget_keys": {"type": "boolean"},
            "alive": {
                "type": "object",
                "additionalProperties": False,
                "properties": {"index": TEXT, "filter": {"anyOf": [{"type": "array"}, {"type": "object"}]}},
            },
        },
        "required": ["threshold", "timeframe"],
    },
    "cardinality": {
        "properties": {
            "cardinality_field": TEXT,
            "max_cardinality": COUNT,
            "min_cardinality": {"type": "integer", "minimum": 1},
        },
        "required": ["cardinality_field", "timeframe"],
    },
    "metric_aggregation": {
        "properties": {
            **METRIC,
            **BUCKETS,
            "max_threshold": NUMBER,
            "min_threshold": NUMBER,
            "metric_format_string": TEXT,
        },
        "required": ["metric_agg_key", "metric_agg_type"],
    },
    "spike_aggregation": {
        "properties": {
            **METRIC,
            "spike_height": {"type": "number", "exclusiveMinimum": 0},
            "spike_type": {"enum": ["up", "down", "both"]},
            "threshold_ref": NUMBER,
            "threshold_cur": NUMBER,
        },
        "required": ["metric_agg_key", "metric_agg_type", "spike_height", "spike_type", "timeframe"],
    },
    "percentage_match": {
        "properties": {
            **BUCKETS,
            "match_bucket_filter": {
                "anyOf": [{"type": "array", "minItems": 1}, {"type": "object", "minProperties": 1}]
            },
            "max_percentage": NUMBER,
            "min_percentage": NUMBER,
            "min_denominator": COUNT,
            "percentage_format_string": TEXT,
        },
        "required": ["match_bucket_filter"],
    },
    "change": {
        "properties": {"compare_key": TEXTS, "ignore_null": {"type": "boolean"}},
        "required": ["compare_key"],
    },
    "new_term": {
        "properties": {
            "fields": {"anyOf": [TEXT, {"type": "array", "minItems": 1, "items": {"anyOf": [TEXT, COMPOSITE]}}]},
            "terms_window_size": LENGTH,
            "alert_on_missing_field": {"type": "boolean"},
        },
        "required": [],
    },
}

CUSTOM: dict[str, Any] = {"properties": {"options": {"type": "object"}}, "required": ["timeframe"]}
"""A rule type of an installed package."""


@cache
def rule_schema(type_: str) -> dict[str, Any]:
    """Return the schema of one rule type."""
    own = BY_TYPE.get(type_, CUSTOM)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"alerter rule of type {type_}",
        "type": "object",
        "properties": {**COMMON, **own["properties"]},
        "required": ["type", *own["required"]],
    }


def whole_schema() -> dict[str, Any]:
    """Return one schema for editors: all types, all known options."""
    known: dict[str, Any] = {name: {} for name in sorted(SUPPORTED | ROUTED | MEANINGLESS.keys() | REFUSED.keys())}
    choices = [
        {
            "if": {"properties": {"type": {"const": t}}},
            "then": {k: rule_schema(t)[k] for k in ("properties", "required")},
        }
        for t in TYPES
    ]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "alerter rule",
        "type": "object",
        "required": ["type"],
        "properties": {**known, **COMMON, "type": {"enum": list(TYPES)}},
        "allOf": choices,
    }
