"""Decisions as they are made and kept: each with its reason, runs of the same one as one entry."""

from __future__ import annotations

from collections.abc import Iterable

from alerter.clock import Millis
from alerter.engine.telling import Told
from alerter.model.changed import changed
from alerter.model.incident import Change, Decision, Delivery, DeliveryState, Incident, Reason, Transition
from alerter.timetext import iso

OUTCOMES = {
    Change.OPENED: "fired",
    Change.REPEATED: "repeated",
    Change.REOPENED: "reopened",
    Change.RAISED: "raised",
    Change.SUPPRESSED: "suppressed",
    Change.RESOLVED: "resolved",
}
"""What the record calls a change of an incident."""
PLANNED = "planned"
"""A message to a receiver was planned."""
DIGESTED = "digested"
"""A message was left to a digest, which tells of several incidents at once."""


def of_transition(incident: Incident, transition: Transition, detail: str = "") -> Decision:
    """Return the decision that a change of an incident is; ``detail`` holds the match's numbers."""
    if transition.change is Change.RAISED:
        detail = f"{detail}; severity {transition.severity}" if detail else f"severity {transition.severity}"
    if transition.change is Change.RESOLVED and transition.last_held is not None:
        detail = f"the condition held last at {iso(transition.last_held)}"
    return Decision(
        at=transition.at,
        rule=incident.rule,
        key=transition.key,
        outcome=OUTCOMES[transition.change],
        reason=str(transition.reason),
        incident=transition.incident,
        until=transition.until,
        count=transition.number,
        detail=detail,
    )


def of_verdict(incident: Incident, told: Told, at: Millis) -> Decision:
    """Return the decision not to tell a receiver now."""
    return Decision(
        at=at,
        rule=incident.rule,
        key=incident.key,
        outcome="refreshed" if told.reason is Reason.REPEAT_INTERVAL else "suppressed",
        reason=str(told.reason),
        incident=incident.id,
        until=told.until,
        receiver=told.receiver,
        detail=told.detail,
        route=told.route,
    )


def of_plan(incident: Incident, delivery: Delivery) -> Decision:
    """Return the decision to tell a receiver, by itself or in a digest."""
    return Decision(
        at=delivery.at,
        rule=incident.rule,
        key=incident.key,
        outcome=DIGESTED if delivery.state is DeliveryState.DROPPED else PLANNED,
        reason=str(delivery.reason),
        incident=incident.id,
        receiver=delivery.receiver,
        detail=f"{delivery.kind} to {delivery.channel}",
        route=delivery.route,
    )


def of_plans(incident: Incident, before: Incident | None = None) -> list[Decision]:
    """Return the decisions behind the messages that an incident plans, and did not ``before``."""
    known = {delivery.id for delivery in before.deliveries} if before else set()
    return [of_plan(incident, delivery) for delivery in incident.deliveries if delivery.id not in known]


def fold_runs(decisions: Iterable[Decision]) -> tuple[Decision, ...]:
    """Fold runs of the same outcome, key, reason and receiver into one entry with their number, by time.

    Planned messages stay one entry each, and part no run.
    """
    latest: dict[object, int] = {}
    folded: list[Decision] = []
    for decision in sorted(decisions, key=lambda d: d.at):
        if decision.outcome in (PLANNED, DIGESTED):
            folded.append(decision)
            continue
        who = (decision.rule, decision.key)
        kind = (decision.outcome, decision.reason, decision.receiver, decision.incident)
        at = latest.get(who)
        if at is not None:
            before = folded[at]
            if (before.outcome, before.reason, before.receiver, before.incident) == kind:
                folded[at] = changed(before, count=before.count + decision.count, until=decision.until)
                continue
        latest[who] = len(folded)
        folded.append(decision)
    return tuple(folded)
