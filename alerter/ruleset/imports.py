"""Reading rule files with what they ``import``: the importing file wins, filters are put together.

Below all of them are the options of the file that ``rule_defaults`` of the settings names, each where no rule file and
no import writes it.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from alerter.ruleset.as_elastalert import is_left_out
from alerter.ruleset.diagnostics import Diagnostic
from alerter.ruleset.options import CREDENTIALS, HOSTS, PLACE, has_any, is_given
from alerter.ruleset.variables import fill_variables
from alerter.ruleset.yaml_positions import Document, Mark, Path_, read_file

FileState = tuple[str, int, int]
"""A file's name, its time of modification in nanoseconds and its size; both -1 for one that is not there."""
OWN = ("name", "type")
"""Options that every rule has for itself: no defaults."""
LEFT_OUT = "credentials_left_out"
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
    lost: int = 0
    """Documents that are left out for what is wrong with them or with what they import."""


@dataclass(frozen=True)
class _Read:
    """What a file holds by itself; ``lost`` documents are left out for what is wrong with them."""

    documents: tuple[Document, ...]
    findings: tuple[Diagnostic, ...]
    lost: int


class RuleReader:
    """Reads rule files for one run of loading; a file that several rules import is read once."""

    def __init__(self, environ: Mapping[str, str], defaults: Path | None = None) -> None:
        self._environ = environ
        self._defaults = defaults
        self._read: dict[Path, _Read] = {}
        self._left = MOST_IMPORTS
        self.states: dict[str, FileState] = {}
        """The state of each imported file, as it was before it was read."""

    def read(self, file: Path) -> RuleFile:
        """Read a file; whatever is wrong with it or with what it imports is a finding."""
        own = self._own(file)
        findings = list(own.findings)
        imported: set[str] = set()
        whole: list[Document] = []
        lost = own.lost
        for document in own.documents:
            if not isinstance(document.value, dict) or is_left_out(document.value):
                whole.append(document)
                continue
            self._left = MOST_IMPORTS
            said: list[Diagnostic] = []
            joined = self._joined(document, (_place(file),), said, imported)
            if joined is not None and self._defaults is not None:
                joined = self._over_defaults(joined, self._defaults, (_place(file),), said, imported)
            if joined is None:
                lost += 1
            else:
                whole.append(joined)
                if has_any(joined.value, CREDENTIALS):  # some are left: none are missed
                    said = [found for found in said if found.code != LEFT_OUT]
            findings += said
        return RuleFile(tuple(whole), tuple(findings), frozenset(imported), lost)

    def _own(self, file: Path) -> _Read:
        """Return a file's documents, but for those into which a credential was to be filled, and what is wrong."""
        documents, findings = read_file(file)
        lost = sum(f.severity == "error" for f in findings)
        good: list[Document] = []
        for document in documents:
            wrong = fill_variables(document, self._environ)
            findings += wrong
            if all(f.severity != "error" for f in wrong):
                good.append(document)
        return _Read(tuple(good), tuple(findings), lost + len(documents) - len(good))

    def _over_defaults(
        self, document: Document, file: Path, chain: tuple[Path, ...], findings: list[Diagnostic], imported: set[str]
    ) -> Document | None:
        """Return a rule with the defaults of what it does not write; None when these cannot be read."""
        if _place(file) == chain[0]:
            return document
        base = self._read_base(_place(file), str(file), chain, findings, imported)
        if isinstance(base, str) and self._is_empty(_place(file)):
            return document
        if isinstance(base, str):
            findings.append(Diagnostic("error", "import", f"rule_defaults: {base}", "", str(file)))
            return None
        for name in OWN:
            if name in base.value:
                message, hint = f"{name} is no default: each rule has its own", "remove it"
                findings.append(base.diagnostic("error", "wrong_value", message, hint, (name,), key=True))
                return None
        below = _without(base, ["filter"]) if "filter" in document.value else base
        return _merged([below, document], findings)

    def _is_empty(self, file: Path) -> bool:
        """Whether a file was read that holds nothing, or nothing but remarks."""
        read = self._read.get(file)
        return read is not None and not read.documents and not read.lost

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
        return _merged([*bases, document], findings) if len(bases) == len(names) else None

    def _base(
        self, name: Any, chain: tuple[Path, ...], findings: list[Diagnostic], imported: set[str]
    ) -> Document | str:
        """Return an imported file's document, or what is wrong with importing it.

        A file that is not beside the importing one may be beside the rule: there ElastAlert looks for it.
        """
        if not isinstance(name, str) or not name.strip():
            return f"import: {str(name)[:60]!r} is no path"
        beside, first = (_place(one.parent / name) for one in (chain[-1], chain[0]))
        return self._read_base(first if first.is_file() > beside.is_file() else beside, name, chain, findings, imported)

    def _read_base(
        self, file: Path, name: str, chain: tuple[Path, ...], findings: list[Diagnostic], imported: set[str]
    ) -> Document | str:
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
        read = self._read[file]
        findings += read.findings
        if any(f.severity == "error" for f in read.findings):
            return f"cannot import {name}: that file has errors"
        if len(read.documents) != 1 or not isinstance(read.documents[0].value, dict):
            return f"cannot import {name}: it must hold one mapping of options"
        base = self._joined(read.documents[0], (*chain, file), findings, imported)
        return f"cannot import {name}: that file has errors" if base is None else base


def _place(file: Path) -> Path:
    return Path(os.path.normpath(file))


def _names(written: Any) -> Iterator[tuple[Path_, Any]]:
    if isinstance(written, list):
        yield from ((("import", n), name) for n, name in enumerate(written))
    elif written is not None:
        yield ("import",), written


def _without(document: Document, names: Collection[Any]) -> Document:
    """Return a document without these options; their marks stay, as nothing asks for them."""
    return replace(document, value={n: v for n, v in document.value.items() if n not in names})


def _merged(layers: Sequence[Document], findings: list[Diagnostic]) -> Document:
    """Return documents as one: of an option the last layer's value counts, filters are put together in order."""
    own = layers[-1]
    owner = _of_one_cluster(layers, _owners(layers), findings)
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


def _owners(layers: Sequence[Document]) -> dict[Any, int]:
    """Return which layer each option is taken from: the last that writes it, and one of a cluster with a value."""
    owner: dict[Any, int] = {}
    for n, layer in enumerate(layers):
        for name, value in layer.value.items():
            no_prefix = name == "es_url_prefix" and value == ""
            empty = name in (*PLACE, *CREDENTIALS) and not is_given(value) and not no_prefix
            if name != "import" and not (empty and name in owner):
                owner[name] = n
    return owner


def _of_one_cluster(layers: Sequence[Document], owner: Mapping[str, int], findings: list[Diagnostic]) -> dict[str, int]:
    """Return which layer each option is taken from, with hosts of one layer only, and credentials meant for them.

    Credentials of a cluster count only where no later layer writes a place or credentials: they go nowhere else, and
    an API key and a password that are not meant for each other are never put together.
    """
    given = {name: n for name, n in owner.items() if is_given(layers[n].value[name])}
    hosts = max((n for name, n in given.items() if name in HOSTS), default=0)
    access = max((n for name, n in given.items() if name in (*PLACE, *CREDENTIALS)), default=0)
    kept = {
        name: n
        for name, n in owner.items()
        if (name not in HOSTS or n == hosts) and (name not in CREDENTIALS or n == access)
    }
    dropped = [name for name in CREDENTIALS if name in given and name not in kept]
    if dropped and not any(name in given and name in kept for name in CREDENTIALS):
        place = next(name for name in PLACE if given.get(name) == access)
        message = f"without {', '.join(dropped)} of an earlier file: credentials go only where they were written for"
        hint = f"write the credentials beside {place}"
        findings.append(layers[access].diagnostic("warning", LEFT_OUT, message, hint, (place,), key=True))
    return kept


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
