"""``# alerter: ignore[id] reason``: silencing a finding in the file, on its line or above it."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

import yaml

from alerter.ruleset.diagnostics import Diagnostic

_COMMENT = re.compile(r"(?:^|(?<=\s))#\s*alerter:\s*ignore(?P<ids>\s*\[[^\]]*\])?")
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True)
class _Text:
    """A scalar: the line where it is begun, and where its characters begin and end (exclusive); all from 1."""

    line: int
    start: tuple[int, int]
    end: tuple[int, int]


@dataclass(frozen=True)
class Ignore:
    """A comment with the id it silences; it holds for findings in lines ``first`` to ``last``, both included."""

    id: str
    line: int
    column: int
    length: int
    first: int
    last: int


def read_ignores(lines: Sequence[str]) -> list[Ignore]:
    """Return the comments of a file; one that names no id has the id ""."""
    found = [(n, match) for n, line in enumerate(lines, 1) for match in _COMMENT.finditer(line)]
    texts = _texts("\n".join(lines)) if found else []
    ignores = []
    for number, match in found:
        if any(text.start <= (number, match.start() + 1) < text.end for text in texts):
            continue  # the marker stands in a text, not in a comment
        first = _target(lines, number) if not lines[number - 1][: match.start()].strip() else number
        last = max([first, *(text.end[0] for text in texts if text.line == first)])
        listed = match["ids"] or ""
        for id in re.findall(r"[^\s,\[\]]+", listed) or [""]:
            at = match.start("ids") + listed.index(id) if id else match.start()
            ignores.append(Ignore(id, number, at + 1, len(id) or len(match.group()), first, last))
    return ignores


def silence(
    findings: Sequence[Diagnostic], file: str, lines: Sequence[str], known: Collection[str], asked: Collection[str]
) -> tuple[list[Diagnostic], int]:
    """Return a file's findings without the silenced ones, and how many these are.

    Comments that silence nothing are findings themselves. ``known`` are the ids that can be silenced, ``asked`` those
    that this run looked for; in a file with errors not all lints can look.
    """
    ignores = read_ignores(lines)
    used = {i for i in ignores for f in findings if f.code in known and _covers(i, f)}
    kept = [f for f in findings if not any(_covers(i, f) for i in used)]
    loads = not any(f.severity == "error" and f.code not in known for f in findings)
    asked = asked if loads else ()  # what an error keeps from being looked at is not there to be found
    said = [
        _said(i, file, lines, findings, known)
        for i in ignores
        if i not in used and (i.id in asked or i.id not in known)
    ]
    return [*kept, *said], len(findings) - len(kept)


def _covers(ignore: Ignore, finding: Diagnostic) -> bool:
    return ignore.id == finding.code and ignore.first <= finding.line <= ignore.last


def _said(
    ignore: Ignore, file: str, lines: Sequence[str], findings: Sequence[Diagnostic], known: Collection[str]
) -> Diagnostic:
    if ignore.id in known:
        code, message = "unused_ignore", f"there is no {ignore.id} here to be ignored"
        hint = "remove the comment, or move it to the line of the finding or above it"
    elif any(_covers(ignore, f) for f in findings):
        code, message = "unknown_ignore", f"{ignore.id} keeps the file from loading: it cannot be ignored"
        hint = "mend it"
    else:
        near = get_close_matches(ignore.id, sorted(known), n=1)
        code, message = (
            "unknown_ignore",
            f"no finding is called {ignore.id}" if ignore.id else "ignore names no finding",
        )
        hint = (
            f"did you mean {near[0]}?"
            if near
            else "write the id in brackets: # alerter: ignore[leading_wildcard] reason"
        )
    source = lines[ignore.line - 1]
    return Diagnostic("warning", code, message, hint, file, ignore.line, ignore.column, source, ignore.length)


def _target(lines: Sequence[str], number: int) -> int:
    """Return the line that a comment of its own is about: the next one that is neither empty nor a comment."""
    for n in range(number + 1, len(lines) + 1):
        text = lines[n - 1].strip()
        if text and not text.startswith("#"):
            return n
    return number


def _texts(text: str) -> list[_Text]:
    """Return the texts of a file; one that cannot be read any further has those before."""
    found: list[_Text] = []
    try:
        for token in yaml.scan(text, Loader=_LOADER):
            if isinstance(token, yaml.ScalarToken):
                start, end = token.start_mark, token.end_mark
                block = token.style in ("|", ">")  # a comment may follow the mark that begins a block
                inside = (start.line + 2, 1) if block else (start.line + 1, start.column + 1)
                last = (
                    (end.line, 1 << 30) if end.column == 0 and end.line > start.line else (end.line + 1, end.column + 1)
                )
                found.append(_Text(start.line + 1, inside, last))
    except yaml.YAMLError:
        return found
    return found
