"""The state indices: explicit, strict mappings; the whole record is kept as text beside its readable fields."""

from __future__ import annotations

import json
from typing import Any

VERSION = 1
"""Raised with every change of the mappings; an index of a later version is never touched."""

_KEYWORD = {"type": "keyword", "ignore_above": 1024}
_TIME = {"type": "date", "format": "epoch_millis"}
_BODY = {"type": "keyword", "index": False, "doc_values": False}
_LONG = {"type": "long"}

FIELDS: dict[str, dict[str, Any]] = {
    "state": {"kind": _KEYWORD, "rule": _KEYWORD, "evaluated": _TIME, "body": _BODY},
    "incidents": {
        "rule": _KEYWORD,
        "key": _KEYWORD,
        "domain": _KEYWORD,
        "severity": _KEYWORD,
        "state": _KEYWORD,
        "opened": _TIME,
        "resolved": _TIME,
        "updated": _TIME,
        "matches": _LONG,
        "peak": {"type": "double"},
        "silenced_until": _TIME,
        "unfinished": {"type": "boolean"},
        "body": _BODY,
    },
    "silences": {
        "matchers": _KEYWORD,
        "start": _TIME,
        "end": _TIME,
        "author": _KEYWORD,
        "comment": _KEYWORD,
        "body": _BODY,
    },
    "decisions": {
        "rule": _KEYWORD,
        "key": _KEYWORD,
        "at": _TIME,
        "outcome": _KEYWORD,
        "reason": _KEYWORD,
        "incident": _KEYWORD,
        "body": _BODY,
    },
}
"""Index suffix to fields; documented in docs/operations.md."""


def index_body(suffix: str) -> dict[str, Any]:
    """Return settings and mappings of one state index."""
    return {
        "settings": {"number_of_shards": 1, "auto_expand_replicas": "0-1"},
        "mappings": {"dynamic": "strict", "_meta": {"alerter_version": VERSION}, "properties": FIELDS[suffix]},
    }


def role_command(prefix: str) -> str:
    """Return the least role that the engine needs on its state, as a request to the security API."""
    rights = ["create_index", "read", "write", "view_index_metadata", "maintenance"]
    role = {"cluster": ["monitor"], "indices": [{"names": [f"{prefix}-*"], "privileges": rights}]}
    return f"PUT _security/role/alerter\n{json.dumps(role)}"
