"""Findings as SARIF 2.1.0, which code hosts and editors read: one run, one rule for each code."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from alerter import __version__
from alerter.lint.formats import docs_link
from alerter.ruleset.diagnostics import Diagnostic, without_secrets

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
LEVELS = {"error": "error", "warning": "warning", "info": "note"}


def as_sarif(findings: Sequence[Diagnostic]) -> str:
    """Return a SARIF log; files below the working directory are relative to it."""
    codes = list(dict.fromkeys(found.code for found in findings))
    severities = {found.code: found.severity for found in reversed(findings)}
    rules = [
        {
            "id": code,
            "shortDescription": {"text": code.replace("_", " ")},
            "help": {"text": docs_link(code), "markdown": f"[{code}]({docs_link(code)})"},
            "defaultConfiguration": {"level": LEVELS[severities[code]]},
        }
        for code in codes
    ]
    seen: Counter[str] = Counter()
    run = {
        "tool": {"driver": {"name": "alerter", "semanticVersion": __version__, "rules": rules}},
        "columnKind": "unicodeCodePoints",
        "results": [_result(found, codes.index(found.code), seen) for found in findings],
    }
    return json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, ensure_ascii=False, indent=1)


def _result(found: Diagnostic, index: int, seen: Counter[str]) -> dict[str, Any]:
    region = {"startLine": found.line, "startColumn": found.column, "endColumn": found.column + max(found.length, 1)}
    place = {"artifactLocation": {"uri": _uri(found.file)}, "region": region}
    return {
        "ruleId": found.code,
        "ruleIndex": index,
        "level": LEVELS[found.severity],
        "message": {"text": f"{found.message} ({found.hint})" if found.hint else found.message},
        "locations": [{"physicalLocation": place}],
        "partialFingerprints": {"findingHash/v1": _fingerprint(found, seen)},
    }


def _uri(file: str) -> str:
    path = Path(file)
    if path.is_absolute() and path.is_relative_to(Path.cwd()):
        path = path.relative_to(Path.cwd())
    return ("file://" if path.is_absolute() else "") + quote(path.as_posix())


def _fingerprint(found: Diagnostic, seen: Counter[str]) -> str:
    """Return a hash that stays when lines are added above; equal findings of a file are numbered."""
    text = "\0".join((found.code, found.file, without_secrets(found.source_line).strip()))
    seen[text] += 1
    return hashlib.sha256(f"{text}\0{seen[text]}".encode()).hexdigest()[:32]
