"""Checking rules and notifiers together, wherever they lie."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from alerter.config import Settings
from alerter.routing.load import TOP, load_routing
from alerter.ruleset.diagnostics import Diagnostic
from alerter.ruleset.load import load_rules, rule_files
from alerter.ruleset.yaml_positions import read_file


@dataclass(frozen=True)
class Checked:
    """The findings, by file and place."""

    diagnostics: tuple[Diagnostic, ...]
    files: int
    rules: int


def check(paths: Sequence[Path], settings: Settings, *, strict: bool = False) -> Checked:
    """Check the paths, or without any those of the settings. Routing files are told from rules by what they hold."""
    routing_paths: list[Path] = [] if paths else list(settings.notifiers)
    rule_paths: list[Path] = [] if paths else list(settings.rules)
    for path in paths:
        routes = [file for file in rule_files(path) if is_routing(file)]
        if not routes:
            rule_paths.append(path)
        else:
            routing_paths += routes
            rule_paths += [file for file in rule_files(path) if file not in routes and "manifest" not in file.name]
    loaded = load_rules(rule_paths, settings, strict=strict)
    findings = list(loaded.diagnostics)
    if routing_paths:
        findings += load_routing(routing_paths)[1]
    files = loaded.files + sum(1 for path in routing_paths for _ in rule_files(path))
    ordered = sorted(findings, key=lambda d: (d.file, d.line, d.column))
    return Checked(tuple(ordered), files, len(loaded.rules))


def is_routing(file: Path) -> bool:
    """Tell whether a file holds routes or receivers."""
    documents, _ = read_file(file)
    return any(isinstance(d.value, Mapping) and set(TOP) & set(d.value) and "type" not in d.value for d in documents)
