"""Rule files that import others: who wins, where findings stand, and what a reload looks at."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from alerter.clock import MINUTE
from alerter.config import Settings
from alerter.model.rule import Frequency
from alerter.project import any_changed
from alerter.ruleset.load import LoadedRules, load_rules

BASE = "type: frequency\nindex: logs\nnum_events: 5\ntimeframe: 5m\n"


def write(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def load(folder: Path, files: dict[str, str]) -> LoadedRules:
    return load_rules([write(folder, files)], Settings())


def said(loaded: LoadedRules) -> list[tuple[str, str, int, int]]:
    return [(d.code, Path(d.file).name, d.line, d.column) for d in loaded.diagnostics]


def test_the_importing_file_wins(tmp_path: Path) -> None:
    """Options of the importing file count before imported ones, those of a later import before an earlier one's."""
    files = {
        "a.yaml": "import: [../parts/one.yaml, ../parts/two.yaml]\nnum_events: 9\n",
        "../parts/one.yaml": BASE + "owner: one\ncategory: one\n",
        "../parts/two.yaml": "owner: two\ntimeframe: 7m\n",
    }
    (rule,) = load(tmp_path / "rules", files).rules
    assert rule.condition == Frequency(9, 7 * MINUTE)
    assert (rule.name, rule.owner, rule.labels["category"]) == ("a", "two", "one")
    assert rule.position.file.endswith("a.yaml")


def test_filters_are_put_together(tmp_path: Path) -> None:
    """What imported files select and what the rule selects must all hold: the deepest import first."""
    files = {
        "a.yaml": "import: [one.inc, two.inc]\nfilter: [{term: {own: 1}}]\n",
        "one.inc": BASE + "filter: {term: {one: 1}}\n",
        "two.inc": "import: deep/three.inc\nfilter:\n- term: {two: 1}\n- term: {two: 2}\n",
        "deep/three.inc": "filter:\n- query: {term: {three: 1}}\n",
    }
    (rule,) = load(tmp_path, files).rules
    assert [list(clause["term"].items()) for clause in rule.filter] == [
        [("one", 1)],
        [("three", 1)],
        [("two", 1)],
        [("two", 2)],
        [("own", 1)],
    ]


def test_paths_are_relative_to_the_file_that_imports(tmp_path: Path) -> None:
    """Also in an imported file of another folder."""
    files = {
        "r/a.yaml": "import: ../parts/one.inc\n",
        "parts/one.inc": "import: more/two.inc\n",
        "parts/more/two.inc": BASE,
    }
    write(tmp_path, files)
    loaded = load_rules([tmp_path / "r"], Settings())
    assert [rule.name for rule in loaded.rules] == ["a"]
    assert {Path(name).name for name, _, _ in loaded.imported} == {"one.inc", "two.inc"}


def test_an_imported_part_is_no_rule(tmp_path: Path) -> None:
    """A file without a type that a rule imports is a part; one with a type is a rule of its own, too."""
    files = {"a.yaml": "import: part.yaml\ntype: any\n", "part.yaml": "index: logs\n"}
    loaded = load(tmp_path, files)
    assert ([rule.name for rule in loaded.rules], said(loaded)) == (["a"], [])
    loaded = load(tmp_path, {"part.yaml": "index: logs\ntype: any\n"})
    assert [rule.name for rule in loaded.rules] == ["a", "part"]


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"a.yaml": "type: any\nimport: x.inc\n"}, [("import", "a.yaml", 2, 9)]),
        ({"a.yaml": "type: any\nimport: [1]\n"}, [("import", "a.yaml", 2, 10)]),
        ({"a.yaml": "type: any\nimport: {x: y}\n"}, [("import", "a.yaml", 2, 9)]),
        ({"a.yaml": "import: a.yaml\ntype: any\n"}, [("import", "a.yaml", 1, 9)]),
        (
            {"a.yaml": "import: b.inc\ntype: any\n", "b.inc": "owner: x\nimport: a.yaml\n"},
            [("import", "b.inc", 2, 9), ("import", "a.yaml", 1, 9)],
        ),
        (
            {"a.yaml": "import: b.inc\ntype: any\n", "b.inc": "owner: {x: y\n"},
            [("yaml_syntax", "b.inc", 2, 1), ("import", "a.yaml", 1, 9)],
        ),
        ({"a.yaml": "import: b.inc\ntype: any\n", "b.inc": "- 1\n"}, [("import", "a.yaml", 1, 9)]),
        ({"a.yaml": "import: b.inc\ntype: any\n", "b.inc": "a: 1\n---\nb: 2\n"}, [("import", "a.yaml", 1, 9)]),
        ({"a.yaml": "import: b.inc\nindex: logs\n", "b.inc": BASE + "run_every: x\n"}, [("duration", "b.inc", 5, 12)]),
        (
            {"a.yaml": "import: b.inc\nfilter: [{term: {a: 1}}]\n", "b.inc": BASE + "filter:\n  - {a: 1, b: 2}\n"},
            [("filter", "b.inc", 6, 5)],
        ),
        (
            {"a.yaml": "import: b.inc\nfilter: [{term: {a: 1}}, 5]\n", "b.inc": BASE + "filter: {term: {a: 1}}\n"},
            [("filter", "a.yaml", 2, 26)],
        ),
        (
            {"a.yaml": "import: b.inc\n", "b.inc": BASE + "message:\n  title: |\n    fine\n    {{ x\n"},
            [("template", "b.inc", 8, 5)],
        ),
    ],
)
def test_findings_name_the_file_and_the_place(
    tmp_path: Path, files: dict[str, str], expected: list[tuple[str, str, int, int]]
) -> None:
    """What is wrong with an import stands at it, what is wrong inside the imported file stands there."""
    loaded = load(tmp_path, files)
    assert (loaded.rules, said(loaded)) == ((), expected)


def test_imports_that_multiply_end(tmp_path: Path) -> None:
    """Files that each import the next one twice are refused, and not read a million times."""
    files = {f"{n}.inc": f"import: [{n + 1}.inc, {n + 1}.inc]\n" for n in range(20)}
    loaded = load(tmp_path, {"a.yaml": "type: any\nimport: 0.inc\n", "20.inc": "owner: x\n", **files})
    assert (loaded.rules, said(loaded)[-1]) == ((), ("import", "a.yaml", 2, 9))
    assert any("more than 200" in d.message for d in loaded.diagnostics)


def test_a_disabled_rule_imports_nothing(tmp_path: Path) -> None:
    """What a rule that is left out would import need not be there."""
    assert said(load(tmp_path, {"a.yaml": "import: x.inc\ntype: any\nis_enabled: false\n"})) == []


def test_changed_imports_are_seen(tmp_path: Path) -> None:
    """An imported file that changes, goes or comes is a change, wherever it lies."""
    loaded = load(tmp_path, {"a.yaml": "import: b.inc\ntype: any\n", "b.inc": "owner: x\n"})
    assert not any_changed(loaded.imported)
    os.utime(tmp_path / "b.inc", ns=(1, 1))
    assert any_changed(loaded.imported)
    (tmp_path / "b.inc").unlink()
    assert any_changed(loaded.imported)
    missing = load_rules([tmp_path], Settings())
    assert not any_changed(missing.imported)
    (tmp_path / "b.inc").write_text("owner: y\n")
    assert any_changed(missing.imported)
