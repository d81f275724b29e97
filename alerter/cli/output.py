"""The only place that prints: results to stdout, everything else to stderr."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from contextlib import suppress
from typing import TYPE_CHECKING

from alerter.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path


def say(text: str = "") -> None:
    """Print a result line to stdout; characters the terminal cannot show are replaced.

    Raises UsageError where it cannot be written, such as to a full disk; BrokenPipeError where nobody reads it.
    """
    try:
        _write(sys.stdout, text)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise UsageError(f"cannot write the output: {error.strerror or error}") from None


def complain(text: str) -> None:
    """Print a message for people to stderr; where that cannot be written there is nobody to be told."""
    with suppress(OSError):
        _write(sys.stderr, text)


def columns() -> int | None:
    """Return how wide the terminal is to which results go; None where they go elsewhere."""
    if not sys.stdout.isatty():
        return None
    import shutil

    return shutil.get_terminal_size().columns


def note_shipped(folders: Iterable[Path]) -> None:
    """Say on stderr which folder is looked at where it is the one that comes with alerter: there is none here."""
    from pathlib import Path

    from alerter.shipped import shipped_dir

    for folder in folders:
        if folder.parent == shipped_dir() and not Path(folder.name).is_dir():
            complain(f"alerter: the {folder.name} shipped with alerter, {folder}: no {folder.name}/ here")


def _write(stream: object, text: str) -> None:
    encoding = getattr(stream, "encoding", None) or "utf-8"
    safe = text.encode(encoding, "replace").decode(encoding)
    print(safe, file=stream, flush=True)  # type: ignore[call-overload]
