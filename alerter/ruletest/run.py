"""Running one test: the production engine over documents that become visible one after the other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cache
from heapq import merge
from itertools import groupby, islice

from alerter.clock import HOUR, ManualClock, Millis
from alerter.delivery.changes import with_delivery
from alerter.engine.audience import silenced_by
from alerter.engine.rehearsal import Rehearsal
from alerter.engine.tick import Engine, TickReport
from alerter.metrics import Metrics
from alerter.model.incident import Checkpoint, DeliveryState, Incident, Kind, News, Reason
from alerter.model.rule import Frequency, Rule, Spike, SpikeType
from alerter.routing.tree import Routing
from alerter.ruletest.events import CannotRun, Logged, expand
from alerter.ruletest.model import Case, Expectation, Step
from alerter.ruletest.trace import Snapshot, Trace, decision_record, incident_record, message_record
from alerter.schedule import instants, next_instant
from alerter.sources.embedded import EmbeddedSource
from alerter.sources.reader import Reader
from alerter.state.memory import MemoryState
from alerter.timetext import iso

MOST_INSTANTS = 50_000
"""Nominal instants of a rule in one test: about a month of minutes."""


def run_case(case: Case, rules: Sequence[Rule], routing: Routing, *, every_instant: bool = False) -> Trace:
    """Run a test to its end, or to the first failure of the engine. Raises CannotRun and UsageError for bad events.

    Nominal instants at which nothing new can be seen are evaluated together with the next one where that cannot make
    a difference (the engine promises so); ``every_instant`` evaluates each by itself.
    """
    run = _Run(case, rules, routing, every_instant=every_instant)
    try:
        return run.run()
    finally:
        vars(run).clear()  # its parts hold each other, and all documents would wait for the collector


class _Run:
    def __init__(self, case: Case, rules: Sequence[Rule], routing: Routing, *, every_instant: bool) -> None:
        self._case = case
        self._rules = rules
        self._routing = routing
        self._state = MemoryState()
        self._clock = ManualClock(case.start)
        self._logged = expand(case, rules)
        self._waiting = list(reversed(self._logged))
        source = EmbeddedSource(now=self._clock.now)
        self._trace = Trace(case, source, self._logged, case.start)
        self._newest = case.start
        self._told: set[str] = set()
        self._grouped: list[News] = []
        self._groups = Rehearsal(lambda: {i.id: i for i in self._trace.incidents}, self._keeps)
        self._since = {"matches": 0, "messages": 0, "decisions": 0}
        silenced = any(step.silence for step in case.steps)
        self._may_wait = not every_instant and not silenced and _quiet_is_quiet(rules, routing)
        self._skipped: Millis | None = None
        self._engine = self._new_engine()

    def run(self) -> Trace:
        """Begin with the rules' first checkpoint at the start; stop at every nominal instant and every step."""
        case, trace = self._case, self._trace
        for rule in self._rules:
            self._state.save_checkpoint(Checkpoint(rule.name, rule.meaning(), case.start, case.start), None)
        self._show(case.start)
        steps = list(case.steps)
        end = _end(case, self._rules, self._logged)
        _refuse_long(case, self._rules, end)
        for at in _stops(case, self._rules, end):
            self._reach(at, [s for s in steps if s.at == at], last=at == end)
            if trace.trouble:
                return trace
        if case.expect is not None:
            self._snapshot(case.expect)
        return trace

    def _reach(self, at: Millis, steps: Sequence[Step], *, last: bool) -> None:
        if self._may_wait and not steps and not last and not self._arrives(at) and self._is_near(at):
            self._skipped = at
            return
        if self._skipped is not None and self._arrives(at) and (self._firing() or self._late_for(self._skipped, at)):
            self._evaluate(self._skipped, self._rules)
        everything = bool(steps) or last
        self._evaluate(at, [r for r in self._rules if everything or next_instant(r.schedule, at - 1) == at])
        for step in steps:
            if not self._trace.trouble:
                self._do(step)

    def _do(self, step: Step) -> None:
        if step.silence is not None:
            self._state.save_silence(step.silence, None)
        if step.restart:
            self._trace.restarts.append(step.at)
            self._engine = self._new_engine()
        if step.expect is not None:
            self._snapshot(step.expect)

    def _new_engine(self) -> Engine:
        return Engine(Reader(self._trace.source), self._state, self._routing, _unread(), gaps=False)

    # --- time --------------------------------------------------------------------------------------------------

    def _evaluate(self, at: Millis, due: Sequence[Rule]) -> None:
        """Evaluate up to ``at`` as production does, ``query_delay`` later: what is visible by then is seen."""
        self._skipped = None
        if at <= self._case.start:
            return
        told = len(self._trace.messages)
        for delay, rules in groupby(sorted(due, key=lambda r: r.query_delay), key=lambda r: r.query_delay):
            now = at + delay
            self._clock.set(now)
            self._show(now)
            for report in self._engine.ticks(list(rules), now):
                self._take(report)
        said = self._groups.play(self._grouped, at)
        self._grouped = []
        new = [*self._trace.messages[told:], *(message_record(one.delivery, one.document) for one in said)]
        self._trace.messages[told:] = sorted(new, key=lambda record: record["at"])
        self._trace.reached = at

    def _show(self, now: Millis) -> None:
        """Put what is visible by ``now`` into the source."""
        seen = []
        while self._waiting and self._waiting[-1].visible <= now:
            seen.append(self._waiting.pop())
        if seen:
            self._newest = max(self._newest, *(one.at for one in seen))
            source = self._trace.source
            source.extend(one.source for one in seen)
            if source.rejections:
                self._trace.trouble = f"a server would reject an event: {source.rejections[0].reason}"

    def _arrives(self, at: Millis) -> bool:
        """Whether an evaluation of ``at`` has something new to judge; some is seen before its time has come."""
        delay = self._rules[0].query_delay
        coming = bool(self._waiting) and self._waiting[-1].visible <= at + delay
        return coming or self._newest > self._trace.reached

    def _late_for(self, skipped: Millis, at: Millis) -> bool:
        """Whether something becomes visible now that a skipped evaluation must not have seen."""
        delay = self._rules[0].query_delay
        for one in reversed(self._waiting):
            if one.visible > at + delay:
                return False
            if one.at <= skipped:
                return True
        return False

    def _firing(self) -> bool:
        return any(incident.resolved is None for incident in self._trace.incidents)

    def _is_near(self, at: Millis) -> bool:
        return at - self._trace.reached < min(HOUR, *(rule.max_catchup for rule in self._rules))

    # --- what happened -----------------------------------------------------------------------------------------

    def _take(self, report: TickReport) -> None:
        trace = self._trace
        for rule, outcome in report.outcomes.items():
            for transition in outcome.transitions:
                trace.note(rule, transition)
        trace.decisions += [decision_record(d) for d in report.decisions]
        trace.warnings += [text for _, text in report.warnings if text not in trace.warnings]
        if any(o.transitions for o in report.outcomes.values()) or self._firing():
            incidents = [stored.value for stored in self._state.incidents()]
            trace.incidents = sorted(incidents, key=lambda i: (i.opened, i.rule, i.id))
            trace.messages += self._new_messages(trace.incidents)
        for failure in report.failures:
            trace.trouble = f"{failure.rule} could not be evaluated ({failure.kind}): {failure.reason}"

    def _new_messages(self, incidents: Iterable[Incident]) -> Iterator[dict[str, object]]:
        fresh = [(d, i) for i in incidents for d in i.deliveries if d.id not in self._told]
        for delivery, incident in sorted(fresh, key=lambda pair: pair[0].at):
            self._told.add(delivery.id)
            if delivery.group is not None:
                self._grouped.append(News(incident.id, delivery))
            else:
                yield dict(message_record(delivery, incident))

    def _keeps(self, news: News, at: Millis) -> bool:
        """Whether a message is told by its group; one that is silenced by then is untold, as in production."""
        stored = self._state.incident(news.incident)
        silences = [found.value for found in self._state.silences(at)]
        if stored is None or news.delivery.kind is Kind.RESOLVED or not silenced_by(stored.value, silences, at):
            return True
        dropped = replace(news.delivery, state=DeliveryState.DROPPED, error=str(Reason.SILENCE))
        self._state.save_incident(with_delivery(stored.value, dropped), stored.version)
        return False

    def _snapshot(self, expectation: Expectation) -> None:
        """Keep what the expectation speaks of: incidents as they are, the rest since the last expectation."""
        trace = self._trace
        lists = {}
        for name in self._since:
            every = getattr(trace, name)
            lists[name] = tuple(every if expectation.whole else every[self._since[name] :])
            self._since[name] = len(every)
        lists["incidents"] = tuple(incident_record(i) for i in trace.incidents)
        trace.snapshots.append(Snapshot(expectation, lists, tuple(trace.open)))


@cache
def _unread() -> Metrics:
    """Return the metrics of all engines here: nobody reads them, and each test would make some twenty."""
    return Metrics()


def _stops(case: Case, rules: Sequence[Rule], end: Millis) -> Iterator[Millis]:
    """Yield, oldest first and each once, the nominal instants in ``(start, end]``, the steps' instants, and the end."""
    nominal = [instants(rule.schedule, case.start, end) for rule in rules]
    for at, _ in groupby(merge(*nominal, [step.at for step in case.steps], [end])):
        yield at


def _end(case: Case, rules: Sequence[Rule], logged: Sequence[Logged]) -> Millis:
    """Return the end as written, else the first nominal instant after everything that the test speaks of."""
    if case.end is not None:
        return case.end
    spoken = [case.start + 1, *(step.at for step in case.steps), *(max(one.at, one.visible) for one in logged)]
    if case.expect is not None:
        spoken += [one.end for one in case.expect.firing if not one.ever]
    return max(next_instant(rule.schedule, max(spoken) - 1) for rule in rules)


def _refuse_long(case: Case, rules: Sequence[Rule], end: Millis) -> None:
    """Raise CannotRun for a span with more nominal instants than a test can mean."""
    for rule in rules:
        if sum(1 for _ in islice(instants(rule.schedule, case.start, end), MOST_INSTANTS + 1)) > MOST_INSTANTS:
            until = f"{iso(case.start)} to {iso(end)}"
            raise CannotRun(f"from {until} {rule.name} has more than {MOST_INSTANTS:,} nominal instants", case.path)


def _quiet_is_quiet(rules: Sequence[Rule], routing: Routing) -> bool:
    """Whether instants at which nothing new is seen can only resolve: one rule, matching at event times alone.

    Several rules, or several keys, may inhibit each other, and that is decided anew at each evaluation.
    """
    if len(rules) != 1:
        return False
    (rule,) = rules
    condition = rule.condition
    rises = isinstance(condition, Spike) and condition.direction is SpikeType.UP
    if not (rule.is_event_type or isinstance(condition, Frequency) or rises):
        return False
    return not routing.inhibit_rules or not (rule.query_key or rule.splits)
