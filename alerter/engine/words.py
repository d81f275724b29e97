"""How one evaluation's incidents are put into words: labels, the view, and the plain text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from alerter.clock import MINUTE, Millis
from alerter.detectors.protocol import Ask, Question, Unanswered
from alerter.engine.story import Words
from alerter.engine.view import Evidence, build_view
from alerter.model.incident import Change, Match, Transition, View
from alerter.model.rule import Attribute, Flatline, FromEvent, Key, KeyValue, Rule
from alerter.notifiers.text import plain_text
from alerter.redact import redact_document
from alerter.sources.events import Events
from alerter.sources.values import value_at


def words_for(rule: Rule, events: Events) -> Words:
    """Return the words of a rule, with the events just read as evidence; documents are fetched once per match."""
    evidence = _Evidence(rule, events)

    def labels(key: Key, match: Match | None) -> Mapping[str, str]:
        return build_labels(rule, key, evidence.newest(match) if match else {}, evidence.cause(match))

    def view(match: Match, labels: Mapping[str, str], opened: Millis, matches: int) -> View:
        return build_view(rule, match, labels, opened, evidence.of(match), matches)

    def prepare(transitions: Sequence[Transition]) -> None:
        questions: list[Question] = []
        for transition in transitions:
            if transition.match is not None and transition.change is not Change.SUPPRESSED:
                try:
                    evidence.ask(transition.match)
                except Unanswered as unanswered:
                    questions += unanswered.questions
        if questions:
            raise Unanswered(questions)

    return Words(prepare, labels, view, plain_text)


def build_labels(rule: Rule, key: Key, newest: Mapping[str, Any], cause: str = "") -> dict[str, str]:
    """Return what routing sees: built-ins, then the rule's labels; attributes from the event are filled in."""
    labels = {"rule": rule.name, "type": rule.type, "index": rule.index}
    parts = dict(key or ())
    for name, attribute in rule.attributes.items():
        value = _attribute(name, attribute, parts, newest)
        if value is not None:
            labels[name] = value
    if cause:
        labels["cause"] = cause
    return labels


def _attribute(name: str, attribute: Attribute, parts: Mapping[str, KeyValue], newest: Mapping[str, Any]) -> str | None:
    if not isinstance(attribute, FromEvent):
        return str(attribute)
    value = parts.get(name) if attribute.split else attribute.value(value_at(newest, attribute.path))
    if name == "severity":
        return attribute.severity(value)
    return None if value is None else str(value)


class _Evidence:
    """The documents and counts behind a match; what a source could not answer costs the sample, never the message."""

    def __init__(self, rule: Rule, events: Events) -> None:
        self._rule = rule
        self._events = events

    def of(self, match: Match) -> Evidence:
        """Return the newest documents of the match's window, and its counts."""
        self.ask(match)
        counted = not self._rule.is_event_type
        chart = self._events.chart(match.key, self._start(match), match.at) if counted else ()
        return Evidence(self._documents(match), tuple(chart), self._events.asking.parts)

    def ask(self, match: Match) -> None:
        """Make sure that it is known; raises Unanswered."""
        charted = () if self._rule.is_event_type else (Ask.CHART,)
        self._events.need(match.key, self._start(match), match.at, Ask.SAMPLES, *charted)

    def _start(self, match: Match) -> Millis:
        return match.at - (self._rule.timeframe or MINUTE)

    def newest(self, match: Match) -> Mapping[str, Any]:
        """Return the newest document of the match's window, or an empty one; fetched only where attributes need it."""
        if not self._rule.newest:
            return {}
        return next(iter(self._documents(match)), {})

    def cause(self, match: Match | None) -> str:
        """Return ``pipeline`` when nothing at all arrived in a flatline's window, ``silent`` when other data did."""
        condition = self._rule.condition
        if match is None or not isinstance(condition, Flatline) or condition.alive is None:
            return ""
        alive = self._events.alive_count(match.at - condition.timeframe, match.at)
        return "silent" if alive else "pipeline"

    def _documents(self, match: Match) -> tuple[Mapping[str, Any], ...]:
        found = self._events.samples(match.key, self._start(match), match.at)
        return tuple(redact_document(document, self._rule.redact) for document in found)
