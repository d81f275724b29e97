"""The files below a folder; a folder that cannot be read is a finding, not an empty one."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
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
    """Yield the files below a folder, also in folders that are linked from elsewhere, each looked at once."""
    top = Path(os.path.realpath(root))
    seen = {top}
    for folder, below, names in os.walk(root, onerror=refused.append, followlinks=True):
        below[:] = _looked_at(Path(folder), below, top, seen)
        yield from (Path(folder, name) for name in names)


def _looked_at(folder: Path, below: Sequence[str], top: Path, seen: set[Path]) -> Iterator[str]:
    """Yield the folders to go on with, but for those of Kubernetes' own, as ``..data``, and links to where we are.

    A mounted ConfigMap is such a folder; its files are linked from the one above.
    """
    for name in sorted(below):
        place = Path(os.path.realpath(folder / name))
        inside = (folder / name).is_symlink() and place.is_relative_to(top)
        if not (name.startswith("..") or inside or place in seen):
            seen.add(place)
            yield name


def _is_file(path: Path) -> bool:
    """Tell whether a path is a file; one that cannot be looked at counts, as reading it will say why."""
    try:
        return path.is_file()
    except OSError:
        return True
