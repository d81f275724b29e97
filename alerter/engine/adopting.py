"""Incidents that a crash left without a checkpoint: the evaluation made again goes on with them, never beside them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from alerter.clock import Millis
from alerter.model.incident import Change, Checkpoint, Incident, Outcome, Reason, Transition


def adopt(outcome: Outcome, before: Checkpoint, stored: Iterable[Incident]) -> Outcome:
    """Let what was written before a crash stand for what the same span gives now.

    ``stored`` are the rule's open incidents. One that the checkpoint ``before`` does not know was opened in the span
    judged again; events that came late since may have moved its opening, and with it its identity. It takes the place
    of the incident that now opens nearest to it; if none does, it is resolved, for late data.
    """
    known = {memory.thread.id for memory in before.keys.values() if memory.thread is not None}
    opened = {t.incident: t for t in outcome.transitions if t.change is Change.OPENED}
    for orphan in stored:
        if orphan.id in known or orphan.id in opened:
            continue
        nearest = min(
            (t for t in opened.values() if t.key == orphan.key),
            key=lambda t: abs(t.opened - orphan.opened),
            default=None,
        )
        if nearest is None:
            outcome = _resolved(outcome, orphan)
        else:
            del opened[nearest.incident]
            outcome = _renamed(outcome, nearest.incident, orphan.id, orphan.opened)
    return outcome


def orphans(known: Iterable[Transition], stored: Iterable[Incident], reason: Reason, at: Millis) -> list[Transition]:
    """Return the ends of a removed rule's open incidents that were written without their checkpoint."""
    ids = {transition.incident for transition in known}
    return [Transition(at, Change.RESOLVED, i.key, reason, i.id, i.opened) for i in stored if i.id not in ids]


def _renamed(outcome: Outcome, old: str, new: str, opened: Millis) -> Outcome:
    def named(transition: Transition) -> Transition:
        return replace(transition, incident=new, opened=opened) if transition.incident == old else transition

    keys = dict(outcome.checkpoint.keys)
    for key, memory in outcome.checkpoint.keys.items():
        if memory.thread is not None and memory.thread.id == old:
            keys[key] = replace(memory, thread=replace(memory.thread, id=new, opened=opened))
    transitions = tuple(named(t) for t in outcome.transitions)
    return replace(outcome, transitions=transitions, checkpoint=replace(outcome.checkpoint, keys=keys))


def _resolved(outcome: Outcome, orphan: Incident) -> Outcome:
    at = max(orphan.updated, outcome.checkpoint.evaluated)
    gone = Transition(at, Change.RESOLVED, orphan.key, Reason.LATE_DATA, orphan.id, orphan.opened)
    return replace(outcome, transitions=(*outcome.transitions, gone))
