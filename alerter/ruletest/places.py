"""Reading values of one document with their places: every mistake becomes a finding, none an exception."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from alerter.clock import Millis
from alerter.durations import parse_duration
from alerter.ruleset.diagnostics import Diagnostic
from alerter.ruleset.yaml_positions import Document
from alerter.ruletest.model import At
from alerter.ruletest.times import clock_of, read_time, written


@dataclass
class Places:
    """A document, the start of the test that is read, and the findings so far."""

    document: Document
    start: Millis = 0
    findings: list[Diagnostic] = field(default_factory=list)

    def error(self, code: str, message: str, hint: str, path: At, *, key: bool = False) -> None:
        """Note an error at a path."""
        self.findings.append(self.document.diagnostic("error", code, message, hint, path, key=key))

    def text(self, value: Any, path: At) -> str:
        """Return a scalar as it stands in the file."""
        return written(self.document, path, value)

    def time(self, value: Any, path: At) -> Millis:
        """Read an instant; the start stands for one that cannot be read."""
        try:
            return read_time(self.text(value, path), self.start)
        except ValueError as error:
            self.error("time", str(error), "", path)
            return self.start

    def length(self, value: Any, path: At) -> Millis:
        """Read a length of time; 0 stands for one that cannot be read."""
        try:
            return parse_duration(dict(value) if isinstance(value, Mapping) else value)
        except ValueError as error:
            self.error("duration", str(error), "", path)
            return 0

    def clock(self, at: Millis) -> str:
        """Return an instant as reports show it."""
        return clock_of(at, self.start)
