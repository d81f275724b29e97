"""The JSON Schema of rule test files, with the descriptions that editors show; also what loading checks against."""

from __future__ import annotations

from functools import cache
from typing import Any

TEXT = {"type": "string", "minLength": 1}
TIME: dict[str, Any] = {
    "description": "a time: 2026-03-10T11:00:00Z, 11:00:30 (UTC, the day of start), or +5m (after start)",
    "type": ["string", "integer", "number"],
}
LENGTH = {
    "description": "a length of time: 5m, 1h30m or {minutes: 5}",
    "anyOf": [TEXT, {"type": "object", "minProperties": 1}],
}
TEXTS = {"anyOf": [TEXT, {"type": "array", "items": TEXT, "minItems": 1}]}
BETWEEN = {"description": "a span, both ends inclusive", "type": "array", "items": TIME, "minItems": 2, "maxItems": 2}
KEY = {
    "description": "the key's fields, each compared with its value; null: the rule has no key",
    "type": ["object", "null"],
}
NUMBER = {
    "description": "a number, or bounds: {min: 20, max: 30}, both inclusive",
    "anyOf": [
        {"type": "number"},
        {
            "type": "object",
            "minProperties": 1,
            "additionalProperties": False,
            "properties": {"min": {"type": "number"}, "max": {"type": "number"}},
        },
    ],
}
CONTAINS = {
    "description": "text that must be contained, or several; {not: ...} must not be, {matches: ...} is searched for",
    "anyOf": [
        TEXT,
        {"type": "array", "items": TEXT, "minItems": 1},
        {
            "type": "object",
            "minProperties": 1,
            "additionalProperties": False,
            "properties": {"contains": TEXTS, "not": TEXTS, "matches": TEXT},
        },
    ],
}
MOMENT = {
    "description": "a time, {between: [a, b]}, true (it happened) or false or null (it did not)",
    "anyOf": [
        TIME,
        {"type": ["boolean", "null"]},
        {"type": "object", "additionalProperties": False, "required": ["between"], "properties": {"between": BETWEEN}},
    ],
}
LABELS = {"type": "object", "additionalProperties": {"type": ["string", "number", "boolean", "null"]}}
FIELDS = {"description": "fields of the message by name", "type": "object", "additionalProperties": CONTAINS}
SHOWN = dict.fromkeys(("title", "sentence", "summary", "condition", "sample", "runbook", "dashboard"), CONTAINS)


def closed(properties: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Return the shape of a mapping that takes these keys and no others."""
    return {"type": "object", "additionalProperties": False, "properties": properties, **more}


def listed(shape: dict[str, Any], description: str) -> dict[str, Any]:
    """Return the shape of a list."""
    return {"description": description, "type": "array", "items": shape}


FIRING_AT = closed({"at": TIME, "between": BETWEEN, "key": KEY, "rule": TEXT}, minProperties=1)
FIRING = {"anyOf": [{"type": "boolean"}, FIRING_AT, {"type": "array", "items": FIRING_AT, "minItems": 1}]}
MATCH = closed(
    {
        "at": TIME,
        "between": BETWEEN,
        "rule": TEXT,
        "key": KEY,
        "count": NUMBER,
        "reference": NUMBER,
        "threshold": NUMBER,
        "value": {"description": "the value that matched, or bounds of a number"},
        "facts": {"description": "other facts of the match, compared as they are", "type": "object"},
    },
    minProperties=1,
)
INCIDENT = closed(
    {
        "state": {"enum": ["firing", "resolved"]},
        "rule": TEXT,
        "key": KEY,
        "opened": MOMENT,
        "resolved": MOMENT,
        "reason": {"description": "why it was resolved", **TEXT},
        "count": {**NUMBER, "description": "events in the window at its newest match, or a nominal instant since"},
        "peak": NUMBER,
        "matches": {**NUMBER, "description": "announced matches"},
        "suppressed": {**NUMBER, "description": "matches kept untold by realert"},
        "severity": TEXT,
        "labels": LABELS,
        "message": closed({**SHOWN, "fields": FIELDS}, minProperties=1),
    },
    minProperties=1,
)
MESSAGE = closed(
    {
        "kind": {"enum": ["firing", "repeat", "resolved", "digest", "info"]},
        "at": TIME,
        "between": BETWEEN,
        "rule": TEXT,
        "key": KEY,
        "receiver": TEXT,
        "channel": TEXT,
        "reason": TEXT,
        "severity": TEXT,
        "text": CONTAINS,
        **SHOWN,
        "fields": FIELDS,
    },
    minProperties=1,
)
DECISION = closed(
    {
        "outcome": {
            "description": "fired, repeated, suppressed, refreshed, reopened, raised, resolved, planned, digested",
            **TEXT,
        },
        "reason": {"description": "realert, silence, mute_time, outside_active_time, inhibited, ...", **TEXT},
        "at": TIME,
        "between": BETWEEN,
        "rule": TEXT,
        "key": KEY,
        "receiver": TEXT,
        "until": MOMENT,
        "times": {**NUMBER, "description": "how many decisions fit (default: at least one)"},
    },
    minProperties=1,
)
DECISIONS = listed(DECISION, "what was decided and why; each entry must fit at least one decision")
EXPECT = closed(
    {
        "firing": {**FIRING, "description": "an incident is open: at the step, at a time, or throughout a span"},
        "not_firing": {**FIRING, "description": "no incident is open: at the step, at a time, or anywhere in a span"},
        "matches": listed(MATCH, "announced matches since the last expectation; [] means none"),
        "incidents": listed(INCIDENT, "incidents so far, as they are now; [] means none"),
        "messages": listed(MESSAGE, "messages since the last expectation; [] means none"),
        "decisions": DECISIONS,
        "only": {"description": "nothing else happened than what the lists say", "type": "boolean"},
    },
    minProperties=1,
)
REPEAT = closed(
    {
        "count": {"type": "integer", "minimum": 1, "maximum": 100_000},
        "every": LENGTH,
        "until": {**TIME, "description": "repeat up to this time (inclusive), instead of count"},
        "jitter": {**LENGTH, "description": "each event comes up to this much later, by seed"},
        "seed": {"type": "integer"},
    },
    required=["every"],
)
EVENT = closed(
    {
        "at": TIME,
        "repeat": REPEAT,
        "document": {"description": "the event; {{ n }} in a text is its number, from 1", "type": "object"},
        "each": {
            "description": "fields with several values: an event for each of them (for each combination)",
            "type": "object",
            "additionalProperties": {"type": "array", "minItems": 1},
        },
        "visible_at": {
            **TIME,
            "description": "not seen by evaluations before this time; +3m: that long after the event's own time",
        },
        "file": {"description": "an NDJSON file, plain or .gz, relative to this one", **TEXT},
        "set": {"description": "fields to replace in the file's documents", "type": "object"},
        "first": {"description": "only so many documents of the file", "type": "integer", "minimum": 1},
    },
    minProperties=1,
)
SILENCE = closed(
    {
        "matchers": {"anyOf": [TEXT, {"type": "array", "items": TEXT}]},
        "rule": TEXT,
        "key": {"type": "object", "minProperties": 1},
        "for": LENGTH,
        "comment": TEXT,
    },
    required=["for"],
)
STEP = closed(
    {
        "at": {**TIME, "description": "when; default: that of the step before, else start"},
        "expect": EXPECT,
        "restart": {"description": "the engine ends here, and a new one goes on with its state", "const": True},
        "silence": SILENCE,
    },
    minProperties=1,
)
TEST = closed(
    {
        "name": TEXT,
        "start": {**TIME, "description": "the rule is new here; events before are its past (default 2026-01-01)"},
        "end": {**TIME, "description": "default: the first evaluation after the last event and step"},
        "events": listed(EVENT, "what is logged"),
        "steps": listed(STEP, "what is done and expected at instants, in the order of time"),
        "expect": {**EXPECT, "description": "what is expected of the whole test, seen from its end"},
        "expect_decisions": DECISIONS,
    },
    required=["name"],
)


@cache
def whole_schema() -> dict[str, Any]:
    """Return the schema of a file, for editors and for loading."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "alerter rule tests",
        **closed(
            {
                "rule": {
                    **TEXTS,
                    "description": "rule files, relative to this one (default: the file of the same name)",
                },
                "routes": {**TEXTS, "description": "routing files or folders (default: those of the settings)"},
                "tests": {**listed(TEST, "the tests"), "minItems": 1},
            },
            required=["tests"],
        ),
    }
