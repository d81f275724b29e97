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
from alerter.model.texts import Top
from alerter.notifiers.text import plain_text
from alerter.redact import redact_document
from alerter.sources.counted import Row
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
        texts, named = rule.texts, events.asking.named
        columns = texts.table.columns if texts.table is not None else ()
        top, table = any(n in named for n in texts.top), any(c.path in named for c in columns)
        wanted = ((Ask.TOP, top), (Ask.TABLE, table), (Ask.RELATED, texts.related and rule.timeframe > 0))
        self._wanted = [about for about, asked in wanted if asked and events.asking.time.pushed]

    def of(self, match: Match) -> Evidence:
        """Return the newest documents of the match's window, and its counts."""
        self.ask(match)
        counted = not self._rule.is_event_type
        chart = self._events.chart(match.key, self._start(match), match.at) if counted else ()
        documents, parts = self._documents(match), self._events.key_parts
        return Evidence(documents, tuple(chart), parts, *self._counted(match))

    def ask(self, match: Match) -> None:
        """Make sure that it is known; raises Unanswered."""
        charted = () if self._rule.is_event_type else (Ask.CHART,)
        near = (Ask.SAMPLES, *charted, *(about for about in self._wanted if about is Ask.RELATED))
        wide = [about for about in self._wanted if about is not Ask.RELATED]
        questions: list[Question] = []
        for start, abouts in ((self._start(match), near), (self._wide_start(match), wide)):
            try:
                self._events.need(match.key, start, match.at, *abouts)
            except Unanswered as unanswered:
                questions += unanswered.questions
        if questions:
            raise Unanswered(questions)

    def _counted(self, match: Match) -> tuple[Sequence[Top], Sequence[Row], Sequence[Mapping[str, Any]], int]:
        """Return what ElastAlert's options ask for: most frequent values, rows of a table, the other events."""
        place = (match.key, self._wide_start(match), match.at)
        tops = self._events.tops(*place) if Ask.TOP in self._wanted else ()
        rows = self._events.table(*place) if Ask.TABLE in self._wanted else ()
        if Ask.RELATED not in self._wanted:
            return tops, rows, (), 0
        others, total = self._events.related(match.key, self._start(match), match.at)
        return tops, rows, [redact_document(document, self._rule.redact) for document in others], total

    def _wide_start(self, match: Match) -> Millis:
        """Return from where values are counted: a flatline's own window holds too little to tell."""
        gathering = self._rule.texts.gathering
        length = self._rule.timeframe or (gathering.period if gathering is not None else 0) or 10 * MINUTE
        return match.at - (2 * length if isinstance(self._rule.condition, Flatline) else length)

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
