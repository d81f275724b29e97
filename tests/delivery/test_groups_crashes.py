"""Groups under engines that end between any two writes, engines beside each other, and channels that are gone."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from alerter.clock import SECOND
from alerter.engine.gathered import TYPE
from alerter.notifiers.protocol import Failure
from tests.delivery.fakes import NOW, Desk, FakeNotifier, fail
from tests.delivery.test_groups import INTERVAL, member, over, rows, said


def test_two_engines_make_one_message() -> None:
    """Each takes up its own incidents; the one that leads the group tells all of them."""
    desk = Desk()
    first = desk.courier
    desk.restart("second")
    second = desk.courier
    member(desk, "a")
    member(desk, "b")
    for _ in range(400):
        desk.ours = lambda made: made.id == "a" or made.type == TYPE
        first.deliver()
        desk.ours = lambda made: made.id == "b"
        second.deliver()
        desk.clock.advance(SECOND)
        if desk.clock.now() == NOW + 60 * SECOND:
            member(desk, "c")  # nobody's yet
    assert said(desk) == [("post", "firing")]
    assert rows(desk.order.calls[0][1]) == [("warning", "a"), ("warning", "b")]
    desk.ours = lambda made: made.id == "c"
    second.deliver()
    desk.ours = lambda made: made.type == TYPE
    desk.clock.advance(INTERVAL)
    first.deliver()
    assert said(desk)[1:] == [("update", "firing"), ("reply", "firing")]


def test_message_that_fails_goes_to_the_fallback() -> None:
    """A group's message to a dead channel is told by its receiver's fallback, and so is the end."""
    desk = Desk(FakeNotifier(failures=[fail(Failure.CHANNEL, "is_archived")] * 9), fallback=True)
    member(desk, "a")
    desk.passes(60)
    assert [str(m.delivery.kind) for _, m in desk.spare.calls] == ["firing"]
    over(desk, "a")
    desk.passes(400)
    assert [str(m.delivery.kind) for _, m in desk.spare.calls] == ["firing", "resolved"]


class Killed(BaseException):
    """Stands for the end of a process."""


@pytest.mark.parametrize("writes", range(14))
def test_kill_between_any_two_writes_loses_and_doubles_nothing(writes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two members, one more, their ends: a process that ends after any write is gone on from."""
    desk = Desk()
    left, delivering, together = writes, False, False
    one, many = desk.state.save_incident, desk.state.save_incidents

    def counted(real: Any, *args: Any) -> Any:
        nonlocal left, together
        if together or not delivering:
            return real(*args)
        left -= 1
        if left < 0:
            raise Killed
        together = True
        try:
            return real(*args)
        finally:
            together = False

    monkeypatch.setattr(desk.state, "save_incident", partial(counted, one))
    monkeypatch.setattr(desk.state, "save_incidents", partial(counted, many))
    member(desk, "a")
    member(desk, "b")
    kills = 0
    for second in range(900):
        delivering = True
        try:
            desk.courier.deliver()
        except Killed:
            left, kills = 10_000, kills + 1
            desk.restart(f"after {second}")
        delivering = False
        desk.clock.advance(SECOND)
        if second == 60:
            member(desk, "c")
        if second == 400:
            for id in "abc":
                over(desk, id)
    assert kills == 1
    assert [kind for how, kind in said(desk) if how in ("post", "reply")] == ["firing", "firing", "resolved"]
    assert desk.order.done.count("post") == 1
    assert [row for row, _ in rows(desk.order.calls[-1][1])] == ["over"] * 3
    assert not desk.state.unfinished()
