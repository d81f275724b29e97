"""The files below a folder; a folder that cannot be read is a finding, not an empty one."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from alerter.ruleset.diagnostics import Diagnostic


def files_below(root: Path) -> list[Path]:
    """Return all files below a folder by path, those in unreadable folders left out."""
    return sorted(file for file in _walk(root, []) if _is_file(file))


def folder_problems(root: Path) -> list[Diagnostic]:
    """Return an error for each folder at and below a path that cannot be read; what is not there is none."""
    refused: list[OSError] = []
    if root.is_dir():
        list(_walk(root, refused))
    return [
        Diagnostic("error", "unreadable", f"cannot read the folder: {error.strerror}", "", str(error.filename))
        for error in refused
        if not isinstance(error, FileNotFoundError)
    ]


def _walk(root: Path, refused: list[OSError]) -> Iterator[Path]:
    for folder, _, names in os.walk(root, onerror=refused.append):
        yield from (Path(folder, name) for name in names)


def _is_file(path: Path) -> bool:
    """Tell whether a path is a file; one that cannot be looked at counts, as reading it will say why."""
    try:
        return path.is_file()
    except OSError:
        return True
