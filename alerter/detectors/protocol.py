"""What a detector sees of the world: the events of a span, by key, and questions that may have to be asked first."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

from alerter.clock import Millis
from alerter.measures import Measure
from alerter.model.history import History
from alerter.model.metric import Window
from alerter.model.rule import Key
from alerter.spread import Spread
from alerter.windows import Curve


class Ask(StrEnum):
    """What a question is about."""

    DETAIL = "detail"
    CUT = "cut"
    NEWEST = "newest"
    VALUES = "values"
    FIRST = "first"
    FIRST_OF_ANY = "first_of_any"
    FIRST_DOCUMENT = "first_document"
    ALIVE = "alive"
    SAMPLES = "samples"
    EVIDENCE = "evidence"
    CHART = "chart"
    TOP = "top"
    TABLE = "table"
    RELATED = "related"


FOR_MESSAGES = frozenset({Ask.SAMPLES, Ask.CHART, Ask.TOP, Ask.TABLE, Ask.RELATED})
"""What only messages show: without an answer the message goes out all the same."""


@dataclass(frozen=True)
class Question:
    """What must be known of a key's events in ``(start, end]``: finer counts, the newest one, values, documents."""

    about: Ask
    key: Key = None
    start: Millis = 0
    end: Millis = 0
    at: Millis = 0


class Unanswered(Exception):
    """The evaluation needs answers first; with them it is made again from its beginning, being pure."""

    def __init__(self, questions: Iterable[Question]) -> None:
        super().__init__("questions must be answered first")
        self.questions = tuple(dict.fromkeys(questions))


class Events(Protocol):
    """The events of one rule over a span that reaches back far enough for every window.

    Each method may raise Unanswered.
    """

    def changed_since(self, key: Key) -> Millis | None:
        """Return from where a key's events may differ from those judged before; None when that is not known."""

    def keys(self) -> Collection[Key]:
        """Return the keys that have events; of a keyed rule at least those that can meet its condition."""

    def curve(self, key: Key) -> Curve:
        """Return the count curve of a key; an empty one for a key without events."""

    def spread(self, key: Key) -> Spread:
        """Return how many different values of the rule's field lie in a key's windows; only for cardinality."""

    def measured(self, key: Key, window: Window) -> Measure:
        """Return the number of a key's events in a window of a nominal instant, and its value; only for metrics."""

    def documents(self, key: Key, start: Millis, end: Millis) -> Sequence[tuple[Millis, Mapping[str, Any]]]:
        """Return a key's events in ``(start, end]``, redacted, oldest first; only for rule types of plug-ins."""

    def newest(self, key: Key, first: Millis, last: Millis) -> Millis:
        """Return the instant of the newest event in ``[first, last]``, where there is one."""

    def facts(self, key: Key, at: Millis) -> Sequence[Mapping[str, Any]]:
        """Return what makes each event of an instant a match, in order of arrival; nothing where all events are."""

    def severities(self, key: Key) -> Sequence[str]:
        """Return the severity of each event, in the order of its times; empty unless read from the event."""

    def first_event(self, key: Key, *, any_key: bool = False) -> Millis | None:
        """Return the time of the key's (or, with ``any_key``, the rule's) very first event, however long ago."""

    def first_document(self) -> Millis | None:
        """Return the time of the earliest document of the rule's index, whether the filter selects it or not."""

    def history(self) -> History | None:
        """Return what is to be known of these events when later ones are judged; only for change."""


@dataclass(frozen=True)
class Span:
    """What is judged: new instants in ``(start, end]``, known ones again in ``(reread, start]`` for late events.

    ``instants`` are the nominal ones of ``(start, end]``, where the rule's condition is asked at such.
    """

    reread: Millis
    start: Millis
    end: Millis
    instants: Sequence[Millis] = ()
