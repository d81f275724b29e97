"""What is known of one rule's events over a span, and the questions that a source must answer to know more."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from alerter.clock import SECOND, Millis
from alerter.detectors.protocol import FOR_MESSAGES, Ask, Question, Unanswered
from alerter.measures import NO_EVENTS, Measure
from alerter.model.cost import Cost
from alerter.model.history import History
from alerter.model.metric import Window
from alerter.model.rule import Key, KeyValue, Rule, ValueList
from alerter.model.texts import Top
from alerter.redact import hide, is_hidden
from alerter.sources import counted
from alerter.sources.asking import Asking
from alerter.sources.details import Details
from alerter.sources.lists import ListCheck
from alerter.sources.parts import Part
from alerter.sources.protocol import Answer, SearchRequest
from alerter.sources.questions import ASK
from alerter.spread import NOTHING, Spread
from alerter.windows import EMPTY, Curve

Take = Callable[[Answer], None]


@dataclass
class Spent:
    """What knowing a rule's events took so far; see Cost."""

    seconds: float = 0.0
    requests: int = 0
    buckets: int = 0
    hits: int = 0
    server_ms: int = 0

    def answered(self, answer: Answer, buckets: int = 0) -> None:
        """Count one answer."""
        self.requests += 1
        self.buckets += buckets
        self.hits += len(answer.hits)
        self.server_ms += answer.took

    def cost(self) -> Cost:
        """Return the sum: the time of this program's thread and that of the server."""
        seconds = self.seconds + self.server_ms / SECOND
        return Cost(seconds, self.requests, self.buckets, self.hits, self.server_ms)


class Events:
    """The events of one rule over a span, by key: redacted keys, but raw values for asking again."""

    def __init__(self, rule: Rule, asking: Asking, start: Millis, end: Millis) -> None:
        self.rule = rule
        self.asking = asking
        self.start = start
        self.end = end
        self.changed: dict[Key, Millis] = {}
        self.warnings: list[str] = list(asking.warnings)
        self.curves: dict[Key, Curve] = {}
        self.spreads: dict[Key, Spread] = {}
        self.measures: dict[Key, dict[Window, Measure]] = {}
        self.known: dict[Question, Any] = {}
        self.check = ListCheck(rule.condition) if isinstance(rule.condition, ValueList) else None
        self.spent = Spent()
        self._raw: dict[Key, Key] = {}

    # --- filling -----------------------------------------------------------------------------------------------

    def hidden(self, raw: Key) -> Key:
        """Return a key as it may be shown, and remember what it stands for."""
        if raw is None:
            return None
        paths = [part.split.path if part.split else part.name for part in self.asking.parts]
        values = (hide(path, value, self.rule.redact) for path, (_, value) in zip(paths, raw, strict=True))
        key = tuple(zip(self.asking.names, values, strict=True))
        self._raw[key] = raw
        return key

    def raw(self, key: Key) -> Key:
        """Return the key with its values in clear, where they are known."""
        return self._raw.get(key, key)

    def shown(self, value: KeyValue) -> KeyValue:
        """Return a compared value as it may be shown."""
        return hide(self.check.path, value, self.rule.redact) if self.check is not None else value

    # --- what detectors ask ------------------------------------------------------------------------------------

    def changed_since(self, key: Key) -> Millis | None:
        """Return from where a key's events may differ from those judged before."""
        return self.changed.get(key)

    def keys(self) -> Collection[Key]:
        """Return the keys that have events."""
        return (self.measures or self.curves).keys()

    def curve(self, key: Key) -> Curve:
        """Return the count curve of a key."""
        return self.curves.get(key, EMPTY)

    def spread(self, key: Key) -> Spread:
        """Return how many different values of the rule's field lie in a key's windows."""
        return self.spreads.get(key, NOTHING)

    def measured(self, key: Key, window: Window) -> Measure:
        """Return the number of a key's events in a window that judges an instant of the span, and its value."""
        return self.measures.get(key, {}).get(window, NO_EVENTS)

    def documents(self, key: Key, start: Millis, end: Millis) -> Sequence[tuple[Millis, Mapping[str, Any]]]:  # noqa: ARG002
        """Return nothing: where rule types of plug-ins judge, every event is read."""
        return ()

    def newest(self, key: Key, first: Millis, last: Millis) -> Millis:
        """Return the instant of the newest event in ``[first, last]``; ``last`` where that cannot be asked for."""
        if key not in self._raw and is_hidden(key):
            return last
        found: Millis | None = self._answer(Question(Ask.NEWEST, key, first - 1, last))
        return last if found is None else found

    def facts(self, key: Key, at: Millis) -> Sequence[Mapping[str, Any]]:
        """Return the compared value of each event of an instant; only for list rules."""
        return [{"value": value} for value in self.values(key, at)] if self.check is not None else ()

    def values(self, key: Key, at: Millis) -> Sequence[KeyValue]:
        """Return the compared value of each event of an instant."""
        found: Sequence[KeyValue] = self._answer(Question(Ask.VALUES, key, at - 1, at))
        return found

    def severities(self, key: Key) -> Sequence[str]:  # noqa: ARG002 - known only where every event is read
        """Return nothing: where severities are read from events, every event is read."""
        return ()

    def first_event(self, key: Key, *, any_key: bool = False) -> Millis | None:
        """Return the time of the very first event of a key, or of the rule; None when it cannot be asked for."""
        if not any_key and key not in self._raw and is_hidden(key):
            return None
        found: Millis | None = self._answer(Question(Ask.FIRST_OF_ANY) if any_key else Question(Ask.FIRST, key))
        return found

    def first_document(self) -> Millis | None:
        """Return the time of the index's earliest document."""
        found: Millis | None = self._answer(Question(Ask.FIRST_DOCUMENT))
        return found

    def history(self) -> History | None:
        """Return nothing: only change rules remember what events held."""
        return None

    @property
    def key_parts(self) -> Sequence[Part]:
        """The fields that keys are made of."""
        return self.asking.parts

    # --- what messages ask -------------------------------------------------------------------------------------

    def alive_count(self, start: Millis, end: Millis) -> int:
        """Return how many documents of the rule's ``alive`` filter lie in ``(start, end]``."""
        found: int = self._answer(Question(Ask.ALIVE, None, start, end))
        return found

    def samples(self, key: Key, start: Millis, end: Millis) -> Sequence[Mapping[str, Any]]:
        """Return the newest documents of a key's events in ``(start, end]``, newest first, as ``include`` says."""
        found: Sequence[Mapping[str, Any]] = self._answer(Question(Ask.SAMPLES, key, start, end))
        return found

    def evidence(self, key: Key, start: Millis, end: Millis) -> Sequence[Mapping[str, Any]]:
        """Return the documents that enhancements are shown: the newest of a key's events in ``(start, end]``.

        Of types that judge single events all of them, in order of arrival; the span is then one instant.
        """
        found: Sequence[Mapping[str, Any]] = self._answer(Question(Ask.EVIDENCE, key, start, end))
        return found

    def chart(self, key: Key, start: Millis, end: Millis) -> Sequence[tuple[Millis, float]]:
        """Return the number of a key's events in each of ``BARS`` parts of ``(start, end]``, by the part's end."""
        found: Sequence[tuple[Millis, float]] = self._answer(Question(Ask.CHART, key, start, end))
        return found

    def tops(self, key: Key, start: Millis, end: Millis) -> Sequence[Top]:
        """Return the most frequent values in ``(start, end]`` of each field that ``top_count_keys`` names."""
        found: Sequence[Top] = self._answer(Question(Ask.TOP, key, start, end))
        return found

    def table(self, key: Key, start: Millis, end: Millis) -> Sequence[counted.Row]:
        """Return the rows of the rule's summary table in ``(start, end]``, the most frequent first."""
        found: Sequence[counted.Row] = self._answer(Question(Ask.TABLE, key, start, end))
        return found

    def related(self, key: Key, start: Millis, end: Millis) -> tuple[Sequence[Mapping[str, Any]], int]:
        """Return the events in ``(start, end]`` but for the newest, newest first, and how many there are."""
        return self._answer(Question(Ask.RELATED, key, start, end)) or ((), 0)

    def need(self, key: Key, start: Millis, end: Millis, *abouts: Ask) -> None:
        """Raise Unanswered for all of these that are not known yet, so that they are asked for together."""
        missing = [q for about in abouts if (q := Question(about, key, start, end)) not in self.known]
        if missing:
            raise Unanswered(missing)

    def _answer(self, question: Question) -> Any:
        if question not in self.known:
            raise Unanswered([question])
        return self.known[question]

    # --- asking the source -------------------------------------------------------------------------------------

    def requests(self, questions: Sequence[Question]) -> Iterator[tuple[SearchRequest, Take]]:
        """Yield the requests that answer these questions, each with what takes its answer."""
        dividing = (Ask.DETAIL, Ask.CUT)
        yield from Details(self).requests([q for q in questions if q.about in dividing])
        for question in questions:
            if question.about not in dividing:
                request, read = ASK[question.about](self, question)
                yield request, _taker(self.known, question, read)

    def give_up(self, questions: Iterable[Question]) -> bool:
        """Note that questions got no answer; returns whether the evaluation can do without (samples, charts)."""
        questions = list(questions)
        self.known |= {q: () for q in questions if q.about in FOR_MESSAGES}
        return all(q.about in FOR_MESSAGES for q in questions)

    def key_clauses(self, key: Key) -> list[dict[str, Any]]:
        """Return the clauses that select the events of one key."""
        return self.asking.key_clauses(self.raw(key))


def _taker(known: dict[Question, Any], question: Question, read: Callable[[Answer], Any]) -> Take:
    def take(answer: Answer) -> None:
        known[question] = read(answer)

    return take


def exact_curves(times: Mapping[Key, Iterable[Millis]]) -> dict[Key, Curve]:
    """Return the curves of keys whose events' ascending times are all known."""
    return {key: Curve.of_times(array("q", found)) for key, found in times.items()}
