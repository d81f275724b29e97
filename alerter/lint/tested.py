"""Which rule files have a test, told from the names and the ``rule:`` of test files; no test is read further."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from alerter.ruleset.load import ENDINGS
from alerter.ruleset.yaml_positions import read_text

TEST = ".test"
_NAMES_RULE = re.compile(r"^[\"']?rule[\"']?\s*:", re.MULTILINE)


def tested_files(rule_files: Iterable[str]) -> frozenset[str]:
    """Return those of the rule files that a test file in one of their folders, or below, is about."""
    wanted = {Path(file).resolve(): file for file in rule_files}
    folders = {file.parent for file in wanted}
    tops = {folder for folder in folders if folders.isdisjoint(folder.parents)}
    about = {target for top in tops for test in _test_files(top) for target in _about(test)}
    return frozenset(wanted[file] for file in about & wanted.keys())


def _test_files(folder: Path) -> Iterator[Path]:
    for path, _, names in os.walk(folder):
        yield from (Path(path, name) for name in names if name.endswith(tuple(TEST + ending for ending in ENDINGS)))


def _about(test: Path) -> Iterator[Path]:
    """Yield the rule files that a test file names, else the one beside it."""
    try:
        text = test.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return
    if _NAMES_RULE.search(text):
        for document in read_text(text, str(test))[0]:
            named = document.value.get("rule") if isinstance(document.value, dict) else None
            for one in named if isinstance(named, list) else [named]:
                yield (test.parent / str(one)).resolve()
        return
    stem = test.name.rpartition(TEST)[0]
    yield from (test.with_name(stem + ending) for ending in ENDINGS)
