"""any, blacklist, whitelist: the event itself is the match."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from alerter.clock import Millis
from alerter.detectors.protocol import Events, Span
from alerter.incidents import Asked, Lifecycle
from alerter.model.incident import Match
from alerter.model.rule import Key, ValueList

Seen = Mapping[tuple[Key, Millis], int]
"""How many events of a key were judged at an instant of the re-read span."""


def detect(events: Events, life: Lifecycle, span: Span, seen: Seen) -> None:
    """Judge every event in ``(span.start, span.end]``, and in the re-read span those not seen before."""
    times = events.curve(life.key).times(span.reread, span.end)
    values, severities = events.values(life.key), events.severities(life.key)
    known = Counter({at: n for (key, at), n in seen.items() if key == life.key})
    for rank, at in enumerate(times):
        if at <= span.start:
            if known[at] > 0:
                known[at] -= 1
                continue
            if len(seen) >= SEEN_LIMIT:
                continue  # too many to tell late events from known ones
        facts = _facts(life, values, len(values) - len(times) + rank)
        severity = severities[len(severities) - len(times) + rank] if severities else ""
        life.ask(Asked(at, True, Match(at, life.key, 1, facts), severity, reread=at <= span.start))


SEEN_LIMIT = 5_000
"""Events of the re-read span that are remembered; beyond, late ones are not looked for, and the rule says so."""


def remember(events: Events, keys: list[Key], start: Millis, end: Millis) -> tuple[tuple[Key, Millis, int], ...]:
    """Return the events of ``(start, end]`` to be recognised when read again, at most ``SEEN_LIMIT`` entries."""
    entries: list[tuple[Key, Millis, int]] = []
    for key in keys:
        for at, number in Counter(events.curve(key).times(start, end)).items():
            entries.append((key, at, number))
            if len(entries) >= SEEN_LIMIT:
                return tuple(entries)
    return tuple(entries)


def _facts(life: Lifecycle, values: Any, rank: int) -> dict[str, Any]:
    return {"value": values[rank]} if isinstance(life.rule.condition, ValueList) else {}
