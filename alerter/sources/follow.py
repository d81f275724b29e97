"""Following NDJSON files as they grow, for ``alerter run`` without a cluster."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from alerter.sources.embedded import EmbeddedSource
from alerter.sources.protocol import Source


class Feed:
    """Hands complete new lines of the files to an embedded source; a truncated file is read from its start."""

    def __init__(self, source: EmbeddedSource | None, files: Sequence[Path]) -> None:
        self._source = source
        self._offsets = dict.fromkeys(files, 0)

    @classmethod
    def of(cls, source: Source, files: Sequence[Path]) -> Feed:
        """Return a feed for an embedded source; for any other one that does nothing."""
        return cls(source, files) if isinstance(source, EmbeddedSource) else cls(None, ())

    def poll(self) -> None:
        """Read what was appended since the last call; a file that is not there yet is awaited."""
        if self._source is None:
            return
        for file, offset in self._offsets.items():
            fresh, self._offsets[file] = _appended(file, offset)
            if fresh:
                self._source.extend_lines((line, str(file)) for line in fresh.splitlines())


def _appended(file: Path, offset: int) -> tuple[bytes, int]:
    try:
        size = file.stat().st_size
        start = offset if size >= offset else 0
        if size == start:
            return b"", start
        with file.open("rb") as stream:
            stream.seek(start)
            text = stream.read(size - start)
    except FileNotFoundError:
        return b"", 0
    whole = text[: text.rfind(b"\n") + 1]
    return whole, start + len(whole)
