"""Groups that last for long, begin often, or fire again: their documents stay small, and nothing is said twice."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from alerter.clock import MINUTE, SECOND
from alerter.delivery.courier import Courier
from alerter.engine.shortening import NEWEST
from alerter.model.incident import DeliveryState, Kind, Reason
from alerter.notifiers.protocol import Failure
from tests.delivery.fakes import Desk, FakeNotifier, fail
from tests.delivery.test_groups import INTERVAL, again, document, member, over, said
from tests.delivery.test_groups_documents import documents


def instants(desk: Desk, number: int) -> None:
    """Let so many incidents come, each told at an instant of its own, and be over by the next."""
    for n in range(number):
        member(desk, f"m{n}")
        for _ in range(2):
            desk.courier.deliver()
            desk.clock.advance(INTERVAL // 2)
        for _ in range(3):
            desk.courier.deliver()
            desk.clock.advance(SECOND)
        over(desk, f"m{n}")


def test_document_of_a_group_that_lasts_stays_small() -> None:
    """The first message and the newest are listed, what was between is counted, and the end is told."""
    desk = Desk()
    member(desk, "a")
    desk.passes(60)
    instants(desk, 60)
    made = document(desk)
    assert made.state == "firing"
    assert len(made.deliveries) <= NEWEST + 3
    assert made.deliveries[0].kind is Kind.FIRING
    assert made.roll
    assert len(made.roll.rows) <= 15
    (counted,) = made.earlier
    assert (counted.receiver, counted.kind, counted.state) == ("order", Kind.FIRING, DeliveryState.SENT)
    lines = desk.order.done.count("reply") + desk.order.done.count("post")
    assert counted.number + len(made.deliveries) == lines > 50
    over(desk, "a")
    desk.passes(400)
    assert said(desk)[-1] == ("reply", "resolved")
    assert not desk.state.unfinished()


def test_receiver_that_failed_is_known_for_as_long_as_its_group_lasts() -> None:
    """The first message failed, so all that follows goes to the fallback, the end included."""
    desk = Desk(FakeNotifier(failures=[fail(Failure.CHANNEL, "is_archived")] * 999), fallback=True)
    member(desk, "a")
    desk.passes(60)
    instants(desk, 60)
    made = document(desk)
    assert len(made.deliveries) <= 2 * (NEWEST + 3)
    over(desk, "a")
    desk.passes(400)
    assert str(desk.spare.calls[-1][1].delivery.kind) == "resolved"
    assert not desk.state.unfinished()


def test_group_may_begin_often() -> None:
    """Fifty messages of a group within ten minutes are fifty documents: none waits for the next ten."""
    desk = Desk()
    desk.clock.advance(10 * MINUTE - desk.clock.now() % (10 * MINUTE))
    for n in range(50):
        member(desk, f"m{n}", wait=0, interval=SECOND)
        desk.passes(4)
        over(desk, f"m{n}", quiet=True)
        desk.passes(6)
    assert len(documents(desk)) == desk.order.done.count("post") == 50


def test_that_all_is_over_is_said_once() -> None:
    """What fires again and is silenced at its group's instant opens the document and closes it again."""
    desk = Desk()
    member(desk, "a")
    desk.passes(60)
    over(desk, "a")
    desk.passes(330)
    assert said(desk)[-1] == ("reply", "resolved")
    again(desk, "a", Kind.FIRING, reason=Reason.REOPENED)
    desk.passes(20)
    assert document(desk).state == "firing"
    desk.obstacle = (Reason.SILENCE, "silence s1", None)
    desk.passes(400)
    made = document(desk)
    assert made.state == "resolved"
    assert [str(d.kind) for d in made.deliveries] == ["firing", "resolved"]
    assert desk.order.done.count("reply") == 1


def test_group_ends_though_its_receiver_is_there_no_more() -> None:
    """A receiver that is taken out of the settings leaves no document that fires for ever; it is told nothing."""
    desk = Desk()
    member(desk, "a")
    desk.passes(60)
    calls = len(desk.order.calls)
    desk.courier = Courier(desk.state, {"spare": desk.spare}, desk.routing, desk.clock)
    over(desk, "a")
    desk.passes(400)
    assert document(desk).state == "resolved"
    assert [(d.kind, d.error) for d in document(desk).deliveries][1:] == [(Kind.RESOLVED, "no_receiver")]
    assert len(desk.order.calls) == calls
    assert desk.spare.calls == []
    assert not desk.state.unfinished()


def test_member_that_fires_again_is_counted_once() -> None:
    """It was over for so long that it is no row any more; its group's document is known to have told of it."""
    desk = Desk()
    for n in range(14):
        member(desk, f"m{n:02}")
    desk.passes(60)
    for n in range(13):
        over(desk, f"m{n:02}")
    desk.passes(300)
    member(desk, "new")
    desk.passes(300)
    made = document(desk)
    assert made.roll
    assert "m00" not in {row.incident for row in made.roll.rows}
    assert (made.roll.total, made.roll.firing) == (15, 2)
    again(desk, "m00", Kind.FIRING, reason=Reason.REOPENED)
    desk.passes(300)
    assert desk.order.calls[-1][1].delivery.text.startswith("[FIRING] [WARNING] 1 again: Order: m00 jumps")
    roll = document(desk).roll
    assert roll
    assert (roll.total, roll.firing) == (15, 3)
    assert len({row.incident for row in roll.rows} | set(roll.gone)) == 15


def test_many_groups_that_begin_at_once_cost_few_requests(monkeypatch: pytest.MonkeyPatch) -> None:
    """Their documents are made in one request, and in one their messages name them; none is read."""
    desk = Desk()
    for n in range(200):
        member(desk, f"m{n}", name=f"g{n}")
    asked: Counter[str] = Counter()

    def counting(name: str, how: Any) -> Any:
        def call(*args: Any, **named: Any) -> Any:
            asked[name] += 1
            return how(*args, **named)

        return call

    with monkeypatch.context() as counted:
        for name in ("incident", "incidents", "save_incidents"):
            counted.setattr(desk.state, name, counting(name, getattr(desk.state, name)))
        desk.courier.deliver()
    assert asked == {"incidents": 1, "save_incidents": 2}
    desk.passes(300)
    assert len(documents(desk)) == desk.order.done.count("post") == 200
