"""What compiling a query needs: the store, the time, and the leaves compiled before."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Any

from alerter.clock import Millis
from alerter.query.nodes import Leaf, Node
from alerter.query.store import Store, View

_LEAVES = 256
"""How many leaves are remembered with their tables; a table is one byte per distinct cell."""


class Leaves:
    """The leaves of recent queries, so that a window asked each minute tests each cell once."""

    def __init__(self) -> None:
        self._known: OrderedDict[Hashable, Leaf] = OrderedDict()

    def get(self, key: Hashable, view: View, make: Callable[[], Callable[[int], bool]]) -> Leaf:
        """Return the leaf of a key, made when it is new; the least recent ones are forgotten."""
        whole = (view.type.name, key)
        leaf = self._known.get(whole)
        if leaf is None or leaf.view is not view:
            leaf = self._known[whole] = Leaf(view, make())
            if len(self._known) > _LEAVES:
                self._known.popitem(last=False)
        else:
            self._known.move_to_end(whole)
        return leaf


@dataclass(frozen=True)
class Context:
    """One request's view of the data; ``now`` is None when the caller has no time to give."""

    store: Store
    now: Millis | None
    leaves: Leaves
    plans: dict[Hashable, Node] = field(default_factory=dict)
    """Compiled query strings that hold no ``now``, for as long as no field is added."""
    query: Any = None
    """The request's query."""
