"""Reading data files: NDJSON, plain or gzip; a bad line is named and left out, never fatal."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from alerter.errors import UsageError
from alerter.query.decoding import decode, decode_roughly
from alerter.query.store import Document

_WRAPPER = {"_index", "_id", "_source", "_type", "_score", "_version", "_seq_no", "_primary_term", "sort", "fields"}
BOM = b"\xef\xbb\xbf"
"""What some editors and exports write before the first line of a file; no JSON starts with it."""


@dataclass(frozen=True)
class BadLine:
    """A line that is no document; ``origin`` is ``file:line``."""

    origin: str
    reason: str


@dataclass
class LineParser:
    """Turns lines into documents and collects the bad ones; also used for files that grow.

    Lines are numbered from 1, over all files; the number is the identifier of a line that names none.
    """

    number: int = 0
    bad: list[BadLine] = field(default_factory=list)

    def parse(self, line: bytes, origin: str) -> Document | None:
        """Return the document of a line, or None for a blank or bad one."""
        self.number += 1
        text = line.removeprefix(BOM).strip()
        if not text:
            return None
        try:
            found = decode_roughly(text)
            wrapped = isinstance(found, dict) and isinstance(found.get("_source"), dict) and _WRAPPER.issuperset(found)
            source = decode(text)["_source"] if wrapped else None
        except ValueError as error:
            self.bad.append(BadLine(origin, f"not JSON: {error}"))
            return None
        except RecursionError:
            self.bad.append(BadLine(origin, "nested too deeply"))
            return None
        if not isinstance(found, dict):
            self.bad.append(BadLine(origin, "not a JSON object"))
            return None
        if source is not None:
            return Document(str(found.get("_id", self.number)), source, origin)
        return Document(str(self.number), found, origin, text)


@dataclass(frozen=True)
class Documents:
    """The documents of some files, in file order, and the lines that are none."""

    documents: Sequence[Document]
    bad: Sequence[BadLine]


def lines_of(path: Path) -> Iterator[bytes]:
    """Yield the lines of a plain or gzip file; raises UsageError when it cannot be read."""
    try:
        with path.open("rb") as raw:
            packed = raw.read(2) == b"\x1f\x8b"
            raw.seek(0)
            if packed:
                with gzip.open(raw, "rb") as unpacked:
                    yield from unpacked
            else:
                yield from raw
    except OSError as error:
        reason = error.strerror or str(error)
        raise UsageError(f"cannot read the data file {path}: {reason}", "give the path of an NDJSON file") from None
    except (EOFError, zlib.error) as error:
        raise UsageError(f"the data file {path} is damaged: {error}", "pack it again with gzip") from None


def stream_documents(paths: Iterable[str | Path], parser: LineParser) -> Iterator[Document]:
    """Yield the documents of files one after the other; bad lines go to the parser."""
    for path in map(str, paths):
        for number, line in enumerate(lines_of(Path(path)), 1):
            document = parser.parse(line, f"{path}:{number}")
            if document is not None:
                yield document


def read_documents(paths: Iterable[str | Path]) -> Documents:
    """Read data files whole; raises UsageError for one that cannot be read."""
    parser = LineParser()
    documents = list(stream_documents(paths, parser))
    return Documents(documents, parser.bad)


def value_at(source: Any, path: str) -> Any:
    """Return the first value at a dotted path of a document, which may spell it nested or dotted; else None."""
    if isinstance(source, list):
        return next((found for each in source if (found := value_at(each, path)) is not None), None)
    if not isinstance(source, dict):
        return None
    if path in source:
        value = source[path]
        return next((each for each in value if each is not None), None) if isinstance(value, list) else value
    parts = path.split(".")
    for cut in range(1, len(parts)):
        head = ".".join(parts[:cut])
        if head in source:
            found = value_at(source[head], ".".join(parts[cut:]))
            if found is not None:
                return found
    return None
