"""What a rule would have done: the production engine with another source, clock and state."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from alerter.clock import DAY, Millis
from alerter.detectors.protocol import Question
from alerter.engine.decisions import fold_runs
from alerter.engine.drawn import joined
from alerter.engine.rehearsal import as_told
from alerter.engine.tick import Engine, Failed
from alerter.model.cost import Cost
from alerter.model.incident import Change, Checkpoint, Decision, Delivery, Incident, Match, Transition
from alerter.model.rule import Rule
from alerter.routing.tree import Routing
from alerter.schedule import instants, next_instant
from alerter.sources.events import Events
from alerter.sources.once import Once
from alerter.sources.opening import Reading
from alerter.sources.protocol import Source, SourceError
from alerter.sources.reader import Reader
from alerter.state.memory import MemoryState


@dataclass(frozen=True)
class DryRun:
    """The answer of a dry run over ``(start, end]``; incidents oldest first.

    Their deliveries are the messages that tell of them: one that a group sends is the same one in each of its members,
    also where it goes out after ``end`` only.
    """

    rule: Rule
    start: Millis
    end: Millis
    evaluations: int
    matches: tuple[Match, ...]
    transitions: tuple[Transition, ...]
    incidents: tuple[Incident, ...]
    decisions: tuple[Decision, ...]
    warnings: tuple[str, ...]
    events: int
    requests: int
    cost: Cost
    counted: Events | None = None
    """What was counted or read, as charts show it; None where a reader of its own was used."""

    @property
    def messages(self) -> tuple[Delivery, ...]:
        """The messages of all incidents, each once, in the order in which they go out."""
        every = {delivery.id: delivery for incident in self.incidents for delivery in incident.deliveries}
        return tuple(sorted(every.values(), key=lambda d: d.at))


class _Keeping(Once):
    """A reader that keeps what it read for its one rule: all of the newest part of the span, and what was counted of
    those before."""

    _newest: Events | None = None
    _before: Events | None = None
    reached: Callable[[Millis], None] | None = None

    def open(self, readings: Sequence[Reading]) -> list[Events | SourceError]:
        """Return what is known of each rule's events, and keep it."""
        found = super().open(readings)
        part = next((events for events in found if not isinstance(events, SourceError)), None)
        if part is not None:
            self._before, self._newest = self.kept, part
        return found

    @property
    def kept(self) -> Events | None:
        """What was counted of the whole span so far."""
        return joined(self._before, self._newest)

    def answer(self, asked: Sequence[tuple[Events, Sequence[Question]]]) -> list[SourceError | None]:
        """Let the source answer; whatever is asked about lies behind what is decided."""
        if self.reached is not None:
            self.reached(min((question.start for _, questions in asked for question in questions), default=0))
        return super().answer(asked)


def dry_run(
    rule: Rule,
    source: Source,
    routing: Routing,
    start: Millis,
    end: Millis,
    reader: Reader | None = None,
    reached: Callable[[Millis], None] | None = None,
) -> DryRun:
    """Evaluate ``rule`` over ``(start, end]``; windows reach back before ``start``. Raises SourceError.

    ``reader`` stands in for a new one over the source, where what it has read is of use to others. ``reached`` is
    told now and then up to where the span is decided.
    """
    state = MemoryState()
    asked = source.requests
    state.save_checkpoint(Checkpoint(rule.name, rule.meaning(), evaluated=start, started=start), None)
    keeping = _Keeping(source)
    keeping.reached = reached
    engine = Engine(reader or keeping, state, routing, gaps=False)
    reports = list(engine.ticks([patient(rule, start, end)], end + rule.query_delay))
    for failure in (failure for report in reports for failure in report.failures):
        raise _as_source_error(failure)
    transitions = tuple(t for report in reports for out in report.outcomes.values() for t in out.transitions)
    return DryRun(
        rule=rule,
        start=start,
        end=end,
        evaluations=sum(1 for _ in instants(rule.schedule, start, end)),
        matches=tuple(t.match for t in transitions if t.match and t.change is not Change.SUPPRESSED),
        transitions=transitions,
        incidents=as_told(sorted((v.value for v in state.incidents()), key=lambda i: (i.opened, i.id))),
        decisions=fold_runs([decision for report in reports for decision in report.decisions]),
        warnings=tuple(dict.fromkeys(text for report in reports for _, text in report.warnings)),
        events=engine.reader.events,
        requests=source.requests - asked,
        cost=sum((cost for report in reports for cost in report.costs.values()), Cost(0.0)),
        counted=keeping.kept,
    )


def patient(rule: Rule, start: Millis, end: Millis) -> Rule:
    """Return the rule with no part of ``(start, end]`` too long ago to be evaluated."""
    return replace(rule, max_catchup=max(end - start, DAY))


def default_end(rule: Rule, last: Millis) -> Millis:
    """Return the first nominal instant at or after the last document."""
    return next_instant(rule.schedule, last - 1)


def _as_source_error(failure: Failed) -> SourceError:
    return SourceError(failure.kind, failure.reason, failure.hint)
