"""What SREs write, loaded together: rules and notifiers, with every finding, and a mark of the files' state."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from alerter.config import Settings
from alerter.errors import UsageError
from alerter.model.rule import Rule
from alerter.plurals import many
from alerter.routing.load import load_routing
from alerter.routing.own import own_receivers, with_own
from alerter.routing.tree import Routing
from alerter.ruleset.diagnostics import Diagnostic
from alerter.ruleset.folders import files_below
from alerter.ruleset.imports import FileState, file_state
from alerter.ruleset.load import LoadedRules, load_rules

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Project:
    """Rules and routes as loaded; ``diagnostics`` name everything wrong with the files."""

    rules: tuple[Rule, ...]
    routing: Routing
    diagnostics: tuple[Diagnostic, ...]
    folders: tuple[str, ...]
    imported: frozenset[FileState] = frozenset()
    """The files that rules import, wherever they lie, as they were when they were read."""

    @property
    def errors(self) -> tuple[Diagnostic, ...]:
        """What kept a rule or the routes from loading."""
        return tuple(d for d in self.diagnostics if d.severity == "error")

    @property
    def refused(self) -> int:
        """The number of files with errors."""
        return len({d.file for d in self.errors})

    def log(self) -> None:
        """Say what was loaded from where, and every error and warning."""
        rules, files = many(len(self.rules), "rule"), many(self.refused, "file")
        log.info("%s loaded from %s, %s refused", rules, ", ".join(self.folders), files)
        for found in self.diagnostics:
            if found.severity != "info":
                level = logging.ERROR if found.severity == "error" else logging.WARNING
                log.log(level, "%s:%s:%s: %s [%s]", found.file, found.line, found.column, found.message, found.code)


def load_project(settings: Settings, keep: Project | None = None, loaded: LoadedRules | None = None) -> Project:
    """Load rules, unless they are ``loaded``, and notifiers.

    With ``keep`` (a reload) bad routes keep the former ones, and the rules of a file that has become bad keep running.
    Without it bad routes raise UsageError; bad rules are left out and named in ``diagnostics``.
    """
    loaded = loaded or load_rules(settings.rules, settings)
    routing, findings = load_routing(settings.notifiers)
    own = own_receivers(loaded, settings)
    diagnostics = (*loaded.diagnostics, *findings, *own.findings)
    kept = () if keep is None else tuple(_kept(loaded, keep, diagnostics))
    if routing is None:
        if keep is None:
            raise UsageError("\n".join(d.text() for d in findings if d.severity == "error") or "no routes found")
        routing = keep.routing
    folders = tuple(str(p) for p in (*settings.rules, *settings.notifiers))
    routing = with_own(routing, own, kept, keep.routing if keep else None)
    return Project((*loaded.rules, *kept), routing, diagnostics, folders, loaded.imported)


def _kept(loaded: LoadedRules, keep: Project, diagnostics: tuple[Diagnostic, ...]) -> Iterator[Rule]:
    """Yield the former rules of files that are refused now, by themselves or for what they import."""
    bad = {d.file for d in diagnostics if d.severity == "error" or d.code == "empty_file"}
    names = {rule.name for rule in loaded.rules}
    for rule in keep.rules:
        file = rule.position.file
        parts = {file, *map(str, Path(file).parents), *loaded.imports.get(file, ())}
        if bad & parts and rule.name not in names:
            log.error("rule %s keeps running as it was: its file %s is refused", rule.name, rule.position.file)
            yield rule


def fingerprint(settings: Settings) -> frozenset[FileState]:
    """Return a mark of all files below the folders; it differs when any of them changed."""
    marks = set()
    for folder in (*settings.rules, *settings.notifiers):
        root = Path(folder)
        marks |= {file_state(file) for file in ([root] if root.is_file() else files_below(root))}
    return frozenset(marks)


def any_changed(files: Iterable[FileState]) -> bool:
    """Tell whether a file is another one than it was, has come or is gone."""
    return any(file_state(Path(state[0])) != state for state in files)
