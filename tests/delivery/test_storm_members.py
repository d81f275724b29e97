"""What a digest costs once its storm is over: its members, not everything that happened since; and no idle edits."""

from __future__ import annotations

import pytest

from alerter.clock import DAY, HOUR, MINUTE
from alerter.delivery.members import ONE_BY_ONE
from alerter.model.incident import DeliveryState
from tests.delivery.fakes import Desk, delivery, incident
from tests.delivery.test_storm import STORM, digest_of, digests, ended, members, storm, totals


def over(firing: int) -> Desk:
    """Return a desk after a storm of 260 incidents, of whose digest's 140 members some still fire."""
    desk = Desk(storm=STORM)
    storm(desk, 260)
    desk.passes(300)
    told = members(desk)
    assert len(told) == 140
    ended(desk, [made.value.id for made in desk.state.incidents() if made.value.rule and made.value.id not in told])
    ended(desk, told[firing:])
    desk.passes(600)
    return desk


def reads(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return where it is noted what is read of incidents from now on: one by one, all open ones, or all there are."""
    noted: list[str] = []
    one, many = desk.state.incident, desk.state.incidents

    def incidents(**asked: object) -> object:
        noted.append("open" if asked.get("open_only") else "all")
        return many(**asked)  # type: ignore[arg-type]

    monkeypatch.setattr(desk.state, "incident", lambda id: noted.append(id) or one(id))
    monkeypatch.setattr(desk.state, "incidents", incidents)
    return noted


def test_digest_that_lives_on_reads_only_what_still_fires(monkeypatch: pytest.MonkeyPatch) -> None:
    """A member that fires for weeks costs a look at itself every five minutes, and no edit."""
    desk = over(2)
    firing = [id for id in members(desk) if desk.read(id).resolved is None]
    storm(desk, 100, start=5_000)
    desk.passes(120)
    noted, before = reads(desk, monkeypatch), len(desk.order.calls)
    for _ in range(20):
        desk.clock.advance(HOUR)
        desk.passes(1)
    assert sorted(noted) == sorted(firing * 20)
    assert len(desk.order.calls) == before
    assert digest_of(desk).resolved is None


@pytest.mark.parametrize("firing", [1, ONE_BY_ONE + 10])
def test_last_ends_are_told_however_late(firing: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The last members' ends, days later, are counted in the digest, which is over then."""
    desk = over(firing)
    noted = reads(desk, monkeypatch)
    desk.clock.advance(10 * DAY)
    desk.passes(1)
    assert len(noted) == 1
    last = [id for id in members(desk) if desk.read(id).resolved is None]
    assert noted[0] in ("open", *last)
    ended(desk, last)
    desk.passes(400)
    assert totals(digests(desk, "update")[-1]) == (0, 140)
    assert digest_of(desk).resolved is not None
    assert {d.state for id in last for d in desk.read(id).deliveries} == {DeliveryState.DROPPED}
    assert not desk.state.unfinished()


def test_new_process_knows_the_members_after_one_look() -> None:
    """A restart counts all of them again."""
    desk = over(1)
    desk.restart("next")
    ended(desk, [id for id in members(desk) if desk.read(id).resolved is None])
    desk.passes(400)
    assert totals(digests(desk, "update")[-1]) == (0, 140)
    assert not desk.state.unfinished()


def test_engine_is_idle_while_only_a_digest_waits_for_ends() -> None:
    """Such a digest needs no pass every second; an incident with something to tell does."""
    desk = over(1)
    assert desk.courier.deliver().idle
    desk.plan(incident("new", delivery("dn"), opened=desk.clock.now()))
    assert not desk.courier.deliver().idle


def test_lasting_digest_whose_members_are_gone_is_over() -> None:
    """Records that somebody deleted hold no digest up."""
    desk = over(1)
    (left,) = [id for id in members(desk) if desk.read(id).resolved is None]
    desk.state._db.execute("DELETE FROM incidents WHERE id = ?", (left,))
    desk.clock.advance(10 * MINUTE)
    desk.passes(2)
    assert digest_of(desk).resolved is not None
    assert not desk.state.unfinished()
