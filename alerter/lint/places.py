"""From a lint's finding to a diagnostic: file, line, column, source line, length of the carets."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import reduce
from typing import Any

from alerter.lint.model import Found
from alerter.ruleset.diagnostics import Diagnostic
from alerter.ruleset.yaml_positions import Document

MOST_LINES = 500
"""Lines of a block that are searched for a part of its text."""
_WORD = re.compile(r"[^\s,\]}#]+")


def placed(document: Document, id: str, severity: str, found: Found) -> Diagnostic:
    """Return a finding as a diagnostic of a document."""
    if found.at is not None:
        at = found.at
        return Diagnostic(severity, id, found.message, found.hint, at.file, at.line, at.column)
    whole = document.diagnostic(severity, id, found.message, found.hint, found.path, key=found.key)
    return _narrowed(document, whole, found) if found.part else whole


def with_source(finding: Diagnostic, lines: Sequence[str]) -> Diagnostic:
    """Add the source line to a finding that only names its place, with carets under one word."""
    if finding.source_line or not 1 <= finding.line <= len(lines):
        return finding
    line = lines[finding.line - 1]
    word = _WORD.match(line, finding.column - 1)
    return replace(finding, source_line=line, length=len(word.group()) if word else 1)


def _narrowed(document: Document, whole: Diagnostic, found: Found) -> Diagnostic:
    """Move a finding to its part of the text, where the file has these very characters; else it stays."""
    text = _value(document.value, found.path)
    if not isinstance(text, str):
        return whole
    skip = text[: found.offset].count(found.part)
    lines = document.lines_of(whole.file)
    first = lines[whole.line - 1] if whole.line <= len(lines) else ""
    start = whole.column - 1
    if whole.length > 1:
        spans = [(whole.line, start, first[: start + whole.length])]
    else:
        spans = [(whole.line, start, first), *_below(lines, whole.line)]
    for number, begin, line in spans:
        at = line.find(found.part, begin)
        while at >= 0:
            if skip == 0:
                source = lines[number - 1]
                return replace(whole, line=number, column=at + 1, source_line=source, length=len(found.part))
            skip -= 1
            at = line.find(found.part, at + len(found.part))
    return whole


def _below(lines: Sequence[str], line: int) -> list[tuple[int, int, str]]:
    """Return the lines after one (from 1) that can belong to a text that began there: those further in."""
    indent = len(lines[line - 1]) - len(lines[line - 1].lstrip())
    found = []
    for number in range(line + 1, min(len(lines), line + MOST_LINES) + 1):
        text = lines[number - 1]
        if text.strip() and len(text) - len(text.lstrip()) <= indent:
            break
        found.append((number, 0, text))
    return found


def _value(value: Any, path: tuple[Any, ...]) -> Any:
    def step(node: Any, name: Any) -> Any:
        if isinstance(node, Mapping):
            return node.get(name)
        return node[name] if isinstance(node, list) and isinstance(name, int) and name < len(node) else None

    return reduce(step, path, value)
