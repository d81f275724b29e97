"""The wheel holds alerter and nothing else, and brings the shipped rules and routes."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel from a copy of the checkout, so that nobody's build folder is touched."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    source.mkdir()
    for name in ("pyproject.toml", "setup.py", "MANIFEST.in", "README.md", "LICENSE", "alerter", "rules", "notifiers"):
        subprocess.run(["cp", "-r", CHECKOUT / name, source], check=True)
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "-q"]
    subprocess.run([*pip, "wheel", "--no-deps", "--wheel-dir", folder, source], check=True)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def names(wheel: Path) -> list[str]:
    """Return what the wheel holds."""
    with zipfile.ZipFile(wheel) as archive:
        return archive.namelist()


def test_alerter_is_the_only_top_level_name(names: list[str]) -> None:
    """Neither rules/, notifiers/ nor tests/ become importable packages."""
    top = {name.partition("/")[0] for name in names}
    assert {name for name in top if not name.endswith(".dist-info")} == {"alerter"}


def test_every_module_is_there(names: list[str]) -> None:
    """Each Python file of the package is in the wheel, and the type marker too."""
    modules = {str(path.relative_to(CHECKOUT)) for path in (CHECKOUT / "alerter").rglob("*.py")}
    modules = {name for name in modules if "_shipped" not in name}
    assert modules <= set(names)
    assert "alerter/py.typed" in names


def test_rules_and_routes_are_shipped(names: list[str]) -> None:
    """Every file of both folders is package data below alerter/_shipped, and nothing else is."""
    wanted = {
        f"alerter/_shipped/{path.relative_to(CHECKOUT)}"
        for folder in ("rules", "notifiers")
        for path in (CHECKOUT / folder).rglob("*")
        if path.is_file()
    }
    assert wanted == {name for name in names if name.startswith("alerter/_shipped/") and not name.endswith("/")}
    assert "alerter/_shipped/notifiers/routes.yaml" in wanted


def test_the_licence_and_the_command_are_there(wheel: Path, names: list[str]) -> None:
    """The metadata carries the licence text and the console script."""
    assert any(name.endswith("licenses/LICENSE") for name in names)
    with zipfile.ZipFile(wheel) as archive:
        (script,) = [name for name in names if name.endswith("entry_points.txt")]
        assert "alerter = alerter.cli.main:main" in archive.read(script).decode()
