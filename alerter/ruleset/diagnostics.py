"""A finding: severity, code, place, source line, carets, and what to do."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

LONGEST_LINE = 160
"""Characters of a source line that are shown; a query may have hundreds of thousands."""


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
        lines = [f"{self.file}:{self.line}:{self.column}: {self.severity}[{self.code}]: {self.message}"]
        if self.source_line.strip():
            lines += self._excerpt()
        if self.hint:
            lines.append(f"  hint: {self.hint}")
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
        shown = self.source_line[start : start + LONGEST_LINE].replace("\t", " ")
        carets = min(max(self.length, 1), max(len(shown) - (self.column - 1 - start), 1))
        number = f"{self.line:>5} | "
        return [f"{number}{shown}", " " * (len(number) + self.column - 1 - start) + "^" * carets]


def worst(findings: Iterable[Diagnostic]) -> str:
    """Return the worst severity among the findings, "" without any."""
    order = ("error", "warning", "info")
    return next((s for s in order if any(f.severity == s for f in findings)), "")
