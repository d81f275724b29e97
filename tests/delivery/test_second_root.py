"""A message that was sent twice, because the first attempt could not be seen in time, is folded into one."""

from __future__ import annotations

import pytest

from alerter.clock import HOUR, MINUTE, SECOND
from alerter.model.incident import DeliveryState, Kind
from alerter.notifiers.protocol import Failure, Outgoing, Posted
from tests.delivery.fakes import NOW, Desk, FakeNotifier, delivery, fail, incident


def resent(blind: bool = False) -> Desk:
    """Return a desk at which a root was sent again, 20 s after an attempt that had no answer."""
    notifier = FakeNotifier(failures=[fail(Failure.UNCLEAR)])
    notifier.blind = fail(Failure.CREDENTIALS, "missing_scope") if blind else None
    desk = Desk(notifier)
    desk.plan(incident("i1", delivery()))
    desk.passes(25)
    assert desk.order.done[-1] == "post"
    assert desk.read().posts
    return desk


def test_second_root_points_to_the_one_on_record() -> None:
    """A minute after a resend the first attempt is looked for; what is not on record becomes a pointer."""
    desk = resent()
    kept = desk.read().posts[0].ts
    desk.order.twice = ["0", kept]
    desk.passes(50)
    assert "copies" not in desk.order.done
    desk.passes(20)
    assert desk.order.done[-2:] == ["copies", f"point 0 to {kept}"]
    assert desk.read().posts[0].ts == kept
    assert not desk.state.unfinished()


def test_resend_that_was_right_is_looked_at_once() -> None:
    """Where the first attempt never arrived, one look finds one message, and nothing follows."""
    desk = resent()
    desk.order.twice = [desk.read().posts[0].ts]
    desk.passes(200)
    assert desk.order.done.count("copies") == 1
    assert not [how for how in desk.order.done if how.startswith("point")]


def test_doubled_line_in_the_thread_points_to_the_first() -> None:
    """Lines of a thread are looked for there, and the first one stays."""
    desk = Desk(FakeNotifier(failures=[]))
    desk.plan(incident("i1", delivery()))
    desk.passes(1)
    desk.order.failures = [fail(Failure.UNCLEAR)]
    desk.change("i1", delivery("d2", Kind.REPEAT))
    desk.passes(25)
    desk.order.twice_below = ["7", "8"]
    desk.passes(70)
    assert desk.order.done[-3:] == ["copies", "copies", "point 8 to 7"]
    assert not desk.state.unfinished()


def test_blind_resend_is_marked_and_looked_at_again() -> None:
    """Without the right to read the repeat says so; the later look ends the matter, whatever it brings."""
    desk = resent(blind=True)
    assert "possible repeat" in desk.order.calls[-1][1].note
    desk.passes(100)
    assert desk.order.done.count("copies") == 1
    assert not desk.state.unfinished()


def test_limit_postpones_the_look() -> None:
    """A history that must wait is read later."""
    desk = resent()
    desk.order.blind = fail(Failure.WAIT, retry_after=30 * SECOND)
    desk.passes(70)
    desk.order.blind = None
    desk.order.twice = ["0", desk.read().posts[0].ts]
    desk.passes(70)
    assert desk.order.done[-1].startswith("point 0")


def test_possible_repeat_is_said_also_after_a_limit() -> None:
    """A mark outlives an attempt that had to wait."""
    desk = Desk(FakeNotifier(failures=[fail(Failure.UNCLEAR), fail(Failure.WAIT, retry_after=5 * SECOND)]))
    desk.order.blind = fail(Failure.CREDENTIALS, "missing_scope")
    desk.plan(incident("i1", delivery()))
    desk.passes(40)
    assert desk.order.done == ["post", "find", "post", "post"]
    assert "possible repeat" in desk.order.calls[-1][1].note


@pytest.mark.parametrize("jump", [-HOUR, HOUR])
def test_clock_that_jumps_does_not_hide_the_first_attempt(jump: int) -> None:
    """The last look before a resend reaches back over the jump, and none waits for an hour to pass again."""
    desk = Desk(FakeNotifier(failures=[fail(Failure.UNCLEAR)]))
    desk.plan(incident("i1", delivery()))
    desk.courier.deliver()
    desk.clock.set(NOW + jump)
    desk.passes(30)
    assert max(NOW - since for since in desk.order.since) >= HOUR
    assert desk.read().deliveries[0].state is DeliveryState.SENT


def test_message_gone_becomes_a_new_one_that_links_to_the_old() -> None:
    """A root that cannot be edited any more is followed by one that says where the old one is."""
    desk = Desk()
    desk.plan(incident("i1", delivery()))
    desk.passes(1)
    desk.order.failures = [fail(Failure.GONE, "edit_window_closed")]
    desk.change("i1", delivery("d2", Kind.RESOLVED), resolved=NOW + MINUTE)
    desk.passes(3)
    assert desk.order.done == ["post", "update", "post"]
    assert "https://slack.example.org/1" in desk.order.calls[-1][1].note


def test_root_that_is_gone_while_firing_is_posted_anew() -> None:
    """An edit of counters that finds no message leads to a new one at once: people must see what fires."""
    desk = Desk()
    desk.plan(incident("i1", delivery()))
    desk.passes(1)
    desk.order.failures = [fail(Failure.GONE, "message_not_found")]
    desk.change("i1", count=50)
    desk.passes(60)
    assert desk.order.done == ["post", "update", "post"]
    assert [p.ts for p in desk.read().posts] == ["3"]
    assert not desk.state.unfinished()


def test_new_root_without_an_answer_is_looked_for_in_the_channel() -> None:
    """When the post in place of a gone one is unclear, it is not looked for in the old one's thread."""
    desk = Desk()
    desk.plan(incident("i1", delivery()))
    desk.passes(1)
    desk.order.failures = [fail(Failure.GONE, "message_not_found")]
    desk.change("i1", delivery("d2", Kind.RESOLVED), resolved=NOW + MINUTE)
    desk.passes(1)
    desk.order.lose = 1
    desk.passes(20)
    assert desk.order.done == ["post", "update", "post", "find"]
    assert [p.ts for p in desk.read().posts] == ["found"]


def test_call_that_stood_still_is_folded_when_it_comes_to_its_end() -> None:
    """A process that is stopped inside a post sends it minutes later: what others sent meanwhile stays the message."""

    class Stopped(FakeNotifier):
        stopped = False

        def post(self, message: Outgoing) -> Posted:
            if self.stopped:
                return super().post(message)
            self.stopped = True
            second_engine()
            return Posted("C1", "late")

    desk = Desk(Stopped())

    def second_engine() -> None:
        desk.restart("two")
        desk.passes(150)

    desk.restart("one")
    desk.plan(incident("i1", delivery()))
    stopped = desk.courier
    stopped.deliver()
    kept = desk.read().posts[0].ts
    desk.order.twice = ["late", kept]
    desk.passes(1)
    assert desk.order.done[-2:] == ["copies", f"point late to {kept}"]
    assert desk.read().posts[0].ts == kept
    assert not desk.state.unfinished()
