"""Times along the axes of charts."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from alerter.clock import DAY, HOUR, MINUTE, SECOND, Millis

STEPS: tuple[Millis, ...] = (
    SECOND, 5 * SECOND, 15 * SECOND, MINUTE, 5 * MINUTE, 10 * MINUTE, 15 * MINUTE, 30 * MINUTE,
    HOUR, 2 * HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR, DAY, 2 * DAY, 7 * DAY, 28 * DAY,
)  # fmt: skip


def ticks(start: Millis, end: Millis, most: int) -> Iterator[tuple[Millis, str]]:
    """Yield at most ``most`` round instants of ``[start, end]`` in UTC, each with its text."""
    length = max(end - start, 1)
    step = next((s for s in STEPS if length // s < most), STEPS[-1] * (length // STEPS[-1] // most + 1))
    at = -(-start // step) * step
    while at <= end:
        moment = datetime.fromtimestamp(at / SECOND, UTC)
        yield at, f"{moment:%H:%M:%S}" if step < MINUTE else f"{moment:%H:%M}" if step < DAY else f"{moment:%d %b}"
        at += step


def clock_ticks(start: Millis, end: Millis, columns: int) -> str:
    """Return round times below ``columns`` characters, each beginning where its instant is."""
    line = [" "] * (columns + 8)
    free = 0
    for at, text in ticks(start, end, max(columns // 12, 2)):
        column = (at - start) * columns // max(end - start, 1)
        if column >= free and column + len(text) <= len(line):
            line[column : column + len(text)] = text
            free = column + len(text) + 1
    return "".join(line).rstrip() + " UTC"
