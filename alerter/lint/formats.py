"""Findings as text, as JSON, and as GitHub's workflow commands; docs/check.md says what each code means."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from alerter.plurals import many
from alerter.ruleset.diagnostics import Diagnostic, visible

DOCS = "docs/check.md"
MOST_ALIKE = 10
"""Infos of one code, and equal warnings, that the text form shows; the rest is counted. Programs get all."""


def docs_link(code: str) -> str:
    """Return where a code is explained."""
    return f"{DOCS}#{code}"


def as_text(findings: Sequence[Diagnostic]) -> Iterator[str]:
    """Yield each finding for people, with the link; many infos of one code, and many equal warnings, are folded."""
    kinds = Counter(map(_kind, findings))
    shown: Counter[tuple[str, str]] = Counter()
    for found in findings:
        kind = _kind(found)
        shown[kind] += 1
        if found.severity == "error" or shown[kind] <= MOST_ALIKE:
            yield f"{found.text()}\n  docs: {docs_link(found.code)}"
        elif shown[kind] == kinds[kind]:
            more = kinds[kind] - MOST_ALIKE
            yield f"{found.severity}[{found.code}]: {more} more of these; --format json lists all"


def _kind(found: Diagnostic) -> tuple[str, str]:
    """Return what makes findings alike: for infos the code, else also the message."""
    return found.code, "" if found.severity == "info" else found.message


def as_json(findings: Sequence[Diagnostic], files: int, rules: int) -> str:
    """Return one JSON object, as contract section 6 writes it, with a link for each finding."""
    listed: list[dict[str, Any]] = [{**f.as_json(), "docs": docs_link(f.code)} for f in findings]
    return json.dumps({"files": files, "rules": rules, "diagnostics": listed}, ensure_ascii=False)


def as_github(findings: Sequence[Diagnostic]) -> Iterator[str]:
    """Yield workflow commands, which GitHub shows beside the lines of a pull request."""
    names = {"error": "error", "warning": "warning", "info": "notice"}
    for f in findings:
        place = {"file": f.file, "line": str(f.line), "endLine": str(f.line), "col": str(f.column), "title": f.code}
        options = ",".join(f"{name}={_property(value)}" for name, value in place.items())
        text = "\n".join(part for part in (f.message, f.hint and f"hint: {f.hint}", docs_link(f.code)) if part)
        yield f"::{names[f.severity]} {options}::{_data(text)}"


def summary(findings: Sequence[Diagnostic], files: int, rules: int, silenced: int) -> str:
    """Return how many of what, in one line."""
    numbers = Counter(found.severity for found in findings)
    said = [
        f"{number} {severity}{'s' if number != 1 and severity != 'info' else ''}"
        for severity in ("error", "warning", "info")
        if (number := numbers[severity])
    ]
    ignored = f" ({silenced} ignored)" if silenced else ""
    return f"{many(files, 'file')}, {many(rules, 'rule')}: {', '.join(said) or 'all fine'}{ignored}"


def _data(text: str) -> str:
    return visible(text).replace("%", "%25").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
