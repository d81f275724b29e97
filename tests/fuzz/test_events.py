"""Events of any shape: evaluated and told in payloads that Slack takes, or left out with a reason."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import pytest

from alerter.clock import MINUTE
from alerter.model.history import NewTerm, ValueChange
from alerter.model.rule import AnyEvent, Cardinality, Frequency, Realert, Rule, ValueList
from alerter.notifiers.protocol import Outgoing
from alerter.notifiers.slack.format import payload, reply_payload
from alerter.testing import rule
from alerter.timetext import iso
from tests.engine.support import T0, World
from tests.fuzz.mangle import ODD, line, nested, odd
from tests.support.slack_judge import judge, live_mentions

NOW = Realert(0, written=True)
NO_EVENTS = (b"{", b"[]", b"\xff\xfe", b"null", b'{"@timestamp": ')
KEYS = (None, "k", "deep.er", "list", "@timestamp")


def event(at: int, dice: random.Random) -> dict[str, Any]:
    """Return an event of any shape; most have a time that can be read."""
    made: dict[str, Any] = {"k": dice.choice(ODD), "deep": {"er": dice.choice(ODD)}, "list": [dice.choice(ODD)] * 3}
    made |= {"message": dice.choice(ODD), "level": "error", "n": {"n": nested(dice.randrange(60))}}
    if dice.random() < 0.3:
        made = odd(made, dice) if isinstance(made, dict) else made
    time = iso(T0 + at) if dice.random() < 0.8 else dice.choice((*ODD, T0 + at, (T0 + at) / 1000, str(T0 + at)))
    return {**{str(k): v for k, v in made.items()}, "@timestamp": time}


def rules(key: str | None) -> list[Rule]:
    """Return a rule of each way to read events, grouped by a field."""
    keys = () if key is None else (key,)
    made = [
        rule(Frequency(2, MINUTE), realert=NOW, query_key=keys),
        rule(AnyEvent(), realert=NOW, query_key=keys),
        rule(Cardinality("k", MINUTE, maximum=1), realert=NOW, query_key=keys),
        rule(ValueList("k", ("x", 5), deny=True), realert=NOW, query_key=keys),
        rule(ValueChange(("k", "list")), realert=NOW, query_key=keys),
        rule(NewTerm((("k",), ("list", "deep.er")), missing=True), realert=NOW, query_key=keys),
    ]
    return [replace(one, name=f"rule {n}", domain="user") for n, one in enumerate(made)]


@pytest.mark.parametrize("seed", range(30))
def test_events_of_any_shape(seed: int) -> None:
    """No bug, no rule stops another, and whatever is told is a payload that Slack takes, without a live mention."""
    dice = random.Random(seed)
    world = World([], rules(dice.choice(KEYS)))
    lines = [(line(event(dice.randrange(60_000), dice)), f"events:{n}") for n in range(12)]
    world.tick(0)
    world.source.extend_lines([*lines, (dice.choice(NO_EVENTS), "events:x")])
    report = world.tick(120)
    assert not [failure for failure in report.failures if failure.kind == "bug"], report.failures
    assert "rule 1" in report.outcomes
    for stored in world.state.incidents():
        incident = stored.value
        for delivery in incident.deliveries:
            for plain in range(4):
                message = Outgoing(incident, delivery, plain=plain)
                body = payload(message, {"channel": "#c"})
                assert judge("chat.postMessage", body) == []
                assert live_mentions(body) == []
            assert judge("chat.postMessage", reply_payload(message, {"channel": "#c"})) == []
