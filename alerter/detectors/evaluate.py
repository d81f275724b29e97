"""Evaluating a rule over a span: every key in turn, from its checkpoint to a new one."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, replace

from alerter.clock import Millis
from alerter.detectors import flatline, frequency, single, spike
from alerter.detectors.protocol import Events, Span
from alerter.incidents import Lifecycle
from alerter.model.incident import Change, Checkpoint, KeyMemory, Outcome, Reason, Transition
from alerter.model.rule import REOPEN_WITHIN, AnyEvent, Flatline, Frequency, Key, Rule, Spike, SpikeType, ValueList
from alerter.timetext import iso, length_text
from alerter.windows import EMPTY


@dataclass(frozen=True)
class _Run:
    """One evaluation: what the per-type functions need besides the key's lifecycle."""

    events: Events
    span: Span
    checkpoint: Checkpoint
    covered: flatline.Covered


Detector = Callable[[_Run, Lifecycle], None]

DETECTORS: dict[type, Detector] = {
    Frequency: lambda run, life: frequency.detect(run.events, life, run.span),
    Spike: lambda run, life: spike.detect(run.events, life, run.span),
    Flatline: lambda run, life: flatline.detect(run.events, life, run.span, run.covered),
    ValueList: lambda run, life: single.detect(run.events, life, run.span, _seen(run.checkpoint)),
    AnyEvent: lambda run, life: single.detect(run.events, life, run.span, _seen(run.checkpoint)),
}


def first_checkpoint(rule: Rule, at: Millis) -> Checkpoint:
    """Return the checkpoint of a new rule: windows read back from ``at``, earlier matches are not told."""
    return Checkpoint(rule.name, rule.meaning(), evaluated=at, started=at)


def lookback(rule: Rule, checkpoint: Checkpoint) -> Millis:
    """Return how far before the checkpoint events must be read: the window, the re-read, and keys not known yet."""
    reread = rule.buffer_time
    match rule.condition:
        case Frequency():
            return rule.timeframe + reread
        case Spike(direction=direction):
            absent = rule.query_key or rule.splits
            keys = rule.known_keys_for if absent and direction is not SpikeType.UP and not checkpoint.keys else 0
            return 2 * rule.timeframe + keys
        case Flatline():
            absent = rule.query_key or rule.splits
            return rule.timeframe + (rule.known_keys_for if absent and not checkpoint.keys else reread)
        case _:
            return reread


def evaluate(rule: Rule, events: Events, checkpoint: Checkpoint, end: Millis) -> Outcome:
    """Judge ``(checkpoint.evaluated, end]``; any split of a span into evaluations gives the same transitions."""
    warnings: list[str] = []
    transitions: list[Transition] = []
    if checkpoint.meaning != rule.meaning():
        transitions += close_all(checkpoint, Reason.RULE_CHANGED, checkpoint.evaluated).transitions
        checkpoint = replace(first_checkpoint(rule, checkpoint.evaluated), started=checkpoint.started)
    start = checkpoint.evaluated
    if end - start > rule.max_catchup:
        lost = end - rule.max_catchup
        given_up = f"{iso(start)} to {iso(lost)} ({length_text(lost - start)})"
        warnings.append(f"gap: {given_up} is not evaluated: longer ago than max_catchup")
        start = lost
    span = Span(min(start, max(start - rule.buffer_time, checkpoint.started)), start, end, checkpoint.started)
    covered = _coverage(rule, events, checkpoint)
    run = _Run(events, span, checkpoint, covered)
    keys: dict[Key, KeyMemory] = {}
    for key in _keys(rule, events, checkpoint):
        life = Lifecycle(rule, key, checkpoint.keys.get(key, KeyMemory()), start)
        DETECTORS[type(rule.condition)](run, life)
        life.settle(end)
        transitions += life.transitions
        memory = _seen_between(rule, events, key, life.memory, end)
        if _worth_keeping(rule, memory, end):
            keys[key] = memory
    seen: tuple[tuple[Key, Millis, int], ...] = ()
    if rule.is_event_type:
        seen = single.remember(events, list(events.keys()), end - rule.buffer_time, end)
        if len(seen) >= single.SEEN_LIMIT:
            warnings.append("late: too many events to recognise late ones; see buffer_time")
    fresh = replace(
        checkpoint, evaluated=end, keys=keys, seen=seen, covered=isinstance(rule.condition, Flatline) and covered(end)
    )
    return Outcome(tuple(sorted(transitions, key=lambda t: t.at)), fresh, tuple(warnings))


def close_all(checkpoint: Checkpoint, reason: Reason, at: Millis) -> Outcome:
    """Resolve every open incident of a checkpoint, for rules that are gone or mean something else now."""
    transitions = []
    keys = {}
    for key, memory in checkpoint.keys.items():
        thread = memory.thread
        if thread is not None and thread.resolved is None:
            transitions.append(Transition(at, Change.RESOLVED, key, reason, thread.id, thread.opened))
            memory = replace(memory, thread=replace(thread, resolved=at))
        keys[key] = memory
    return Outcome(tuple(transitions), replace(checkpoint, keys=keys))


def _keys(rule: Rule, events: Events, checkpoint: Checkpoint) -> Collection[Key]:
    found: Iterable[Key] = [*events.keys(), *checkpoint.keys]
    if not rule.query_key and not rule.splits:
        found = [None]
    return dict.fromkeys(found)


def _coverage(rule: Rule, events: Events, checkpoint: Checkpoint) -> flatline.Covered:
    if not isinstance(rule.condition, Flatline):
        return lambda _at: False
    return flatline.coverage(events, rule.timeframe, checkpoint.started, checkpoint.covered)


def _seen(checkpoint: Checkpoint) -> single.Seen:
    return {(key, at): number for key, at, number in checkpoint.seen}


def _seen_between(rule: Rule, events: Events, key: Key, memory: KeyMemory, end: Millis) -> KeyMemory:
    """Note when the key was seen first and last, for types where absence or age matters."""
    if not isinstance(rule.condition, Spike | Flatline):
        return memory
    curve = events.curve(key) or EMPTY
    firsts = [at for at in (memory.first_seen, curve.first()) if at is not None]
    lasts = [at for at in (memory.last_seen, curve.last(end)) if at is not None]
    reborn = getattr(rule.condition, "forget_keys", False) and memory.first_seen is not None
    first = memory.first_seen if reborn else min(firsts, default=None)
    return replace(memory, first_seen=first, last_seen=max(lasts, default=None))


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
    return memory.last_seen is not None and memory.last_seen > end - max(rule.known_keys_for, margin)
