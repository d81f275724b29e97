"""The loop: for each due rule read its events, evaluate, fold into incidents, route, plan; then deliver."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from alerter.clock import MINUTE, Millis
from alerter.detectors import close_all, evaluate, first_checkpoint, reads_from
from alerter.engine.audience import audience
from alerter.engine.digest import digest_of
from alerter.engine.story import Scene, Story, Words, fold
from alerter.engine.words import words_for
from alerter.metrics import Metrics
from alerter.model.incident import Change, Checkpoint, Decision, Incident, Outcome, Reason, Transition
from alerter.model.rule import Rule
from alerter.model.silence import Silence
from alerter.routing.tree import Routing
from alerter.schedule import instants, next_instant
from alerter.sources.protocol import SourceError
from alerter.sources.reader import Reader
from alerter.state.protocol import Conflict, State, StateError, Versioned

log = logging.getLogger(__name__)
LONG_GAP: Millis = 5 * MINUTE
"""Incidents that open and resolve inside a gap longer than this (and than the timeframe) are told in a digest."""


@dataclass(frozen=True)
class Failed:
    """A rule that could not be evaluated; its checkpoint stands still and the span is evaluated later."""

    rule: str
    kind: str
    reason: str
    hint: str = ""


@dataclass
class TickReport:
    """What one tick did."""

    evaluated: int = 0
    matches: int = 0
    failures: list[Failed] = field(default_factory=list)
    warnings: list[tuple[str, str]] = field(default_factory=list)
    decisions: list[Decision] = field(default_factory=list)
    outcomes: dict[str, Outcome] = field(default_factory=dict)


@dataclass(frozen=True)
class _Known:
    """What a tick reads once for all its rules."""

    checkpoints: Mapping[str, Versioned[Checkpoint]]
    open: Mapping[str, Versioned[Incident]]
    silences: Sequence[Silence]


class Engine:
    """Evaluates rules and plans what to tell; the same object in production, dry run and rule tests.

    Only source, state, routing and the ``now`` it is given differ. ``gaps`` turns on the digest of what opened and
    resolved while the engine was away; a dry run has no gaps.
    """

    def __init__(
        self, source: Reader, state: State, routing: Routing, metrics: Metrics | None = None, *, gaps: bool = True
    ) -> None:
        self.reader = source
        self.state = state
        self.routing = routing
        self.metrics = metrics or Metrics()
        self._gaps = gaps

    def tick(self, rules: Sequence[Rule], now: Millis) -> TickReport:
        """Evaluate the rules up to ``now`` less their ``query_delay``; one failing rule never stops the others.

        Raises StateError when the state itself cannot be read: then nothing was evaluated and nothing is lost.
        """
        report = TickReport()
        known = self._read_state([rule.name for rule in rules], now)
        digested: list[Incident] = []
        for rule in rules:
            with self.metrics.evaluation(rule.name):
                try:
                    digested += self._evaluate(rule, now - rule.query_delay, known, report)
                except (SourceError, StateError) as error:
                    report.failures.append(Failed(rule.name, error.kind, error.reason, error.hint))
                    self.metrics.failed(rule.name, error.kind)
                    log.warning("rule %s not evaluated (%s): %s", rule.name, error.kind, error.reason)
                except Conflict:
                    report.failures.append(Failed(rule.name, "conflict", "another engine changed its state first"))
                    self.metrics.failed(rule.name, "conflict")
                except Exception as error:  # a bug met by one rule never stops the others
                    report.failures.append(Failed(rule.name, "bug", f"{type(error).__name__}: {error}"))
                    self.metrics.failed(rule.name, "bug")
                    log.error("rule %s not evaluated, a bug: %s: %s", rule.name, type(error).__name__, error)
                    log.debug("where", exc_info=True)
        self._tell_digest(digested, now)
        self.state.record(report.decisions)
        return report

    def forget(self, names: Iterable[str], at: Millis) -> None:
        """Resolve the incidents of rules that are gone, with reason ``rule_removed``, and drop their checkpoints."""
        for name, stored in self.state.checkpoints(list(names)).items():
            outcome = close_all(stored.value, Reason.RULE_REMOVED, at)
            self._close(name, outcome.transitions)
            self.state.drop_checkpoint(name, stored.version)

    def _read_state(self, names: Sequence[str], now: Millis) -> _Known:
        opened = {v.value.id: v for v in self.state.incidents(open_only=True)}
        silences = [v.value for v in self.state.silences(now)]
        self.metrics.known(len(opened), len(silences))
        return _Known(self.state.checkpoints(names), opened, silences)

    def _evaluate(self, rule: Rule, end: Millis, known: _Known, report: TickReport) -> list[Incident]:
        stored = known.checkpoints.get(rule.name)
        if stored is None:
            self.state.save_checkpoint(first_checkpoint(rule, end), None)
            return []
        checkpoint = stored.value
        if end <= checkpoint.evaluated:
            return []  # the clock was set back, or nothing is due yet
        events = self.reader.read(rule, reads_from(rule, checkpoint, end), end)
        outcome = evaluate(rule, events, checkpoint, end)
        words = words_for(rule, events)
        told = self._tell(rule, outcome.transitions, checkpoint.evaluated, end, words, known, report)
        self.state.save_checkpoint(outcome.checkpoint, stored.version)
        report.evaluated += 1
        report.matches += len(outcome.matches)
        report.outcomes[rule.name] = outcome
        self.metrics.resolved(sum(t.change is Change.RESOLVED for t in outcome.transitions))
        report.warnings += [(rule.name, text) for text in (*events.warnings, *outcome.warnings)]
        self.metrics.evaluated(rule, checkpoint.evaluated, end, len(outcome.matches))
        return told

    def _tell(
        self,
        rule: Rule,
        transitions: Sequence[Transition],
        start: Millis,
        end: Millis,
        words: Words,
        known: _Known,
        report: TickReport,
    ) -> list[Incident]:
        """Fold each incident's transitions into its document and write it; return those left to a digest."""
        scene = Scene(
            rule,
            words,
            audience(self.routing, known.silences, [v.value for v in known.open.values()]),
            start,
            end,
            pauses=lambda a, b: instants(rule.schedule, a, b),
        )
        grouped: dict[str, list[Transition]] = defaultdict(list)
        for stored in known.open.values():
            if stored.value.rule == rule.name:
                grouped[stored.value.id] = []
        for transition in transitions:
            grouped[transition.incident].append(transition)
        digested = []
        for id, steps in grouped.items():
            away = self._gaps and _inside_gap(rule, steps, start, end)
            story = self._write(id, steps, replace(scene, digested=away), known)
            if story is not None:
                report.decisions += story.decisions
                digested += [story.incident] if away else []
        return digested

    def _write(self, id: str, steps: Sequence[Transition], scene: Scene, known: _Known) -> Story | None:
        """Fold the steps into an incident's document by compare-and-set, again when somebody was quicker."""
        stored = known.open.get(id) or self.state.incident(id)
        for _ in range(5):
            found = stored.value if stored else None
            story = fold(found, steps, scene)
            if story is None or story.incident == found or _only_touched(found, story.incident):
                return story
            try:
                self.state.save_incident(story.incident, stored.version if stored else None)
                return story
            except Conflict:
                stored = self.state.incident(id)
        raise StateError("busy", f"incident {id} kept changing", "another engine may use the same state")

    def _close(self, rule: str, transitions: Sequence[Transition]) -> None:
        from alerter.engine.closing import close_incident

        for transition in transitions:
            stored = self.state.incident(transition.incident)
            if stored is not None and stored.value.resolved is None:
                self.state.save_incident(close_incident(stored.value, transition, self.routing), stored.version)
                log.info("rule %s is gone: incident %s resolved", rule, transition.incident)

    def _tell_digest(self, incidents: Sequence[Incident], now: Millis) -> None:
        for incident in digest_of(incidents, self.routing, now):
            if self.state.incident(incident.id) is None:
                self.state.save_incident(incident, None)


def _only_touched(found: Incident | None, incident: Incident) -> bool:
    """Whether nothing but the mark of how far it was evaluated differs: not worth a write."""
    return found is not None and replace(incident, updated=found.updated) == found


def _inside_gap(rule: Rule, steps: Sequence[Transition], start: Millis, end: Millis) -> bool:
    interval = next_instant(rule.schedule, next_instant(rule.schedule, start)) - start
    if end - start <= max(LONG_GAP, rule.timeframe, interval) or not steps:
        return False  # no instant was skipped: a rule that runs hourly is not late after an hour
    return steps[0].change is Change.OPENED and steps[-1].change is Change.RESOLVED
