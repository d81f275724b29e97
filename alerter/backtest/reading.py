"""One reading of a rule's events for all its settings."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from dataclasses import replace

from alerter.clock import Millis
from alerter.detectors import first_checkpoint, reads_from
from alerter.detectors.protocol import FOR_MESSAGES, Question
from alerter.engine.dryrun import patient
from alerter.model.rule import Frequency, Rule
from alerter.sources.events import Events, Spent
from alerter.sources.once import BY_CURVE, Once
from alerter.sources.opening import Reading
from alerter.sources.protocol import Source, SourceError


class OneReading(Once):
    """A Reader that asks for a rule's events once, and shows them to every setting of it.

    They are read as far back as the longest window needs and in buckets as narrow as the shortest one needs. Where
    instants inside a bucket matter to one setting it is divided for all of them. With ``evidence`` off the sample
    documents and charts of messages are not asked for, unless an attribute is taken from the newest event.
    """

    def __init__(
        self, source: Source, rules: Sequence[Rule], start: Millis, end: Millis, *, evidence: bool = False
    ) -> None:
        super().__init__(source)
        self._reading = _reading(rules, start, end)
        self._found: Events | None = None
        self._dispensable = frozenset() if evidence or rules[0].newest else FOR_MESSAGES

    def open(self, readings: Sequence[Reading]) -> list[Events | SourceError]:
        """Return the events for each reading's rule; they must be settings of the one rule."""
        if self._found is None:
            (found,) = super().open([self._reading])
            if isinstance(found, SourceError):
                return [found] * len(readings)
            self._found = found
        return [_judged_by(self._found, reading.rule) for reading in readings]

    def answer(self, asked: Sequence[tuple[Events, Sequence[Question]]]) -> list[SourceError | None]:
        """Let the source answer the questions, but for what is not wanted."""
        for events, questions in asked:
            events.give_up(q for q in questions if q.about in self._dispensable)
        return super().answer([(e, [q for q in asks if q.about not in self._dispensable]) for e, asks in asked])


def _judged_by(events: Events, rule: Rule) -> Events:
    """Return the same events for another setting; what one of them asks, and learns, all know."""
    other = copy(events)
    other.rule, other.asking, other.spent = rule, replace(events.asking, rule=rule), Spent()
    return other


def _reading(rules: Sequence[Rule], start: Millis, end: Millis) -> Reading:
    """Return the reading that serves all settings of a rule over ``(start, end]``."""
    first = min(reads_from(patient(rule, start, end), first_checkpoint(rule, start), end) for rule in rules)
    widest = patient(_loosest(rules), first, end)
    longest = max(rule.timeframe for rule in rules)
    return Reading(widest, first, end, start - (longest - widest.timeframe))


def _loosest(rules: Sequence[Rule]) -> Rule:
    """Return the setting under which no key is left out that matters to any: shortest window, lowest threshold."""
    condition = min((rule.condition for rule in rules), key=lambda c: getattr(c, "timeframe", 0))
    if isinstance(condition, Frequency):
        fewest = min(rule.condition.num_events for rule in rules if isinstance(rule.condition, Frequency))
        condition = replace(condition, num_events=fewest)
    return replace(rules[0], condition=condition)


def readers(source: Source, rules: Sequence[Rule], start: Millis, end: Millis) -> list[OneReading]:
    """Return the reader of each rule: one for all settings where the count curve judges.

    Where values are counted or measured, one for all settings of one window: another one needs other questions.
    """
    if isinstance(rules[0].condition, BY_CURVE):
        return [OneReading(source, rules, start, end)] * len(rules)
    windows = [(rule.timeframe, rule.schedule) for rule in rules]
    alike = {window: [r for r, w in zip(rules, windows, strict=True) if w == window] for window in windows}
    each = {window: OneReading(source, found, start, end) for window, found in alike.items()}
    return [each[window] for window in windows]
