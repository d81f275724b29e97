"""A group's whole life on the Slack stand-in, and its payloads under hostile members."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from alerter.clock import MINUTE, SECOND
from alerter.model.incident import Delivery, Group, Incident, Kind
from alerter.notifiers.protocol import Outgoing
from alerter.notifiers.slack.format import payload, reply_payload
from alerter.notifiers.webhook import payload as webhook_payload
from tests.delivery.fakes import Desk as Quiet
from tests.delivery.fakes import delivery, incident
from tests.delivery.test_groups import member, over
from tests.delivery.test_slack_protocol import Desk
from tests.notifiers.judge import faults, mentions
from tests.support.slack import Slack

MENTION: dict[str, Any] = {"channel": "#order", "mention": {"critical": "S0123ABCD"}}


def planned(desk: Desk, id: str, kind: Kind = Kind.FIRING) -> Delivery:
    """Return a message of an incident that its group is to tell."""
    at = desk.clock.now()
    group = Group(f"g {desk.mark}", (("rule", "r"),), 10 * SECOND, MINUTE, at)
    text = f"[{kind.upper()}] [WARNING] Order: {id} jumps. Started 11:05 UTC."
    return replace(desk.delivery(kind, at), id=f"{kind} {id} {at} {desk.mark}", group=group, text=text)


def life(desk: Desk) -> None:
    """Two incidents, one more, and the end of all."""
    for id in ("a", "b"):
        desk.state.save_incident(incident(f"{id} {desk.mark}", planned(desk, id), opened=desk.clock.now()), None)
    passes(desk, 30)
    desk.state.save_incident(incident(f"c {desk.mark}", planned(desk, "c"), opened=desk.clock.now()), None)
    passes(desk, 70)
    for id in ("a", "b", "c"):
        stored = desk.state.incident(f"{id} {desk.mark}")
        assert stored is not None
        ended = replace(stored.value, resolved=desk.clock.now())
        ended = replace(ended, deliveries=(*ended.deliveries, planned(desk, id, Kind.RESOLVED)))
        desk.state.save_incident(ended, stored.version)
    passes(desk, 70)


def passes(desk: Desk, seconds: int) -> None:
    """Let the loop run once a second."""
    for _ in range(seconds):
        desk.courier.deliver()
        desk.clock.advance(SECOND)


def test_one_message_and_its_thread(slack: Slack) -> None:
    """What Slack shows at the end: one root that says that all are over, a line for the new one and one for the end."""
    desk = Desk(slack)
    life(desk)
    mine = [m for m in slack.messages("alerts-order") if "3 incidents, rule r" in str(m)]
    assert len(mine) == 1
    assert "white_check_mark" in str(mine[0]["blocks"])
    lines = [str(reply["text"]) for reply in slack.thread("alerts-order", str(mine[0]["ts"]))]
    assert len(lines) == 2
    assert "1 more: Order: c jumps" in lines[0]
    assert lines[1].startswith("[RESOLVED]")
    assert not desk.state.unfinished()


HOSTILE = "<!channel> ```*_" + "&<>" * 90 + "\u202e\n"


def grouped(number: int) -> Incident:
    """Return the document of a group with hostile members that has told them."""
    desk = Quiet()
    for n in range(number):
        member(desk, f"m{n}", severity="critical" if n == 3 else "warning")
        found = desk.read(f"m{n}")
        text = f"[FIRING] [WARNING] Order: {HOSTILE}"
        desk.plan(replace(found, deliveries=tuple(replace(d, text=text) for d in found.deliveries)))
    desk.passes(40)
    return desk.order.calls[-1][1].incident


@pytest.mark.parametrize("number", [2, 12, 60])
def test_payloads_keep_slacks_limits(number: int) -> None:
    """However many members, whatever they hold: nothing is refused, nobody is mentioned but by the worst severity."""
    document = grouped(number)
    for made in document.deliveries:
        told = Outgoing(document, made)
        assert faults(payload(told, MENTION)) == []
        live = mentions(payload(told, MENTION))
        assert ["S0123ABCD" in text for text in live] == [True] * (number > 3)
        assert mentions(reply_payload(told, MENTION)) == []


def test_webhooks_get_the_members() -> None:
    """Each with its incident, severity, state and words."""
    desk = Quiet()
    member(desk, "a")
    member(desk, "b")
    desk.passes(60)
    over(desk, "a")
    desk.passes(400)
    body = webhook_payload(desk.order.calls[-1][1])
    assert [(m["id"], m["state"]) for m in body["incident"]["members"]] == [("a", "over"), ("b", "firing")]
    assert body["incident"]["matches"] == 2
    assert "members" not in webhook_payload(alone())["incident"]


def alone() -> Outgoing:
    """Return the message of an incident by itself."""
    desk = Quiet()
    desk.plan(incident("i", delivery("d")))
    desk.passes(1)
    return desk.order.calls[0][1]
