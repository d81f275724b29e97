"""Following NDJSON files as they grow, for ``alerter run`` without a cluster."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from alerter.errors import UsageError
from alerter.sources.embedded import EmbeddedSource
from alerter.sources.protocol import Source

log = logging.getLogger(__name__)
GZIP = b"\x1f\x8b"


@dataclass
class _Place:
    """How far a file was read: bytes, and lines; ``missed`` once it was said that it is not there."""

    offset: int = 0
    line: int = 0
    missed: bool = False


class Feed:
    """Hands complete new lines of the files to an embedded source; a truncated file is read from its start."""

    def __init__(self, source: EmbeddedSource | None, files: Sequence[Path]) -> None:
        self._source = source
        self._places = {file: _Place() for file in files}
        self._refused: UsageError | None = None

    @classmethod
    def of(cls, source: Source, files: Sequence[Path]) -> Feed:
        """Return a feed for an embedded source; for any other one that does nothing."""
        return cls(source, files) if isinstance(source, EmbeddedSource) else cls(None, ())

    def poll(self) -> None:
        """Read what was appended since the last call; a file that is not there yet is awaited.

        Raises UsageError for a file that cannot be followed, and from then on for more documents than can be held:
        nothing is to be evaluated on a part of the data. What was left out of the data is logged, once.
        """
        if self._source is None:
            return
        if self._refused is not None:
            raise self._refused
        for file, place in self._places.items():
            lines = _appended(file, place)
            origins = (f"{file}:{number}" for number in range(place.line - len(lines) + 1, place.line + 1))
            try:
                self._source.extend_lines(zip(lines, origins, strict=True))
            except UsageError as error:
                self._refused = error
                raise
        for text in self._source.news():
            log.warning("data: %s", text)


def _appended(file: Path, place: _Place) -> Sequence[bytes]:
    """Return the complete lines after a place, and move it behind them. Raises UsageError."""
    try:
        size = file.stat().st_size
        if size < place.offset:
            place.offset = place.line = 0
        if size == place.offset:
            return ()
        with file.open("rb") as stream:
            stream.seek(place.offset)
            text = stream.read(size - place.offset)
    except FileNotFoundError:
        place.offset = place.line = 0
        if not place.missed:
            place.missed = True
            log.warning("the data file %s is not there; it is read when it appears", file)
        return ()
    except OSError as error:
        hint = "data: names NDJSON files that this process may read"
        raise UsageError(f"cannot read the data file {file}: {error.strerror or error}", hint) from None
    if place.offset == 0 and text.startswith(GZIP):
        hint = "unpack it; alerter test-rule --data and alerter query read packed files too"
        raise UsageError(f"the data file {file} is packed with gzip, and a packed file cannot be followed", hint)
    lines = text[: text.rfind(b"\n") + 1].split(b"\n")[:-1]
    place.offset += sum(map(len, lines)) + len(lines)
    place.line += len(lines)
    return lines
