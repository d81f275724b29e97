"""Reads what evaluations need from any source: all rules due together in shared requests, each failing alone."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from alerter.clock import MINUTE, Millis, thread_seconds
from alerter.detectors.protocol import Question
from alerter.model.rule import Rule
from alerter.sources.asking import Asking
from alerter.sources.clusters import Clusters
from alerter.sources.counting import Counting, kept_width, only_answer
from alerter.sources.events import Events, Take
from alerter.sources.hits import HitEvents
from alerter.sources.languages import Place, place_of, types_of
from alerter.sources.opening import Opening, Plan, Reading, hit_events
from alerter.sources.parts import Types
from alerter.sources.protocol import UNREADABLE, Answer, SearchRequest, Source, SourceError, unreadable
from alerter.sources.read_out import walk
from alerter.sources.spreading import Spreading
from alerter.sources.tally import Tally
from alerter.sources.terms import Seen
from alerter.sources.timefield import time_reader

MAPPING_AGE: Millis = 5 * MINUTE
"""Event time after which a rule's mapping is looked at again."""


class Reader:
    """Asks a source for what rules need to know; ``events`` counts what was read or counted so far.

    With ``clusters`` rules that name a cluster are asked of that; else all are asked of the one source.
    """

    def __init__(self, source: Source, clusters: Clusters | None = None) -> None:
        self.source = source
        self._clusters = clusters
        self.events = 0
        self._plans: dict[str, Plan] = {}

    def open(self, readings: Sequence[Reading]) -> list[Events | SourceError]:
        """Return what is known of each rule's events after the first questions, in order."""
        found: dict[int, Events | SourceError] = {}
        openings: dict[int, Opening] = {}
        for at, (reading, plan) in enumerate(zip(readings, self._planned(readings), strict=True)):
            if isinstance(plan, SourceError):
                found[at] = plan
            elif plan.counting is None:
                found[at] = self._read_hits(plan, reading)
            else:
                openings[at] = Opening(plan, plan.counting, reading, self._of(reading.rule))
        while openings:
            self._step(openings)
            for at in [at for at, opening in openings.items() if opening.found is not None]:
                found[at] = self._opened(openings.pop(at))
        return [found[at] for at in range(len(readings))]

    def _step(self, openings: Mapping[int, Opening]) -> None:
        """Ask what all openings want to know next, in shared requests."""
        wanted = [(opening, len(opening.wanted)) for opening in openings.values()]
        answers = iter(self._search([(o.reader, request) for o, _ in wanted for request in o.wanted]))
        began = thread_seconds()
        for opening, number in wanted:
            opening.take([next(answers) for _ in range(number)])
            ended = thread_seconds()
            opening.spent.seconds += ended - began
            began = ended

    def _of(self, rule: Rule) -> Source:
        """Return the source that a rule asks. Raises SourceError where there can be none."""
        return self.source if self._clusters is None else self._clusters.of(rule, self.source)

    def _search(self, asked: Sequence[tuple[Source, SearchRequest]]) -> Sequence[Answer | SourceError]:
        """Answer the requests in order, those to one cluster together."""
        grouped: dict[int, list[int]] = defaultdict(list)
        for at, (source, _) in enumerate(asked):
            grouped[id(source)].append(at)
        found: dict[int, Answer | SourceError] = {}
        for places in grouped.values():
            source = asked[places[0]][0]
            found |= zip(places, source.search([asked[at][1] for at in places]), strict=True)
        return [found[at] for at in range(len(asked))]

    def answer(self, asked: Sequence[tuple[Events, Sequence[Question]]]) -> list[SourceError | None]:
        """Let the source answer each rule's questions, all in shared requests; returns what failed."""
        failed: list[SourceError | None] = [None] * len(asked)
        batch: list[tuple[int, tuple[Source, SearchRequest], Take]] = []
        for at, (events, questions) in enumerate(asked):
            source = self._of(events.rule)
            batch += [(at, (source, request), take) for request, take in events.requests(questions)]
        for (at, _, take), answer in zip(batch, self._search([one for _, one, _ in batch]), strict=True):
            if isinstance(answer, SourceError):
                failed[at] = failed[at] or answer
                continue
            asked[at][0].spent.answered(answer)
            try:
                take(answer)
            except UNREADABLE as error:
                failed[at] = failed[at] or unreadable(error)
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
        source = self._of(rule)
        types = types_of(source, rule, Asking.wanted(rule))
        return HitEvents(rule, source, Asking.of(rule, types), start, end)

    def extent(self, rule: Rule) -> tuple[Millis | None, Millis | None]:
        """Return the time of the earliest and latest document of the rule's index, selected or not."""
        source = self._of(rule)
        reader = time_reader(rule, source.field_types(rule.everywhere, [rule.time.name]))
        if reader.pushed:
            answer = only_answer(source, reader.edges(rule.everywhere))
            return reader.edge(answer, "first"), reader.edge(answer, "last")
        times = [at for at, _ in walk(source, rule.everywhere, reader, ())]
        return (min(times), max(times)) if times else (None, None)

    # --- plans -------------------------------------------------------------------------------------------------

    def _planned(self, readings: Sequence[Reading]) -> list[Plan | SourceError]:
        """Return each rule's plan, made anew where its mapping was not looked at for a while."""
        stale = [reading for reading in readings if self._is_stale(reading)]
        types = self._types(reading.rule for reading in stale)
        errors: dict[str, SourceError] = {}
        for reading in stale:
            found = types[place_of(reading.rule)]
            try:
                if isinstance(found, SourceError):
                    raise found
                if not self._still_holds(reading, found):
                    self._plan(reading, found)
            except SourceError as error:
                self._plans.pop(reading.rule.name, None)
                errors[reading.rule.name] = error
        gone = SourceError("busy", "the rule is being taken away")
        return [errors.get(r.rule.name) or self._plans.get(r.rule.name) or gone for r in readings]

    def _is_stale(self, reading: Reading) -> bool:
        plan = self._plans.get(reading.rule.name)
        if plan is None or (plan.rule is not reading.rule and plan.rule != reading.rule):
            return True
        unsure = bool(plan.asking.warnings) or self.source.kind == "embedded"
        return unsure or not plan.made <= reading.end < plan.made + MAPPING_AGE

    def _still_holds(self, reading: Reading, types: Types) -> bool:
        """Whether a plan was made of the same rule and the same types; then it is as good as a new one."""
        plan = self._plans.get(reading.rule.name)
        if plan is None or plan.types != types or (plan.rule is not reading.rule and plan.rule != reading.rule):
            return False
        if self.source.kind != "embedded":  # there the mapping is looked at each time
            plan.renew(reading.end)
        return True

    def _types(self, rules: Iterable[Rule]) -> dict[Place, Types | SourceError]:
        """Look at the mapping of each index, and at the columns of each ES|QL query, once."""
        fields: dict[Place, dict[str, None]] = defaultdict(dict)
        first: dict[Place, Rule] = {}
        for rule in rules:
            fields[place_of(rule)] |= dict.fromkeys(Asking.wanted(rule))
            first.setdefault(place_of(rule), rule)
        found: dict[Place, Types | SourceError] = {}
        for place, names in fields.items():
            try:
                found[place] = types_of(self._of(first[place]), first[place], list(names))
            except SourceError as error:
                found[place] = error
        return found

    def _plan(self, reading: Reading, types: Types) -> None:
        rule = reading.rule
        asking = Asking.of(rule, types)
        counting = Counting.of(asking) if asking.counts else None
        before = self._plans.get(rule.name)
        same = before is not None and (before.rule is rule or before.rule == rule) and before.asking == asking
        tally = before.tally if before is not None and same else Tally(kept_width(rule))
        spreading = before.spreading if before is not None and same else Spreading.of(asking)
        loosens = asking.may_be_loose(types)
        seen = before.seen if before is not None and same else Seen()
        self._plans[rule.name] = Plan(
            rule, asking, counting, tally, reading.end, loosens, spreading=spreading, seen=seen, types=types
        )

    # --- first answers -----------------------------------------------------------------------------------------

    def _read_hits(self, plan: Plan, reading: Reading) -> Events | SourceError:
        began = thread_seconds()
        try:
            events = hit_events(plan, self._of(reading.rule), reading)
        except SourceError as error:
            return error
        except UNREADABLE as error:
            return unreadable(error)
        self.events += events.read
        events.spent.seconds = thread_seconds() - began
        return events

    def _opened(self, opening: Opening) -> Events | SourceError:
        found = opening.found
        assert found is not None
        if isinstance(found, SourceError):
            self.forget([opening.plan.rule.name])
            return found
        found.spent = opening.spent
        self.events += opening.counted
        return found
