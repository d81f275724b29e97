"""A finding: severity, code, place, source line, carets, and what to do."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

LONGEST_LINE = 160
"""Characters of a source line that are shown; a query may have hundreds of thousands."""
_SECRET_KEY = re.compile(
    r"(?i)\b\w*(?:password|passwd|token|secret|api_?key|bearer|authorization|service_key|opsgenie_key|routing_key)"
    r"[\"']?\s*[:=]\s*(?P<secret>\S.*)"
)
_URL = re.compile(r"https?://(?P<user>[^\s/@\"']*@)?[^\s/\"']+(?P<path>[^\s\"']*)")
_USER = re.compile(r"(?i)^[\s\"']*es_hosts?[\"']?\s*:\s*(?P<secret>\S.*)(?=@)")
"""What stands before the host where a rule names its cluster."""
_USERNAME = re.compile(r"(?i)\bes_username[\"']?\s*:\s*(?P<secret>\S.*)")
_LONG_WORD = re.compile(r"[A-Za-z0-9_-]{20}")


@dataclass(frozen=True)
class Diagnostic:
    """One finding about a file. Line and column count from 1; ``length`` is that of the carets."""

    severity: str
    code: str
    message: str
    hint: str = ""
    file: str = ""
    line: int = 1
    column: int = 1
    source_line: str = ""
    length: int = 1

    def text(self) -> str:
        """Return the finding for people: place, message, source line with carets, hint."""
        message = visible(self.message)
        lines = [f"{visible(self.file)}:{self.line}:{self.column}: {self.severity}[{self.code}]: {message}"]
        if self.source_line.strip():
            lines += self._excerpt()
        if self.hint:
            lines.append(f"  hint: {visible(self.hint)}")
        return "\n".join(lines)

    def as_json(self) -> dict[str, Any]:
        """Return the finding as contract section 6 writes it."""
        return {
            "severity": self.severity,
            "code": self.code,
            "message": self.message,
            "hint": self.hint,
            "file": self.file,
            "line": self.line,
            "column": self.column,
        }

    def _excerpt(self) -> list[str]:
        start = max(0, self.column - LONGEST_LINE // 2) if len(self.source_line) > LONGEST_LINE else 0
        shown = visible(without_secrets(self.source_line)[start : start + LONGEST_LINE].replace("\t", " "))
        carets = min(max(self.length, 1), max(len(shown) - (self.column - 1 - start), 1))
        number = f"{self.line:>5} | "
        return [f"{number}{shown}", " " * (len(number) + self.column - 1 - start) + "^" * carets]


def visible(text: str) -> str:
    """Return a text with a mark for each character that a terminal would obey instead of showing it."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c in "\n\t" else "\ufffd" for c in text)


def names_secret(key: str) -> bool:
    """Tell whether a key of this name holds a credential."""
    return _SECRET_KEY.fullmatch(f"{key}: x") is not None


@lru_cache(maxsize=64)
def without_secrets(line: str) -> str:
    """Return a source line with stars for what may be a credential; as long as before, so that carets still fit."""
    line = _SECRET_KEY.sub(lambda found: _starred(found, "secret"), line)
    for pattern in (_USER, _USERNAME):
        line = pattern.sub(lambda found: _starred(found, "secret"), line)
    return _URL.sub(_without_url_secrets, line)


def _without_url_secrets(found: re.Match[str]) -> str:
    path = found["path"]
    secret = "hook" in found.group().lower() or _LONG_WORD.search(path)
    return _starred(found, "user", "path") if secret else _starred(found, "user")


def _starred(found: re.Match[str], *groups: str) -> str:
    text = found.group()
    for group in groups:
        start, end = (at - found.start() for at in found.span(group))
        if found[group]:
            text = text[:start] + "*" * (end - start) + text[end:]
    return text


def worst(findings: Iterable[Diagnostic]) -> str:
    """Return the worst severity among the findings, "" without any."""
    order = ("error", "warning", "info")
    return next((s for s in order if any(f.severity == s for f in findings)), "")
