"""A dry run told step by step: each message with its incident as it was right after the evaluation that planned it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from alerter.engine.dryrun import DryRun, patient
from alerter.engine.groups import grouped
from alerter.engine.rehearsal import Rehearsal
from alerter.engine.tick import Engine
from alerter.model.incident import Checkpoint, Delivery, Incident
from alerter.routing.tree import Routing
from alerter.sources.protocol import Source
from alerter.sources.reader import Reader
from alerter.state.memory import MemoryState


@dataclass(frozen=True)
class Step:
    """One message, in the order in which they go out."""

    incident: Incident
    delivery: Delivery


def steps(answer: DryRun, source: Source, routing: Routing, most: int) -> Iterator[Step]:
    """Yield the first ``most`` messages of a dry run.

    The rule is evaluated again, from one message's instant to the next: any split of a span gives the same messages,
    and an incident's document as it then was is what a notifier would have been given.
    """
    rule = patient(answer.rule, answer.start, answer.end)
    deliveries = answer.messages[:most]
    left = {delivery.id for delivery in deliveries}
    incidents: dict[str, Incident] = {}
    groups, known = Rehearsal(lambda: incidents), set[str]()
    state = MemoryState()
    state.save_checkpoint(Checkpoint(rule.name, rule.meaning(), answer.start, answer.start), None)
    engine = Engine(Reader(source), state, routing, gaps=False)
    for at in dict.fromkeys(delivery.at for delivery in deliveries):
        for _ in engine.ticks([rule], min(at, answer.end) + rule.query_delay):
            pass
        incidents = {stored.value.id: stored.value for stored in state.incidents()}
        found = [Step(incident, d) for incident in incidents.values() for d in incident.deliveries]
        news = [n for incident in incidents.values() for n in grouped(incident) if n.delivery.id not in known]
        known |= {n.delivery.id for n in news}
        found += [Step(said.document, said.delivery) for said in groups.play(news, at)]
        new = [step for step in found if step.delivery.id in left]
        yield from sorted(new, key=lambda step: (step.delivery.at, step.delivery.id))
        left -= {step.delivery.id for step in new}
