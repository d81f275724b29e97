"""Reads what evaluations need from any source: all rules due together in shared requests, each failing alone."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from alerter.clock import MINUTE, Millis, thread_seconds
from alerter.detectors.protocol import Question
from alerter.model.rule import Frequency, Rule
from alerter.sources.asking import Asking, Types, loose_range
from alerter.sources.candidates import SIZES, Candidates
from alerter.sources.counting import Combination, Counting, Counts, add, kept_width, only_answer, read_all
from alerter.sources.events import Events, Take
from alerter.sources.hits import HitEvents, walk
from alerter.sources.protocol import Answer, SearchRequest, Source, SourceError
from alerter.sources.tally import Tally
from alerter.sources.timefield import time_reader

MAPPING_AGE: Millis = 5 * MINUTE
"""Event time after which a rule's mapping is looked at again."""


@dataclass(frozen=True)
class Reading:
    """What is to be read of a rule: events of ``(start, end]``, those up to ``evaluated`` for the second time."""

    rule: Rule
    start: Millis
    end: Millis
    evaluated: Millis


@dataclass
class _Plan:
    """What is kept of a rule between evaluations: how it is asked for, and its counts."""

    rule: Rule
    asking: Asking
    counting: Counting | None
    tally: Tally
    made: Millis
    size: int = SIZES[0]


class Reader:
    """Asks a source for what rules need to know; ``events`` counts what was read or counted so far."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.events = 0
        self._plans: dict[str, _Plan] = {}

    def open(self, readings: Sequence[Reading]) -> list[Events | SourceError]:
        """Return what is known of each rule's events after the first questions, in order."""
        plans = self._planned(readings)
        found: list[Events | SourceError | None] = [p if isinstance(p, SourceError) else None for p in plans]
        batch: list[tuple[int, SearchRequest]] = []
        openings: dict[int, _Opening] = {}
        for at, (reading, plan) in enumerate(zip(readings, plans, strict=True)):
            if isinstance(plan, SourceError):
                continue
            if plan.counting is None:
                found[at] = self._read_hits(plan, reading)
                continue
            openings[at] = _Opening(plan, plan.counting, reading)
            batch += [(at, request) for request in openings[at].requests()]
        answers: dict[int, list[Answer | SourceError]] = defaultdict(list)
        for (at, _), answer in zip(batch, self.source.search([request for _, request in batch]), strict=True):
            answers[at].append(answer)
        for at, opening in openings.items():
            found[at] = self._opened(opening, answers[at])
        return [events for events in found if events is not None]

    def answer(self, asked: Sequence[tuple[Events, Sequence[Question]]]) -> list[SourceError | None]:
        """Let the source answer each rule's questions, all in shared requests; returns what failed."""
        failed: list[SourceError | None] = [None] * len(asked)
        batch: list[tuple[int, SearchRequest, Take]] = []
        for at, (events, questions) in enumerate(asked):
            batch += [(at, request, take) for request, take in events.requests(questions)]
        for (at, _, take), answer in zip(batch, self.source.search([r for _, r, _ in batch]), strict=True):
            if isinstance(answer, SourceError):
                failed[at] = failed[at] or answer
            else:
                take(answer)
                asked[at][0].spent.answered(answer)
        for at, (events, questions) in enumerate(asked):
            unanswered = [q for q in questions if q not in events.known]
            if failed[at] is not None and events.give_up(unanswered):
                failed[at] = None
        return failed

    def forget(self, names: Iterable[str]) -> None:
        """Let go what is kept of rules that are gone or that failed."""
        for name in names:
            self._plans.pop(name, None)

    def read(self, rule: Rule, start: Millis, end: Millis) -> HitEvents:
        """Read every event of the rule in ``(start, end]`` one by one. Raises SourceError."""
        types = self.source.field_types(rule.index, Asking.wanted(rule))
        return HitEvents(rule, self.source, Asking.of(rule, types), start, end)

    def extent(self, rule: Rule) -> tuple[Millis | None, Millis | None]:
        """Return the time of the earliest and latest document of the rule's index, selected or not."""
        reader = time_reader(rule, self.source.field_types(rule.index, [rule.time.name]))
        if reader.pushed:
            answer = only_answer(self.source, reader.edges(rule.index))
            return reader.edge(answer, "first"), reader.edge(answer, "last")
        times = [at for at, _ in walk(self.source, rule.index, reader, ())]
        return (min(times), max(times)) if times else (None, None)

    # --- plans -------------------------------------------------------------------------------------------------

    def _planned(self, readings: Sequence[Reading]) -> list[_Plan | SourceError]:
        """Return each rule's plan, made anew where its mapping was not looked at for a while."""
        stale = [reading for reading in readings if self._is_stale(reading)]
        types = self._types(reading.rule for reading in stale)
        errors: dict[str, SourceError] = {}
        for reading in stale:
            found = types[reading.rule.index]
            try:
                if isinstance(found, SourceError):
                    raise found
                self._plan(reading, found)
            except SourceError as error:
                self._plans.pop(reading.rule.name, None)
                errors[reading.rule.name] = error
        return [errors.get(r.rule.name) or self._plans[r.rule.name] for r in readings]

    def _is_stale(self, reading: Reading) -> bool:
        plan = self._plans.get(reading.rule.name)
        if plan is None or (plan.rule is not reading.rule and plan.rule != reading.rule):
            return True
        unsure = bool(plan.asking.warnings) or self.source.kind == "embedded"
        return unsure or not plan.made <= reading.end < plan.made + MAPPING_AGE

    def _types(self, rules: Iterable[Rule]) -> dict[str, Types | SourceError]:
        """Look at the mapping of each index once."""
        fields: dict[str, dict[str, None]] = defaultdict(dict)
        for rule in rules:
            fields[rule.index] |= dict.fromkeys(Asking.wanted(rule))
        found: dict[str, Types | SourceError] = {}
        for index, names in fields.items():
            try:
                found[index] = self.source.field_types(index, list(names))
            except SourceError as error:
                found[index] = error
        return found

    def _plan(self, reading: Reading, types: Types) -> None:
        rule = reading.rule
        asking = Asking.of(rule, types)
        if asking.may_be_loose(types):
            asking = replace(asking, loose=self._is_loose(asking, reading))
        counting = Counting.of(asking) if asking.counts else None
        before = self._plans.get(rule.name)
        same = before is not None and (before.rule is rule or before.rule == rule) and before.asking == asking
        tally = before.tally if before is not None and same else Tally(kept_width(rule))
        self._plans[rule.name] = _Plan(rule, asking, counting, tally, reading.end)

    def _is_loose(self, asking: Asking, reading: Reading) -> bool:
        """Whether ``@timestamp`` lies near the rule's own time in every event of the span; asked, never assumed."""
        outside = {"bool": {"must_not": [loose_range(reading.start, reading.end)]}}
        query = {"bool": {"filter": [asking.time.range(reading.start, reading.end), outside]}}
        body = {"size": 0, "query": query, "track_total_hits": 1}
        return not only_answer(self.source, SearchRequest(asking.rule.index, body)).total

    # --- first answers -----------------------------------------------------------------------------------------

    def _read_hits(self, plan: _Plan, reading: Reading) -> Events | SourceError:
        began = thread_seconds()
        try:
            events = HitEvents(reading.rule, self.source, plan.asking, reading.start, reading.end)
        except SourceError as error:
            return error
        self.events += events.read
        events.spent.seconds = thread_seconds() - began
        return events

    def _opened(self, opening: _Opening, answers: Sequence[Answer | SourceError]) -> Events | SourceError:
        began = thread_seconds()
        try:
            events = opening.read(self.source, answers)
        except SourceError as error:
            self.forget([opening.plan.rule.name])
            return error
        self.events += opening.counted
        for answer in answers:
            if isinstance(answer, Answer):
                events.spent.answered(answer)
        events.spent.buckets = opening.rows
        events.spent.seconds = thread_seconds() - began
        return events


class _Opening:
    """The first questions about one rule: its counts since they were asked for last, or of all its windows."""

    def __init__(self, plan: _Plan, counting: Counting, reading: Reading) -> None:
        self.plan = plan
        self.counting = counting
        self.reading = reading
        self.counted = 0
        self.rows = 0
        self._asked = reading.start
        if not counting.by_candidates:
            reread = counting.edge(reading.evaluated - reading.rule.buffer_time)
            self._asked = plan.tally.asks_from(reading.start, reread)

    def requests(self) -> Iterator[SearchRequest]:
        for combination in self.counting.combinations:
            if self.counting.by_candidates:
                yield self._candidates(combination).first(self.plan.size)
            else:
                for span in self.counting.chunks(self._asked, self.reading.end):
                    yield self.counting.request(combination, *span)

    def read(self, source: Source, answers: Sequence[Answer | SourceError]) -> Events:
        """Return the events as far as they are known now. Raises SourceError."""
        counts: Counts = {}
        given = iter(answers)
        for combination in self.counting.combinations:
            if self.counting.by_candidates:
                self._add_candidates(counts, source, combination, next(given))
                continue
            for span in self.counting.chunks(self._asked, self.reading.end):
                found = read_all(source, self.counting, combination, _sure(next(given)), *span)
                _join(counts, found)
        self.rows = sum(map(len, counts.values()))
        self.counted = sum(row[2] for rows in counts.values() for row in rows)
        events = Events(self.reading.rule, self.plan.asking, self.reading.start, self.reading.end)
        tally, start, end = self.plan.tally, self.reading.start, self.reading.end
        if self.counting.by_candidates:
            reread = self.counting.edge(self.reading.evaluated - self.reading.rule.buffer_time)
            changed = tally.replace(start, reread, end, counts)
        else:
            changed = tally.merge(start, self._asked, end, counts)
        events.curves = {events.hidden(key): curve for key, curve in tally.curves.items()}
        events.changed = {events.hidden(key): since for key, since in changed.items()}
        tally.forget()
        return events

    def _candidates(self, combination: Combination) -> Candidates:
        condition = self.reading.rule.condition
        assert isinstance(condition, Frequency)
        return Candidates(self.counting, combination, self._asked, self.reading.end, condition.num_events)

    def _add_candidates(
        self, counts: Counts, source: Source, combination: Combination, answer: Answer | SourceError
    ) -> None:
        candidates = self._candidates(combination)
        values, self.plan.size = candidates.read(_sure(answer), source, self.plan.size)
        for at in range(0, len(values), 1_000):
            few = values[at : at + 1_000]
            only = [candidates.clause(few)]
            for span in self.counting.chunks(self._asked, self.reading.end):
                size = self.counting.page(len(few), *span)
                first = only_answer(source, self.counting.request(combination, *span, only=only, size=size))
                _join(counts, read_all(source, self.counting, combination, first, *span, only, size))


def _sure(answer: Answer | SourceError) -> Answer:
    if isinstance(answer, SourceError):
        raise answer
    return answer


def _join(counts: Counts, found: Counts) -> None:
    """Add the buckets of an answer to those of others."""
    for key, rows in found.items():
        if key in counts:
            add(counts, ((key, row) for row in rows))
        else:
            counts[key] = rows
