"""The only place that prints: results to stdout, everything else to stderr."""

from __future__ import annotations

import sys


def say(text: str = "") -> None:
    """Print a result line to stdout; characters the terminal cannot show are replaced."""
    _write(sys.stdout, text)


def complain(text: str) -> None:
    """Print a message for people to stderr."""
    _write(sys.stderr, text)


def _write(stream: object, text: str) -> None:
    encoding = getattr(stream, "encoding", None) or "utf-8"
    safe = text.encode(encoding, "replace").decode(encoding)
    print(safe, file=stream, flush=True)  # type: ignore[call-overload]
