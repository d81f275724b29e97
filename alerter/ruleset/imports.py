"""Reading rule files with what they ``import``: the importing file wins, filters are put together."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from alerter.ruleset.diagnostics import Diagnostic
from alerter.ruleset.variables import fill_variables
from alerter.ruleset.yaml_positions import Document, Mark, Path_, read_file

FileState = tuple[str, int, int]
"""A file's name, its time of modification in nanoseconds and its size; both -1 for one that is not there."""
Read = tuple[list[Document], list[Diagnostic]]
MOST_IMPORTS = 200
"""Files that one rule may import, each counted as often as it is imported."""


def file_state(file: Path) -> FileState:
    """Return a mark of a file; it differs when the file changed."""
    try:
        stat = file.stat()
    except (OSError, ValueError):
        return (str(file), -1, -1)
    return (str(file), stat.st_mtime_ns, stat.st_size)


@dataclass(frozen=True)
class RuleFile:
    """What a rule file holds, and all the files (also missing ones) that it imports, by however many steps."""

    documents: tuple[Document, ...]
    findings: tuple[Diagnostic, ...]
    imported: frozenset[str]


class RuleReader:
    """Reads rule files for one run of loading; a file that several rules import is read once."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self._read: dict[Path, Read] = {}
        self._left = MOST_IMPORTS
        self.states: dict[str, FileState] = {}
        """The state of each imported file, as it was before it was read."""

    def read(self, file: Path) -> RuleFile:
        """Read a file; whatever is wrong with it or with what it imports is a finding."""
        documents, findings = self._own(file)
        findings = list(findings)
        imported: set[str] = set()
        whole: list[Document] = []
        for document in documents:
            if not isinstance(document.value, dict) or document.value.get("is_enabled") is False:
                whole.append(document)
                continue
            self._left = MOST_IMPORTS
            joined = self._joined(document, (_place(file),), findings, imported)
            if joined is not None:
                whole.append(joined)
        return RuleFile(tuple(whole), tuple(findings), frozenset(imported))

    def _own(self, file: Path) -> Read:
        """Return a file's documents, but for those into which a credential was to be filled, and what is wrong."""
        documents, findings = read_file(file)
        good: list[Document] = []
        for document in documents:
            wrong = fill_variables(document, self._environ)
            findings += wrong
            if all(f.severity != "error" for f in wrong):
                good.append(document)
        return good, findings

    def _joined(
        self, document: Document, chain: tuple[Path, ...], findings: list[Diagnostic], imported: set[str]
    ) -> Document | None:
        """Return a document with what it imports; ``chain`` are the files that led here, itself last."""
        names = list(_names(document.value.get("import")))
        if not names:
            return document
        bases: list[Document] = []
        for path, name in names:
            base = self._base(name, chain, findings, imported)
            if isinstance(base, str):
                hint = "a path or a list of paths, relative to this file"
                findings.append(document.diagnostic("error", "import", base, hint, path))
            else:
                bases.append(base)
        return _merged([*bases, document]) if len(bases) == len(names) else None

    def _base(
        self, name: Any, chain: tuple[Path, ...], findings: list[Diagnostic], imported: set[str]
    ) -> Document | str:
        """Return an imported file's document, or what is wrong with importing it."""
        if not isinstance(name, str) or not name.strip():
            return f"import: {str(name)[:60]!r} is no path"
        file = _place(chain[-1].parent / name)
        imported.add(str(file))
        self.states.setdefault(str(file), file_state(file))
        if not file.is_file():
            return f"cannot import {name}: there is no file {file}"
        circle = [one.resolve() for one in chain]
        if file.resolve() in circle:
            steps = " imports ".join(one.name for one in (*chain[circle.index(file.resolve()) :], file))
            return f"imports go in a circle: {steps}"
        self._left -= 1
        if self._left < 0:
            return f"cannot import {name}: more than {MOST_IMPORTS} imports in one rule"
        if file not in self._read:
            self._read[file] = self._own(file)
        documents, problems = self._read[file]
        findings += problems
        if any(f.severity == "error" for f in problems):
            return f"cannot import {name}: that file has errors"
        if len(documents) != 1 or not isinstance(documents[0].value, dict):
            return f"cannot import {name}: it must hold one mapping of options"
        base = self._joined(documents[0], (*chain, file), findings, imported)
        return f"cannot import {name}: that file has errors" if base is None else base


def _place(file: Path) -> Path:
    return Path(os.path.normpath(file))


def _names(written: Any) -> Iterator[tuple[Path_, Any]]:
    if isinstance(written, list):
        yield from ((("import", n), name) for n, name in enumerate(written))
    elif written is not None:
        yield ("import",), written


def _merged(layers: Sequence[Document]) -> Document:
    """Return documents as one: of an option the last layer's value counts, filters are put together in order."""
    own = layers[-1]
    owner = {name: n for n, layer in enumerate(layers) for name in layer.value if name != "import"}
    value = {name: layers[n].value[name] for name, n in owner.items()}
    joined = _Joined(own)
    filters = [layer.value["filter"] for layer in layers if "filter" in layer.value]
    if len(filters) > 1:
        value["filter"] = [item for one in filters for item in _items(one)]
    above = 0
    for n, layer in enumerate(layers):
        moved = above if len(filters) > 1 else None
        joined.take(layer, {name for name, last in owner.items() if last == n}, moved)
        above += len(_items(layer.value.get("filter")))
    return replace(own, value=value, keys=joined.keys, values=joined.values, others=joined.others)


def _items(written: Any) -> list[Any]:
    return written if isinstance(written, list) else [] if written is None else [written]


class _Joined:
    """The marks of several documents, for one that holds options of each."""

    def __init__(self, own: Document) -> None:
        self._own = own
        self.keys: dict[Path_, Mark] = {}
        self.values: dict[Path_, Mark] = {}
        self.others: dict[str, Sequence[str]] = {}

    def take(self, layer: Document, names: set[Any], above: int | None) -> None:
        """Take a layer's marks of the named options; with ``above``, its filter comes after so many items."""
        if layer is not self._own:
            self.others |= {layer.file: layer.lines, **layer.others}
        whole = not isinstance(layer.value.get("filter"), list)
        for found, marks in ((layer.keys, self.keys), (layer.values, self.values)):
            for path, mark in found.items():
                placed = mark if layer is self._own else replace(mark, file=mark.file or layer.file)
                if path and path[0] == "filter" and above is not None:
                    marks[_moved(path, above, whole=whole)] = placed
                    if whole and len(path) == 1:
                        marks["filter", above] = placed
                elif path[0] in names if path else layer is self._own:
                    marks[path] = placed


def _moved(path: Path_, above: int, *, whole: bool) -> Path_:
    """Return where a part of a filter stands after others; ``whole`` when the filter is no list but its only item."""
    if len(path) == 1:
        return path
    return ("filter", above, *path[1:]) if whole else ("filter", path[1] + above, *path[2:])
