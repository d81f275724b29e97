"""The JSON Schema of ElastAlert's options for texts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from alerter.model.texts import TableStyle, TextType

PLAIN = {"type": ["string", "number", "boolean", "null"]}
PATHS = {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": ["string", "integer"]}}]}
COLUMNS = {"type": "array", "items": {"type": "string", "minLength": 1}}

TABLE_COLUMN: dict[str, Any] = {
    "anyOf": [
        {"type": "string", "minLength": 1},
        {
            "type": "object",
            "required": ["path"],
            "additionalProperties": False,
            "properties": {"path": {"type": "string", "minLength": 1}, "header": {"type": "string"}},
        },
    ]
}


def text_options(length: dict[str, Any]) -> dict[str, Any]:
    """Return the shapes of the options, by name; ``length`` is that of a length of time."""
    return {
        "alert_subject": PLAIN,
        "alert_subject_args": PATHS,
        "alert_subject_max_len": {"type": "integer", "minimum": 1},
        "alert_text": PLAIN,
        "alert_text_args": PATHS,
        "alert_text_kw": {"type": ["object", "null"], "additionalProperties": {"type": ["string", "integer"]}},
        "alert_missing_value": PLAIN,
        "alert_text_type": {"enum": [str(kind) for kind in TextType]},
        "jinja_root_name": {"type": "string", "pattern": "^[A-Za-z_][A-Za-z0-9_]*$"},
        "jinja_template_path": {"type": "string", "minLength": 1},
        "top_count_keys": PATHS,
        "top_count_number": {"type": "integer", "minimum": 1, "maximum": 100},
        "raw_count_keys": {"type": "boolean"},
        "attach_related": {"type": "boolean"},
        "aggregation": {"anyOf": [{"type": "string"}, {"type": "object", "minProperties": 1}, {"enum": [0, None]}]},
        "aggregation_key": {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]},
        "aggregate_by_match_time": {"type": "boolean"},
        "summary_table_fields": {"anyOf": [TABLE_COLUMN, {"type": "array", "items": TABLE_COLUMN}]},
        "summary_table_type": {"enum": [str(style) for style in TableStyle]},
        "summary_table_max_rows": {"type": "integer", "minimum": 0},
        "summary_prefix": PLAIN,
        "summary_suffix": PLAIN,
        **{f"{family}_discover_{name}": shape for family in ("kibana", "opensearch") for name, shape in (
            ("index_pattern_id", {"type": "string"}),
            ("columns", COLUMNS),
            ("from_timedelta", length),
            ("to_timedelta", length),
        )},
    }  # fmt: skip


def named_in_texts(options: Mapping[str, Any]) -> Iterator[tuple[tuple[Any, ...], str]]:
    """Yield what ElastAlert's texts are filled with, each with its path: fields, or other options of the rule.

    The options may have any shape.
    """
    for option in ("alert_subject_args", "alert_text_args"):
        written = options.get(option)
        for n, name in enumerate(written if isinstance(written, list) else [written]):
            if isinstance(name, str):
                yield ((option, n) if isinstance(written, list) else (option,)), name
    keywords = options.get("alert_text_kw")
    yield from ((("alert_text_kw",), name) for name in (keywords if isinstance(keywords, Mapping) else ()))
