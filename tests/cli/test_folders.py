"""A folder that may not be read is said, wherever it lies; it is never an empty one."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from alerter.cli.main import main
from alerter.config import Settings
from alerter.project import fingerprint
from alerter.ruleset.folders import files_below, folder_problems
from alerter.ruleset.load import load_rules

RULE = "name: {}\ntype: any\nindex: logs\n"
TEST = "tests:\n- {name: quiet, start: 2026-03-10T10:00:00Z, end: 10:05:00, events: [], expect: {only: true}}\n"
scandir = os.scandir


@pytest.fixture
def rules(alone: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder with a rule that can be read, and a folder ``shut`` that cannot."""
    folder = alone / "rules"
    (folder / "shut").mkdir(parents=True)
    (folder / "a.yaml").write_text(RULE.format("a"))
    (folder / "a.test.yaml").write_text(TEST)
    (folder / "shut/b.yaml").write_text("no rule")

    def refusing(path: Any = ".") -> Any:
        if Path(path).name == "shut":
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refusing)
    return folder


@pytest.mark.parametrize("arguments", [[], ["rules"], ["rules/shut"]])
def test_check_names_the_folder(rules: Path, capsys: pytest.CaptureFixture[str], arguments: list[str]) -> None:
    """As the settings' folder, below it, and by itself."""
    assert main(["check", *arguments]) == 2
    assert "rules/shut:1:1: error[unreadable]: cannot read the folder: Permission denied" in capsys.readouterr().out


def test_check_of_a_folder_with_routes(rules: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A folder whose files are told apart into rules and routes is looked at as a whole."""
    (rules / "routes.yaml").write_text("route: {receiver: r}\nreceivers: [{name: r, console: {}}]\n")
    assert main(["check", "rules"]) == 2
    assert capsys.readouterr().out.count("rules/shut:1:1: error[unreadable]") == 1


@pytest.mark.parametrize("arguments", [[], ["rules"], ["rules/shut"]])
def test_test_names_the_folder(rules: Path, capsys: pytest.CaptureFixture[str], arguments: list[str]) -> None:
    """The tests that can be read are run, and do not pass for all."""
    assert main(["test", *arguments]) == 2
    assert "rules/shut:1:1: error[unreadable]: cannot read the folder: Permission denied" in capsys.readouterr().out


def test_order_and_what_is_not_there(tmp_path: Path) -> None:
    """Files come by path, at any depth; a folder that has gone meanwhile is no finding."""
    for name in ("b/c.yaml", "a.yaml", "b.yaml"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "gone.yaml").symlink_to("nowhere")
    assert [f.relative_to(tmp_path).as_posix() for f in files_below(tmp_path)] == ["a.yaml", "b/c.yaml", "b.yaml"]
    assert folder_problems(tmp_path / "nowhere") == []


def test_a_mounted_configmap_holds_each_file_once(tmp_path: Path) -> None:
    """Kubernetes links the files from a folder that begins with two dots; a new version is noticed."""
    rules = tmp_path / "rules"
    for version in ("..2026_01", "..2026_02"):
        (rules / version).mkdir(parents=True)
        (rules / version / "a.yaml").write_text(RULE.format(version))
    (rules / "..data").symlink_to("..2026_01")
    (rules / "a.yaml").symlink_to("..data/a.yaml")
    assert files_below(rules) == [rules / "a.yaml"]
    settings = Settings(rules=(rules,))
    before = fingerprint(settings)
    assert [rule.name for rule in load_rules([rules], settings).rules] == ["..2026_01"]
    (rules / "..data").unlink()
    (rules / "..data").symlink_to("..2026_02")
    os.utime(rules / "..2026_02" / "a.yaml", ns=(1, 1))
    assert fingerprint(settings) != before
    assert [rule.name for rule in load_rules([rules], settings).rules] == ["..2026_02"]


def test_linked_folders_are_read_once(tmp_path: Path) -> None:
    """A folder from elsewhere belongs to the rules, as with ElastAlert; a link back leads nowhere."""
    for name in ("rules/own", "shared/deep"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "rules/own/a.yaml").touch()
    (tmp_path / "shared/deep/b.yaml").touch()
    (tmp_path / "rules/linked").symlink_to(tmp_path / "shared")
    (tmp_path / "rules/again").symlink_to("own")
    (tmp_path / "shared/back").symlink_to(tmp_path / "rules")
    (tmp_path / "shared/deep/round").symlink_to(tmp_path / "shared")
    found = [f.relative_to(tmp_path).as_posix() for f in files_below(tmp_path / "rules")]
    assert found == ["rules/linked/deep/b.yaml", "rules/own/a.yaml"]
