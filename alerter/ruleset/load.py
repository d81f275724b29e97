"""Loading rule files: every problem of every file in one run, a bad rule never stops the others."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from alerter.config import Settings
from alerter.model.rule import Rule
from alerter.ruleset.as_elastalert import is_left_out, respell, why_left_out
from alerter.ruleset.build import Builder
from alerter.ruleset.diagnostics import Diagnostic
from alerter.ruleset.folders import files_below, folder_problems
from alerter.ruleset.imports import FileState, RuleFile, RuleReader
from alerter.ruleset.validate import validate
from alerter.ruleset.yaml_positions import Document

ENDINGS = (".yaml", ".yml")


@dataclass(frozen=True)
class LoadedRules:
    """What the files hold; ``files`` counts all of them, good and bad."""

    rules: tuple[Rule, ...]
    diagnostics: tuple[Diagnostic, ...]
    files: int
    documents: tuple[Document, ...] = ()
    """Those of ``rules``, in the same order."""
    refused: tuple[Document, ...] = ()
    """Those of rules that an error keeps from loading."""
    unread: int = 0
    """Documents that could not be read, or not what they import; neither among ``rules`` nor among ``refused``."""
    imports: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """The files that each rule file imports, where it imports any."""
    imported: frozenset[FileState] = frozenset()
    """The states of all imported files and templates, as they were before they were read."""


def load_rules(paths: Sequence[Path], settings: Settings, *, strict: bool = False) -> LoadedRules:
    """Load all rules below the paths; a path may be a file or a folder.

    A file without ``type`` that another one imports is a part of rules, and none by itself.
    """
    found: list[tuple[Rule, Document]] = []
    refused: list[Document] = []
    reader = RuleReader(settings.environ, settings.rule_defaults)
    missing = [Diagnostic("error", "no_such_file", f"{p} does not exist", "", str(p)) for p in paths if not p.exists()]
    read = [(root, file, reader.read(file)) for root in paths for file in rule_files(root)]
    missing += [problem for path in paths for problem in folder_problems(path)]
    findings = [*missing, *(problem for _, _, one in read for problem in one.findings)]
    parts = {Path(name).resolve() for name in reader.states}
    parts |= {settings.rule_defaults.resolve()} if settings.rule_defaults else set()
    for root, file, one in read:
        for document in _rules_of(one, file, parts):
            rule, problems = _load(document, file, root, settings, strict, reader.states)
            findings += problems
            if rule is not None:
                found.append((rule, document))
            elif any(problem.severity == "error" for problem in problems):
                refused.append(document)
    shared = _shared_silences(found)
    unique, clashes = _unique([rule for rule, document in found if id(document) not in shared])
    refused += [document for _, document in found if id(document) in shared]
    return LoadedRules(
        tuple(unique),
        tuple(dict.fromkeys((*findings, *shared.values(), *clashes))),
        len(read),
        tuple(document for _, document in found if id(document) not in shared),
        tuple(refused),
        sum(one.lost for _, _, one in read),
        {str(file): one.imported for _, file, one in read if one.imported},
        frozenset(reader.states.values()),
    )


def _rules_of(read: RuleFile, file: Path, parts: Collection[Path]) -> Iterator[Document]:
    """Yield the documents of a file that are rules: all, but of an imported file only those that have a type."""
    imported = bool(parts) and file.resolve() in parts
    yield from (d for d in read.documents if not imported or not isinstance(d.value, dict) or "type" in d.value)


def rule_files(root: Path) -> Iterator[Path]:
    """Yield the rule files of a path in a stable order; rule tests are none."""
    if root.is_file():
        yield root
        return
    for file in files_below(root):
        if file.suffix in ENDINGS and not file.name.endswith((".test.yaml", ".test.yml")):
            yield file


def _load(
    document: Document, file: Path, root: Path, settings: Settings, strict: bool, states: dict[str, FileState]
) -> tuple[Rule | None, list[Diagnostic]]:
    if is_left_out(document.value):
        return None, list(why_left_out(document))
    findings = list(respell(document))
    findings += list(validate(document, strict=strict, honour=settings.honour_rule_webhooks))
    if any(f.severity == "error" for f in findings):
        return None, findings
    builder = Builder(document, file, _domain(file, root), settings)
    rule = builder.build()
    findings += builder.findings
    states |= {state[0]: state for state in builder.read}
    return (None if rule is None else replace(rule, file_text=repr(document.value))), findings


def _domain(file: Path, root: Path) -> str:
    """Return the first folder under the rules folder, also when only a file below it was named."""
    if root.is_dir():
        parts = file.relative_to(root).parts
        if len(parts) > 1:
            return parts[0]
        folders = [part for part in root.resolve().parts if part]
    else:
        folders = list(file.resolve().parent.parts)
    if "rules" in folders:
        below = folders[len(folders) - folders[::-1].index("rules") :]
        return below[0] if below else ""
    return ""


def _shared_silences(found: Sequence[tuple[Rule, Document]]) -> dict[int, Diagnostic]:
    """Return an error for each rule, by the identity of its document, whose ``realert_key`` another rule has as well.

    A rule's key is its name unless it is written. One that no other rule has changes nothing.
    """
    keys = [str(document.value.get("realert_key") or rule.name) for rule, document in found]
    having: dict[str, list[Rule]] = {}
    for key, (rule, _) in zip(keys, found, strict=True):
        having.setdefault(key, []).append(rule)
    shared: dict[int, Diagnostic] = {}
    for key, (rule, document) in zip(keys, found, strict=True):
        others = [other.name for other in having[key] if other is not rule]
        if others and document.value.get("realert_key") is not None:
            message = f"realert_key {key!r} is that of the rule {others[0]} as well: rules share no silences here"
            hint = "leave it out, or let one rule keep the other quiet: inhibit_rules in docs/routing.md"
            path = ("realert_key",)
            shared[id(document)] = document.diagnostic("error", "unsupported_option", message, hint, path)
    return shared


def _unique(rules: Sequence[Rule]) -> tuple[list[Rule], list[Diagnostic]]:
    """Give the second rule of a name its file as suffix, and say so."""
    seen: dict[str, Rule] = {}
    findings = []
    for rule in rules:
        name = rule.name
        if name in seen:
            first = seen[name].position
            name = f"{name} ({Path(rule.position.file).stem})"
            number = 2
            while name in seen:
                name = f"{rule.name} ({Path(rule.position.file).stem} {number})"
                number += 1
            at = rule.position
            message = f"the name {rule.name!r} is taken by {first.file}:{first.line}; this rule is now {name!r}"
            hint = "give each rule a name of its own"
            findings.append(Diagnostic("warning", "duplicate_name", message, hint, at.file, at.line, at.column))
            rule = replace(rule, name=name)
        seen[name] = rule
    return list(seen.values()), findings
