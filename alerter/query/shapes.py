"""Documents of a shape met before: their values go to their columns without a look at the mapping.

Nearly all lines of a log have one of a few shapes: the same names, with values of the same classes. Mappings only
grow, so a field that held a value of a class once holds every such value, but for dates and great numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from alerter.query.fieldtypes import SURELY_HELD, BadValue
from alerter.query.store import Column, Document, Store

MOST_KNOWN = 1_000
"""Shapes that are remembered; where names are data, there is no end of them."""
ROUND = 10**15
"""Numbers below are decoded as they are written, and fit every type that numbers of their class go to."""
_ALWAYS: dict[type, set[str]] = {
    str: {"text", "keyword"},
    bool: {"boolean"},
    int: {"long", "float", "double"},
    float: {"float", "double"},
    list: set(),
}
"""The types of fields that hold every value of a class: of numbers those below ROUND, of texts those SURELY_HELD."""

Known = dict[tuple[Any, ...], "Shape | None"]


class Shape:
    """The names of an object with the classes of their values, and where each value goes."""

    def __init__(self) -> None:
        self.columns: list[Column] = []
        self.puts: list[Callable[[Any], object]] = []
        self.numbers: list[int] = []
        self.keywords: list[int] = []
        self.coded: list[tuple[int, Column]] = []
        self.objects: list[tuple[int, Known]] = []
        self.filled = -1

    def put(self, document: int, values: list[Any]) -> None:
        """Put the values of a document away; they stand in the order of the names."""
        if self.filled != document:  # else the document before was of this shape
            for column in self.columns:
                column.fill(document)
        self.filled = document + 1
        for put, value in zip(self.puts, values):  # noqa: B905 - of one length, and this is the hot path
            put(value)


class Shapes:
    """The shapes met so far, of documents of one store."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._known: Known = {}
        self._number = 0

    def add(self, document: Document) -> bool:
        """Append a document of a known shape; False when it is of another, or may be no good."""
        found: list[tuple[Shape, list[Any]]] = []
        if not self._read(self._known, document.source, found):
            return False
        number = self.store.count
        for shape, values in found:
            shape.put(number, values)
        self.store.append(document)
        return True

    def learn(self, source: Mapping[str, Any]) -> None:
        """Remember the shape of a document that was accepted."""
        self._learn(self._known, "", source)

    def _read(self, known: Known, node: Mapping[str, Any], found: list[tuple[Shape, list[Any]]]) -> bool:
        values = list(node.values())
        shape = known.get((*node, *map(type, values)))
        if shape is None:
            return False
        for at in shape.numbers:
            if not -ROUND < values[at] < ROUND:
                return False
        for at in shape.keywords:
            if len(values[at]) > SURELY_HELD:
                return False
        for at, column in shape.coded:
            code = _code(column, values[at])
            if code is None:
                return False
            values[at] = code
        for at, inner in shape.objects:
            if not self._read(inner, values[at], found):
                return False
        found.append((shape, values))
        return True

    def _learn(self, known: Known, prefix: str, node: Mapping[str, Any]) -> None:
        key = (*node, *map(type, node.values()))
        if key not in known:
            if self._number >= MOST_KNOWN:
                return
            self._number += 1
            known[key] = self._shape(prefix, node)
        shape = known[key]
        if shape is not None:
            values = list(node.values())
            names = list(node)
            for at, inner in shape.objects:
                self._learn(inner, f"{prefix}{names[at]}.", values[at])

    def _shape(self, prefix: str, node: Mapping[str, Any]) -> Shape | None:
        """Return where the values of an object go; None where each document has to be looked at."""
        shape = Shape()
        objects = [f"{prefix}{name}." for name, value in node.items() if value.__class__ is dict]
        for at, (name, value) in enumerate(node.items()):
            path = prefix + name
            if any(path.startswith(other) for other in objects):
                return None  # a field may stand there twice, nested and dotted
            if value is None and self._has_parents(path):
                shape.puts.append(_nowhere)
            elif value.__class__ is dict and path in self.store.objects:
                shape.objects.append((at, {}))
                shape.puts.append(_nowhere)
            elif not self._has_place(shape, at, path, value.__class__):
                return None
        return shape

    def _has_parents(self, path: str) -> bool:
        return all(parent in self.store.objects for parent in _parents(path))

    def _has_place(self, shape: Shape, at: int, path: str, kind: type) -> bool:
        column = self.store.columns.get(path)
        if column is None or kind not in _ALWAYS:
            return False
        types = [view.type for view in column.views]
        if kind is float and (len(types) > 1 or not types[0].is_number):
            return False  # how it was written matters
        shape.columns.append(column)
        if kind in (int, float):
            shape.numbers.append(at)
        if kind is str and any(type.refuses_long for type in types):
            shape.keywords.append(at)
        if all(type.kind in _ALWAYS[kind] for type in types):
            shape.puts.append(column.waiting.append)
        else:
            shape.coded.append((at, column))
            shape.puts.append(column.codes.append)
        return True


def _code(column: Column, value: Any) -> int | None:
    """Return the code of a value or of a list of texts; None where the document has to be looked at."""
    values = value if value.__class__ is list else (value,)
    if values is value and any(each.__class__ is not str for each in value):
        return None
    if not values:
        column.settle()  # what waits comes before
        return 0
    try:
        return column.code_for(tuple(values))
    except BadValue:
        return None


def _parents(path: str) -> Iterator[str]:
    parts = path.split(".")
    return (".".join(parts[:end]) for end in range(1, len(parts)))


def _nowhere(value: Any) -> None:
    """Take a value that goes into no column."""
