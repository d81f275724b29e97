"""The data files of a dry run: read whole, refused where they hold no document, and where in them a document stands."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from alerter.cli.progress import Progress
from alerter.clock import SystemClock
from alerter.errors import UsageError
from alerter.model.rule import Rule
from alerter.sources.embedded import EmbeddedSource
from alerter.sources.embedded_files import LineParser, lines_of, stream_documents
from alerter.sources.protocol import Answer, SearchRequest, Source, SourceError
from alerter.sources.read_out import walk
from alerter.sources.timefield import time_reader

STDIN = "-"
SAID_EVERY = 10_000
"""Lines between two looks at the progress."""


def read_data(files: Sequence[str]) -> EmbeddedSource:
    """Return a source of the files' documents. Raises UsageError where one cannot be read, or all hold none."""
    source = EmbeddedSource(now=SystemClock().now)
    with Progress(len(files), "files") as progress:
        for nth, file in enumerate(files):
            progress.at(nth, file)
            source.extend_lines(_lines(file, progress))
    if not source.events:
        why = "; ".join(source.warnings) or "nothing but blank lines in " + ", ".join(files)
        raise UsageError(f"--data holds no document: {why}", "one document a line: jq -c '.[]'")
    return source


def _lines(file: str, progress: Progress) -> Iterator[tuple[bytes, str]]:
    """Yield each line with its place."""
    lines = sys.stdin.buffer if file == STDIN else lines_of(Path(file))
    for number, line in enumerate(lines, 1):
        if number % SAID_EVERY == 0:
            progress.more(f"{number:,} lines")
        yield line, f"{file}:{number}"


def places(files: Sequence[str], source: Source, rule: Rule) -> tuple[str, str]:
    """Return ``file:line`` of the rule's earliest and latest document, "" where that is not known."""
    first, last = _edges(source, rule)
    found = {"": ""}
    if STDIN not in files:
        wanted = {first, last}
        found |= {d.id: d.origin for d in stream_documents(files, LineParser()) if d.id in wanted}
    return found.get(first, ""), found.get(last, "")


def _edges(source: Source, rule: Rule) -> tuple[str, str]:
    """Return the identifiers of the earliest and the latest document."""
    reader = time_reader(rule, source.field_types(rule.everywhere, [rule.time.name]))
    if not reader.pushed:
        found = [(at, hit.id) for at, hit in walk(source, rule.everywhere, reader, ())]
        return min(found)[1], max(found)[1]
    bodies = [{"size": 1, "sort": reader.sort(order)} for order in ("asc", "desc")]
    first, last = map(_only, source.search([SearchRequest(rule.everywhere, body) for body in bodies]))
    return first, last


def _only(answer: Answer | SourceError) -> str:
    return "" if isinstance(answer, SourceError) else answer.hits[0].id
