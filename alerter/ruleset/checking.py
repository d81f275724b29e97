"""Checking rules and notifiers together, wherever they lie: what is wrong, and what is surely not meant."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from alerter.config import Settings
from alerter.lint.cluster import Known
from alerter.lint.facts import MANY, Facts
from alerter.lint.ignores import silence
from alerter.lint.model import Built, Found, Scene, Subject
from alerter.lint.places import placed, with_source
from alerter.lint.registry import BUILT, CLUSTER_ONLY, KNOWN, LINTS, READING, ROUTED, ROUTES_ONLY, TOGETHER, WRITTEN
from alerter.lint.tested import tested_files
from alerter.model.rule import Position, Rule
from alerter.plurals import many
from alerter.routing.load import TOP, load_routing
from alerter.routing.own import own_receivers
from alerter.routing.receivers import unset_variables
from alerter.ruleset.diagnostics import Diagnostic
from alerter.ruleset.folders import folder_problems
from alerter.ruleset.load import LoadedRules, load_rules, rule_files
from alerter.ruleset.options import TYPES
from alerter.ruleset.yaml_positions import Document, read_file, read_lines
from alerter.shipped import shipped_dir
from alerter.sources.protocol import SourceError

_DISABLED = re.compile(r"is_enabled:\s*(?:false|no|off)\b", re.IGNORECASE)
"""A rule that is left out: nothing is said of it, and its comments are kept for the day it is back."""
MOST = 100
"""Findings of one lint about one rule: a query with ten thousand wildcards is one mistake."""
AskFacts = Callable[[Sequence[Rule]], Sequence[Facts | None]]


@dataclass(frozen=True)
class Checked:
    """The findings, by file and place; ``silenced`` counts those that comments in the files ignore.

    ``unanswered`` is why the cluster could not be asked, None when it was or was not to be.
    """

    diagnostics: tuple[Diagnostic, ...]
    files: int
    rules: int
    silenced: int = 0
    unanswered: SourceError | None = None


@dataclass(frozen=True)
class _Chosen:
    """What is checked; ``known`` routes are only there so that rules and routes can be compared."""

    rules: Sequence[Path]
    routes: Sequence[Path]
    known: Sequence[Path] = ()

    def files(self) -> Iterator[Path]:
        """Yield the files that are checked, each once."""
        found = (file for path in (*self.rules, *self.routes) if path.exists() for file in rule_files(path))
        yield from dict.fromkeys(found)


def check(
    paths: Sequence[Path],
    settings: Settings,
    *,
    strict: bool = False,
    ask: AskFacts | None = None,
    loaded: LoadedRules | None = None,
) -> Checked:
    """Check the paths, or without any those of the settings. Routing files are told from rules by what they hold.

    ``ask`` tells what is known of the rules' indices. ``loaded`` are the settings' rules where they were read before.
    """
    chosen = _chosen(paths, settings)
    loaded = loaded or load_rules(chosen.rules, settings, strict=strict)
    routing, problems = load_routing(chosen.known or chosen.routes) if chosen.known or chosen.routes else (None, [])
    built = [Built(r, Subject(d, r)) for r, d in zip(loaded.rules, loaded.documents, strict=True)]
    whole = not paths or _is_whole(settings.rules, paths, chosen.rules)
    facts, unanswered = _asked(ask, loaded.rules)
    for one, known in zip(built, facts, strict=True):
        one.subject.big_index = known is None or known.documents is None or known.documents >= MANY
        one.subject.types = known.types if known is not None else {}
    scene = Scene(built, routing, tested_files(rule.position.file for rule in loaded.rules), whole)
    problems += [problem for path in paths for problem in folder_problems(path)]
    problems += own_receivers(loaded, settings).findings
    problems += unset_variables(routing.receivers.values() if routing else (), settings.environ)
    findings = [*loaded.diagnostics, *problems, *_alone(built, loaded.refused), *_together(scene)]
    findings += _known(built, facts)
    if chosen.known:
        outside = {str(f) for path in chosen.known for f in rule_files(path)} | {*map(str, chosen.known)}
        named = {file.resolve() for file in chosen.files()}
        findings = [f for f in findings if f.file not in outside or Path(f.file).resolve() in named]
    if paths and not whole:
        findings = list(_without_defaults(findings, settings, {file.resolve() for file in chosen.files()}))
    asked = LINTS | READING
    asked -= ROUTES_ONLY if routing is None else set()
    asked -= CLUSTER_ONLY if any(known is None or known.unanswered for known in facts) else set()
    kept, silenced = _silenced(findings, list(chosen.files()), asked)
    files = loaded.files + sum(1 for path in chosen.routes for _ in rule_files(path))
    ordered = tuple(sorted(dict.fromkeys(kept), key=lambda d: (d.file, d.line, d.column)))
    return Checked(ordered, files, len(loaded.rules), silenced, unanswered)


def _is_whole(known: Collection[Path], named: Collection[Path], chosen: Collection[Path]) -> bool:
    """Whether the rules ``chosen`` by the paths that are named are all of the settings; single files never are."""
    if {*known} <= {*chosen}:
        return True
    files = _files(known) if any(path.is_dir() for path in named) else set()
    return bool(files) and files <= _files(chosen)


def _files(paths: Iterable[Path]) -> set[Path]:
    """Return the files of these folders and files, however they are spelled."""
    return {file.resolve() for path in paths for file in rule_files(path)}


def _without_defaults(
    findings: Iterable[Diagnostic], settings: Settings, named: Collection[Path]
) -> Iterator[Diagnostic]:
    """Yield the findings but those of ``rule_defaults`` where other files are ``named``: all rules have them.

    What keeps a rule from loading is said anyway.
    """
    defaults = settings.rule_defaults.resolve() if settings.rule_defaults else None
    for found in findings:
        if found.severity == "error" or defaults in named or Path(found.file).resolve() != defaults:
            yield found


def lint_note(paths: Sequence[Path], settings: Settings, loaded: LoadedRules | None = None) -> str:
    """Return in a line what lints find that loading does not say; "" when they find nothing. No cluster is asked.

    Without a settings file there are no routes that a rule could miss. ``loaded``: see ``check``.
    """
    told = LINTS if settings.configured else LINTS - {lint.id for lint in ROUTED}
    found = [d for d in check(paths, settings, loaded=loaded).diagnostics if d.code in told and d.severity != "info"]
    if not found:
        return ""
    first = min(found, key=lambda d: d.severity != "error")
    place = f"{first.file}:{first.line}:{first.column}: {first.message} [{first.code}]"
    where = " ".join(["alerter check", *map(str, paths)])
    return f"{many(len(found), 'finding')} of what is likely not meant, the first: {place}; all: {where}"


def is_routing(file: Path) -> bool:
    """Tell whether a file holds routes or receivers."""
    if not any(name in line for line in read_lines(file) for name in TOP):
        return False
    documents, _ = read_file(file)
    return any(isinstance(d.value, Mapping) and set(TOP) & set(d.value) and "type" not in d.value for d in documents)


def _chosen(paths: Sequence[Path], settings: Settings) -> _Chosen:
    """Tell rules from routes; rules, or some files of the routes, are compared with all routes of the settings."""
    if not paths:
        return _Chosen(settings.rules, settings.notifiers)
    routes: list[Path] = []
    rules: list[Path] = []
    for path in paths:
        found = [file for file in rule_files(path) if is_routing(file)]
        routes += found
        rules += (
            [file for file in rule_files(path) if file not in found and "manifest" not in file.name]
            if found
            else [path]
        )
    ours = [folder.resolve() for folder in settings.notifiers]
    own = settings.configured or settings.notifiers != (shipped_dir() / "notifiers",)
    inside = all(any(folder in (f.resolve(), *f.resolve().parents) for folder in ours) for f in routes)
    return _Chosen(rules, routes, settings.notifiers if own and inside else ())


def _alone(built: Sequence[Built], refused: Sequence[Document]) -> Iterator[Diagnostic]:
    """Yield what the lints find in each rule by itself."""
    for one in built:
        for lint in BUILT:
            yield from (placed(one.subject.document, lint.id, lint.severity, found) for found in _some(lint.look(one)))
    typed = (d for d in refused if isinstance(d.value, Mapping) and d.value.get("type") in TYPES)
    for subject in (*(one.subject for one in built), *map(Subject, typed)):
        for plain in WRITTEN:
            yield from (
                placed(subject.document, plain.id, plain.severity, found) for found in _some(plain.look(subject))
            )


def _asked(ask: AskFacts | None, rules: Sequence[Rule]) -> tuple[Sequence[Facts | None], SourceError | None]:
    """Return what is known of each rule's index, and why nothing is."""
    nothing = [None] * len(rules)
    try:
        return (ask(rules) if ask is not None else nothing), None
    except SourceError as error:
        return nothing, error


def _some(found: Iterable[Found]) -> Iterator[Found]:
    """Return the findings of one lint about one rule, up to MOST."""
    return islice(found, MOST)


def _known(built: Sequence[Built], facts: Sequence[Facts | None]) -> Iterator[Diagnostic]:
    """Yield what the lints find in the rules beside what is known of their indices."""
    for one, known in zip(built, facts, strict=True):
        for lint in KNOWN if known is not None else ():
            found = lint.look(Known(one, known)) if known is not None else ()
            yield from (placed(one.subject.document, lint.id, lint.severity, f) for f in _some(found))


def _together(scene: Scene) -> Iterator[Diagnostic]:
    """Yield what the lints find in all rules, and in the routes."""
    for lint in (*TOGETHER, *(ROUTED if scene.routing is not None else ())):
        for found in lint.look(scene):
            at = found.at or Position("notifiers")
            yield Diagnostic(lint.severity, lint.id, found.message, found.hint, at.file, at.line, at.column)


def _silenced(
    findings: Sequence[Diagnostic], files: Sequence[Path], asked: Collection[str]
) -> tuple[list[Diagnostic], int]:
    """Leave out what comments in the files silence, and return how many that are."""
    by_file: dict[str, list[Diagnostic]] = {str(file): [] for file in files}
    for finding in findings:
        by_file.setdefault(finding.file, []).append(finding)
    kept: list[Diagnostic] = []
    number = 0
    for name, found in by_file.items():
        lines = read_lines(Path(name))
        looked = () if any(map(_DISABLED.match, lines)) else asked
        left, gone = silence([with_source(f, lines) for f in found], name, lines, LINTS | READING, looked)
        kept += left
        number += gone
    return kept, number
