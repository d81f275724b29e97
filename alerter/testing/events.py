"""Events in memory, for detectors' tests: no source, no query."""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from alerter.clock import Millis
from alerter.model.rule import Condition, Key, KeyValue, Position, Rule
from alerter.windows import EMPTY, Curve, EventCurve


class MemoryEvents:
    """The Events protocol over a list of (time, key) pairs, seen as of an end."""

    def __init__(
        self, pairs: Iterable[tuple[Millis, Key]], *, start: Millis, end: Millis, first_document: Millis | None = None
    ) -> None:
        """Take all events there are; the span ``(start, end]`` is what was read, as from a real source."""
        grouped: dict[Key, list[Millis]] = defaultdict(list)
        for at, key in pairs:
            grouped[key].append(at)
        self._all = {key: sorted(times) for key, times in grouped.items()}
        self._read = {
            key: EventCurve(array("q", [t for t in times if start < t <= end])) for key, times in self._all.items()
        }
        self._document = first_document
        self.warnings: list[str] = []

    def keys(self) -> Collection[Key]:
        """Return the keys with events in the span."""
        return [key for key, curve in self._read.items() if curve.first() is not None]

    def curve(self, key: Key) -> Curve:
        """Return the curve of what was read."""
        return self._read.get(key, EMPTY)

    def values(self, key: Key) -> Sequence[KeyValue]:  # noqa: ARG002 - protocol
        """Return no values: list rules are tested through a source."""
        return ()

    def severities(self, key: Key) -> Sequence[str]:  # noqa: ARG002 - protocol
        """Return no severities."""
        return []

    def first_event(self, key: Key, *, any_key: bool = False) -> Millis | None:
        """Return the first event there ever was."""
        if any_key:
            return min((times[0] for times in self._all.values()), default=None)
        return self._all[key][0] if self._all.get(key) else None

    def first_document(self) -> Millis | None:
        """Return the document given, else the first event."""
        return self._document if self._document is not None else self.first_event(None, any_key=True)


def rule(condition: Condition, **settings: Any) -> Rule:
    """Return a rule with this condition and only the settings that matter to the test."""
    defaults: Mapping[str, Any] = {
        "name": "a rule",
        "type": type(condition).__name__.lower(),
        "index": "logs",
        "position": Position("rule.yaml"),
    }
    return Rule(condition=condition, **{**defaults, **settings})
