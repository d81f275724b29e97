"""Events that are read one by one with all their fields: for rule types of plug-ins, which look at windows of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from alerter.clock import Millis
from alerter.model.rule import Key, Rule
from alerter.redact import redact_document
from alerter.sources.asking import Asking
from alerter.sources.hits import HitEvents
from alerter.sources.protocol import TOO_MANY, Hit, Source, SourceError

MOST_DOCUMENTS = 100_000
"""Events of one evaluation that are kept with their fields; more are refused, never left out."""


class WindowHits(HitEvents):
    """Events whose instants and fields are all known."""

    def __init__(self, rule: Rule, source: Source, asking: Asking, start: Millis, end: Millis) -> None:
        """Read the events of ``(start, end]``. Raises SourceError, also when they are too many."""
        self._documents: dict[Key, list[Mapping[str, Any]]] = defaultdict(list)
        self._kept = 0
        super().__init__(rule, source, asking, start, end)

    def _note_values(self, key: Key, at: Millis, hit: Hit) -> None:
        super()._note_values(key, at, hit)
        self._kept += 1
        if self._kept > MOST_DOCUMENTS:
            message = f"more than {MOST_DOCUMENTS:,} events to keep with their fields"
            raise SourceError(TOO_MANY, message, "a shorter timeframe, a narrower filter, or a built-in type")
        self._documents[key].append(redact_document(hit.source or {}, self.rule.redact))

    def documents(self, key: Key, start: Millis, end: Millis) -> Sequence[tuple[Millis, Mapping[str, Any]]]:
        """Return a key's events in ``(start, end]``, redacted, oldest first."""
        curve = self.curve(key)
        chosen = slice(curve.rank(start), curve.rank(end))
        return list(zip(self._times[key][chosen], self._documents[key][chosen], strict=True))
