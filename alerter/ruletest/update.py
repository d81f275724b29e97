"""Putting expectations right in the file: only what is one plain value, and never anything else of the text."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml

from alerter.errors import UsageError
from alerter.ruleset.yaml_positions import Document, read_text
from alerter.ruletest.expect import Failure, Fix
from alerter.ruletest.model import At
from alerter.ruletest.suite import Result, by_file
from alerter.ruletest.times import clock_of

TIMES = ("at", "opened", "resolved", "until")


def update(failed: Sequence[Result]) -> list[str]:
    """Rewrite what can be rewritten safely; return a line for each change and for each thing left to people.

    A value is replaced in its place, so comments and layout stay; the new text must read as the old one with that
    value changed and nothing else, or the file is not touched. Raises UsageError when it cannot be written.
    """
    said: list[str] = []
    for results in by_file(failed).values():
        said += _file(results)
    return said


def _file(results: Sequence[Result]) -> Iterator[str]:
    file, document = results[0].file.file, results[0].file.document
    text = file.read_bytes().decode("utf-8-sig")
    changed = 0
    done: set[At] = set()
    for result in results:
        for failure in result.failures:
            if not failure.fixes:
                yield _left(result, failure)
            for fix in failure.fixes:
                if fix.path in done:
                    continue
                done.add(fix.path)
                new = _replaced(text, document, fix, _written(fix, result))
                where = f"{file}:{document.mark(fix.path).line}:{document.mark(fix.path).column}"
                if new is None:
                    yield f"{where}: left as it is: {_name(fix)} is not one plain value in one place"
                    continue
                text, changed = new, changed + 1
                yield f"{where}: {_name(fix)} is now {_written(fix, result)}"
                (document, *_), _ = read_text(text, str(file))
    if changed:
        _write(file, text)


def _left(result: Result, failure: Failure) -> str:
    place = result.place(failure)
    return f"{place.file}:{place.line}:{place.column}: left as it is: {failure.message}"


def _name(fix: Fix) -> str:
    return next(str(part) for part in reversed(fix.path) if isinstance(part, str))


def _written(fix: Fix, result: Result) -> str:
    """Return the value as YAML, in the notation of the file."""
    if _name(fix) in TIMES:
        return clock_of(fix.value, result.case.start)
    value = int(fix.value) if isinstance(fix.value, float) and fix.value.is_integer() else fix.value
    flow = yaml.safe_dump([value], default_flow_style=True, width=10**6, allow_unicode=True).strip()
    return flow[1:-1]


def _replaced(text: str, document: Document, fix: Fix, written: str) -> str | None:
    """Return the text with one value replaced; None when that cannot be done without touching anything else."""
    mark = document.values.get(fix.path)
    if mark is None or sum(other == mark for other in document.values.values()) > 1:
        return None  # an alias: the value stands in one place and means several
    lines = text.splitlines(keepends=True)
    line = lines[mark.line - 1]
    start, end = mark.column - 1, mark.column - 1 + mark.length
    lines[mark.line - 1] = line[:start] + written + line[end:]
    new = "".join(lines)
    documents, findings = read_text(new, document.file)
    if findings or len(documents) != 1:
        return None
    read = documents[0].value
    try:
        wanted = _put(document.value, fix.path, _value_at(read, fix.path))
    except (KeyError, IndexError, TypeError):
        return None
    return new if read == wanted else None


def _value_at(value: Any, path: At) -> Any:
    for step in path:
        value = value[step]
    return value


def _put(value: Any, path: At, new: Any) -> Any:
    step, rest = path[0], path[1:]
    inner = _put(value[step], rest, new) if rest else new
    if isinstance(value, list):
        return [inner if n == step else one for n, one in enumerate(value)]
    return {name: inner if name == step else one for name, one in value.items()}


def _write(file: Path, text: str) -> None:
    """Replace the file in one step, so that an interruption leaves the old or the new one."""
    try:
        mode = file.stat().st_mode
        handle, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as out:
            out.write(text)
        Path(name).chmod(mode)
        Path(name).replace(file)
    except OSError as error:
        raise UsageError(f"cannot write {file}: {error.strerror}", "--update rewrites test files in place") from None
