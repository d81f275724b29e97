"""The schema of routing files: the tree, receivers, time intervals, inhibition."""

from __future__ import annotations

from typing import Any

from alerter.routing.receivers import MENTIONED, SEVERITIES
from alerter.ruleset.schema import LENGTH
from alerter.schemas.shapes import TEXT, closed, listed

MATCHERS = listed(TEXT, "all must fit: name=\"value\", !=, =~ and !~ with a regular expression for the whole value", [
    'domain="order"', 'severity=~"warning|critical"',
])  # fmt: skip
STORM = {"description": "longer than this in a channel's queue: further incidents go into a digest; off: never",
         "anyOf": [*LENGTH["anyOf"], {"const": "off"}, {"const": False}], "examples": ["2m"]}  # fmt: skip
NODE: dict[str, Any] = {
    "receiver": {**TEXT, "description": "who hears it; children inherit it"},
    "routes": {"type": "array", "description": "the first child that fits wins", "items": {"$ref": "#/$defs/route"}},
    "group_by": listed(TEXT, "labels whose values make one message of incidents; ['...'] all, [] none", ["rule"]),
    "group_wait": {**LENGTH, "description": "how long a group's first message waits for more", "examples": ["30s"]},
    "group_interval": {**LENGTH, "description": "the time between a group's messages", "examples": ["5m"]},
    "repeat_interval": {**LENGTH, "description": "no repeat is due sooner", "examples": ["4h"]},
    "storm": STORM,
}
CHILD: dict[str, Any] = {
    **NODE,
    "matchers": {"anyOf": [MATCHERS, TEXT], "description": MATCHERS["description"]},
    "match": {"type": "object", "description": "label: value; Alertmanager's older form of matchers"},
    "match_re": {"type": "object", "description": "label: regular expression; the older form of matchers"},
    "continue": {"type": "boolean", "description": "go on looking at the following children"},
    "mute_time_intervals": listed(TEXT, "names of time intervals in which nothing is told", ["nightly-batch"]),
    "active_time_intervals": listed(TEXT, "names of time intervals outside which nothing is told", ["working-hours"]),
}
ADDRESS = {
    "url": {**TEXT, "description": "in clear: for addresses without a secret only"},
    "url_env": {**TEXT, "description": "the environment variable that holds the URL"},
    "url_file": {**TEXT, "description": "the file that holds the URL"},
}
WAYS = [{"required": [name]} for name in ADDRESS]
MENTION = {
    "type": "object",
    "description": "by severity: a user group (S...), a member (U...), here or channel",
    "additionalProperties": False,
    "properties": {name: {"type": ["string", "null"], "pattern": f"^({MENTIONED})?$"} for name in SEVERITIES},
    "examples": [{"critical": "S0123ABCD"}],
}
SLACK: dict[str, Any] = {
    "channel": {**TEXT, "description": "the channel's name or id", "examples": ["#alerts-order"]},
    "mention": MENTION,
    "webhook_env": {**TEXT, "description": "the environment variable of an incoming webhook, instead of the bot"},
    "webhook_file": {**TEXT, "description": "the file that holds the URL of an incoming webhook"},
    "time_zone": {**TEXT, "description": "of the times in messages", "examples": ["Europe/Berlin"]},
    "on_unclear": {"enum": ["resend", "hold"], "description": "when nobody can tell whether a message was posted"},
}
RECEIVER = closed(
    {
        "name": {**TEXT, "description": "what routes call it"},
        "fallback": {**TEXT, "description": "the receiver that hears it when this one stays dead"},
        "slack": closed(SLACK, required=["channel"]),
        "console": {"type": ["object", "null"], "maxProperties": 0, "description": "draws messages in the terminal"},
        "webhook": closed(ADDRESS, oneOf=WAYS),
        "apprise": closed(ADDRESS, oneOf=WAYS),
    },
    required=["name"],
    oneOf=[{"required": [kind]} for kind in ("slack", "console", "webhook", "apprise")],
    examples=[{"name": "slack-order", "slack": {"channel": "#alerts-order"}, "fallback": "default"}],
)
CLOCK = {"type": ["string", "integer"], "description": "a time of day; quote it", "examples": ["08:00"]}
RANGES = {"anyOf": [{"type": ["string", "integer"]}, {"type": "array", "items": {"type": ["string", "integer"]}}]}
INTERVAL = closed(
    {
        "times": listed(
            closed({"start_time": CLOCK, "end_time": CLOCK}, required=["start_time", "end_time"]),
            "parts of the day; the end is exclusive",
            [{"start_time": "08:00", "end_time": "18:00"}],
        ),
        "weekdays": {**RANGES, "description": "days of the week, or ranges of them", "examples": [["monday:friday"]]},
        "days_of_month": {
            **RANGES,
            "description": "1 to 31, or counted from the end: -1 is the last",
            "examples": [["1:7"]],
        },
        "months": {**RANGES, "description": "by name or number", "examples": [["december"]]},
        "years": {**RANGES, "description": "or ranges of them", "examples": [["2026:2027"]]},
        "location": {**TEXT, "description": "the time zone (UTC)", "examples": ["Europe/Berlin"]},
    }
)
INHIBIT = closed(
    {
        "name": {**TEXT, "description": "what decisions call it"},
        "source_matchers": {**MATCHERS, "description": "while such an incident is open ..."},
        "target_matchers": {**MATCHERS, "description": "... such ones are not told"},
        "equal": listed(TEXT, "labels that both must have alike", ["domain"]),
    }
)


def whole() -> dict[str, Any]:
    """Return the schema of a routing file; receivers, intervals and inhibitions may stand in files of their own."""
    named = closed({"name": TEXT, "time_intervals": listed(INTERVAL, "any of them", [])}, required=["name"])
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "alerter routes and receivers",
        **closed(
            {
                "route": closed(NODE, required=["receiver"], description="the tree; its root matches everything"),
                "receivers": listed(RECEIVER, "who can be told", []),
                "time_intervals": listed(named, "named times, for routes", []),
                "inhibit_rules": listed(INHIBIT, "what keeps what untold", []),
            }
        ),
        "$defs": {"route": closed(CHILD)},
    }
