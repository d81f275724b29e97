"""Known incidents with their times: YAML or NDJSON files of ``{from, to, key?, name?}``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from alerter.backtest.firing import Firing
from alerter.clock import Millis
from alerter.errors import UsageError
from alerter.model.incident import Incident
from alerter.model.rule import Key, KeyValue, Rule
from alerter.redact import hide
from alerter.ruleset.diagnostics import Diagnostic
from alerter.ruleset.suggest import did_you_mean
from alerter.ruleset.yaml_positions import Document, Path_, read_file, read_lines, read_text
from alerter.ruletest.times import read_time, written

KNOWN = ("from", "to", "key", "name")
SHAPE = "an entry is like {from: 2026-03-10T11:00:00Z, to: 2026-03-10T11:20:00Z, key: {user.name: x}}"


@dataclass(frozen=True)
class Label:
    """A time at which something was wrong, both ends inclusive; with ``key`` only incidents with these values count."""

    start: Millis
    end: Millis
    key: Key = None
    name: str = ""

    def began(self, firing: Firing, early: Millis) -> bool:
        """Whether people heard in it, or at most ``early`` before it, that an incident of its key fires."""
        return firing.news and self._is_of(firing.incident) and self.start - early <= firing.start <= self.end

    def saw(self, firing: Firing) -> bool:
        """Whether an incident of the label's key fired at some instant of it."""
        over = firing.end is not None and firing.end <= self.start
        return self._is_of(firing.incident) and firing.start <= self.end and not over

    def _is_of(self, incident: Incident) -> bool:
        return self.key is None or set(self.key) <= set(incident.key or ())


def read_labels(file: Path, rule: Rule) -> tuple[Label, ...]:
    """Read a file of labelled times for a rule. Raises UsageError with every mistake, by ``file:line:col``."""
    findings: list[Diagnostic] = []
    labels: list[Label] = []
    for document, entry, path in _entries(file, findings):
        reading = _Entry(document, path, findings)
        label = reading.label(entry, rule)
        if label is not None:
            labels.append(label)
    errors = [found for found in findings if found.severity == "error"]
    if errors:
        raise UsageError("\n".join(found.text() for found in errors))
    if not labels:
        raise UsageError(f"{file} holds no labelled time", SHAPE)
    return tuple(sorted(labels, key=lambda label: (label.start, label.end)))


def _entries(file: Path, findings: list[Diagnostic]) -> Iterator[tuple[Document, Any, Path_]]:
    lines = read_lines(file)
    first = next((line.strip() for line in lines if line.strip()), "")
    if first.startswith("{") and file.suffix not in (".yaml", ".yml"):
        yield from _ndjson(file, lines, findings)
        return
    documents, problems = read_file(file)
    findings += problems
    for document in documents:
        if isinstance(document.value, list):
            yield from ((document, entry, (n,)) for n, entry in enumerate(document.value))
        else:
            findings.append(document.diagnostic("error", "wrong_value", "labelled times are a list", SHAPE))


def _ndjson(file: Path, lines: list[str], findings: list[Diagnostic]) -> Iterator[tuple[Document, Any, Path_]]:
    for number, line in enumerate(lines):
        documents, problems = read_text(line, str(file))
        findings += [replace(p, line=number + 1, source_line=line) for p in problems if p.severity == "error"]
        for document in documents:
            for marks in (document.keys, document.values):
                marks.update({path: replace(mark, line=number + 1) for path, mark in marks.items()})
            yield replace(document, lines=lines), document.value, ()


@dataclass
class _Entry:
    """One entry being read; every mistake is a finding."""

    document: Document
    path: Path_
    findings: list[Diagnostic]

    def label(self, entry: Any, rule: Rule) -> Label | None:
        """Return the label, or None when something is wrong with it."""
        before = len(self.findings)
        if not isinstance(entry, Mapping):
            self._error("wrong_value", "a labelled time is a mapping", SHAPE)
            return None
        for name in entry:
            if name not in KNOWN:
                hint = did_you_mean(str(name), KNOWN) or f"known: {', '.join(KNOWN)}"
                self._error("unknown_key", f"unknown key {name}", hint, name, key=True)
        start, end = self._time(entry, "from"), self._time(entry, "to")
        if start is not None and end is not None and end < start:
            self._error("time", "to is before from", "", "to")
        key = self._key(entry, rule) if entry.get("key") is not None else None
        if len(self.findings) > before or start is None or end is None:
            return None
        return Label(start, end, key, str(entry.get("name", "")))

    def _time(self, entry: Mapping[str, Any], name: str) -> Millis | None:
        if entry.get(name) is None:
            self._error("missing_option", f"{name} is missing", SHAPE)
            return None
        try:
            return read_time(written(self.document, (*self.path, name), entry[name]), None)
        except ValueError as error:
            self._error("time", f"{name}: {error}", "", name)
            return None

    def _key(self, entry: Mapping[str, Any], rule: Rule) -> Key:
        key = entry["key"]
        names = rule.key_names
        if not isinstance(key, Mapping):
            self._error("wrong_value", "key is a mapping of fields to values", "like key: {user.name: x}", "key")
            return None
        pairs: list[tuple[str, KeyValue]] = []
        for name, value in key.items():
            if name not in names:
                hint = f"its key is {', '.join(names)}" if names else "it has no query_key"
                self._error(
                    "wrong_key", f"{name} is no part of the key of rule {rule.name}", hint, "key", name, key=True
                )
            elif not isinstance(value, KeyValue):
                self._error("wrong_value", "a key's value is plain", "text, a number, true, false or null", "key", name)
            else:
                path = rule.splits[name].path if name in rule.splits else name
                pairs.append((name, hide(path, value, rule.redact)))
        return tuple(pairs)

    def _error(self, code: str, message: str, hint: str, *path: str, key: bool = False) -> None:
        self.findings.append(self.document.diagnostic("error", code, message, hint, (*self.path, *path), key=key))
