"""The options of change and new_term rules."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from alerter.clock import DAY, Millis
from alerter.model.history import NewTerm, ValueChange
from alerter.ruleset.diagnostics import Diagnostic
from alerter.ruleset.yaml_positions import Document

Length = Callable[[str], Millis | None]
"""Reads an option that is a length of time; None where it is not there, or wrong and said to be."""


class History:
    """Builds these conditions from a document that its schema allows; what is wrong goes to ``findings``."""

    def __init__(self, document: Document, findings: list[Diagnostic], length: Length) -> None:
        self._document = document
        self._options: Mapping[str, Any] = document.value
        self._findings = findings
        self._length = length

    def change(self) -> ValueChange:
        """Return the condition of that type."""
        written = self._options["compare_key"]
        compared = tuple(dict.fromkeys(written if isinstance(written, list) else [written]))
        if not compared:
            self._error("missing_option", "compare_key names no field", "the field whose value changes", "compare_key")
        return ValueChange(compared, bool(self._options.get("ignore_null", False)), self._positive("timeframe", 0))

    def new_term(self, query_key: tuple[str, ...]) -> NewTerm:
        """Return the condition of that type; without ``fields`` the values of ``query_key`` make one term."""
        written = self._options.get("fields")
        fields = tuple(dict.fromkeys(_entries(written))) if written is not None else ((query_key,) if query_key else ())
        if not fields:
            hint = "fields: [user.name] matches when a name appears that was not there for terms_window_size"
            self._error("missing_option", "fields (or query_key) is missing", hint, "type")
        window = self._positive("terms_window_size", 30 * DAY)
        return NewTerm(fields, window, bool(self._options.get("alert_on_missing_field", False)))

    def _positive(self, name: str, default: Millis) -> Millis:
        length = self._length(name)
        if length is None:
            return default
        if length <= 0:
            self._error("duration", f"{name} must be longer than nothing", "like 1d", name)
        return length

    def _error(self, code: str, message: str, hint: str, *path: Any) -> None:
        self._findings.append(self._document.diagnostic("error", code, message, hint, path))


def _entries(written: str | Sequence[Any]) -> Iterator[tuple[str, ...]]:
    for entry in [written] if isinstance(written, str) else written:
        names = [entry] if isinstance(entry, str) else entry
        yield tuple(dict.fromkeys(map(str, names)))
