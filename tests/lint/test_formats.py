"""The forms of findings for programs: SARIF against the essentials of its schema, GitHub's commands, folded text."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from alerter.config import Settings
from alerter.lint.formats import MOST_ALIKE, as_github, as_text
from alerter.lint.sarif import as_sarif
from alerter.ruleset.checking import check
from alerter.ruleset.diagnostics import Diagnostic

GOLDEN = Path(__file__).parent.parent / "golden" / "check"
COUNT = {"type": "integer", "minimum": 1}
MESSAGE = {"type": "object", "required": ["text"], "properties": {"text": {"type": "string", "minLength": 1}}}
LEVEL = {"enum": ["none", "note", "warning", "error"]}
RULE = {
    "type": "object",
    "required": ["id"],
    "properties": {
        "id": {"type": "string"},
        "shortDescription": MESSAGE,
        "help": MESSAGE,
        "defaultConfiguration": {"properties": {"level": LEVEL}, "additionalProperties": False},
    },
    "additionalProperties": False,
}
REGION = {
    "type": "object",
    "required": ["startLine"],
    "properties": {"startLine": COUNT, "startColumn": COUNT, "endColumn": COUNT},
    "additionalProperties": False,
}
LOCATION = {
    "type": "object",
    "required": ["physicalLocation"],
    "properties": {
        "physicalLocation": {
            "type": "object",
            "required": ["artifactLocation"],
            "properties": {
                "artifactLocation": {"properties": {"uri": {"type": "string", "pattern": r"^[\w./%+~:-]+$"}}},
                "region": REGION,
            },
            "additionalProperties": False,
        }
    },
    "additionalProperties": False,
}
RESULT = {
    "type": "object",
    "required": ["message", "ruleId", "locations"],
    "properties": {
        "ruleId": {"type": "string"},
        "ruleIndex": {"type": "integer", "minimum": 0},
        "level": LEVEL,
        "message": MESSAGE,
        "locations": {"type": "array", "minItems": 1, "items": LOCATION},
        "partialFingerprints": {"type": "object", "additionalProperties": {"type": "string"}},
    },
    "additionalProperties": False,
}
ESSENTIALS: dict[str, Any] = {
    "type": "object",
    "required": ["version", "runs"],
    "properties": {
        "$schema": {"type": "string", "format": "uri"},
        "version": {"const": "2.1.0"},
        "runs": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["tool"],
                "properties": {
                    "tool": {
                        "required": ["driver"],
                        "properties": {
                            "driver": {
                                "required": ["name"],
                                "properties": {
                                    "name": {"const": "alerter"},
                                    "semanticVersion": {"pattern": r"^\d+\.\d+\.\d+"},
                                    "rules": {"type": "array", "uniqueItems": True, "items": RULE},
                                },
                                "additionalProperties": False,
                            }
                        },
                    },
                    "columnKind": {"enum": ["utf16CodeUnits", "unicodeCodePoints"]},
                    "results": {"type": "array", "items": RESULT},
                },
                "additionalProperties": False,
            },
        },
    },
    "additionalProperties": False,
}
"""What SARIF 2.1.0 demands of the parts that are used here; a name that is none of its own is refused."""


def all_findings() -> list[Diagnostic]:
    return [d for file in sorted(GOLDEN.glob("*.yaml")) for d in check([file], Settings()).diagnostics]


def test_sarif_has_the_form_of_its_schema() -> None:
    """All findings of the golden folder; each names its rule by index, and is told from every other one."""
    log = json.loads(as_sarif(all_findings()))
    Draft202012Validator(ESSENTIALS).validate(log)
    run = log["runs"][0]
    rules = run["tool"]["driver"]["rules"]
    assert all(rules[r["ruleIndex"]]["id"] == r["ruleId"] for r in run["results"])
    prints = [r["partialFingerprints"]["findingHash/v1"] for r in run["results"]]
    assert len(set(prints)) == len(prints) > 100
    assert {r["level"] for r in run["results"]} == {"error", "warning", "note"}


def test_sarif_without_findings_is_a_run_too() -> None:
    """An empty log tells a code host that all is well."""
    log = json.loads(as_sarif([]))
    Draft202012Validator(ESSENTIALS).validate(log)
    assert log["runs"][0]["results"] == []


def test_sarif_paths(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Relative to the working directory where they are below it, escaped as URIs."""
    monkeypatch.chdir(tmp_path)
    files = [str(tmp_path / "rules/a b.yaml"), "rules/ü.yaml", "/elsewhere/x.yaml"]
    log = json.loads(as_sarif([Diagnostic("info", "c", "m", file=f) for f in files]))
    places = [r["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for r in log["runs"][0]["results"]]
    assert places == ["rules/a%20b.yaml", "rules/%C3%BC.yaml", "file:///elsewhere/x.yaml"]


def test_the_fingerprint_stays_when_lines_are_added() -> None:
    """It is made of the line's text, not of its number."""
    here, there = (Diagnostic("info", "c", "m", file="f", line=n, source_line="  a: 1") for n in (3, 9))
    prints = [json.loads(as_sarif([d]))["runs"][0]["results"][0]["partialFingerprints"] for d in (here, there)]
    assert prints[0] == prints[1]


def test_github_commands_cannot_be_broken_out_of() -> None:
    """Line breaks, percent signs, and in properties colons and commas are escaped."""
    found = Diagnostic("info", "code", "50%\n::error::x", "hint, so", "a,b:c.yaml", 3, 7)
    assert list(as_github([found])) == [
        "::notice file=a%2Cb%3Ac.yaml,line=3,endLine=3,col=7,title=code::"
        "50%25%0A::error::x%0Ahint: hint, so%0Adocs/check.md#code"
    ]


def test_many_of_a_kind_are_folded() -> None:
    """Infos of one code and equal warnings, at their last place; errors and warnings that differ are all shown."""
    more = MOST_ALIKE + 5
    many = [Diagnostic(s, s, "m", file="f", line=n) for s in ("info", "warning", "error") for n in range(more)]
    many += [Diagnostic("info", "info", f"m{n}", file="g") for n in range(3)]
    many += [Diagnostic("warning", "other", f"m{n}", file="g") for n in range(more)]
    text = list(as_text(many))
    assert sum("info[info]: m" in t for t in text) == MOST_ALIKE
    assert sum("warning[warning]: m" in t for t in text) == MOST_ALIKE
    assert sum("error[error]: m" in t for t in text) == more
    assert sum("warning[other]: m" in t for t in text) == more
    assert [t for t in text if "more of these" in t] == [
        "warning[warning]: 5 more of these; --format json lists all",
        "info[info]: 8 more of these; --format json lists all",
    ]


def test_no_control_character_reaches_a_terminal() -> None:
    """Neither from the name of a file, nor from its text."""
    found = Diagnostic("error", "c", "a\x1b[31mb", "h\x07", "f\x9b.yaml", 1, 1, "x\x1b]0;y\u202e", 1)
    assert not {"\x1b", "\x07", "\x9b", "\u202e"} & set("".join(as_text([found])))


def test_no_control_character_reaches_a_log_of_github() -> None:
    """Names in files and paths are hostile: escapes and bidi controls become a mark, line breaks within a part stay."""
    found = Diagnostic("error", "unknown_key", "a\x1b[31m\u202eb\nc\r::error::d", "e\x07", "f\x1b\u2066.yaml")
    (line,) = as_github([found])
    assert line.isprintable()
    assert line.startswith("::error file=f\ufffd\ufffd.yaml,line=1,")
    assert "::a\ufffd[31m\ufffdb%0Ac\ufffd::error::d%0Ahint: e\ufffd%0A" in line
