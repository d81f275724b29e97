"""Courier, Slack client and a Slack that keeps messages: under each fault no lost root and no second one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import uuid4

import pytest

from alerter.clock import ManualClock, Millis, SystemClock
from alerter.config import SlackAccess
from alerter.delivery.courier import Courier
from alerter.metrics import Metrics
from alerter.model.incident import Delivery, Kind
from alerter.model.route import Receiver
from alerter.notifiers.slack import notifier as client
from alerter.notifiers.slack.notifier import SlackNotifier
from alerter.routing.tree import Node, Routing
from alerter.secrets import Secret
from alerter.state.sqlite import SqliteState
from tests.delivery.fakes import delivery, incident
from tests.support.faults import (
    CUT,
    CUT_ANSWER,
    HALF_ANSWER,
    LOST_ANSWER,
    SERVER_ERROR,
    Fault,
    json_answer,
    rate_limited,
    slack_error,
)
from tests.support.slack import Slack
from tests.support.slack_judge import judge
from tests.support.slack_proxy import SlackProxy

FAULTS = [CUT, CUT_ANSWER, HALF_ANSWER, LOST_ANSWER, SERVER_ERROR, rate_limited(3), slack_error("fatal_error")]


class Desk:
    """A courier on a real client; its clock starts now, for Slack's stamps are real."""

    patience = 90
    """Passes, one a second, after which nothing may be left to do."""

    def __init__(self, slack: Slack) -> None:
        self.clock = ManualClock(SystemClock().now())
        self.mark = uuid4().hex
        self.state = SqliteState(":memory:")
        self.state.init()
        receiver = Receiver("order", "slack", {"channel": "#alerts-order"})
        sender = SlackNotifier(receiver, SlackAccess(token=Secret(slack.token), base_url=slack.base_url))
        routing = Routing(Node("order", "route"), {"order": receiver})
        self.metrics = Metrics()
        self.courier = Courier(self.state, {"order": sender}, routing, self.clock, metrics=self.metrics)

    def passes(self, seconds: int) -> None:
        """Let the loop run once a second, until nothing is left to do."""
        for _ in range(seconds):
            self.courier.deliver()
            if not self.state.unfinished():
                return
            self.clock.advance(1_000)

    def delivery(self, kind: Kind, now: Millis) -> Delivery:
        """Return a delivery whose id no other test uses: the channel keeps what those posted."""
        return delivery(f"{kind} {self.mark}", kind, channel="#alerts-order", at=now)

    def life(self) -> None:
        """Plan firing and, once it is told, a repeat and the resolution."""
        now: Millis = self.clock.now()
        self.state.save_incident(incident("i1", self.delivery(Kind.FIRING, now), opened=now), None)
        self.passes(self.patience)
        for kind in (Kind.REPEAT, Kind.RESOLVED):
            stored = self.state.incident("i1")
            assert stored is not None
            made = incident(
                "i1", *stored.value.deliveries, self.delivery(kind, now),
                opened=now, posts=stored.value.posts, revision=stored.value.revision + 1,
                resolved=now + 60_000 if kind is Kind.RESOLVED else None,
            )  # fmt: skip
            self.state.save_incident(made, stored.version)
            self.passes(self.patience)


def marks(messages: list[Mapping[str, Any]]) -> list[str]:
    """Return the kinds of messages, by their metadata."""
    return [m["metadata"]["event_payload"]["kind"] for m in messages if m.get("metadata")]


def test_life_of_an_incident(slack: Slack) -> None:
    """One root, edited to resolved, with a repeat and a resolution in its thread."""
    desk = Desk(slack)
    desk.life()
    (root,) = slack.messages("alerts-order")
    assert "Resolved" in str(root["attachments"])
    assert marks(slack.thread("alerts-order", root["ts"])) == ["repeat", "resolved"]
    assert not desk.state.unfinished()


@pytest.mark.parametrize("nth", [1, 2, 3])
@pytest.mark.parametrize("fault", FAULTS, ids=lambda f: f.name)
def test_no_post_is_lost_or_doubled(slack: Slack, fault: Fault, nth: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever happens to the root, the repeat or the resolution, each stands there exactly once."""
    monkeypatch.setattr(client, "TIMEOUT_SECONDS", 2)
    slack.proxy.plan(fault, "chat.postMessage", nth=nth)
    desk = Desk(slack)
    desk.life()
    (root,) = slack.messages("alerts-order")
    assert marks(slack.thread("alerts-order", root["ts"])) == ["repeat", "resolved"]
    assert "Resolved" in str(root["attachments"])


@pytest.mark.parametrize("fault", FAULTS, ids=lambda f: f.name)
def test_edits_come_through(slack: Slack, fault: Fault, monkeypatch: pytest.MonkeyPatch) -> None:
    """An edit that fails is made again."""
    monkeypatch.setattr(client, "TIMEOUT_SECONDS", 2)
    slack.proxy.plan(fault, "chat.update")
    Desk(slack).life()
    (root,) = slack.messages("alerts-order")
    assert "Resolved" in str(root["attachments"])


@pytest.mark.parametrize("nth", [1, 2])
def test_history_that_shows_a_message_late_leaves_one_and_a_pointer(slack: Slack, nth: int) -> None:
    """A post that neither look shows is made again; once both are seen, one lives on and the other points to it."""
    unseen = Fault("late", forward=False, answer=json_answer({"ok": True, "messages": []}))
    slack.proxy.plan(CUT_ANSWER, "chat.postMessage", nth=nth)
    slack.proxy.plan(unseen, "conversations.history" if nth == 1 else "conversations.replies", times=2)
    desk = Desk(slack)
    desk.life()
    roots = slack.messages("alerts-order")
    whole = [m for m in roots if "Resolved" in str(m["attachments"])]
    assert len(whole) == 1
    below = slack.thread("alerts-order", whole[0]["ts"])
    pointers = [m for m in [*roots, *below] if "Sent twice" in m["text"]]
    assert len(pointers) == 1
    assert len(roots) == (2 if nth == 1 else 1)
    stored = desk.state.incident("i1")
    assert stored is not None
    assert [p.ts for p in stored.value.posts] == [whole[0]["ts"]]
    assert [m["text"] for m in below if m not in pointers] == ["[REPEAT] text", "[RESOLVED] text"]


def test_refused_blocks_still_page(slack: Slack) -> None:
    """A Slack that refuses every block gets the text."""
    slack.proxy.plan(slack_error("invalid_blocks"), "chat.postMessage", times=3)
    Desk(slack).life()
    assert len(slack.messages("alerts-order")) == 1


def test_golden_judges_agree(slack: Slack) -> None:
    """Every payload of a whole life is one that Slack takes: the stand-in judged each."""
    Desk(slack).life()
    assert isinstance(slack.proxy, SlackProxy)
    assert slack.proxy.judge is judge
    assert all(s.status == 200 for s in slack.proxy.seen("chat.*"))
