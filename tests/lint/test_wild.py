"""Every rule file found in public repositories gives a rule or says why not, with a place; so do odd ones."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from alerter.cli.main import main
from alerter.config import Settings
from alerter.ruleset.checking import check

ROOT = Path(__file__).parent.parent.parent
WILD = ROOT.parent / "shared" / "wild-rules"
DOCS = (ROOT / "docs" / "check.md").read_text(encoding="utf-8")
EXPLAINED = set(re.findall(r'<a id="(\w+)">', DOCS)) | set(re.findall(r"^### (\w+)$", DOCS, re.MULTILINE))

WHOLE = """
name: whole
type: flatline
index: logs-*
threshold: 1
timeframe: 5m
run_every: 1m
realert: 5m
query_key: [user.name, host]
filter:
  - query_string: {query: "level:ERROR AND host:/a.*/ AND at:[now-1d/d TO now]", default_operator: AND}
  - bool:
      must: [{term: {a: 1}}, {terms: {b: [1, 2]}}, {range: {c: {gte: 1, lt: 5, time_zone: UTC}}}]
      must_not: [{regexp: {d: {value: "x.*"}}}, {wildcard: {e: "*x"}}]
  - exists: {field: f}
  - kql: "g: h"
alive: {index: logs-*, filter: [{prefix: {i: j}}]}
include: [k]
domain: {field: l, map: {m: n}, default: o}
labels: {p: {field: q}}
message: {title: "{{ r.s }} {t}", fields: {u: "{{ v['w'] }}"}}
redact: {fields: [x], patterns: [y]}
"""


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the paths of everything in a document."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(p for key, below in inside for p in places(below, (*path, key)))]


@pytest.mark.skipif(not WILD.is_dir(), reason="no shared/wild-rules beside the repository")
def test_every_wild_file_says_something_with_a_place(capsys: pytest.CaptureFixture[str]) -> None:
    """No traceback, a rule or a finding for each, and no finding that docs/check.md does not explain."""
    files = sorted(f for f in WILD.rglob("*") if f.is_file() and f.name != "SOURCES.tsv")
    assert len(files) > 100
    unknown = 0
    for file in files:
        code = main(["check", "--offline", "--format", "json", str(file)])
        answer = json.loads(capsys.readouterr().out)
        found = answer["diagnostics"]
        assert code in (0, 1), file
        assert answer["rules"] or found, file
        lines = len(file.read_text(encoding="utf-8", errors="replace").splitlines()) + 1
        assert all(1 <= d["line"] <= lines and d["column"] >= 1 and d["message"] for d in found), file
        unknown += any(d["code"] not in EXPLAINED for d in found)
    assert unknown <= len(files) / 100


@pytest.mark.parametrize("odd", [None, 5, "x", "", [], [[]], {}, {"q": 1}, True, -1.5, "now/d", "{{", "*", ["*"]])
def test_any_value_anywhere_is_a_finding_never_a_crash(tmp_path: Path, odd: Any) -> None:
    """Lints stumble over nothing, whatever shape a rule has."""
    file = tmp_path / "a.yaml"
    for path in places(yaml.safe_load(WHOLE))[1:]:
        whole = yaml.safe_load(WHOLE)
        inner = whole
        for step in path[:-1]:
            inner = inner[step]
        inner[path[-1]] = odd
        file.write_text(yaml.safe_dump(whole), encoding="utf-8")
        for found in check([file], Settings()).diagnostics:
            assert found.text()


def test_the_whole_rule_is_read(tmp_path: Path) -> None:
    """The rule of the test above loads, so that its lints look at all of it."""
    (tmp_path / "a.yaml").write_text(WHOLE, encoding="utf-8")
    result = check([tmp_path], Settings())
    assert result.rules == 1
    assert {"format_text", "leading_wildcard", "now_in_filter"} <= {d.code for d in result.diagnostics}
