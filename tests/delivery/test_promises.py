"""What people may rely on: firing announced implies resolved announced, order, and plain text rather than nothing."""

from __future__ import annotations

import pytest

from alerter.clock import MINUTE, SECOND
from alerter.model.incident import DeliveryState, Kind, Reason
from alerter.notifiers.protocol import Failure
from tests.delivery.fakes import NOW, Desk, FakeNotifier, delivery, fail, incident

SILENCE = (Reason.SILENCE, "silence s1 by jin: deploy", NOW + 60 * MINUTE)


@pytest.mark.parametrize("obstacle", [None, SILENCE, (Reason.MUTE_TIME, "night", None)])
@pytest.mark.parametrize("restarted", [False, True])
def test_end_of_what_was_announced_is_announced(obstacle: object, restarted: bool) -> None:
    """A silence or mute time made after firing, or a restart, keeps nobody from hearing that it is over."""
    desk = Desk()
    desk.plan(incident("i1", delivery()))
    desk.passes(2)
    desk.obstacle = obstacle
    desk.change("i1", delivery("r1", Kind.REPEAT, at=NOW + 1))
    desk.passes(2)
    if restarted:
        desk.restart("next")
    desk.change("i1", delivery("d2", Kind.RESOLVED), resolved=NOW + MINUTE)
    desk.passes(4)
    heard = ["post", "update", "reply"] if obstacle else ["post", "reply", "update", "reply"]
    assert desk.order.done == heard
    assert desk.order.calls[-1][1].delivery.kind is Kind.RESOLVED
    assert not desk.state.unfinished()


def test_silence_made_while_a_message_waits_and_lifted_again() -> None:
    """What a silence dropped is not told, and so is not its end; another receiver that heard is told."""
    desk = Desk()
    desk.plan(incident("i1", delivery(), delivery("s1", receiver="spare", channel="spare")))
    desk.order.failures = [fail(Failure.WAIT, retry_after=30 * SECOND)]
    desk.courier.deliver()
    desk.obstacle = SILENCE
    desk.passes(40)
    ends = (delivery("d2", Kind.RESOLVED), delivery("s2", Kind.RESOLVED, receiver="spare", channel="spare"))
    desk.change("i1", *ends, resolved=NOW + MINUTE)
    desk.passes(3)
    assert desk.order.done == ["post"]
    assert [m.delivery.kind for _, m in desk.spare.calls] == [Kind.FIRING, Kind.RESOLVED]
    assert not desk.state.unfinished()


def test_order_within_a_pass() -> None:
    """Critical roots, other roots, changes of state, lines, counters: whatever the order they were planned in."""
    desk = Desk(FakeNotifier(kind="webhookish"))
    old = [incident(f"o{n}", delivery(f"o{n}")) for n in range(3)]
    desk.plan(*old)
    desk.passes(60)
    first = len(desk.order.calls)
    desk.change("o0", count=99)
    desk.change("o1", delivery("line", Kind.REPEAT, at=NOW + 1))
    desk.change("o2", delivery("over", Kind.RESOLVED), resolved=NOW + MINUTE)
    desk.plan(incident("n1", delivery("root")))
    desk.plan(incident("n2", delivery("critical root"), labels={"severity": "critical"}))
    desk.courier.deliver()
    done = [(how, m.incident.id) for how, m in desk.order.calls[first:]]
    assert done == [
        ("post", "n2"), ("post", "n1"), ("update", "o2"), ("reply", "o2"), ("reply", "o1"), ("update", "o0"),
    ]  # fmt: skip


def test_edits_are_coalesced() -> None:
    """A hundred changes within a minute and a half are two edits, each with the newest numbers."""
    desk = Desk()
    desk.plan(incident("i1", delivery()))
    desk.passes(1)
    for count in range(100):
        desk.change("i1", count=count)
        desk.passes(1)
    edits = [m.incident.count for how, m in desk.order.calls if how == "update"]
    assert len(edits) == 2
    assert edits[0] >= 40
    assert edits[1] >= 85


def test_edits_of_all_channels_share_one_rate() -> None:
    """Forty edits a minute for all together; states that changed go before counters."""
    desk = Desk()
    desk.plan(*(incident(f"i{n}", delivery(f"d{n}", channel=f"#c{n}")) for n in range(100)))
    desk.passes(2)
    for n in range(100):
        over = {"resolved": NOW + MINUTE, "quiet_close": True} if n % 2 else {"count": 7}
        desk.change(f"i{n}", **over)
    desk.clock.advance(MINUTE)
    before = len(desk.order.calls)
    desk.passes(60)
    edits = [m for how, m in desk.order.calls[before:] if how == "update"]
    assert 48 <= len(edits) <= 51
    assert all(m.incident.resolved for m in edits)


def test_limit_on_the_edit_of_an_end_lets_new_messages_pass() -> None:
    """When the edit that belongs to a resolution must wait, a new incident of the channel is told at once."""
    desk = Desk()
    desk.plan(incident("i1", delivery()))
    desk.passes(1)
    desk.order.failures = [fail(Failure.WAIT, "ratelimited", 30 * SECOND)]
    desk.change("i1", delivery("d2", Kind.RESOLVED), resolved=NOW + MINUTE)
    desk.passes(1)
    desk.plan(incident("i2", delivery("e1")))
    desk.passes(1)
    assert desk.order.done == ["post", "update", "post"]
    desk.passes(40)
    assert desk.order.done == ["post", "update", "post", "update", "reply"]


def test_dead_channel_is_not_tried_for_every_incident() -> None:
    """While a channel is known to be dead its messages go to the fallback at once; it is probed every few minutes."""
    desk = Desk(FakeNotifier(failures=[fail(Failure.CHANNEL, "is_archived")]), fallback=True)
    for n in range(20):
        desk.plan(incident(f"i{n}", delivery(f"d{n}")))
        desk.passes(5)
    assert desk.order.done == ["post"]
    assert len(desk.spare.calls) == 20
    assert all("is_archived" in m.note for _, m in desk.spare.calls)
    desk.passes(100)
    desk.plan(incident("late", delivery("late")))
    desk.passes(3)
    assert desk.order.done == ["post", "post"]


def test_bad_credentials_tell_each_incident_another_way_at_once() -> None:
    """Every page reaches the fallback without waiting for the channel, and the channel too once the token is good."""
    desk = Desk(FakeNotifier(failures=[fail(Failure.CREDENTIALS, "token_revoked") for _ in range(3)]), fallback=True)
    for n in range(10):
        desk.plan(incident(f"i{n}", delivery(f"d{n}")))
        desk.passes(2)
        assert len(desk.spare.calls) == n + 1
    desk.passes(200)
    posted = {m.delivery.id for how, m in desk.order.calls if how == "post"}
    assert posted == {f"d{n}" for n in range(10)}
    assert len(desk.spare.calls) == 10
    assert {d.state for s in desk.state.incidents() for d in s.value.deliveries} == {DeliveryState.SENT}
