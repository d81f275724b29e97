"""Documents in memory: columns of cells with a code per distinct cell, and the mapping that types them."""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from alerter.clock import Millis
from alerter.query.analysis import Tokens, tokenize
from alerter.query.decoding import decode
from alerter.query.fieldtypes import BadValue, Cell, FieldType, Spelt, fits, java_number, written


class Document(NamedTuple):
    """One line of input: its identifier, its source, and where it came from (``file:line``, for messages)."""

    id: str
    source: Mapping[str, Any]
    origin: str = ""
    line: bytes | None = None
    """The source as JSON, where it came as such; kept in its place, because it takes a fifth of the memory."""


@dataclass(frozen=True)
class Rejection:
    """A document that a server would reject at indexing."""

    id: str
    origin: str
    type: str
    reason: str


class View:
    """A mapped field over a column: its typed cells, one per distinct cell of the column.

    Code 0 is the missing cell. A multi-field such as ``level.keyword`` is a second view of the same column.
    """

    def __init__(self, type: FieldType, column: Column) -> None:
        self.type = type
        self.column = column
        self.cells: list[Cell] = [()]
        self._tokens: list[Tokens | None] = []
        self._sorted: tuple[list[int], list[int]] = ([], [])
        self._sorted_at = 0
        self._vocabulary: set[str] = set()
        self._vocabulary_at = -1

    def tokens(self, code: int) -> Tokens:
        """Return the tokens of a cell of a text field, analysed at the first request."""
        known = self._tokens
        if code >= len(known):
            known.extend([None] * (len(self.cells) - len(known)))
        found = known[code]
        if found is None:
            found = known[code] = tokenize(self.cells[code])
        return found

    def cell(self, document: int) -> Cell:
        """Return a document's typed values."""
        return self.cells[self.column.code_of(document)]

    def window(self, low: Millis | None, high: Millis | None) -> Sequence[int]:
        """Return the documents with a value in ``[low, high]`` in file order, by two bisections."""
        times, documents = self._by_value()
        start = 0 if low is None else bisect_left(times, low)
        end = len(times) if high is None else bisect_right(times, high)
        found = documents[start:end]
        if len(found) < 2:
            return found
        if not self.column.single:
            return sorted(set(found))
        # sorting what is already in order is one pass
        found.sort()
        return found

    def vocabulary(self) -> set[str]:
        """Return every token of a text, every value of a keyword; analyses all that was not analysed yet."""
        self.column.settle()
        if self._vocabulary_at != len(self.cells):
            cells = range(len(self.cells))
            words = (self.tokens(code).words for code in cells) if self.type.is_text else iter(self.cells)
            self._vocabulary = {word for each in words for word in each}
            self._vocabulary_at = len(self.cells)
        return self._vocabulary

    def bounds(self) -> tuple[Millis, Millis] | None:
        """Return the least and greatest value, or None when there is none."""
        times, _ = self._by_value()
        return (times[0], times[-1]) if times else None

    def _by_value(self) -> tuple[list[int], list[int]]:
        count = self.column.store.count
        if self._sorted_at == count:
            return self._sorted
        codes, cells = self.column.padded(), self.cells
        new = [(value, doc) for doc in range(self._sorted_at, count) for value in cells[codes[doc]]]
        new.sort()
        times, documents = self._sorted
        if times and new and new[0][0] < times[-1]:
            new = sorted([*zip(times, documents, strict=True), *new])
            times, documents = self._sorted = [], []
        times.extend(value for value, _ in new)
        documents.extend(doc for _, doc in new)
        self._sorted_at = count
        return self._sorted


def key_of(value: Any) -> Any:
    """Tell values apart that are equal to Python: 1, 1.0 and true, 0.0 and -0.0, a number written in two ways."""
    if value.__class__ is str:
        return value
    if isinstance(value, Spelt):
        return value.__class__, value, value.text
    return (value.__class__, value, str(value)) if value == 0 else (value.__class__, value)


def _respelt(value: Any) -> bool:
    return isinstance(value, float) and java_number(value) != written(value)


class Column:
    """The raw values of one field, coded; views give them types.

    Values of which every one fits may wait: they are coded when the field is asked for, and most fields never are.
    """

    def __init__(self, store: Store) -> None:
        self.store = store
        self.codes = array("I")
        self.waiting: list[Any] = []
        """The values of the documents after those with codes, None where there is none."""
        self.index: dict[Any, int] = {}
        self.views: list[View] = []
        self.single = True
        self._minus_zero = False
        self.common = False
        """Whether it is a text with its ``.keyword``, as most columns of logs are."""
        self.ignored: dict[int, list[str]] = {}
        """The views, by code, that leave out a value because it is too long for them."""
        self.respelt: set[int] = set()
        """The codes of numbers that strings keep as they were written, and ``fields`` writes as Java does."""

    @property
    def minus_zero(self) -> bool:
        """Whether it holds -0.0, which to a server is another number than 0.0."""
        self.settle()
        return self._minus_zero

    def settle(self) -> None:
        """Code the values that wait."""
        waiting, codes = list(self.waiting), self.codes
        self.waiting.clear()
        for value in waiting:
            codes.append(0 if value is None else self.code_for((value,)))

    def fill(self, document: int) -> None:
        """Note that documents before this one, beyond those known, have no value."""
        if self.waiting:
            self.waiting.extend([None] * (document - len(self.codes) - len(self.waiting)))
        else:
            self.codes.frombytes(bytes(4 * (document - len(self.codes))))

    def code_for(self, values: Cell) -> int:
        """Find or make the code of a cell; raises BadValue when a view cannot hold it."""
        if self.waiting:
            self.settle()
        key = key_of(values[0]) if len(values) == 1 else tuple(map(key_of, values))
        known = self.index.get(key)
        return self._new(key, values) if known is None else known

    def _new(self, key: Any, values: Cell) -> int:
        known = len(self.views[0].cells)
        if key.__class__ is str and len(self.views) == 1 and self.views[0].type.is_date:
            self.views[0].cells.append(self.views[0].type.typed(values))  # first: it may be no date
            self.index[key] = known
            return known
        self.index[key] = known
        if self.common and key.__class__ is str:
            text, exact = self.views
            text.cells.append(values)
            whole = fits(key, exact.type.ignore_above or 0)
            exact.cells.append(values if whole else ())
            if not whole:
                self._note_ignored(known, exact.type.name)
            return known
        try:
            typed = [view.type.typed(values) for view in self.views]
        except BadValue:
            del self.index[key]
            raise
        if self.views[0].type.is_number and any(str(value) == "-0.0" for value in typed[0]):
            self._minus_zero = True
        for view, cell in zip(self.views, typed):  # noqa: B905 - of one length, and this is the hot path
            view.cells.append(cell)
            if len(cell) < len(values) and view.type.kind == "keyword":
                self._note_ignored(known, view.type.name)
        if len(values) > 1:
            self.single = False
        if key.__class__ is not str and any(map(_respelt, values)):
            self.respelt.add(known)
        return known

    def _note_ignored(self, code: int, name: str) -> None:
        self.ignored.setdefault(code, []).append(name)
        self.store.note_ignoring(self)

    def note_long(self) -> None:
        """Make sure that what is too long for a view is noted as ignored; half of a limit holds in any alphabet."""
        limits = [view.type.ignore_above for view in self.views if view.type.ignore_above is not None]
        if limits and max(map(len, filter(None, self.waiting)), default=0) > min(limits) // 2:
            self.settle()

    def code_of(self, document: int) -> int:
        """Return the code of a document's cell, 0 where it has no value."""
        self.settle()
        return self.codes[document] if document < len(self.codes) else 0

    def padded(self) -> array[int]:
        """Return one code for every document, 0 where it has no value."""
        self.settle()
        missing = self.store.count - len(self.codes)
        if missing > 0:
            self.codes.frombytes(bytes(4 * missing))
        return self.codes


class Store:
    """Documents in file order with their columns; only ever grows."""

    def __init__(self) -> None:
        self.count = 0
        self.ids: list[str] = []
        self.sources: list[Mapping[str, Any] | bytes] = []
        self.columns: dict[str, Column] = {}
        self.views: dict[str, View] = {}
        self.objects: set[str] = set()
        self.rejections: list[Rejection] = []
        self._ignoring: list[Column] = []
        self._ignoring_at = 0
        self.version = 0
        """Grows with each new field, so that compiled queries know when they are stale."""
        self._numbers: dict[str, int] | None = None

    def add(self, document: Document, cells: Iterable[tuple[Column, int]]) -> None:
        """Append a document whose cells are coded."""
        number = self.count
        for column, code in cells:
            codes = column.codes
            if len(codes) != number:
                column.fill(number)
            codes.append(code)
        self.append(document)

    def append(self, document: Document) -> None:
        """Append a document whose values are in their columns."""
        self.ids.append(document.id)
        self.sources.append(document.source if document.line is None else document.line)
        self.count += 1
        self._numbers = None

    def source(self, document: int) -> Mapping[str, Any]:
        """Return the source of a document."""
        found = self.sources[document]
        return decode(found) if isinstance(found, bytes) else found

    def note_ignoring(self, column: Column) -> None:
        """Note a column with a value too long for one of its views."""
        if column not in self._ignoring:
            self._ignoring.append(column)

    @property
    def ignoring(self) -> Sequence[Column]:
        """The columns with values too long for one of their views."""
        if self._ignoring_at != self.count:
            for column in self.columns.values():
                column.note_long()
            self._ignoring_at = self.count
        return self._ignoring

    def ignored(self, document: int) -> list[str]:
        """Name the fields of a document that leave out a value, as ``_ignored`` of a hit does."""
        found: list[str] = []
        for column in self.ignoring:
            found += column.ignored.get(column.code_of(document), ())
        return sorted(found)

    def with_ids(self, ids: Iterable[str]) -> list[int]:
        """Return the documents of some identifiers, in file order."""
        if self._numbers is None:
            self._numbers = {id: number for number, id in enumerate(self.ids)}
        return sorted({self._numbers[id] for id in ids if id in self._numbers})

    def matching(self, pattern: str) -> list[View]:
        """Return the views of all fields whose name fits a pattern, in order of appearance."""
        from alerter.query.patterns import simple_match

        if "*" not in pattern:
            view = self.views.get(pattern)
            return [] if view is None else [view]
        test = simple_match(pattern)
        return [view for name, view in self.views.items() if test(name)]
