"""Groups: which document takes what, where lists lag behind, and where engines have made several documents."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from alerter.clock import MINUTE, SECOND, Millis
from alerter.delivery.groups import PATIENCE
from alerter.engine.gathered import TYPE
from alerter.engine.groups import SETTLE
from alerter.model.incident import Incident, Kind, Reason
from alerter.notifiers.protocol import Failure
from alerter.state.protocol import Conflict, Version
from tests.delivery.fakes import NOW, Desk, FakeNotifier, delivery, fail, incident
from tests.delivery.test_groups import INTERVAL, WAIT, again, document, member, over, said


def documents(desk: Desk) -> list[Incident]:
    """Return the documents of groups, in order of birth."""
    found = [s.value for s in desk.state.incidents() if s.value.type == TYPE]
    return sorted(found, key=lambda made: made.roll.birth if made.roll else 0)


def members(made: Incident) -> list[tuple[str, bool]]:
    """Return the rows of a document: the incident, and whether it is over."""
    return [(row.incident, row.over) for row in made.roll.rows] if made.roll else []


class Two:
    """Two engines at one desk, each with incidents of its own; the first one leads the documents."""

    def __init__(self, desk: Desk, first: set[str], second: set[str]) -> None:
        self.desk = desk
        self.of = first, second
        self.restart()

    def restart(self) -> None:
        """Let both begin anew."""
        self.engines = []
        for name in ("first", "second"):
            self.desk.restart(f"{name} {self.desk.clock.now()}")
            self.engines.append(self.desk.courier)

    def passes(self, seconds: int) -> None:
        """Let both loops run once a second."""
        for _ in range(seconds):
            for number, engine in enumerate(self.engines):
                ids = self.of[number]
                self.desk.ours = lambda made, ids=ids, leads=not number: made.id in ids or (leads and made.type == TYPE)  # type: ignore[misc]
                engine.deliver()
            self.desk.clock.advance(SECOND)


def unlisted(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let lists of documents show none for now."""
    real = desk.state.incidents
    monkeypatch.setattr(desk.state, "incidents", lambda **how: [] if how.get("rule") == "" else real(**how))


def two_documents(monkeypatch: pytest.MonkeyPatch) -> tuple[Desk, Two]:
    """Return a group of which two engines made a document each: x is in the older one, y in the newer."""
    desk = Desk()
    two = Two(desk, {"x"}, {"y"})
    desk.clock.advance(10 * MINUTE - desk.clock.now() % (10 * MINUTE))
    at = desk.clock.now()
    member(desk, "x", since=at - MINUTE)
    member(desk, "y", since=at)
    with monkeypatch.context() as lagging:
        unlisted(desk, lagging)
        two.passes(1)
    two.passes(60)
    assert [members(made) for made in documents(desk)] == [[("x", False)], [("y", False)]]
    return desk, two


def test_end_goes_to_the_document_that_told_of_its_incident(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another engine, which knows the other document of the group, takes an incident over: both documents end."""
    desk, two = two_documents(monkeypatch)
    two.of = set(), {"x", "y"}
    over(desk, "x")
    over(desk, "y")
    two.passes(400)
    assert [members(made) for made in documents(desk)] == [[("x", True)], [("y", True)]]
    assert [made.state for made in documents(desk)] == ["resolved", "resolved"]
    assert not desk.state.unfinished()


def test_end_is_one_in_every_document_that_lists_its_incident(monkeypatch: pytest.MonkeyPatch) -> None:
    """An incident that fires in two documents is over in both."""
    desk, two = two_documents(monkeypatch)
    older, _ = documents(desk)
    over(desk, "x")
    two.passes(400)
    again(desk, "x", Kind.FIRING, reason=Reason.REOPENED)
    two.passes(400)
    found = desk.read(older.id)
    assert found.state == "resolved"
    assert found.roll
    desk.plan(replace(found, resolved=None, roll=replace(found.roll, rows=older.roll.rows if older.roll else ())))
    assert [members(made) for made in documents(desk)] == [[("x", False)], [("y", False), ("x", False)]]
    over(desk, "x")
    two.passes(400)
    assert [members(made) for made in documents(desk)] == [[("x", True)], [("y", False), ("x", True)]]


def test_document_that_is_over_is_opened_again_only_where_none_is_open() -> None:
    """One engine knows the document that is over, another has begun the next one: a member joins that."""
    desk = Desk()
    two = Two(desk, {"y"}, {"x"})
    member(desk, "x")
    two.passes(60)
    over(desk, "x")
    two.passes(330)
    member(desk, "y")
    two.passes(40)
    again(desk, "x", Kind.FIRING, reason=Reason.REOPENED)
    two.passes(60)
    assert [made.state for made in documents(desk)] == ["resolved", "firing"]
    two.restart()
    over(desk, "x")
    over(desk, "y")
    two.passes(700)
    assert [made.state for made in documents(desk)] == ["resolved", "resolved"]


def test_many_ends_are_told_though_the_list_lags_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the list shows of incidents may be older than what their group lists: that is read, not forgotten."""
    desk = Desk()
    ids = [f"m{n:02}" for n in range(60)]
    for id in ids:
        member(desk, id)
    desk.passes(60)
    real, old = desk.state.incidents, [s for s in desk.state.incidents() if s.value.type != TYPE]
    for id in ids:
        over(desk, id)
    desk.passes(2)
    monkeypatch.setattr(desk.state, "incidents", lambda **how: real(**how) if how.get("since") is None else old)
    desk.passes(400)
    assert document(desk).state == "resolved"
    assert said(desk)[-1] == ("reply", "resolved")


def conflicting(desk: Desk, id: str, monkeypatch: pytest.MonkeyPatch, until: Millis) -> None:
    """Let every write of an incident conflict up to an instant."""
    real = desk.state.save_incidents

    def save(pairs: Any) -> list[Version | Conflict]:
        mine = [made.id == id and desk.clock.now() < until for made, _ in pairs]
        written = iter(real([pair for pair, refused in zip(pairs, mine, strict=True) if not refused]))
        return [Conflict(id) if refused else next(written) for refused in mine]

    monkeypatch.setattr(desk.state, "save_incidents", save)


@pytest.mark.parametrize(("late", "first"), [(5 * SECOND, "G: 2 incidents"), (MINUTE, "Order: a jumps")])
def test_message_that_does_not_name_the_document_yet_is_waited_for(
    late: Millis, first: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For seconds all of them wait for it; where it takes longer it is told at the next instant."""
    desk = Desk()
    member(desk, "a")
    member(desk, "b")
    due = NOW + WAIT + SETTLE
    conflicting(desk, "b", monkeypatch, due + late)
    desk.passes((WAIT + SETTLE + min(late, PATIENCE)) // SECOND)
    assert said(desk) == []
    desk.passes(2)
    assert said(desk) == [("post", "firing")]
    assert first in desk.order.calls[0][1].delivery.text
    desk.passes((INTERVAL + MINUTE) // SECOND)
    assert [name for name, _ in members(document(desk))] == ["a", "b"]


def test_refused_message_of_one_incident_leaves_its_group_where_it_is() -> None:
    """What stands in for a message that a channel refused is no group's: the group goes on in the channel."""
    desk = Desk(fallback=True)
    desk.plan(incident("x", delivery("own", at=NOW)))
    desk.passes(3)
    desk.order.failures = [fail(Failure.DEGRADE, "invalid_blocks")] * 4
    again(desk, "x")
    desk.passes(5)
    member(desk, "y")
    desk.passes(60)
    assert [m.incident.id for _, m in desk.spare.calls] == ["x"]
    assert [m.incident.id for how, m in desk.order.calls if how == "post"] == ["x", document(desk).id]
    assert members(document(desk)) == [("y", False)]


def test_silenced_message_of_a_group_does_not_go_to_the_fallback() -> None:
    """What its group is to tell is dropped as silenced, though its receiver cannot be reached and has a fallback."""
    desk = Desk(FakeNotifier(failures=[fail(Failure.CHANNEL, "is_archived")]), fallback=True)
    desk.plan(incident("x", delivery("own", at=NOW)))
    desk.passes(3)
    again(desk, "x")
    desk.obstacle = (Reason.SILENCE, "silence s1", None)
    desk.passes(1)
    assert [m.incident.id for _, m in desk.spare.calls] == ["x"]
    assert [d.error for d in desk.read("x").deliveries if d.kind is Kind.REPEAT] == ["silence"]
