"""Events in memory, for detectors' tests: no source, no query."""

from __future__ import annotations

from array import array
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from alerter.clock import Millis
from alerter.detectors import evaluate
from alerter.detectors.protocol import Ask, Question, Unanswered
from alerter.measures import NO_EVENTS, Measure
from alerter.model.incident import Checkpoint, Outcome
from alerter.model.metric import Window
from alerter.model.rule import Condition, Key, Position, Rule
from alerter.spread import NOTHING, Spread
from alerter.windows import EMPTY, Curve


class MemoryEvents:
    """The Events protocol over a list of (time, key) pairs, seen as of an end.

    With ``width`` the curve is known in buckets of that many milliseconds only, and is divided when it is asked for.
    """

    def __init__(
        self,
        pairs: Iterable[tuple[Millis, Key]],
        *,
        start: Millis,
        end: Millis,
        first_document: Millis | None = None,
        width: Millis = 1,
        spreads: Mapping[Key, Spread] | None = None,
        measures: Mapping[Key, Mapping[Window, Measure]] | None = None,
    ) -> None:
        """Take all events there are; the span ``(start, end]`` is what was read, as from a real source."""
        grouped: dict[Key, list[Millis]] = defaultdict(list)
        for at, key in pairs:
            grouped[key].append(at)
        self._all = {key: sorted(times) for key, times in grouped.items()}
        self._end = end
        self._curves = {key: self._counted(key, start, end, width) for key in self._all}
        self._document = first_document
        self._spreads = spreads or {}
        self._measures = measures or {}
        self.warnings: list[str] = []
        self.answered = 0

    def _counted(self, key: Key, start: Millis, end: Millis, width: Millis) -> Curve:
        """Return the curve of ``(start, end]`` in buckets with edges at multiples of the width."""
        inside = [at for at in self._all[key] if start < at <= end]
        edges = sorted(Counter((at - 1) // width * width for at in inside).items())
        spans = [(max(edge, start), min(edge + width, end), count) for edge, count in edges]
        return Curve(array("q", [s for s, _, _ in spans]), array("q", [e for _, e, _ in spans]), [c for *_, c in spans])

    def answer(self, questions: Iterable[Question]) -> None:
        """Divide what is asked for into finer buckets."""
        for question in questions:
            self.answered += 1
            if question.about is Ask.CUT:
                self._cut(question)
                continue
            length = question.end - question.start
            finer = self._counted(question.key, question.start, question.end, -(-length // 8))
            rows = [(b.start, b.end, b.number) for b in finer.buckets(question.start, question.end)]
            self._curves[question.key] = self._curves[question.key].refined([(question.start, question.end)], rows)

    def _cut(self, question: Question) -> None:
        inside = [at for at in self._all[question.key] if question.start < at <= question.end]
        after = [at for at in inside if at > question.at]
        rows = [(question.start, question.at, len(inside) - len(after))]
        if after:
            first, ties = after[0], after.count(after[0])
            rows += [(first - 1, first, ties), (first, question.end, len(after) - ties)]
        curve = self._curves[question.key].refined([(question.start, question.end)], rows)
        self._curves[question.key] = curve

    def changed_since(self, key: Key) -> Millis | None:  # noqa: ARG002 - protocol
        """Return that it is not known."""
        return None

    def keys(self) -> Collection[Key]:
        """Return the keys with events in the span."""
        return [key for key, curve in self._curves.items() if curve.total]

    def curve(self, key: Key) -> Curve:
        """Return the curve of what was read."""
        return self._curves.get(key, EMPTY)

    def spread(self, key: Key) -> Spread:
        """Return the spread given for a key."""
        return self._spreads.get(key, NOTHING)

    def measured(self, key: Key, window: Window) -> Measure:
        """Return the measure given for a key's window."""
        return self._measures.get(key, {}).get(window, NO_EVENTS)

    def documents(self, key: Key, start: Millis, end: Millis) -> Sequence[tuple[Millis, Mapping[str, Any]]]:  # noqa: ARG002
        """Return no documents: rule types of plug-ins are tested through a source."""
        return ()

    def newest(self, key: Key, first: Millis, last: Millis) -> Millis:
        """Return the newest event of a span."""
        return max((at for at in self._all.get(key, ()) if first <= at <= last), default=last)

    def facts(self, key: Key, at: Millis) -> Sequence[Mapping[str, Any]]:  # noqa: ARG002 - protocol
        """Return nothing: lists and what is compared with earlier events are tested through a source."""
        return ()

    def severities(self, key: Key) -> Sequence[str]:  # noqa: ARG002 - protocol
        """Return no severities."""
        return ()

    def first_event(self, key: Key, *, any_key: bool = False) -> Millis | None:
        """Return the first event there ever was."""
        if any_key:
            return min((times[0] for times in self._all.values()), default=None)
        return self._all[key][0] if self._all.get(key) else None

    def first_document(self) -> Millis | None:
        """Return the document given, else the first event."""
        return self._document if self._document is not None else self.first_event(None, any_key=True)

    def history(self) -> None:
        """Return nothing."""
        return


def evaluated(rule: Rule, events: MemoryEvents, checkpoint: Checkpoint, end: Millis) -> Outcome:
    """Evaluate a rule, answering what has to be known first."""
    while True:
        try:
            return evaluate(rule, events, checkpoint, end)
        except Unanswered as unanswered:
            events.answer(unanswered.questions)


def rule(condition: Condition, **settings: Any) -> Rule:
    """Return a rule with this condition and only the settings that matter to the test."""
    defaults: Mapping[str, Any] = {
        "name": "a rule",
        "type": type(condition).__name__.lower(),
        "index": "logs",
        "position": Position("rule.yaml"),
    }
    return Rule(condition=condition, **{**defaults, **settings})
