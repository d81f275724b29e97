"""Reading ``notifiers/``: one route tree, receivers, intervals and inhibitions from all files, checked together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from alerter.model.route import Receiver
from alerter.model.silence import Matcher
from alerter.routing.intervals import Interval, parse_interval
from alerter.routing.lint import by_name, check_fallbacks
from alerter.routing.matchers import MatcherError, parse_matcher, parse_matchers
from alerter.routing.receivers import read_receiver
from alerter.routing.routes import TreeReader
from alerter.routing.tree import InhibitRule, Routing
from alerter.ruleset.diagnostics import Diagnostic
from alerter.ruleset.folders import folder_problems
from alerter.ruleset.load import rule_files
from alerter.ruleset.suggest import did_you_mean
from alerter.ruleset.yaml_positions import Document, read_file

TOP = ("route", "receivers", "time_intervals", "inhibit_rules")
ABSENT = ("no_route", "unknown_receiver", "unknown_interval")
"""Findings that something is nowhere, which nobody can tell while a part cannot be read."""


class _Reading:
    """Collects what the files say; findings name file, line and column."""

    def __init__(self) -> None:
        self.findings: list[Diagnostic] = []
        self.trees: list[tuple[Document, Any]] = []
        self.receivers: list[Receiver] = []
        self.intervals: dict[str, tuple[Interval, ...]] = {}
        self.inhibitions: list[InhibitRule] = []
        self.unread = False

    def file(self, file: Path) -> None:
        documents, problems = read_file(file)
        self.findings += [p for p in problems if p.code != "empty_file"]
        self.unread |= any(p.severity == "error" for p in problems)
        for document in documents:
            value = document.value
            if "manifest" in file.name or not isinstance(value, Mapping) or not set(TOP) & set(value):
                continue
            for name in value:
                if name not in TOP:
                    hint = did_you_mean(str(name), TOP) or f"known: {', '.join(TOP)}"
                    self._error(document, "unknown_key", f"unknown key {name}", hint, (name,), key=True)
            if "route" in value:
                self.trees.append((document, value["route"]))
            self._each(document, "receivers", self._receiver)
            self._each(document, "time_intervals", self._interval)
            self._each(document, "inhibit_rules", self._inhibition)

    def _each(self, document: Document, name: str, read: Any) -> None:
        listed = document.value.get(name)
        if listed is None:
            return
        if not isinstance(listed, list):
            self._error(document, "wrong_value", f"{name} is a list", "", (name,))
            self.unread = True
            return
        for n, entry in enumerate(listed):
            if isinstance(entry, Mapping):
                read(document, entry, (name, n))
            else:
                self._error(document, "wrong_value", f"{name}: an entry is a mapping", "", (name, n))
                self.unread = True

    def _receiver(self, document: Document, entry: Mapping[str, Any], path: tuple[Any, ...]) -> None:
        receiver = read_receiver(document, entry, path, self.findings)
        if not receiver.name:
            self.unread = True
            return
        first = next((r.position for r in self.receivers if r.name == receiver.name), None)
        if first:
            where = f"first in {first.file}:{first.line}"
            self._error(document, "duplicate_name", f"receiver {receiver.name} is there twice", where, path)
        self.receivers.append(receiver)

    def _interval(self, document: Document, entry: Mapping[str, Any], path: tuple[Any, ...]) -> None:
        name = str(entry.get("name", ""))
        if not name:
            self._error(document, "missing_option", "a time interval needs a name", "", path)
            self.unread = True
        self.intervals[name] = ()
        try:
            self.intervals[name] = tuple(parse_interval(dict(one)) for one in entry.get("time_intervals") or [])
        except (ValueError, TypeError, AttributeError) as error:
            self._error(document, "time_interval", f"time interval {name}: {error}", "", (*path, "time_intervals"))

    def _inhibition(self, document: Document, entry: Mapping[str, Any], path: tuple[Any, ...]) -> None:
        known = ("source_matchers", "target_matchers", "equal", "name")
        for name in entry:
            if name not in known:
                self._error(
                    document,
                    "unknown_key",
                    f"unknown key {name}",
                    f"known: {', '.join(known)}",
                    (*path, name),
                    key=True,
                )
        source = self.matchers(document, entry.get("source_matchers"), (*path, "source_matchers"))
        target = self.matchers(document, entry.get("target_matchers"), (*path, "target_matchers"))
        same = entry.get("equal") or []
        if not isinstance(same, list):
            self._error(document, "wrong_value", "equal is a list of labels", "", (*path, "equal"))
            same = []
        equal = tuple(str(label) for label in same)
        name = str(entry.get("name") or f"inhibit rule in {document.file}:{document.mark(path).line}")
        self.inhibitions.append(InhibitRule(source, target, equal, name))

    def matchers(self, document: Document, written: Any, path: tuple[Any, ...]) -> tuple[Matcher, ...]:
        """Read a list of matchers (or one text); a wrong one is a finding."""
        found: list[Matcher] = []
        for n, text in enumerate(written if isinstance(written, list) else [written] if written else []):
            try:
                found += [parse_matcher(str(text))] if isinstance(written, list) else parse_matchers(str(text))
            except MatcherError as error:
                where = (*path, n) if isinstance(written, list) else path
                self._error(document, "matcher", str(error), error.hint, where)
        return tuple(found)

    def _error(
        self, document: Document, code: str, message: str, hint: str, path: tuple[Any, ...], *, key: bool = False
    ) -> None:
        self.findings.append(document.diagnostic("error", code, message, hint, path, key=key))


def load_routing(paths: Sequence[Path]) -> tuple[Routing | None, list[Diagnostic]]:
    """Load all routing files below the paths; None when there is no usable tree, with the reasons."""
    reading = _Reading()
    for root in paths:
        if not root.exists():
            reading.findings.append(Diagnostic("error", "no_such_file", f"{root} does not exist", "", str(root)))
            continue
        reading.findings += folder_problems(root)
        for file in rule_files(root):
            reading.file(file)
    receivers = by_name(reading.receivers)
    roots = [
        TreeReader(document, reading.findings, receivers, reading.intervals, reading.matchers).root(written)
        for document, written in reading.trees
    ]
    if len(roots) != 1:
        _no_single_tree(reading, paths)
    reading.findings += check_fallbacks(reading.receivers)
    routing = None
    if roots and roots[0] is not None and not any(f.severity == "error" for f in reading.findings):
        routing = Routing(roots[0], receivers, reading.intervals, tuple(reading.inhibitions))
    return routing, [f for f in reading.findings if not (reading.unread and f.code in ABSENT)]


def _no_single_tree(reading: _Reading, paths: Sequence[Path]) -> None:
    if not reading.trees:
        where = ", ".join(str(p) for p in paths) or "notifiers"
        hint = "one file must hold route: with a receiver"
        reading.findings.append(Diagnostic("error", "no_route", f"no route tree in {where}", hint, where))
    for document, _ in reading.trees[1:]:
        first = reading.trees[0][0].file
        found = document.diagnostic(
            "error", "second_route", "a second route tree", f"the first is in {first}", ("route",), key=True
        )
        reading.findings.append(found)
