"""Messages that a document of several incidents tells of in their place: they name it, and are not sent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from alerter.delivery.changes import with_delivery
from alerter.delivery.tools import Tools
from alerter.model.incident import Delivery, DeliveryState, Incident, Reason

Queued = tuple[Incident, Delivery]


def leave_to(tools: Tools, told: Mapping[str, str], queued: Sequence[Queued], reason: Reason) -> None:
    """Let planned messages name the document that tells of them (by their ids), which has them marked already.

    What somebody else changed meanwhile waits for the next pass.
    """

    def drop(incident: Incident) -> Incident:
        for delivery in incident.outbox:
            if delivery.id in told and delivery.state is DeliveryState.PLANNED:
                incident = with_delivery(incident, _dropped(delivery, told[delivery.id], reason))
        return incident

    done = set(tools.ledger.change_all(list(dict.fromkeys(i.id for i, _ in queued)), drop))
    for incident, delivery in queued:
        if incident.id in done:
            tools.report.dropped += 1
            tools.journal.count(delivery, "digested")
            detail = f"{delivery.kind} to {delivery.channel}"
            tools.journal.note(incident, delivery, "digested", detail, reason=str(reason))


def _dropped(delivery: Delivery, document: str, reason: Reason) -> Delivery:
    return replace(delivery, state=DeliveryState.DROPPED, error=str(reason), digest=document)
