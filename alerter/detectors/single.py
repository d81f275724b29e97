"""any, blacklist, whitelist: the event itself is the match."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping
from typing import Any

from alerter.clock import Millis
from alerter.detectors.protocol import Events, Span
from alerter.incidents import Asked, Lifecycle
from alerter.model.incident import Match
from alerter.model.rule import Key, KeyValue, ValueList
from alerter.windows import distinct

SeenEntry = tuple[Key, Millis, int]
"""How many events of a key were judged at an instant of the re-read span."""
Seen = Mapping[Key, Mapping[Millis, int]]
SEEN_LIMIT = 5_000
"""Entries of the re-read span that are remembered; beyond, late events are not looked for, and the rule says so."""


def detect(events: Events, life: Lifecycle, span: Span, seen: Seen) -> None:
    """Judge every event in ``(span.start, span.end]``, and in ``(span.reread, span.start]`` those not seen before."""
    times = events.curve(life.key).times(span.reread, span.end)
    values, severities = events.values(life.key), events.severities(life.key)
    known = Counter(seen.get(life.key, {}))
    listed = isinstance(life.rule.condition, ValueList)
    for rank, at in enumerate(times, -len(times)):
        if at <= span.start and known[at] > 0:
            known[at] -= 1
            continue
        facts: dict[str, Any] = {"value": _value(values, rank)} if listed else {}
        severity = severities[rank] if severities else ""
        life.ask(Asked(at, True, Match(at, life.key, 1, facts), severity, reread=at <= span.start))


def by_key(entries: Collection[SeenEntry]) -> Seen:
    """Return what a checkpoint remembers of judged events, by key."""
    seen: dict[Key, dict[Millis, int]] = defaultdict(dict)
    for key, at, number in entries:
        seen[key][at] = number
    return seen


def remember(events: Events, start: Millis, end: Millis) -> tuple[SeenEntry, ...]:
    """Return the events of ``(start, end]`` to be recognised when read again, at most ``SEEN_LIMIT`` entries."""
    entries: list[SeenEntry] = []
    keys = events.keys()
    for key in keys:
        entries += [(key, at, number) for at, number in distinct(events.curve(key).times(start, end))]
        if len(entries) >= SEEN_LIMIT:
            return tuple(entries[:SEEN_LIMIT])
    return tuple(entries)


def _value(values: Any, rank: int) -> KeyValue:
    found: KeyValue = values[rank]
    return found
