"""The files and folders that settings name: where rules, routes, data and state are."""

from __future__ import annotations

from pathlib import Path

from alerter.config_values import Values
from alerter.shipped import shipped_dir

SQLITE = b"SQLite format 3\0"
"""Every SQLite database begins so."""


def folders(values: Values, name: str) -> tuple[Path, ...]:
    """Return the folders named, else ``./rules`` (``./notifiers``) when there is one, else the shipped ones."""
    named = values.paths(name)
    if named is not None:
        return named
    own = Path(name)
    return (own if own.is_dir() else shipped_dir() / name,)


def rule_defaults(values: Values) -> Path | None:
    """Return the file of options that every rule has unless it writes them; it must be there."""
    files = values.paths("rule_defaults", single=True) or ()
    if len(files) > 1 or not all(file.is_file() for file in files):
        shown = ", ".join(map(str, files))
        values.problem(f"rule_defaults: {shown} is no file", "one file with options of rules", "rule_defaults")
        return None
    return next(iter(files), None)


def data(values: Values) -> tuple[Path, ...]:
    """Return the data files; they may appear later, but a folder is none."""
    files = values.paths("data") or ()
    for file in files:
        if file.is_dir():
            values.problem(f"data: {file} is a folder", "name its files: data: [events.ndjson]", "data")
    return files


def state_file(values: Values, data: tuple[Path, ...], default: Path) -> Path:
    """Return the SQLite file; what is there and is none, or is read as data, is never written to."""
    file = next(iter(values.paths("state_file", single=True) or ()), default)
    hint = "name a file of its own: state_file: alerter.db"
    if file.resolve() in {one.resolve() for one in data}:
        values.problem(f"state_file: {file} is one of the data files", hint, "state_file")
    elif _is_foreign(file):
        values.problem(f"state_file: {file} is there, and is no SQLite database", hint, "state_file")
    return file


def _is_foreign(file: Path) -> bool:
    """Whether something other than a database is there; SQLite takes an empty file for a new one."""
    try:
        if not file.exists():
            return False
        with file.open("rb") as opened:
            return opened.read(len(SQLITE)) not in (b"", SQLITE)
    except IsADirectoryError:
        return True
    except OSError:
        return False  # opening the state says why
