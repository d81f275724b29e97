"""A rule's plug-ins: the enhancements it names must be installed, or it would tell too much."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from alerter.clock import Millis
from alerter.model.rule import Custom, Realert
from alerter.plugins.registry import ENHANCEMENTS, RULE_TYPES, PluginError, installed, load
from alerter.ruleset.diagnostics import Diagnostic
from alerter.ruleset.suggest import did_you_mean
from alerter.ruleset.yaml_positions import Document

PRETTY_TIME = "elastalert.enhancements.TimeEnhancement"
"""The one enhancement that ElastAlert brings: it writes the time of a match for people."""
WRITE_IT = "write it as a function and name it by an entry point of the group alerter.enhancements: docs/plugins.md"


def enhancements(document: Document, findings: list[Diagnostic], realert: Realert) -> tuple[str, ...]:
    """Return the names of the rule's enhancements, in the order in which they are asked; errors go to ``findings``."""
    options: Mapping[str, Any] = document.value
    written = options.get("match_enhancements") or []
    listed = isinstance(written, list)
    names = [str(name) for name in written] if listed else [str(written)]
    for n, name in enumerate(names):
        path = ("match_enhancements", n) if listed else ("match_enhancements",)
        if name == PRETTY_TIME:
            message, hint = f"{name} means nothing here", "the time zone is set per receiver"
            findings.append(document.diagnostic("info", "ignored_option", message, hint, path))
            continue
        found = _problem(name)
        if found is not None:
            findings.append(document.diagnostic("error", "enhancement", *found, path))
    if names and options.get("run_enhancements_first") and realert.length:
        message = "run_enhancements_first: a dropped match would silence its key for realert all the same"
        hint = "with realert: {minutes: 0} it silences nothing; else leave run_enhancements_first out"
        path = ("run_enhancements_first",)
        findings.append(document.diagnostic("error", "unsupported_option", message, hint, path, key=True))
    return tuple(name for name in names if name != PRETTY_TIME)


def custom(document: Document, findings: list[Diagnostic], timeframe: Millis) -> Custom:
    """Return the condition of a rule whose type is a plug-in; that it cannot be loaded goes to ``findings``."""
    name = str(document.value["type"])
    try:
        load(RULE_TYPES, name)
    except PluginError as error:
        hint = "see that it can be imported where alerter runs"
        findings.append(document.diagnostic("error", "custom_type", f"the rule type {name}: {error}", hint, ("type",)))
    return Custom(name, timeframe, document.value.get("options") or {})


def _problem(name: str) -> tuple[str, str] | None:
    """Return what is wrong with an enhancement, and what to do; None where nothing is."""
    known = installed(ENHANCEMENTS)
    if name not in known:
        if "." in name:
            return f"{name}: Python classes of ElastAlert are not loaded", WRITE_IT
        hint = did_you_mean(name, known) or (f"installed: {', '.join(known)}" if known else WRITE_IT)
        return f"the enhancement {name} is not installed", hint
    try:
        load(ENHANCEMENTS, name)
    except PluginError as error:
        return f"the enhancement {name}: {error}", "see that it can be imported where alerter runs"
    return None
