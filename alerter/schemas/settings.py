"""The schema of the settings file ``alerter.yaml``."""

from __future__ import annotations

from typing import Any

from alerter.config import LOG_LEVELS
from alerter.ruleset.schema import LENGTH
from alerter.schemas.shapes import TEXT, closed

PATHS = {"anyOf": [TEXT, {"type": "array", "items": TEXT}]}


def _length(text: str, example: str) -> dict[str, Any]:
    return {"anyOf": [*LENGTH["anyOf"], {"const": 0}], "description": text, "examples": [example]}


def _or_off(text: str, example: str) -> dict[str, Any]:
    return {"anyOf": [*LENGTH["anyOf"], {"const": "off"}, {"const": False}], "description": text, "examples": [example]}


def _text(text: str, example: str) -> dict[str, Any]:
    return {**TEXT, "description": text, "examples": [example]}


SETTINGS: dict[str, Any] = {
    "rules": {**PATHS, "description": "folders or files with rules, relative to this file", "examples": ["rules"]},
    "rule_defaults": _text("a file with options for every rule that does not write them", "defaults.yaml"),
    "notifiers": {**PATHS, "description": "folders or files with routes and receivers", "examples": ["notifiers"]},
    "data": {**PATHS, "description": "without Elasticsearch: NDJSON files, followed", "examples": [["events.ndjson"]]},
    "state_file": _text("without Elasticsearch: the SQLite file of the state", "alerter.db"),
    "state_index": _text("the prefix of the state indices", "alerter"),
    "http_host": _text("where health and metrics are served", "127.0.0.1"),
    "http_port": {
        "type": "integer",
        "minimum": 0,
        "maximum": 65_535,
        "description": "0: not served",
        "examples": [9797],
    },
    "instance": _text("identity among replicas (host:port)", "alerter-1"),
    "kibana_url": _text("messages link to Discover there", "https://kibana.example.com"),
    "run_every": _length("how often rules are evaluated", "1m"),
    "buffer_time": _length("how late events may come", "2m"),
    "query_delay": _length("how long after an instant it is evaluated", "2s"),
    "max_catchup": _length("what is longer ago after a pause is given up", "1d"),
    "honour_rule_webhooks": {"type": "boolean", "description": "a rule's own webhook or channel counts"},
    "retention": closed(
        {
            name: _length("for how long closed records are kept", "30d")
            for name in ("incidents", "decisions", "silences")
        },
    ),
    "lease": closed({"ttl": _length("an engine that is silent for so long is dead", "6s")}),
    "delivery": closed(
        {
            "first_look": _length("when an unclear message is looked for first", "5s"),
            "second_look": _length("and again, before it is sent once more", "20s"),
        }
    ),
    "log": closed(
        {
            "level": {"enum": list(LOG_LEVELS), "description": "the least that is logged"},
            "format": {"enum": ["text", "json"], "description": "json: one object a line"},
        }
    ),
    "watch": {
        "description": "after how long a sign of trouble with the alerter itself is told; off: never",
        "anyOf": [
            {"const": "off"},
            {"const": False},
            closed(
                {
                    "rules_failing": _or_off("rules cannot be evaluated", "5m"),
                    "outbox_old": _or_off("messages wait", "5m"),
                    "catch_up_cut": _or_off("the shortest span given up that is told", "1m"),
                    "engine_lost": _or_off("an engine is gone", "30s"),
                    "rules_differ": _or_off("engines run different rules", "10m"),
                }
            ),
        ],
    },
    "dead_mans_switch": closed(
        {
            "every": _length("how often a sign of life is given", "1m"),
            "webhook": closed(dict.fromkeys(("url", "url_env", "url_file"), TEXT), maxProperties=1),
            "slack": closed({"channel": TEXT}),
        },
        description="says that the alerter lives; who hears nothing knows that it does not",
    ),
}


def whole() -> dict[str, Any]:
    """Return the schema of the settings file; secrets are never in it, see docs/operations.md."""
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "alerter settings"}
    return {**head, **closed(SETTINGS)}
