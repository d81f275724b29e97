"""Compiled queries: each node narrows a sequence of documents, in file order, to those that match."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from alerter.clock import Millis
from alerter.query.store import Store, View

Docs = Sequence[int]

_UNKNOWN, _NO, _YES = 0, 1, 2


class Node(Protocol):
    """A compiled clause."""

    cost: int
    """Orders the clauses of a conjunction: the cheap and narrow ones are asked first."""

    def filter(self, docs: Docs) -> Docs:
        """Return those of ``docs`` (ascending) that match, ascending."""


class All:
    """Matches every document."""

    cost = 0

    def filter(self, docs: Docs) -> Docs:
        """Return all of them."""
        return docs


class Nothing:
    """Matches no document."""

    cost = 0

    def filter(self, docs: Docs) -> Docs:  # noqa: ARG002 - protocol
        """Return none."""
        return ()


class Leaf:
    """A condition on one field, tested once per distinct cell and remembered in a byte per cell."""

    cost = 5

    def __init__(self, view: View, test: Callable[[int], bool]) -> None:
        self.view = view
        self.test = test
        self.table = bytearray([_NO])

    def filter(self, docs: Docs) -> Docs:
        """Return those whose cell passes the test; a missing value never does."""
        column, table, test = self.view.column, self.table, self.test
        codes = column.padded()
        missing = len(self.view.cells) - len(table)
        if missing > 0:
            table.extend(bytes(missing))
        found = []
        for doc in docs:
            code = codes[doc]
            known = table[code]
            if known == _UNKNOWN:
                known = table[code] = _YES if test(code) else _NO
            if known == _YES:
                found.append(doc)
        return found


class Ids:
    """Matches documents by number, such as those of given identifiers."""

    cost = 1

    def __init__(self, find: Callable[[], list[int]]) -> None:
        self.find = find

    def filter(self, docs: Docs) -> Docs:
        """Return those among the named ones."""
        allowed = set(docs) if not isinstance(docs, range) else docs
        return [number for number in self.find() if number in allowed]


class Window:
    """A range on a date field: two bisections when asked of all documents, a comparison each otherwise."""

    cost = 2

    def __init__(self, store: Store, view: View, low: Millis | None, high: Millis | None) -> None:
        self.store, self.view, self.low, self.high = store, view, low, high

    def filter(self, docs: Docs) -> Docs:
        """Return those with a value in ``[low, high]``."""
        if isinstance(docs, range) and len(docs) == self.store.count:
            return self.view.window(self.low, self.high)
        low = float("-inf") if self.low is None else self.low
        high = float("inf") if self.high is None else self.high
        codes, cells = self.view.column.padded(), self.view.cells
        return [doc for doc in docs if any(low <= value <= high for value in cells[codes[doc]])]


class Bool:
    """A boolean combination; ``minimum`` is how many of ``should`` must match."""

    def __init__(
        self,
        must: Sequence[Node] = (),
        should: Sequence[Node] = (),
        must_not: Sequence[Node] = (),
        minimum: int = 0,
    ) -> None:
        self.must = sorted(must, key=lambda node: node.cost)
        self.should, self.must_not, self.minimum = list(should), list(must_not), minimum
        self.cost = min([node.cost for node in must], default=6) + 4

    def filter(self, docs: Docs) -> Docs:
        """Return those that match every ``must``, enough of ``should``, and no ``must_not``."""
        for node in self.must:
            if not docs:
                return ()
            docs = node.filter(docs)
        if self.minimum > 0 and docs:
            docs = self._enough(docs)
        for node in self.must_not:
            if not docs:
                return ()
            gone = set(node.filter(docs))
            if gone:
                docs = [doc for doc in docs if doc not in gone]
        return docs

    def _enough(self, docs: Docs) -> Docs:
        if self.minimum > len(self.should):
            return ()
        if self.minimum == len(self.should):
            for node in self.should:
                docs = node.filter(docs)
            return docs
        if self.minimum == 1:
            return self._any(docs)
        counts: dict[int, int] = {}
        for node in self.should:
            for doc in node.filter(docs):
                counts[doc] = counts.get(doc, 0) + 1
        return [doc for doc in docs if counts.get(doc, 0) >= self.minimum]

    def _any(self, docs: Docs) -> Docs:
        found: set[int] = set()
        rest = docs
        for node in self.should:
            new = node.filter(rest)
            if new:
                found.update(new)
                rest = [doc for doc in rest if doc not in found]
                if not rest:
                    return docs
        return sorted(found)


def any_of(nodes: Sequence[Node]) -> Node:
    """Match where one of the nodes does."""
    useful = [node for node in nodes if not isinstance(node, Nothing)]
    if not useful:
        return Nothing()
    return useful[0] if len(useful) == 1 else Bool(should=useful, minimum=1)


def all_of(nodes: Sequence[Node]) -> Node:
    """Match where every node does."""
    if any(isinstance(node, Nothing) for node in nodes):
        return Nothing()
    useful = [node for node in nodes if not isinstance(node, All)]
    if not useful:
        return All()
    return useful[0] if len(useful) == 1 else Bool(must=useful)


def without(node: Node) -> Node:
    """Match where the node does not."""
    return Bool(must_not=[node])
