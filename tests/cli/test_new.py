"""``alerter new``: what it writes is checked and tested, for every type."""

from __future__ import annotations

from pathlib import Path

import pytest

from alerter.cli.main import main
from alerter.ruleset.options import TYPES


@pytest.mark.parametrize("kind", TYPES)
def test_a_starter_is_checked_and_tested(kind: str, alone: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without any finding; its tests pass and come near the threshold from both sides; names are filled in."""
    assert main(["new", kind, "rules/order/my-rule.yaml"]) == 0
    assert capsys.readouterr().out == "rules/order/my-rule.yaml\nrules/order/my-rule.test.yaml\n"
    text = Path("rules/order/my-rule.yaml").read_text()
    assert f"name: my-rule\ntype: {kind}\n" in text
    assert "{name}" not in text
    assert main(["check", "rules", "--strict"]) == 0
    shown = capsys.readouterr()
    assert shown.out == "", shown.out
    assert main(["test", "rules", "--coverage"]) == 0
    shown = capsys.readouterr()
    assert "my-rule.yaml:" not in shown.out + shown.err, shown.out + shown.err
    assert sorted(p.name for p in alone.rglob("*.yaml")) == ["my-rule.test.yaml", "my-rule.yaml"]


def test_nothing_is_overwritten(alone: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An existing rule, or test, stays as it is."""
    Path("mine.test.yaml").write_text("kept")
    assert main(["new", "any", "mine.yaml"]) == 2
    assert "mine.test.yaml is there already" in capsys.readouterr().err
    assert [p.name for p in alone.iterdir()] == ["mine.test.yaml"]
    assert Path("mine.test.yaml").read_text() == "kept"


@pytest.mark.parametrize("name", ["rule", "a b.yaml", "../.yaml", "-x.yml", "rules/{name}.yaml"])
@pytest.mark.usefixtures("alone")
def test_a_name_that_is_none_is_refused(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The file's name becomes the rule's."""
    assert main(["new", "any", "--", name]) == 2
    assert "no name of a rule file" in capsys.readouterr().err
