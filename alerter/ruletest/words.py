"""Values and records as reports write them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from alerter.clock import Millis
from alerter.notifiers.text import one_line
from alerter.ruletest.times import clock_of
from alerter.ruletest.trace import Record

TIMES = ("at", "opened", "resolved", "until")
LONGEST = 160


def value_text(name: str, value: Any, start: Millis, *, full: bool = False) -> str:
    """Return a value of a record on one line, as a test file would write it; a long one is cut unless in ``full``."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if name in TIMES and isinstance(value, int):
        return clock_of(value, start)
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{n}: {value_text('', v, start, full=full)}" for n, v in value.items()) + "}"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    text = one_line(str(value))
    return text if full or len(text) <= LONGEST else text[: LONGEST - 3] + "..."


_BRIEF = {
    "matches": ("at", "rule", "key", "count"),
    "messages": ("at", "kind", "receiver", "channel", "key", "reason", "text"),
    "incidents": ("state", "rule", "key", "opened", "resolved", "count"),
    "decisions": ("at", "outcome", "reason", "key", "receiver", "until"),
}


def brief(name: str, record: Record, start: Millis, *, full: bool = False) -> str:
    """Return one thing that happened on a line, in the notation of test files; long texts are cut unless ``full``."""
    shown = [(n, record.get(n)) for n in _BRIEF[name]]
    there = [(n, v) for n, v in shown if (v is not None and v != "") or n == "resolved"]
    parts = [f"{n}: {value_text(n, v, start, full=full)}" for n, v in there]
    return "{" + ", ".join(parts) + "}"
