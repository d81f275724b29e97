"""What a detector sees of the world: the events of a span, by key, and a few lazy questions."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

from alerter.clock import Millis
from alerter.model.rule import Key, KeyValue
from alerter.windows import Curve


class Events(Protocol):
    """The events of one rule over a span that reaches back far enough for every window."""

    def keys(self) -> Collection[Key]:
        """Return the keys that have events."""

    def curve(self, key: Key) -> Curve:
        """Return the count curve of a key; an empty one for a key without events."""

    def values(self, key: Key) -> Sequence[KeyValue]:
        """Return the compared value of each event, in the order of its times; only for list rules."""

    def severities(self, key: Key) -> Sequence[str]:
        """Return the severity of each event, in the order of its times; empty unless read from the event."""

    def first_event(self, key: Key, *, any_key: bool = False) -> Millis | None:
        """Return the time of the key's (or, with ``any_key``, the rule's) very first event, however long ago."""

    def first_document(self) -> Millis | None:
        """Return the time of the earliest document of the rule's index, whether the filter selects it or not."""


@dataclass(frozen=True)
class Span:
    """What is judged: new instants in ``(start, end]``, known ones again in ``(reread, start]`` for late events.

    ``instants`` are the nominal ones of ``(start, end]``, where the rule's condition is asked at such.
    """

    reread: Millis
    start: Millis
    end: Millis
    instants: Sequence[Millis] = ()
