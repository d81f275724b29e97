"""A package with plug-ins, installed for one test."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from alerter.plugins import registry

Install = Callable[..., Path]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Return what installs a module of this text with these entry points, by group; returns its folder."""

    def made(text: str, points: Mapping[str, Mapping[str, str]], name: str = "shop_plugins") -> Path:
        folder = tmp_path / f"site-{name}"
        about = folder / f"{name}-1.0.dist-info"
        about.mkdir(parents=True)
        (folder / f"{name}.py").write_text(text, encoding="utf-8")
        (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n", encoding="utf-8")
        lines = [f"[{group}]\n" + "".join(f"{k} = {v}\n" for k, v in named.items()) for group, named in points.items()]
        (about / "entry_points.txt").write_text("\n".join(lines), encoding="utf-8")
        monkeypatch.syspath_prepend(str(folder))
        _forget()
        modules.append(name)
        return folder

    modules: list[str] = []
    yield made
    for name in modules:
        sys.modules.pop(name, None)
    monkeypatch.undo()
    _forget()


def _forget() -> None:
    registry.installed.cache_clear()
    registry.load.cache_clear()
