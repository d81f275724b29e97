"""Delivery: once where it can be, late rather than lost, every failure with its own reaction."""

from __future__ import annotations

import pytest

from alerter.clock import MINUTE, SECOND
from alerter.engine.heard import Heard
from alerter.model.incident import DeliveryState, Kind, Reason
from alerter.notifiers.protocol import Failure, Outgoing, Posted
from tests.delivery.fakes import NOW, Desk, FakeNotifier, delivery, fail, incident


def state_of(desk: Desk, id: str = "d1") -> DeliveryState:
    return next(d.state for d in desk.read().deliveries if d.id == id)


def test_root_is_posted_once_and_remembered() -> None:
    """A planned message is posted, its place is stored, and further passes do nothing."""
    desk = Desk()
    desk.plan(incident("i1", delivery()))
    desk.passes(5)
    assert desk.order.done == ["post"]
    assert state_of(desk) is DeliveryState.SENT
    post = desk.read().posts[0]
    assert (post.address, post.ts, post.revision) == ("C1", "1", 1)


def test_resolution_edits_the_root_and_adds_a_line() -> None:
    """A resolved incident is one edit and one line in the thread."""
    desk = Desk()
    desk.plan(incident("i1", delivery()))
    desk.passes(1)
    desk.change("i1", delivery("d2", Kind.RESOLVED), resolved=NOW + MINUTE)
    desk.passes(5)
    assert desk.order.done == ["post", "update", "reply"]
    assert not desk.state.unfinished()


def test_quiet_close_is_an_edit_only() -> None:
    """An incident that closes quietly changes its message and tells nobody."""
    desk = Desk()
    desk.plan(incident("i1", delivery()))
    desk.passes(1)
    desk.change("i1", resolved=NOW + MINUTE, quiet_close=True)
    desk.passes(5)
    assert desk.order.done == ["post", "update"]


def test_counters_are_refreshed_at_most_every_45_seconds() -> None:
    """New counts alone wait; the message catches up in one edit."""
    desk = Desk()
    desk.plan(incident("i1", delivery()))
    for count in range(40):
        desk.change("i1", count=count) if count else None
        desk.passes(1)
    assert desk.order.done == ["post"]
    desk.passes(10)
    assert desk.order.done == ["post", "update"]


def test_repeat_is_a_reply_without_edit() -> None:
    """A repeat goes to the thread; the counters of the root follow on their own time."""
    desk = Desk()
    desk.plan(incident("i1", delivery()))
    desk.passes(1)
    desk.change("i1", delivery("d2", Kind.REPEAT))
    desk.passes(2)
    assert desk.order.done == ["post", "reply"]


def test_not_editable_receivers_get_posts_of_their_own() -> None:
    """Where nothing can be edited, resolved and repeat are messages like any other."""
    desk = Desk(FakeNotifier(kind="webhook", editable=False))
    desk.plan(incident("i1", delivery(), delivery("d2", Kind.REPEAT), delivery("d3", Kind.RESOLVED)))
    desk.passes(3)
    assert desk.order.done == ["post", "post", "post"]
    assert not desk.state.unfinished()


def test_limit_waits_as_long_as_told_and_holds_the_channel() -> None:
    """After a limit neither this nor another message of the channel is tried before its time."""
    desk = Desk(FakeNotifier(failures=[fail(Failure.WAIT, retry_after=30 * SECOND)]))
    desk.plan(incident("i1", delivery()), incident("i2", delivery("e1")))
    desk.passes(30)
    assert desk.order.done == ["post"]
    desk.passes(3)
    assert sorted(m.delivery.id for _, m in desk.order.calls[1:]) == ["d1", "e1"]


def test_late_message_says_so() -> None:
    """What waited longer than a minute names its delay."""
    desk = Desk(FakeNotifier(failures=[fail(Failure.WAIT, retry_after=3 * MINUTE)]))
    desk.plan(incident("i1", delivery()))
    desk.passes(190)
    assert "delayed 3 min" in desk.order.calls[-1][1].note


def test_unclear_outcome_that_arrived_is_found_and_not_repeated() -> None:
    """A post without an answer is looked for after 5 s and recorded."""
    desk = Desk(FakeNotifier(lose=1))
    desk.plan(incident("i1", delivery()))
    desk.passes(4)
    assert desk.order.done == ["post"]
    desk.passes(30)
    assert desk.order.done == ["post", "find"]
    assert desk.read().posts[0].ts == "found"


def test_unclear_outcome_that_did_not_arrive_is_sent_again() -> None:
    """Only after two looks, at 5 s and 20 s, is a lost message sent once more, under the same id."""
    desk = Desk(FakeNotifier(failures=[fail(Failure.UNCLEAR)]))
    desk.plan(incident("i1", delivery()))
    desk.passes(19)
    assert desk.order.done == ["post", "find"]
    desk.passes(5)
    assert desk.order.done == ["post", "find", "find", "post"]
    assert state_of(desk) is DeliveryState.SENT


@pytest.mark.parametrize("failure", [Failure.CREDENTIALS, Failure.UNCLEAR, Failure.CHANNEL])
def test_without_read_back_the_repeat_is_marked(failure: Failure) -> None:
    """A receiver that cannot be read back gets the message again, said to be a possible repeat."""
    desk = Desk(FakeNotifier(failures=[fail(Failure.UNCLEAR)], blind=fail(failure, "missing_scope")))
    desk.plan(incident("i1", delivery()))
    desk.passes(10)
    assert desk.order.done == ["post", "find", "post"]
    assert "possible repeat" in desk.order.calls[-1][1].note


def test_hold_never_repeats() -> None:
    """With ``on_unclear: hold`` an unclear message that cannot be read back is not sent again."""
    desk = Desk(FakeNotifier(failures=[fail(Failure.UNCLEAR)], blind=fail(Failure.UNCLEAR)), on_unclear="hold")
    desk.plan(incident("i1", delivery()))
    desk.passes(60)
    assert desk.order.done == ["post", "find"]
    assert state_of(desk) is DeliveryState.FAILED


def test_message_left_behind_by_a_dead_process_is_reconciled() -> None:
    """What was being sent when a process died is looked for before anything is posted, whatever its clock said."""
    desk = Desk()
    left = delivery(state=DeliveryState.SENDING, attempts=1, sent=NOW + 60 * MINUTE, by="another")
    desk.plan(incident("i1", left))
    desk.order.there.append("d1")
    desk.passes(5)
    assert desk.order.done == []
    desk.passes(2)
    assert desk.order.done == ["find"]
    assert state_of(desk) is DeliveryState.SENT


def test_refused_blocks_degrade_step_by_step() -> None:
    """A refused payload is sent plainer and plainer, down to the text."""
    desk = Desk(FakeNotifier(failures=[fail(Failure.DEGRADE, "invalid_blocks") for _ in range(3)]))
    desk.plan(incident("i1", delivery()))
    desk.passes(1)
    assert [m.plain for _, m in desk.order.calls] == [0, 1, 2, 3]
    assert state_of(desk) is DeliveryState.SENT


def test_bug_in_formatting_never_loses_a_page() -> None:
    """An unexpected error while a message is put into shape is answered with a plainer one."""
    desk = Desk(FakeNotifier(failures=[KeyError("boom"), ValueError("boom")]))
    desk.plan(incident("i1", delivery()))
    desk.passes(1)
    assert state_of(desk) is DeliveryState.SENT
    assert desk.order.calls[-1][1].plain == 2


def test_dead_channel_goes_to_the_fallback_with_the_reason() -> None:
    """Firing and what follows reach the fallback receiver, once each, and say why."""
    desk = Desk(FakeNotifier(failures=[fail(Failure.CHANNEL, "is_archived")]), fallback=True)
    desk.plan(incident("i1", delivery()))
    desk.passes(3)
    desk.change("i1", delivery("d2", Kind.RESOLVED, at=NOW + 1), resolved=NOW + 1)
    desk.passes(3)
    assert desk.order.done == ["post"]
    assert [m.delivery.kind for _, m in desk.spare.calls] == [Kind.FIRING, Kind.RESOLVED]
    assert "is_archived" in desk.spare.calls[0][1].note
    assert not desk.state.unfinished()


def test_who_was_told_the_end_by_the_fallback_is_told_a_reopening() -> None:
    """Both receivers were planned an end; the fallback heard one, and stands for the channel, which is told anew."""
    desk = Desk(FakeNotifier(failures=[fail(Failure.CHANNEL, "is_archived")]), fallback=True)
    desk.plan(incident("i1", delivery()))
    desk.passes(3)
    assert Heard.of(desk.read()).receivers.keys() == {"order", "spare"}
    ends = [delivery(f"d-{name}", Kind.RESOLVED, at=NOW + 1, receiver=name) for name in ("order", "spare")]
    desk.change("i1", *ends, resolved=NOW + 1)
    desk.passes(3)
    assert [m.delivery.kind for _, m in desk.spare.calls] == [Kind.FIRING, Kind.RESOLVED]
    assert Heard.of(desk.read()).receivers == {}


def test_a_channel_that_dies_while_an_incident_fires_hands_its_end_to_the_fallback() -> None:
    """Firing was told in the channel, so the end is told: at the fallback, which heard nothing of it before."""
    desk = Desk(FakeNotifier(), fallback=True)
    desk.plan(incident("i1", delivery("d1")))
    desk.passes(1)
    desk.order.failures = [fail(Failure.CHANNEL, "is_archived")]
    desk.change("i1", delivery("d2", Kind.RESOLVED), resolved=NOW)
    desk.passes(2)
    assert desk.order.there == ["d1"]
    assert [(how, message.delivery.kind) for how, message in desk.spare.calls] == [("post", Kind.RESOLVED)]


def test_dead_channel_without_fallback_is_probed() -> None:
    """Without a fallback the message stays in the outbox and is tried every few minutes."""
    desk = Desk(FakeNotifier(failures=[fail(Failure.CHANNEL)]))
    desk.plan(incident("i1", delivery()))
    desk.passes(170)
    assert desk.order.done == ["post"]
    desk.passes(20)
    assert state_of(desk) is DeliveryState.SENT


def test_bad_credentials_keep_the_outbox_and_tell_another_way() -> None:
    """A revoked token loses nothing: the fallback of another kind hears at once, the channel when it works again."""
    desk = Desk(FakeNotifier(failures=[fail(Failure.CREDENTIALS, "token_revoked")]), fallback=True)
    desk.plan(incident("i1", delivery()))
    desk.passes(2)
    assert desk.spare.done == ["post"]
    desk.passes(40)
    assert desk.order.done == ["post", "post"]
    assert desk.spare.done == ["post"]


def test_gone_root_becomes_a_new_one() -> None:
    """A message somebody deleted is posted anew at the next change, and remembered in place of the old."""
    desk = Desk()
    desk.plan(incident("i1", delivery()))
    desk.passes(1)
    desk.order.failures.append(fail(Failure.GONE, "message_not_found"))
    desk.change("i1", delivery("d2", Kind.RESOLVED), resolved=NOW + 1)
    desk.passes(3)
    assert desk.order.done == ["post", "update", "post"]
    assert [p.ts for p in desk.read().posts] == ["3"]


def test_gone_root_of_an_incident_that_ended_meanwhile() -> None:
    """Its end becomes the new message; that it fires is not said once more behind it."""

    class Racing(FakeNotifier):
        def update(self, message: Outgoing, posted: Posted) -> None:
            if not desk.read().resolved:
                desk.change("i1", delivery("d2", Kind.RESOLVED, at=NOW + 1), resolved=NOW + 1)
            super().update(message, posted)

    desk = Desk(Racing())
    desk.plan(incident("i1", delivery()))
    desk.passes(1)
    desk.order.failures.append(fail(Failure.GONE, "message_not_found"))
    desk.change("i1")
    desk.passes(60)
    assert [d.kind for d in desk.read().deliveries] == [Kind.FIRING, Kind.RESOLVED]
    assert desk.order.done == ["post", "update", "post"]


def test_silence_is_asked_again_right_before_sending() -> None:
    """A silence made after planning keeps the message back, and so its resolution; both decisions are recorded."""
    desk = Desk()
    desk.obstacle = (Reason.SILENCE, "silence s1 by jin: deploy", NOW + MINUTE)
    desk.plan(incident("i1", delivery(), delivery("d2", Kind.RESOLVED), resolved=NOW + 1))
    desk.passes(3)
    assert desk.order.done == []
    assert [d.state for d in desk.read().deliveries] == [DeliveryState.DROPPED, DeliveryState.DROPPED]
    assert {d.reason for d in desk.state.decisions()} == {"silence", "never_told"}


def test_the_end_of_a_reopening_that_was_kept_back_is_not_told() -> None:
    """Who was told the first end knows of nothing that could be over; the message itself is edited all the same."""
    desk = Desk()
    desk.plan(incident("i1", delivery(), delivery("d2", Kind.RESOLVED), resolved=NOW + 1))
    desk.passes(3)
    desk.obstacle = (Reason.SILENCE, "silence s1 by jin: deploy", NOW + MINUTE)
    desk.change(
        "i1", delivery("d3", reason=Reason.REOPENED), delivery("d4", Kind.RESOLVED, at=NOW + 9), resolved=NOW + 9
    )
    desk.passes(3)
    assert desk.order.done == ["post", "update", "reply", "update"]
    assert [d.state for d in desk.read().deliveries[2:]] == [DeliveryState.DROPPED, DeliveryState.DROPPED]


def test_an_end_that_nobody_heard_of_is_not_told_for_a_later_reopening() -> None:
    """What comes after an end says nothing of whether that was to be told."""
    desk = Desk()
    desk.plan(incident("i1", delivery(), delivery("d2", Kind.RESOLVED, at=NOW + 1), resolved=NOW + 1))
    desk.passes(3)
    desk.obstacle = (Reason.SILENCE, "silence s1 by jin: deploy", NOW + MINUTE)
    again = (delivery("d3", at=NOW + 5), delivery("d4", Kind.RESOLVED, at=NOW + 9), delivery("d5", at=NOW + 12))
    desk.change("i1", *again, resolved=None)
    desk.passes(3)
    assert [d.state for d in desk.read().deliveries[2:]] == [DeliveryState.DROPPED] * 3


def test_short_incident_is_told_even_when_over() -> None:
    """An incident that resolved before it could be posted is late, not lost: one root and one line."""
    desk = Desk()
    desk.plan(incident("i1", delivery(), delivery("d2", Kind.RESOLVED), resolved=NOW + 1))
    desk.passes(3)
    assert desk.order.done == ["post", "update", "reply"]


def test_channel_rate_is_one_a_second_after_a_burst_and_critical_first() -> None:
    """Three messages go at once, then one a second; critical ones before all others."""
    desk = Desk()
    desk.plan(*(incident(f"i{n}", delivery(f"d{n}")) for n in range(6)))
    desk.plan(incident("c", delivery("dc"), labels={"severity": "critical"}))
    desk.courier.deliver()
    assert len(desk.order.calls) == 3
    assert desk.order.calls[0][1].delivery.id == "dc"
    desk.clock.advance(SECOND)
    desk.courier.deliver()
    assert len(desk.order.calls) == 4


def test_edit_refused_for_good_is_settled() -> None:
    """A posted message in a channel that is gone is not edited for ever."""
    desk = Desk()
    desk.plan(incident("i1", delivery()))
    desk.passes(1)
    desk.order.failures.append(fail(Failure.CHANNEL, "is_archived"))
    desk.change("i1", resolved=NOW + 1, quiet_close=True)
    desk.passes(30)
    assert desk.order.done == ["post", "update"]
    assert not desk.state.unfinished()


def test_limit_on_edits_does_not_hold_up_new_messages() -> None:
    """When edits must wait, a new incident is still told at once."""
    desk = Desk()
    desk.plan(incident("i1", delivery()))
    desk.passes(1)
    desk.order.failures.append(fail(Failure.WAIT, retry_after=MINUTE))
    desk.change("i1", resolved=NOW + 1, quiet_close=True)
    desk.passes(1)
    desk.plan(incident("i2", delivery("e1")))
    desk.passes(1)
    assert desk.order.done == ["post", "update", "post"]


def test_receiver_that_is_gone_drops_its_messages() -> None:
    """A message to a receiver no file knows any more is dropped with a decision."""
    desk = Desk()
    desk.plan(incident("i1", delivery(receiver="old")))
    desk.passes(1)
    assert state_of(desk) is DeliveryState.DROPPED
    assert [d.reason for d in desk.state.decisions()] == ["no_receiver"]
