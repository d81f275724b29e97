"""A deterministic half hour of business logs: a quiet background, and four things that go wrong."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from alerter.clock import MINUTE, SECOND, Millis
from alerter.timetext import iso, parse_instant

START: Millis = parse_instant("2026-03-10T10:40:00Z")
"""The first event; the story begins twenty minutes later, when every window has its history."""
STORY: Millis = START + 20 * MINUTE
END: Millis = STORY + 26 * MINUTE

USER = (
    "User [{n}] signed up",
    "Profile updated by user [{n}]",
    "Account deleted by user [{n}]",
    "Password reset requested by user [{n}]",
    "Review posted by user [{n}]",
)
ORDER = (
    "Order [{n}] created",
    "Order [{n}] item added",
    "Order [{n}] item removed",
    "Order [{n}] cancelled by user [{m}]",
    "Order [{n}] returned for refund",
)


@dataclass(frozen=True)
class Burst:
    """More of one text than usual: ``every`` milliseconds in ``(start, end]``, both relative to the story."""

    text: str
    start: Millis
    end: Millis
    every: Millis


BURSTS = (
    Burst(USER[3], 2 * MINUTE, 9 * MINUTE, 2 * SECOND),
    Burst(ORDER[4], 4 * MINUTE, 11 * MINUTE, 2 * SECOND),
    Burst(USER[2], 6 * MINUTE, 8 * MINUTE, 2 * SECOND),
    Burst(USER[0], 14 * MINUTE, 16 * MINUTE, 300),
    Burst(ORDER[0], 14 * MINUTE, 16 * MINUTE, 300),
)
"""A storm of password resets, refunds, deletions (silenced by hand), and a rush in both domains at once."""


def documents() -> Iterator[dict[str, Any]]:
    """Yield the documents in the order of their times; the same ones at every call."""
    dice = random.Random(7)  # noqa: S311 - a reproducible stream, not a secret
    moments = [(at, text) for burst in BURSTS for at, text in _burst(burst)]
    at = START
    while at < END:
        at += dice.randrange(600, 1_400)
        moments.append((at, dice.choice(USER + ORDER)))
    for at, text in sorted(moments):
        yield _document(at, text.format(n=dice.randrange(1, 10_000), m=dice.randrange(1, 10_000)))


def _burst(burst: Burst) -> Iterator[tuple[Millis, str]]:
    for offset in range(burst.start + burst.every, burst.end + 1, burst.every):
        yield STORY + offset, burst.text


def _document(at: Millis, text: str) -> dict[str, Any]:
    domain = "Order" if text.startswith("Order") else "User"
    return {
        "@timestamp": iso(at),
        "log_level": "INFO",
        "logger": "business-log",
        "log_message": text,
        "kafka": {"key": domain},
    }
