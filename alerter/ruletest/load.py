"""Finding and reading test files: all mistakes of all files in one run, each with its place."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from alerter.ruleset.diagnostics import Diagnostic
from alerter.ruleset.folders import files_below, folder_problems
from alerter.ruleset.yaml_positions import Document, read_file
from alerter.ruletest.build import CaseBuilder
from alerter.ruletest.checking import check_shape
from alerter.ruletest.model import TestFile
from alerter.ruletest.places import Places

ENDINGS = (".test.yaml", ".test.yml")


@dataclass(frozen=True)
class Loaded:
    """The readable test files, and what is wrong with the others; ``files`` counts all."""

    files: tuple[TestFile, ...]
    diagnostics: tuple[Diagnostic, ...]
    found: int


def test_files(path: Path) -> Iterator[Path]:
    """Yield the test files of a path in a stable order; a rule's file stands for the tests beside it."""
    if path.is_dir():
        yield from (file for file in files_below(path) if file.name.endswith(ENDINGS))
    elif path.name.endswith(ENDINGS):
        yield path
    else:
        yield from (beside for ending in ENDINGS if (beside := path.with_name(path.stem + ending)).is_file())


test_files.__test__ = False  # type: ignore[attr-defined]


def load_tests(paths: Sequence[Path]) -> Loaded:
    """Read every test file of the paths, each once; a folder that cannot be read is a finding."""
    files: dict[Path, TestFile | None] = {}
    findings = [problem for path in paths for problem in folder_problems(path)]
    for file in (file for path in paths for file in test_files(path)):
        if file.resolve() not in files:
            read, problems = load_test_file(file)
            files[file.resolve()] = read
            findings += problems
    return Loaded(tuple(f for f in files.values() if f is not None), tuple(findings), len(files))


def load_test_file(file: Path) -> tuple[TestFile | None, list[Diagnostic]]:
    """Read one file; None when anything is wrong with it."""
    documents, findings = read_file(file)
    if len(documents) > 1:
        hint = "put the tests into one list"
        findings.append(documents[1].diagnostic("error", "second_document", "a second YAML document", hint))
    if not documents:
        findings = findings or [Diagnostic("error", "empty_file", "the file holds no tests", "", str(file))]
    if findings:
        return None, [Diagnostic(**{**vars(f), "severity": "error"}) for f in findings]
    document = documents[0]
    findings = list(check_shape(document))
    if findings:
        return None, findings
    places = Places(document)
    builder = CaseBuilder(places, file.parent)
    cases = tuple(builder.case(one, ("tests", n)) for n, one in enumerate(document.value["tests"]))
    rules = _rules(document, file, places)
    routes = _paths(document.value["routes"], file) if "routes" in document.value else None
    if places.findings:
        return None, places.findings
    return TestFile(file, document, rules, routes, cases), []


def _rules(document: Document, file: Path, places: Places) -> tuple[Path, ...]:
    if "rule" in document.value:
        named = _paths(document.value["rule"], file)
    else:
        stem = next(file.name.removesuffix(e) for e in ENDINGS if file.name.endswith(e))
        named = tuple(p for e in (".yaml", ".yml") if (p := file.with_name(stem + e)).is_file())
        if not named:
            places.error("no_rule", f"there is no {stem}.yaml beside this file", "name the rule's file: rule: PATH", ())
    for path in named:
        if not path.is_file():
            places.error("no_such_file", f"{path} does not exist", "relative to this file", ("rule",))
    return named


def _paths(written: Any, file: Path) -> tuple[Path, ...]:
    return tuple(
        Path(os.path.normpath(file.parent / one)) for one in ([written] if isinstance(written, str) else written)
    )
