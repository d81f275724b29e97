"""Broken files and what ``alerter check`` says of them, word for word, as text and as JSON.

``ALERTER_UPDATE_GOLDEN=1 pytest tests/ruleset`` writes the expected outputs anew; read the difference first.
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest

from alerter.config import Settings
from alerter.lint.formats import as_json, as_text
from alerter.lint.registry import CLUSTER_ONLY, LINTS
from alerter.ruleset.checking import check

FOLDER = Path(__file__).parent.parent / "golden" / "check"
FILES = sorted(FOLDER.glob("*.yaml"))
DOCS = Path(__file__).parent.parent.parent / "docs" / "check.md"
NEEDS_MORE = {"default_route_only", "unknown_label", "untested_rule"} | CLUSTER_ONLY
"""Lints that a file by itself cannot show; tests/lint has them."""


def found_in(file: Path) -> tuple[str, str]:
    """Return what is said of a file, as text and as JSON; that no golden file has a test is left out."""
    result = check([file], Settings())
    found = [d for d in result.diagnostics if d.code != "untested_rule"]
    text = "\n".join(as_text(found)) + "\n"
    shown = json.dumps(json.loads(as_json(found, result.files, result.rules)), indent=1, ensure_ascii=False) + "\n"
    folder = str(file.parent) + "/"
    return text.replace(folder, ""), shown.replace(folder, "")


@pytest.mark.parametrize("file", FILES, ids=lambda f: f.stem)
def test_finding(file: Path) -> None:
    """Each broken file gives its findings with place, source line, carets, hint and link."""
    found = found_in(file)
    expected = [file.with_suffix(suffix) for suffix in (".txt", ".json")]
    if os.environ.get("ALERTER_UPDATE_GOLDEN"):
        for path, text in zip(expected, found, strict=True):
            path.write_text(text, encoding="utf-8")
    assert found == tuple(path.read_text(encoding="utf-8") for path in expected)


def golden_codes() -> set[str]:
    texts = (file.with_suffix(".json").read_text(encoding="utf-8") for file in FILES)
    return {d["code"] for text in texts for d in json.loads(text)["diagnostics"]}


def test_there_are_enough() -> None:
    """The golden folder holds the breakages people make, and each lint that a file by itself can show."""
    assert len(FILES) >= 80
    assert golden_codes() >= LINTS - NEEDS_MORE


def test_every_code_is_explained() -> None:
    """docs/check.md has a place to which the link of each finding leads."""
    text = DOCS.read_text(encoding="utf-8")
    places = set(re.findall(r'<a id="(\w+)">', text)) | set(re.findall(r"^### (\w+)$", text, re.MULTILINE))
    assert (golden_codes() | LINTS) - places == set()
