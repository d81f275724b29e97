"""Decisions as they are kept: runs of the same one are one entry."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from alerter.model.incident import Decision


def fold_runs(decisions: Iterable[Decision]) -> tuple[Decision, ...]:
    """Fold runs of the same outcome, key, reason and receiver into one entry with their number, by time."""
    latest: dict[object, int] = {}
    folded: list[Decision] = []
    for decision in sorted(decisions, key=lambda d: d.at):
        who = (decision.rule, decision.key)
        kind = (decision.outcome, decision.reason, decision.receiver, decision.incident)
        at = latest.get(who)
        if at is not None:
            before = folded[at]
            if (before.outcome, before.reason, before.receiver, before.incident) == kind:
                folded[at] = replace(before, count=before.count + decision.count, until=decision.until)
                continue
        latest[who] = len(folded)
        folded.append(decision)
    return tuple(folded)
