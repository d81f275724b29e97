"""Instants on the command line: ISO 8601, or so long ago."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from alerter.clock import Millis
from alerter.durations import parse_duration
from alerter.errors import UsageError
from alerter.timetext import parse_instant

TIME = "ISO 8601, or how long ago: -6h, -2d"
_AGO = re.compile(r"(?:now)?\s*-\s*(?P<length>\d.*)|(?P<words>\d.*?)\s+ago|now")
_WORD = re.compile(r"\s*(week|day|hour|minute|min|second|sec)s?\b")
_SIGNED = re.compile(r"-\d+(?:\.\d+)?\s*[a-z]", re.IGNORECASE)
_OPTIONS = ("--start", "--end")


def moment(text: str, option: str, now: Millis) -> Millis:
    """Read an instant; ``-6h``, ``now-6h``, ``6 hours ago`` and ``now`` are relative to ``now``. Raises UsageError."""
    ago = _AGO.fullmatch(text.strip().lower())
    try:
        if ago is None:
            return parse_instant(text)
        length = ago["length"] or _WORD.sub(lambda word: word[1][0], ago["words"] or "0")
        return now - parse_duration(length)
    except ValueError:
        message = f"{option} {text!r} is neither an ISO 8601 time nor how long ago"
        raise UsageError(message, "like 2026-03-10T11:00:00Z, -6h or -2d") from None


def joined(arguments: Sequence[str]) -> Iterator[str]:
    """Yield the arguments with ``--start -6h`` as ``--start=-6h``: argparse takes what begins with - for an option."""
    waiting = iter(arguments)
    for argument in waiting:
        value = next(waiting, None) if argument in _OPTIONS else None
        if value is None:
            yield argument
        elif _SIGNED.match(value):
            yield f"{argument}={value}"
        else:
            yield from (argument, value)
