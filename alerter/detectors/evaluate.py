"""Evaluating a rule over a span: every key in turn, from its checkpoint to a new one."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

from alerter.clock import Millis
from alerter.detectors import cardinality, change, custom, flatline, frequency, metric, metric_spike, single, spike
from alerter.detectors.known import Known
from alerter.detectors.protocol import Ask, Events, Question, Span, Unanswered
from alerter.incidents import Lifecycle
from alerter.model.changed import changed
from alerter.model.history import NewTerm, ValueChange
from alerter.model.incident import Change, Checkpoint, Outcome, Reason, Transition
from alerter.model.memory import KeyMemory
from alerter.model.metric import MetricAggregation, PercentageMatch
from alerter.model.rule import (
    REOPEN_WITHIN,
    AnyEvent,
    Cardinality,
    Custom,
    Flatline,
    Frequency,
    Key,
    Measuring,
    Rule,
    Spike,
    SpikeAggregation,
    SpikeType,
    ValueList,
)
from alerter.schedule import instants
from alerter.timetext import iso, length_text
from alerter.windows import Coarse


@dataclass(frozen=True)
class _Run:
    """One evaluation: what the per-type functions need besides the key's lifecycle."""

    events: Events
    span: Span
    covered: flatline.Covered
    seen: single.Seen
    rule_first: Millis | None


Detector = Callable[[_Run, Lifecycle, Span], None]

DETECTORS: dict[type, Detector] = {
    Frequency: lambda run, life, span: frequency.detect(run.events, life, span),
    Spike: lambda run, life, span: spike.detect(run.events, life, span, run.rule_first),
    Flatline: lambda run, life, span: flatline.detect(run.events, life, span, run.covered),
    Cardinality: lambda run, life, span: cardinality.detect(run.events, life, span, run.covered),
    MetricAggregation: lambda run, life, span: metric.detect(run.events, life, span),
    PercentageMatch: lambda run, life, span: metric.detect(run.events, life, span),
    SpikeAggregation: lambda run, life, span: metric_spike.detect(run.events, life, span, run.rule_first),
    Custom: lambda run, life, span: custom.detect(run.events, life, span),
    ValueList: lambda run, life, span: single.detect(run.events, life, span, run.seen),
    AnyEvent: lambda run, life, span: single.detect(run.events, life, span, run.seen),
    ValueChange: lambda run, life, span: change.detect(run.events, life, span, run.seen),
    NewTerm: lambda run, life, span: change.detect(run.events, life, span, run.seen),
}
_MAY_BE_QUIET = (Frequency, Cardinality, ValueList, AnyEvent)
"""Conditions of which it can be told in a few steps that nothing happened."""


def first_checkpoint(rule: Rule, at: Millis) -> Checkpoint:
    """Return the checkpoint of a new rule: windows read back from ``at``, earlier matches are not told."""
    return Checkpoint(rule.name, rule.meaning(), evaluated=at, started=at)


def lookback(rule: Rule, checkpoint: Checkpoint) -> Millis:
    """Return how far before the checkpoint events must be read: the window, the re-read, and keys not known yet."""
    if isinstance(rule.condition, Measuring):
        return rule.condition.windows.reach
    afresh = not checkpoint.keys or checkpoint.meaning != rule.meaning()
    keys = rule.known_keys_for if afresh and _misses_keys(rule) else 0
    windows = 2 if isinstance(rule.condition, Spike) else 1
    return windows * rule.timeframe + max(keys, rule.buffer_time)


def reads_from(rule: Rule, checkpoint: Checkpoint, end: Millis) -> Millis:
    """Return the (exclusive) instant from which events are needed to evaluate up to ``end``."""
    return max(checkpoint.evaluated, end - rule.max_catchup) - lookback(rule, checkpoint)


def evaluate(rule: Rule, events: Events, checkpoint: Checkpoint, end: Millis) -> Outcome:
    """Judge ``(checkpoint.evaluated, end]``; any split of a span into evaluations gives the same transitions.

    Raises Unanswered when something must be known first: then it is to be called again with the answers.
    """
    if _is_quiet(rule, events, checkpoint, end):
        kept = {key: memory for key, memory in checkpoint.keys.items() if _worth_keeping(rule, memory, end)}
        return Outcome((), changed(checkpoint, evaluated=end, keys=kept))
    transitions: list[Transition] = []
    if checkpoint.meaning != rule.meaning():
        transitions += close_all(checkpoint, Reason.RULE_CHANGED, checkpoint.evaluated).transitions
        checkpoint = first_checkpoint(rule, checkpoint.evaluated)
    lost = _lost(rule, checkpoint, end)
    warnings = [_gap(lost)] if lost else []
    run = _prepare(rule, events, checkpoint, end)
    keys: dict[Key, KeyMemory] = {}
    questions: list[Question] = []
    for key in _keys(rule, events, checkpoint):
        try:
            life = _judge(rule, run, key, checkpoint.keys.get(key, KeyMemory()))
        except Coarse as coarse:
            questions += _divided(key, coarse)
            continue
        except Unanswered as unanswered:
            questions += unanswered.questions
            continue
        transitions += life.transitions
        if _worth_keeping(rule, life.memory, end):
            keys[key] = life.memory
    seen = _seen(rule, run, questions)
    if questions:
        raise Unanswered(questions)
    if seen is None:
        warnings.append("late: too many events within buffer_time to tell late ones from known ones")
    fresh = changed(
        checkpoint,
        evaluated=end,
        keys=keys,
        covered=run.covered(end),
        first_event=run.rule_first,
        seen=seen,
        history=events.history(),
        buffer_time=rule.buffer_time if rule.is_event_type else None,
    )
    return Outcome(tuple(sorted(transitions, key=lambda t: t.at)), fresh, tuple(warnings), lost)


def _divided(key: Key, coarse: Coarse) -> list[Question]:
    return [
        Question(Ask.DETAIL, key, c.start, c.end) if c.at is None else Question(Ask.CUT, key, c.start, c.end, c.at)
        for c in coarse.cuts
    ]


def _is_quiet(rule: Rule, events: Events, checkpoint: Checkpoint, end: Millis) -> bool:
    """Whether it is plain that nothing happened: the ordinary case of many rules, told in a few steps.

    Nothing does where no incident is open and no key's condition can hold anywhere in the span; of single events, where
    there are none and none are remembered.
    """
    condition = rule.condition
    if not isinstance(condition, _MAY_BE_QUIET) or checkpoint.meaning != rule.meaning():
        return False
    if end - rule.max_catchup > checkpoint.evaluated:
        return False
    if any(m.up.now or (m.thread is not None and m.thread.resolved is None) for m in checkpoint.keys.values()):
        return False
    if isinstance(condition, ValueList | AnyEvent):
        return not events.keys() and checkpoint.seen == () and checkpoint.buffer_time == rule.buffer_time
    if isinstance(condition, Cardinality):
        return cardinality.is_quiet(events, condition, checkpoint.evaluated, end)
    since = checkpoint.evaluated - rule.buffer_time
    return all(frequency.is_quiet(events.curve(key), condition, since, end) for key in events.keys())  # noqa: SIM118


def _judge(rule: Rule, run: _Run, key: Key, memory: KeyMemory) -> Lifecycle:
    """Return the lifecycle of one key after the span."""
    life = Lifecycle(rule, key, memory, lambda first, last: run.events.newest(key, first, last))
    span, since = run.span, run.events.changed_since(key)
    if since is not None and since > span.reread:
        span = Span(min(since, span.start), span.start, span.end, span.instants)
    DETECTORS[type(rule.condition)](run, life, span)
    life.settle(run.span.end)
    if _misses_keys(rule):
        Known(run.events, life, run.events.curve(key)).remember(run.span.end)
    return life


def _seen(rule: Rule, run: _Run, questions: list[Question]) -> tuple[single.SeenEntry, ...] | None:
    """Return what event types remember of the span that is read again; adds the questions that this needs."""
    if not rule.is_event_type:
        return ()
    entries: list[single.SeenEntry] = []
    start, end = run.span.end - rule.buffer_time, run.span.end
    for key in list(run.events.keys()):
        try:
            found = single.remember(run.events, key, run.seen.get(key, {}), start, end)
        except Coarse as coarse:
            questions += _divided(key, coarse)
            continue
        if found is None or len(entries) + len(found) > single.SEEN_LIMIT:
            return None
        entries += found
    return tuple(entries)


def close_all(checkpoint: Checkpoint, reason: Reason, at: Millis) -> Outcome:
    """Resolve every open incident of a checkpoint, for rules that are gone or mean something else now."""
    transitions = []
    keys = {}
    for key, memory in checkpoint.keys.items():
        thread = memory.thread
        if thread is not None and thread.resolved is None:
            transitions.append(Transition(at, Change.RESOLVED, key, reason, thread.id, thread.opened))
            memory = changed(memory, thread=changed(thread, resolved=at))
        keys[key] = memory
    return Outcome(tuple(transitions), changed(checkpoint, keys=keys))


def _prepare(rule: Rule, events: Events, checkpoint: Checkpoint, end: Millis) -> _Run:
    start = max(checkpoint.evaluated, end - rule.max_catchup)
    known = rule.buffer_time if checkpoint.buffer_time is None else checkpoint.buffer_time
    reread = max(start - rule.buffer_time, checkpoint.evaluated - known, checkpoint.started)
    if start > checkpoint.evaluated or checkpoint.seen is None:
        reread = start  # nothing before was judged, or it cannot be told what was
    condition = rule.condition
    nominal: Collection[Millis] = ()
    if isinstance(condition, Flatline | Spike | Cardinality | Measuring | Custom):
        nominal = list(instants(rule.schedule, start, end))
    covered: flatline.Covered = lambda _at: False  # noqa: E731 - the other branch's function has the same shape
    if isinstance(condition, Flatline) or (isinstance(condition, Cardinality) and condition.minimum is not None):
        covered = flatline.coverage(events, condition.timeframe, checkpoint.started, checkpoint.covered)
    rule_first = checkpoint.first_event
    if isinstance(condition, Spike | SpikeAggregation) and condition.alert_on_new_data and rule_first is None:
        rule_first = events.first_event(None, any_key=True)
    return _Run(
        events, Span(reread, start, end, tuple(nominal)), covered, single.by_key(checkpoint.seen or ()), rule_first
    )


def _lost(rule: Rule, checkpoint: Checkpoint, end: Millis) -> tuple[Millis, Millis] | None:
    """Return the part of the span that is longer ago than the rule looks back."""
    start = end - rule.max_catchup
    return (checkpoint.evaluated, start) if checkpoint.evaluated < start else None


def _gap(lost: tuple[Millis, Millis]) -> str:
    start, end = lost
    given_up = f"{iso(start)} to {iso(end)} ({length_text(end - start)})"
    return f"gap: {given_up} is not evaluated: longer ago than max_catchup"


def _misses_keys(rule: Rule) -> bool:
    """Whether the absence of a key means something to the rule, so that keys must be known."""
    if not rule.is_keyed:
        return False
    falls = isinstance(rule.condition, Spike) and rule.condition.direction is not SpikeType.UP
    few = isinstance(rule.condition, Cardinality) and rule.condition.minimum is not None
    return falls or few or isinstance(rule.condition, Flatline)


def _keys(rule: Rule, events: Events, checkpoint: Checkpoint) -> Collection[Key]:
    if not rule.is_keyed:
        return [None]
    return dict.fromkeys([*events.keys(), *checkpoint.keys])


def _worth_keeping(rule: Rule, memory: KeyMemory, end: Millis) -> bool:
    """Whether a key's memory can still change an answer after ``end``."""
    margin = 2 * rule.timeframe + rule.buffer_time + REOPEN_WITHIN + (10 * rule.realert.cap if rule.realert.cap else 0)
    recent = [memory.until, memory.consumed_at, memory.up.last, memory.down.last]
    thread = memory.thread
    if thread is not None:
        if thread.resolved is None:
            return True
        recent.append(thread.resolved)
    if any(at is not None and at > end - margin for at in recent):
        return True
    if not rule.is_keyed:
        return True  # a single key: its first event may have left the data since
    return memory.last_seen is not None and memory.last_seen > end - max(rule.known_keys_for, margin)
