"""Several engines at one outbox: who sends, who may, and what is done about what another one left."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import chain, repeat

import pytest

from alerter.clock import HOUR, MINUTE
from alerter.model.incident import DeliveryState, Kind
from alerter.notifiers.protocol import Failure, Outgoing, Posted
from alerter.state.protocol import StateError
from tests.delivery.fakes import NOW, Desk, FakeNotifier, delivery, fail, incident


def permits(*answers: bool, then: bool) -> Iterator[bool]:
    """Return answers to "may I?", the last one for ever."""
    return chain(answers, repeat(then))


def test_claims_name_the_session() -> None:
    """A message that was sent says by which process."""
    desk = Desk()
    desk.restart("one")
    desk.plan(incident("i1", delivery()))
    desk.passes(1)
    (sent,) = desk.read().deliveries
    assert (sent.by, sent.state, sent.tried) == ("one", DeliveryState.SENT, NOW)


@pytest.mark.parametrize("skew", [-HOUR, 0, HOUR])
@pytest.mark.parametrize("arrived", [True, False])
def test_what_another_session_was_sending_is_looked_for_by_our_own_clock(skew: int, arrived: bool) -> None:
    """It is unclear at once, and looked for after 5 and 20 s, whatever the other machine's clock said."""
    desk = Desk()
    desk.plan(incident("i1", delivery(state=DeliveryState.SENDING, attempts=1, sent=NOW + skew, by="gone")))
    if arrived:
        desk.order.there.append("d1")
    desk.passes(5)
    assert desk.order.done == []
    assert desk.read().outbox[0].state is DeliveryState.UNCLEAR
    desk.passes(20)
    assert desk.order.done == (["find"] if arrived else ["find", "find", "post"])
    assert desk.read().deliveries[0].state is DeliveryState.SENT


class Slow(FakeNotifier):
    """Lets something happen before the first answer comes."""

    meanwhile: Callable[[], None] = staticmethod(lambda: None)

    def post(self, message: Outgoing) -> Posted:
        posted = super().post(message)
        happens, self.meanwhile = self.meanwhile, lambda: None
        happens()
        return posted


def test_change_of_hands_during_a_call_doubles_nothing() -> None:
    """A webhook cannot be read back: what a living engine is sending is left to it until it has recorded it."""
    hook = Slow(kind="webhook", editable=False, blind=fail(Failure.UNCLEAR, "no_read_back"))
    desk = Desk(hook)
    desk.living = {"one", "two"}
    desk.restart("one")
    desk.plan(incident("i1", delivery()))
    first = desk.courier
    desk.restart("two")
    hook.meanwhile = lambda: desk.passes(9)
    first.deliver()
    desk.passes(60)
    assert hook.done == ["post"]
    (sent,) = desk.read().deliveries
    assert (sent.state, sent.by, sent.note) == (DeliveryState.SENT, "one", "")


@pytest.mark.parametrize(("living", "by"), [({"me", "other"}, "other"), ({"me"}, "gone"), ({"me"}, "me")])
def test_only_what_a_living_engine_claimed_is_left_alone_and_not_for_ever(living: set[str], by: str) -> None:
    """30 s on our own clock from when we saw it; what the dead or we ourselves left behind is unclear at once."""
    desk = Desk()
    desk.living = living
    desk.restart("me")
    desk.plan(incident("i1", delivery(state=DeliveryState.SENDING, attempts=1, sent=NOW - HOUR, by=by)))
    desk.passes(1)
    waits = by == "other"
    assert desk.read().outbox[0].state is (DeliveryState.SENDING if waits else DeliveryState.UNCLEAR)
    desk.passes(29)
    assert desk.order.done == ([] if waits else ["find", "find", "post"])
    desk.passes(30)
    assert desk.order.done == ["find", "find", "post"]


def test_incidents_of_others_are_neither_sent_nor_measured() -> None:
    """An engine delivers what is its own; the rest is not in its metrics either."""
    desk = Desk()
    desk.ours = lambda made: made.id == "i1"
    desk.plan(incident("i1", delivery()), incident("i2", delivery("e1")))
    desk.passes(3)
    assert [m.incident.id for _, m in desk.order.calls] == ["i1"]
    assert b"alerter_outbox_depth 0.0" in desk.metrics.text(NOW)
    desk.ours = lambda made: made.id == "i2"
    assert not desk.courier.deliver().idle
    assert [m.incident.id for _, m in desk.order.calls] == ["i1", "i2"]


def test_engine_that_lost_its_place_does_nothing() -> None:
    """Without a valid beat nothing is claimed, sent, changed or recorded; the pass is not taken for an idle one."""
    desk = Desk()
    desk.plan(incident("i1", delivery()))
    before = desk.read()
    desk.permits = permits(then=False)
    assert not desk.courier.deliver().idle
    assert desk.order.done == []
    assert desk.read() == before


@pytest.mark.parametrize("asked", range(1, 12))
def test_place_lost_at_any_moment_sends_nothing_more(asked: int) -> None:
    """The right is asked before every claim and call: wherever it ends, others find what was claimed."""
    desk = Desk()
    desk.plan(incident("i1", delivery()), incident("i2", delivery("e1")))
    desk.permits = permits(*[True] * asked, then=False)
    desk.courier.deliver()
    calls, stored = len(desk.order.calls), [desk.read("i1"), desk.read("i2")]
    desk.passes(30)
    assert len(desk.order.calls) == calls
    assert [desk.read("i1"), desk.read("i2")] == stored
    desk.permits = None
    desk.restart("other")
    desk.passes(120)
    posted = [m.delivery.id for how, m in desk.order.calls if how == "post"]
    assert sorted(posted) == ["d1", "e1"]
    assert not desk.state.unfinished()


def test_edit_and_line_ask_each() -> None:
    """A place lost between the edit and the line in the thread leaves the line to whoever goes on."""
    desk = Desk()
    desk.plan(incident("i1", delivery()))
    desk.passes(1)
    desk.change("i1", delivery("d2", Kind.RESOLVED), resolved=NOW + MINUTE)

    def until_edited() -> Iterator[bool]:
        while True:
            yield "update" not in desk.order.done

    desk.permits = until_edited()
    desk.passes(3)
    assert desk.order.done == ["post", "update"]
    desk.permits = None
    desk.restart("other")
    desk.passes(30)
    assert desk.order.done == ["post", "update", "find", "find", "update", "reply"]


def test_rates_are_divided() -> None:
    """Of three engines each posts a third of the channel's rate."""
    desk = Desk()
    desk.engines = 3
    desk.plan(*(incident(f"i{n}", delivery(f"d{n}")) for n in range(60)))
    desk.passes(60)
    assert 19 <= len(desk.order.calls) <= 22


def test_record_that_the_state_refused_is_written_later(monkeypatch: pytest.MonkeyPatch) -> None:
    """Posted, and the state takes no writes: the record is kept until it does, and nothing doubles."""
    desk = Desk()
    desk.plan(incident("i1", delivery()))
    save, calls = desk.state.save_incidents, []

    def refusing(pairs):  # type: ignore[no-untyped-def]
        calls.append(pairs)
        if len(calls) in range(2, 6):
            raise StateError("busy", "disk full")
        return save(pairs)

    monkeypatch.setattr(desk.state, "save_incidents", refusing)
    for _ in range(10):
        with suppress(StateError):
            desk.courier.deliver()
        desk.clock.advance(1_000)
    assert desk.order.done == ["post"]
    assert desk.read().posts[0].ts == "1"
    assert not desk.state.unfinished()


def test_late_record_does_not_undo_what_another_found() -> None:
    """A record written after another engine settled the message leaves what that one wrote."""
    desk = Desk(FakeNotifier())
    desk.restart("one")
    desk.plan(incident("i1", delivery()))
    first = desk.courier
    ledger = first._ledger
    owed: list[object] = []
    ledger.owe, kept = lambda id, change: owed.append((id, change)), ledger.owe  # type: ignore[method-assign]
    first.deliver()
    desk.restart("two")
    desk.passes(8)
    assert desk.order.done == ["post", "find"]
    settled = desk.read()
    for id, change in owed:  # type: ignore[misc]
        kept(id, change)
    desk.restart("three")
    first.deliver()
    assert desk.read() == settled


def test_unclear_outcome_of_one_does_not_hold_up_others() -> None:
    """While one message is looked for, the others of its channel go out."""
    desk = Desk(FakeNotifier(failures=[fail(Failure.UNCLEAR)]))
    desk.plan(incident("i1", delivery()), incident("i2", delivery("e1")))
    desk.courier.deliver()
    assert [m.delivery.id for _, m in desk.order.calls] == ["d1", "e1"]
