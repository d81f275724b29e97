"""Messages told step by step are those of the dry run, each with its incident as it then was."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings

from alerter.engine.dryrun import dry_run
from alerter.engine.replay import steps
from alerter.model.incident import Kind
from alerter.model.rule import Frequency
from alerter.sources.embedded import EmbeddedSource
from alerter.sources.protocol import SourceError
from alerter.testing import rule
from tests.engine.support import T0, routing
from tests.streams.worlds import World, worlds


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(world=worlds())
def test_the_same_messages_in_their_order(world: World) -> None:
    """Whatever the rule and the events: the same messages, and no incident is shown resolved before it is."""
    source = EmbeddedSource(documents=[event.document("w") for event in world.events])
    answer = dry_run(world.rule, source, routing(), world.start, world.cuts[-1])
    wanted = {d.id: (d.at, d.kind, d.text) for i in answer.incidents for d in i.deliveries}
    found = list(steps(answer, source, routing(), most=10_000))
    assert {s.delivery.id: (s.delivery.at, s.delivery.kind, s.delivery.text) for s in found} == wanted
    assert [s.delivery.at for s in found] == sorted(s.delivery.at for s in found)
    for step in found:
        over = step.incident.resolved is not None
        assert over == (step.delivery.kind is Kind.RESOLVED) or step.incident.resolved == step.delivery.at


def test_documents_with_several_times_are_not_counted_otherwise_than_on_a_server() -> None:
    """Each of their times counts, and they cannot be noted at one: what the evaluator cannot answer is refused."""
    twice = {"@timestamp": ["2026-03-10T11:00:01.000Z", "2026-03-10T11:00:02.000Z"]}
    source = EmbeddedSource(documents=[twice])
    with pytest.raises(SourceError, match="run this rule with Elasticsearch"):
        dry_run(rule(condition=Frequency(2, 10_000)), source, routing(), T0 - 60_000, T0 + 60_000)
