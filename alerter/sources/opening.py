"""The first questions about one rule: what is asked for at the beginning of its evaluation, step by step."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field, replace

from alerter.clock import Millis
from alerter.model.history import History, NewTerm, ValueChange
from alerter.model.rule import Custom, Frequency, Measuring, Rule, ValueList
from alerter.sources.asking import Asking
from alerter.sources.candidates import SIZES, CandidatePage, Candidates
from alerter.sources.changing import changes
from alerter.sources.counting import Counting, Counts, add, read_all
from alerter.sources.events import Events, Spent
from alerter.sources.hits import HitEvents
from alerter.sources.judged import Judged, alone
from alerter.sources.judged import Steps as JudgingSteps
from alerter.sources.metered_hits import MeteredHits
from alerter.sources.metering import Measures, measured, windows_of
from alerter.sources.parts import Types
from alerter.sources.protocol import UNREADABLE, Answer, Hit, SearchRequest, Source, SourceError, unreadable
from alerter.sources.spreading import Slice, Spreading
from alerter.sources.tally import Tally
from alerter.sources.terms import Seen, new_terms
from alerter.sources.window_hits import WindowHits

Steps = Generator[list[SearchRequest], list[Answer], Counts]
"""Yields what is to be asked, is sent the answers, returns the counts of raw keys."""
FEW = 1_000
"""Events that a list may name are listed in a shared request where it holds all of them; more are read in pages."""
PAGED = "no few keys stand out: every key is counted, 10,000 a request; see alerter status --costly"


@dataclass(frozen=True)
class Reading:
    """What is to be read of a rule: events of ``(start, end]``, those up to ``evaluated`` for the second time.

    ``history`` is what its checkpoint knows of before.
    """

    rule: Rule
    start: Millis
    end: Millis
    evaluated: Millis
    history: History | None = None


@dataclass
class Plan:
    """What is kept of a rule between evaluations: how it is asked for, and its counts."""

    rule: Rule
    asking: Asking
    counting: Counting | None
    tally: Tally
    made: Millis
    loosens: bool = False
    size: int = SIZES[0]
    spreading: Spreading | None = None
    seen: Seen = field(default_factory=Seen)
    types: Types = field(default_factory=dict)

    def renew(self, made: Millis) -> None:
        """Let it count as made now; what was found out by asking is tried anew, as with a new plan."""
        self.made = made
        self.size = SIZES[0]
        self.loosens = self.asking.may_be_loose(self.types)


class Opening:
    """The first questions about one rule: its counts since they were asked for last, or of all its windows.

    ``wanted`` is to be asked next, until ``found`` is there.
    """

    def __init__(self, plan: Plan, counting: Counting, reading: Reading, source: Source) -> None:
        self.plan = plan
        self.counting = counting
        self.reading = reading
        self.counted = 0
        self.spent = Spent()
        self.reader = source
        self.source = Metered(source, self.spent)
        self.found: Events | SourceError | None = None
        self._notes: list[str] = []
        self._asked = reading.start
        if not counting.by_candidates:
            reread = counting.edge(reading.evaluated - reading.rule.buffer_time)
            self._asked = plan.tally.asks_from(reading.start, reread)
        self.asking = plan.asking
        if plan.loosens:
            self.asking = replace(plan.asking, loose=(reading.start, reading.end))
            self.counting = replace(counting, asking=self.asking)
        self._measures: Measures = {}
        self._judged: Judged | None = None
        self._listed: Sequence[Hit] | None = None
        self._steps = self._chosen()
        self.wanted = next(self._steps)

    def take(self, answers: Sequence[Answer | SourceError]) -> None:
        """Go on with the answers to what was wanted."""
        try:
            sure = [_sure(answer) for answer in answers]
            for answer in sure:
                self.spent.answered(answer)
            self.found = self._go_on(sure)
        except SourceError as error:
            self.found = error
        except UNREADABLE as error:
            self.found = unreadable(error)

    def _go_on(self, answers: list[Answer]) -> Events | None:
        """Return the events once nothing more is wanted; some are read one by one then. Raises SourceError."""
        try:
            self.wanted = self._steps.send(answers)
        except StopIteration as done:
            return self._events(done.value)
        return None

    def _ask(
        self, requests: Callable[[], list[SearchRequest]]
    ) -> Generator[list[SearchRequest], list[Answer], list[Answer]]:
        """Ask for events near their ``@timestamp`` only, and in the same request whether that leaves none out.

        Where it does, everything is asked again without that, and from then on.
        """
        if self.plan.loosens:
            outside = self.plan.asking.outside(self.reading.start, self.reading.end)
            found, *answers = yield [outside, *requests()]
            if not found.total:
                return answers
            self.plan.loosens, self.asking = False, self.plan.asking
            self.counting = replace(self.counting, asking=self.asking)
        return (yield requests())

    def _chosen(self) -> Steps:
        if isinstance(self.reading.rule.condition, Measuring):
            return self._by_windows()
        if isinstance(self.reading.rule.condition, ValueChange | NewTerm):
            return self._by_judging()
        return self._by_candidates() if self.counting.by_candidates else self._by_counts()

    def _by_windows(self) -> Steps:
        """Find out the values of the windows of nominal instants; there are no counts."""
        judged = (self.reading.evaluated, self.reading.end)
        steps = measured(self.reading.rule, judged, self.plan.spreading, lambda: self.counting, self._ask, self.source)
        self._measures, self.counted = yield from steps
        return {}

    def _by_judging(self) -> Steps:
        """Find out which events differ from earlier ones; there are no counts."""
        yield []  # there may be nothing to ask, but to read
        self._judged = yield from judging(self.plan, self.counting, self.reading, self.reader)
        return {}

    def _by_counts(self) -> Steps:
        spans = list(self.counting.chunks(self._asked, self.reading.end))
        asked = [(combination, span) for combination in self.counting.combinations for span in spans]
        spreading, judged = self.plan.spreading, (self.reading.evaluated, self.reading.end)

        def slices() -> list[Slice]:
            return spreading.slices(self.counting, *judged) if spreading is not None else []

        def requests() -> list[SearchRequest]:
            counts = [self.counting.request(combination, *span) for combination, span in asked]
            return [*counts, *(part.request() for part in slices())]

        answers = yield from self._ask(requests)
        counts: Counts = {}
        for (combination, span), answer in zip(asked, answers[: len(asked)], strict=True):
            _join(counts, read_all(self.source, self.counting, combination, answer, *span))
        if spreading is not None:
            spreading.take(slices(), answers[len(asked) :], self.source, *judged)
        if isinstance(self.reading.rule.condition, ValueList) and 0 < _number(counts) < FEW:
            (answer,) = yield [self.asking.first(self.reading.start, self.reading.end, FEW)]
            self._listed = answer.hits if len(answer.hits) < FEW else None  # by now there may be more of them
        return counts

    def _by_candidates(self) -> Steps:
        """Find out first which keys can match, then count these."""
        condition, span = self.reading.rule.condition, (self._asked, self.reading.end)
        assert isinstance(condition, Frequency)
        (part,) = self.counting.free
        two_in_one = part.split is not None and part.split.default is not None  # the default, and no value at all
        least = -(-condition.num_events // 2) if two_in_one else condition.num_events

        def candidates_of() -> list[Candidates]:
            return [Candidates(self.counting, c, *span, least) for c in self.counting.combinations]

        answers = yield from self._ask(lambda: [of.first(self.plan.size) for of in candidates_of()])
        each = candidates_of()
        pages: list[CandidatePage] = []
        for candidates, answer in zip(each, answers, strict=True):
            values, size = candidates.read(answer, self.source, self.plan.size)
            self.plan.size = size or SIZES[-1]
            if not size:
                self._notes.append(f"keys_paged: {PAGED}")
            pages += candidates.pages(values)
        counts: Counts = {}
        if pages:
            answers = yield [page.request() for page in pages]
            for page, answer in zip(pages, answers, strict=True):
                _join(counts, page.read(answer, self.source))
        return counts

    def _events(self, counts: Counts) -> Events:
        rule, start, end = self.reading.rule, self.reading.start, self.reading.end
        if self._judged is not None:
            self.counted, spent = self._judged.read, self._judged.spent
            self.spent.hits += spent.hits
            self.spent.buckets += spent.buckets
            self.spent.requests += spent.requests
            return self._judged
        if isinstance(rule.condition, Measuring):
            found = Events(rule, self.asking, start, end)
            found.measures = {found.hidden(key): windows for key, windows in self._measures.items()}
            self.spent.buckets = sum(map(len, self._measures.values()))
            return found
        self.spent.buckets = sum(map(len, counts.values()))
        self.counted = _number(counts)
        if isinstance(rule.condition, ValueList) and self.counted:
            return HitEvents(rule, self.reader, self.asking, start, end, self._listed)
        events = Events(rule, self.asking, start, end)
        events.warnings += self._notes
        tally = self.plan.tally
        if self.counting.by_candidates:
            reread = self.counting.edge(self.reading.evaluated - self.reading.rule.buffer_time)
            changed = tally.replace(start, reread, end, counts)
        else:
            changed = tally.merge(start, self._asked, end, counts)
        events.curves = {events.hidden(key): curve for key, curve in tally.curves.items()}
        if self.plan.spreading is not None:
            events.spreads = {events.hidden(key): found for key, found in self.plan.spreading.spreads().items()}
        events.changed = {events.hidden(key): since for key, since in changed.items()}
        tally.forget()
        return events


def judging(plan: Plan, counting: Counting | None, reading: Reading, source: Source) -> JudgingSteps[Judged]:
    """Find out which events of a change rule or a new_term rule differ from earlier ones. Raises SourceError."""
    rule, reads = reading.rule, (reading.start, reading.end)
    if isinstance(rule.condition, ValueChange):
        return changes(rule, plan.asking, counting, reads, source, reading.history)
    return new_terms(rule, plan.asking, counting, reads, source, plan.seen)


def hit_events(plan: Plan, source: Source, reading: Reading) -> HitEvents | Judged:
    """Read every event. Raises SourceError."""
    rule, asking = reading.rule, plan.asking
    if isinstance(rule.condition, ValueChange | NewTerm):
        return alone(judging(plan, None, reading, source), source)
    if isinstance(rule.condition, Measuring):
        windows = windows_of(rule, reading.evaluated, reading.end)
        return MeteredHits(rule, source, asking, reading.start, reading.end, windows)
    if isinstance(rule.condition, Custom):
        return WindowHits(rule, source, asking, reading.start, reading.end)
    return HitEvents(rule, source, asking, reading.start, reading.end)


class Metered:
    """A source whose answers are counted as one rule's."""

    def __init__(self, source: Source, spent: Spent) -> None:
        self._source = source
        self._spent = spent

    def search(self, requests: Sequence[SearchRequest]) -> list[Answer | SourceError]:
        """Answer each request in order; each fails alone."""
        answers = self._source.search(requests)
        for answer in answers:
            if isinstance(answer, Answer):
                self._spent.answered(answer)
        return answers


def _sure(answer: Answer | SourceError) -> Answer:
    if isinstance(answer, SourceError):
        raise answer
    return answer


def _number(counts: Counts) -> int:
    """Return the number of events in all buckets."""
    return sum(row[2] for rows in counts.values() for row in rows)


def _join(counts: Counts, found: Counts) -> None:
    """Add the buckets of an answer to those of others."""
    for key, rows in found.items():
        if key in counts:
            add(counts, ((key, row) for row in rows))
        else:
            counts[key] = rows
