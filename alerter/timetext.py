"""Instants and lengths as people read them, and as files write them."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache

from alerter.clock import DAY, HOUR, MINUTE, SECOND, Millis


def iso(at: Millis) -> str:
    """Return ISO 8601 in UTC with milliseconds: ``2026-03-10T11:00:00.123Z``."""
    minute, rest = divmod(at, MINUTE)
    return f"{_minute(minute)}{rest // SECOND:02d}.{rest % SECOND:03d}Z"


@lru_cache(maxsize=4096)
def _minute(number: int) -> str:
    """Return the minute of that number since 1970 as ``2026-03-10T11:00:``."""
    return datetime.fromtimestamp(number * 60, UTC).isoformat()[:17]


def time_text(at: Millis) -> str:
    """Return the time of day in UTC: ``03:14:15Z``."""
    return f"{datetime.fromtimestamp(at // SECOND, UTC):%H:%M:%S}Z"


def parse_instant(text: str) -> Millis:
    """Read an ISO 8601 instant; without a zone it is UTC. Raises ValueError."""
    moment = datetime.fromisoformat(text.strip())
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    whole = int(moment.replace(microsecond=0).timestamp())
    return whole * SECOND + moment.microsecond // 1000


def length_text(length: Millis) -> str:
    """Return a length as people say it, in at most two units: ``5 min``, ``1 h 30 min``, ``250 ms``."""
    if length < SECOND:
        return f"{length} ms"
    parts = []
    for unit, name in ((DAY, "d"), (HOUR, "h"), (MINUTE, "min"), (SECOND, "s")):
        amount, length = divmod(length, unit)
        if amount:
            parts.append(f"{amount:,} {name}")
    return " ".join(parts[:2])
