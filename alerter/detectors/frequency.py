"""frequency: at least ``num_events`` events within any window, counted afresh after each announced match."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import replace

from alerter.clock import Millis
from alerter.detectors.protocol import Events, Span
from alerter.incidents import Asked, Lifecycle
from alerter.model.incident import Match
from alerter.model.rule import Frequency, Severity
from alerter.windows import rank_after


def detect(events: Events, life: Lifecycle, span: Span) -> None:
    """Judge every event of the key in ``(span.reread, span.end]``, those of one millisecond one after the other."""
    condition = life.rule.condition
    assert isinstance(condition, Frequency)
    times = events.curve(life.key).times(span.reread - condition.timeframe, span.end)
    severities = events.severities(life.key)
    skipped = len(severities) - len(times)
    consumed = rank_after(times, life.memory.consumed_at, life.memory.consumed_ties)
    low = 0
    for rank in range(bisect_right(times, span.reread), len(times)):
        at = times[rank]
        while times[low] <= at - condition.timeframe:
            low += 1
        held = rank + 1 - low >= condition.num_events
        severity = _severity(severities, skipped, low, rank, life.is_open)
        if not held and not (severity and life.is_open):
            continue
        match = None
        if rank + 1 - max(low, consumed) >= condition.num_events and not _told_near(life, at, span):
            match = Match(at, life.key, bisect_right(times, at) - low)
        if life.ask(Asked(at, held, match, severity, reread=at <= span.start)):
            consumed = rank + 1
            ties = consumed - bisect_left(times, at)
            life.memory = replace(life.memory, consumed_at=at, consumed_ties=ties)


def _told_near(life: Lifecycle, at: Millis, span: Span) -> bool:
    """Whether a match found on re-reading lies within T of one already announced: late, and deduplicated."""
    announced = life.memory.announced
    return at <= span.start and announced is not None and abs(at - announced) < life.rule.timeframe


def _severity(severities: object, skipped: int, low: int, rank: int, is_open: bool) -> str:
    """Return the event's severity; for an incident not open yet the worst of the window."""
    if not isinstance(severities, list) or not severities:
        return ""
    if is_open:
        return str(severities[skipped + rank])
    known = [s for s in severities[skipped + low : skipped + rank + 1] if s in set(Severity)]
    return max(known, key=lambda s: Severity(s).rank, default="")
