"""Reads a rule's events for one evaluation of a long span."""

from __future__ import annotations

from collections.abc import Sequence

from alerter.clock import thread_seconds
from alerter.model.rule import AnyEvent, Flatline, Frequency, Rule, Spike, ValueList
from alerter.sources.embedded import EmbeddedSource
from alerter.sources.events import Events
from alerter.sources.opening import Reading
from alerter.sources.protocol import UNREADABLE, SourceError, unreadable
from alerter.sources.reader import Reader

BY_CURVE = (Frequency, Spike, Flatline, ValueList, AnyEvent)
"""Conditions that are judged by the number of events alone."""


class Once(Reader):
    """A Reader for spans that are judged once, as of a dry run.

    Where documents are in memory and counts judge, the time of each event is noted: no bucket has to be divided, and
    the span is judged once instead of once a round of questions. Not where a document has several times: it counts at
    each of them, and is noted at one.
    """

    def open(self, readings: Sequence[Reading]) -> list[Events | SourceError]:
        """Return what is known of each rule's events after the first questions, in order."""
        if not all(self._can_note(reading.rule) for reading in readings):
            return super().open(readings)
        return [self._noted(reading) for reading in readings]

    def _can_note(self, rule: Rule) -> bool:
        memory = isinstance(self.source, EmbeddedSource) and self.source.evaluator.is_single(rule.time.name)
        return memory and isinstance(rule.condition, BY_CURVE)

    def _noted(self, reading: Reading) -> Events | SourceError:
        began = thread_seconds()
        try:
            events = self.read(reading.rule, reading.start, reading.end)
        except SourceError as error:
            return error
        except UNREADABLE as error:
            return unreadable(error)
        self.events += events.read
        events.spent.seconds = thread_seconds() - began
        return events
