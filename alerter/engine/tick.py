"""The loop: for each due rule read its events, evaluate, fold into incidents, route, plan; then deliver."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from alerter.clock import Millis
from alerter.detectors import close_all, evaluate, first_checkpoint
from alerter.engine.adopting import adopt, orphans
from alerter.engine.audience import audience
from alerter.engine.books import Books, Told
from alerter.engine.checkpoints import Checkpoints
from alerter.engine.enhancing import enhanced
from alerter.engine.rounds import Work, finish
from alerter.engine.spans import Due, Spans
from alerter.engine.story import Scene
from alerter.engine.words import words_for
from alerter.metrics import Metrics
from alerter.model.cost import Cost
from alerter.model.incident import Change, Checkpoint, Decision, Incident, Outcome, Reason
from alerter.model.rule import Rule
from alerter.model.silence import Silence
from alerter.plugins.registry import BROKEN, PluginError
from alerter.routing.tree import Routing
from alerter.schedule import instants, latest_instant
from alerter.sources.events import Events
from alerter.sources.protocol import SourceError
from alerter.sources.reader import Reader
from alerter.state.protocol import Conflict, State, StateError, Versioned
from alerter.timetext import iso

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Failed:
    """A rule that could not be evaluated; its checkpoint stands still and the span is evaluated later."""

    rule: str
    kind: str
    reason: str
    hint: str = ""


@dataclass
class TickReport:
    """What one tick did; rules that are ``behind`` were evaluated in part, since all of it was too much for once."""

    evaluated: int = 0
    matches: int = 0
    told: int = 0
    failures: list[Failed] = field(default_factory=list)
    warnings: list[tuple[str, str]] = field(default_factory=list)
    decisions: list[Decision] = field(default_factory=list)
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    costs: dict[str, Cost] = field(default_factory=dict)
    behind: set[str] = field(default_factory=set)


@dataclass(frozen=True)
class _Known:
    """What a tick reads once for all its rules; ``elsewhere`` are those that another engine evaluates."""

    checkpoints: Mapping[str, Versioned[Checkpoint]]
    elsewhere: frozenset[str]
    open: Mapping[str, Mapping[str, Versioned[Incident]]]
    silences: Sequence[Silence]

    def opened(self, rule: str) -> Mapping[str, Versioned[Incident]]:
        """Return the open incidents of a rule by id."""
        return self.open.get(rule, {})


class Engine:
    """Evaluates rules and plans what to tell; the same object in production, dry run and rule tests.

    Only source, state, routing and the ``now`` it is given differ. ``gaps`` turns on the digest of what opened and
    resolved while the engine was away; a dry run has no gaps. ``patience``: see Checkpoints.
    """

    def __init__(
        self,
        source: Reader,
        state: State,
        routing: Routing,
        metrics: Metrics | None = None,
        *,
        gaps: bool = True,
        checkpoints: Checkpoints | None = None,
    ) -> None:
        self.reader = source
        self.state = state
        self.routing = routing
        self.metrics = metrics or Metrics()
        self.checkpoints = checkpoints or Checkpoints(state)
        self._spans = Spans()
        self._books = Books(state, routing, self.checkpoints, gaps=gaps)

    def tick(self, rules: Sequence[Rule], now: Millis, *, punctual: bool = False) -> TickReport:
        """Evaluate the rules up to ``now`` less their ``query_delay``; one failing rule never stops the others.

        ``punctual`` evaluates up to the last nominal instant before that. Raises StateError when the state itself
        cannot be read: then nothing was evaluated and nothing is lost.
        """
        report = TickReport()
        known = self._read_state([rule.name for rule in rules], now, report)
        due = {d.rule.name: d for d in self._due(rules, now, known, punctual=punctual)}
        events = self._open(due, report)
        outcomes = self._evaluate(due, events, known, report)
        told = self._fold(due, events, outcomes, known, report)
        self._keep(due, outcomes, told, now, report)
        report.warnings += [(name, text) for name, found in events.items() for text in found.warnings]
        report.costs |= {name: found.spent.cost() for name, found in events.items()}
        return report

    def ticks(self, rules: Sequence[Rule], now: Millis) -> Iterator[TickReport]:
        """Tick until no rule is behind, or those that are fail; each tick's report as it is done."""
        left = rules
        while left:
            report = self.tick(left, now)
            left = [rule for rule in left if rule.name in report.behind]
            yield report

    def release(self, names: Iterable[str] | None = None) -> None:
        """Write what is known of these rules (default: all), and let other engines have them. Raises StateError."""
        names = self.checkpoints.release(names)
        self.reader.forget(names)

    def forget(self, names: Iterable[str], at: Millis) -> None:
        """Resolve the incidents of rules that are gone, with reason ``rule_removed``, and drop their checkpoints."""
        names = list(names)
        self.reader.forget(names)
        self.checkpoints.forget(names)
        for name, stored in self.state.checkpoints(names).items():
            known = close_all(stored.value, Reason.RULE_REMOVED, at).transitions
            opened = [v.value for v in self.state.incidents(rule=name, open_only=True)]
            for transition in (*known, *orphans(known, opened, Reason.RULE_REMOVED, at)):
                self._books.close(transition)
            try:
                self.checkpoints.check()
                self.state.drop_checkpoint(name, stored.version)
            except Conflict:
                log.info("rule %s is gone, but still evaluated somewhere: it is looked at again", name)

    # --- the steps of a tick, each over all rules --------------------------------------------------------------

    def _read_state(self, names: Sequence[str], now: Millis, report: TickReport) -> _Known:
        held = self.checkpoints.read(names)  # first: what is read of a rule after its lease is taken is its newest
        since = min((stored.value.evaluated for stored in held.checkpoints.values()), default=now)
        firing, muting = self.state.in_force(min(since, now))  # also silences that ended in the span
        opened: dict[str, dict[str, Versioned[Incident]]] = defaultdict(dict)
        for stored in firing:
            opened[stored.value.rule][stored.value.id] = stored
        silences = [stored.value for stored in muting]
        self.metrics.known(len(firing), sum(silence.state(now) == "active" for silence in silences))
        waiting = self._missed(held.checkpoints, opened, report)
        return _Known(held.checkpoints, held.elsewhere | waiting, opened, silences)

    def _missed(
        self,
        checkpoints: Mapping[str, Versioned[Checkpoint]],
        opened: Mapping[str, dict[str, Versioned[Incident]]],
        report: TickReport,
    ) -> set[str]:
        """Read what checkpoints hold for open and the list left out; returns the rules of which it cannot be read."""
        waiting: set[str] = set()
        for name, stored in checkpoints.items():
            threads = (memory.thread for memory in stored.value.keys.values())
            for id in [
                t.id for t in threads if t and t.resolved is None and t.id not in opened.get(name, ()) and not t.untold
            ]:
                try:
                    found = self.state.incident(id)
                except StateError as error:
                    if error.kind != "incomplete":
                        raise
                    self._failed(report, name, error)
                    waiting.add(name)
                    break
                if found is not None and found.value.resolved is None:
                    opened[name][id] = found
        return waiting

    def _due(self, rules: Sequence[Rule], now: Millis, known: _Known, *, punctual: bool) -> Iterator[Due]:
        """Yield the rules with something to evaluate; a new rule gets its first checkpoint."""
        new: list[Checkpoint] = []
        for rule in rules:
            end = now - rule.query_delay
            stored = known.checkpoints.get(rule.name)
            if rule.name in known.elsewhere:
                continue
            if stored is None:
                new.append(first_checkpoint(rule, end))
                continue
            end = latest_instant(rule.schedule, end) if punctual else end
            if end > stored.value.evaluated:  # else the clock was set back, or nothing is due yet
                yield Due(rule, stored.value, end)
        self.checkpoints.save(new)

    def _open(self, due: dict[str, Due], report: TickReport) -> dict[str, Events]:
        opened: dict[str, Events] = {}
        for name, found in self._spans.open(self.reader, due).items():
            if isinstance(found, SourceError):
                report.costs[name] = Cost(found.seconds)
                self._failed(report, name, found)
            else:
                opened[name] = found
        return opened

    def _evaluate(
        self, due: Mapping[str, Due], events: Mapping[str, Events], known: _Known, report: TickReport
    ) -> dict[str, Outcome]:
        def work(name: str, found: Events) -> Work[Outcome]:
            one = due[name]
            return Work(found, lambda: evaluate(one.rule, found, one.checkpoint, one.end))

        works = {name: work(name, found) for name, found in events.items()}
        outcomes = finish(self.reader, works, lambda name, error: self._failed(report, name, error))
        for name, outcome in outcomes.items():
            stored = known.opened(name)
            if stored:
                outcomes[name] = adopt(outcome, due[name].checkpoint, [v.value for v in stored.values()])
        return self._enhance(due, events, outcomes, report)

    def _enhance(
        self, due: Mapping[str, Due], events: Mapping[str, Events], outcomes: Mapping[str, Outcome], report: TickReport
    ) -> dict[str, Outcome]:
        """Show the matches of rules with enhancements to these, before anything of them is told."""

        def work(name: str, outcome: Outcome) -> Work[Outcome]:
            one, found = due[name], events[name]
            return Work(found, lambda: enhanced(one.rule, outcome, one.checkpoint, found))

        works = {name: work(name, outcome) for name, outcome in outcomes.items() if due[name].rule.enhancements}
        shown = finish(self.reader, works, lambda name, error: self._failed(report, name, error))
        return {
            name: shown.get(name, outcome) for name, outcome in outcomes.items() if name in shown or name not in works
        }

    def _fold(
        self,
        due: Mapping[str, Due],
        events: Mapping[str, Events],
        outcomes: Mapping[str, Outcome],
        known: _Known,
        report: TickReport,
    ) -> dict[str, list[Told]]:
        """Fold the transitions of every rule that has any, or an open incident, into documents."""
        every = [v.value for opened in known.open.values() for v in opened.values()]
        heard = audience(self.routing, known.silences, every)

        def work(name: str, outcome: Outcome) -> Work[list[Told]]:
            one, found = due[name], events[name]
            scene = Scene(
                one.rule,
                words_for(one.rule, found),
                heard,
                one.checkpoint.evaluated,
                one.end,
                pauses=lambda a, b: instants(one.rule.schedule, a, b),
            )

            def stories() -> list[Told]:
                scene.words.prepare(outcome.transitions)
                return self._books.stories(scene, outcome.transitions, known.opened(name))

            return Work(found, stories)

        works = {n: work(n, o) for n, o in outcomes.items() if o.transitions or known.opened(n)}
        return finish(self.reader, works, lambda name, error: self._failed(report, name, error))

    def _keep(
        self,
        due: Mapping[str, Due],
        outcomes: Mapping[str, Outcome],
        told: Mapping[str, Sequence[Told]],
        now: Millis,
        report: TickReport,
    ) -> None:
        """Write incidents with their planned messages, then digests, then the checkpoints, then the decisions."""
        failed = {failure.rule for failure in report.failures}
        kept = {name: outcome for name, outcome in outcomes.items() if name not in failed}
        stories = [one for name in kept for one in told.get(name, ())]
        digested: list[Incident] = []
        for one in self._books.write(stories, lambda name, error: self._failed(report, name, error)):
            report.told += 1
            report.decisions += one.story.decisions
            digested += [one.story.incident] if one.scene.digested else []
        for failure in report.failures:
            kept.pop(failure.rule, None)
        try:
            self._books.tell_digest(digested, now)
            lost = self.checkpoints.save(outcome.checkpoint for outcome in kept.values())
        except (StateError, Conflict) as error:
            for name in kept:
                self._failed(report, name, error)
        else:
            for name, outcome in kept.items():
                if name in lost:
                    self._failed(report, name, Conflict())
                else:
                    self._report(due[name], outcome, report)
        self._books.record(report.decisions)  # in any case: what is written is not told again

    # --- one rule ----------------------------------------------------------------------------------------------

    def _report(self, due: Due, outcome: Outcome, report: TickReport) -> None:
        name = due.rule.name
        report.evaluated += 1
        if due.behind:
            report.behind.add(name)
        matches = len(outcome.matches)
        report.matches += matches
        report.outcomes[name] = outcome
        report.warnings += [(name, text) for text in outcome.warnings]
        report.decisions += outcome.dropped
        if outcome.lost is not None:
            start, end = outcome.lost
            detail = f"from {iso(start)}: longer ago than max_catchup"
            report.decisions.append(Decision(start, name, None, "skipped", Reason.GAP, until=end, detail=detail))
        if outcome.transitions:
            self.metrics.resolved(sum(t.change is Change.RESOLVED for t in outcome.transitions))
        self.metrics.evaluated(due.rule, due.checkpoint.evaluated, due.end, matches)

    def _failed(self, report: TickReport, name: str, error: Exception) -> None:
        """Note a rule that could not be evaluated: its checkpoint stands still and the span is evaluated later."""
        if isinstance(error, PluginError):
            error = SourceError("plugin", str(error), BROKEN)
        if isinstance(error, SourceError | StateError):
            failure = Failed(name, error.kind, error.reason, error.hint)
            log.warning("rule %s not evaluated (%s): %s", name, error.kind, error.reason)
        elif isinstance(error, Conflict):
            failure = Failed(name, "conflict", "another engine changed its state first")
        else:
            failure = Failed(name, "bug", f"{type(error).__name__}: {error}")
            log.error("rule %s not evaluated, a bug: %s: %s", name, type(error).__name__, error)
            log.debug("where", exc_info=error)
        if isinstance(error, Conflict):
            self.checkpoints.forget([name])
        self.reader.forget([name])  # what was counted for this evaluation was not judged
        report.failures.append(failure)
        self.metrics.failed(name, failure.kind)
