"""Broken files and what ``alerter check`` says of them, word for word.

``ALERTER_UPDATE_GOLDEN=1 pytest tests/ruleset`` writes the expected outputs anew; read the difference first.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from alerter.config import Settings
from alerter.ruleset.checking import check

FOLDER = Path(__file__).parent.parent / "golden" / "check"
FILES = sorted(FOLDER.glob("*.yaml"))


def found_in(file: Path) -> str:
    result = check([file], Settings())
    text = "\n".join(d.text() for d in result.diagnostics)
    return text.replace(str(file.parent) + "/", "") + "\n"


@pytest.mark.parametrize("file", FILES, ids=lambda f: f.stem)
def test_finding(file: Path) -> None:
    """Each broken file gives its findings with place, source line, carets and hint."""
    expected = file.with_suffix(".txt")
    found = found_in(file)
    if os.environ.get("ALERTER_UPDATE_GOLDEN"):
        expected.write_text(found, encoding="utf-8")
    assert found == expected.read_text(encoding="utf-8")


def test_there_are_enough() -> None:
    """The golden folder holds the breakages people make."""
    assert len(FILES) >= 40
