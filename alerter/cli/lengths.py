"""Lengths of time on the command line."""

from __future__ import annotations

from alerter.clock import Millis
from alerter.durations import parse_duration
from alerter.errors import UsageError


def length_option(text: str, option: str) -> Millis:
    """Return the length; raises UsageError naming the option."""
    try:
        return parse_duration(text)
    except ValueError as error:
        raise UsageError(f"{option}: {error}") from None
