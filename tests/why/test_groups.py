"""What is said of an incident that its group tells: when it is to be told, and when it was."""

from __future__ import annotations

from dataclasses import replace

from alerter.clock import HOUR, SECOND
from alerter.engine.gathered import TYPE
from alerter.model.incident import Decision, Incident, Reason
from alerter.why.account import account
from alerter.why.hearing import Hearing
from alerter.why.records import Records
from tests.delivery.fakes import NOW, Desk
from tests.delivery.test_groups import document, member
from tests.why.support import ASKED, RULE


def heard(desk: Desk) -> tuple[Hearing, str]:
    """Return what the receiver heard of the incident ``a``, and the verdict."""
    known: list[Incident] = [s.value for s in desk.state.incidents() if s.value.type == TYPE]
    noted = {id: tuple(desk.state.decisions(incident=id)) for id in ("a", *(d.id for d in known))}
    paragraph = account(
        ASKED, RULE, Records(desk.clock.now(), 0, incidents=[desk.read("a")], decisions=noted, digests=known)
    ).paragraphs[0]
    return paragraph.heard[0], paragraph.verdict


def test_before_and_after_its_group_tells_it() -> None:
    """Until then it is said when; afterwards, that it was in the message of its group."""
    desk = Desk()
    member(desk, "a")
    member(desk, "b")
    desk.passes(5)
    waiting, verdict = heard(desk)
    assert waiting.told is None
    assert waiting.why.startswith("told with others of its group, at ")
    assert verdict.startswith("not told: #order (order): told with others of its group, at ")
    desk.passes(60)
    told, _ = heard(desk)
    assert told.told is not None
    assert NOW + 30 * SECOND <= told.told <= NOW + 35 * SECOND
    assert told.why == "in the message of its group"
    assert document(desk).posts


def test_a_match_that_is_not_repeated_is_no_reason_why_nobody_was_told() -> None:
    """It matches again while its group has it: before the group tells and after, that the group does is the answer."""
    desk = Desk()
    member(desk, "a")
    desk.passes(5)
    again = Decision(
        desk.clock.now(), "a rule", None, "refreshed", str(Reason.REPEAT_INTERVAL), "a", NOW + HOUR, receiver="order"
    )
    desk.state.record([again])
    assert heard(desk)[1].startswith("not told: #order (order): told with others of its group, at ")
    desk.passes(60)
    told, verdict = heard(desk)
    assert told.told is not None
    assert verdict.startswith("told: #order (order) at ")


def test_what_joins_a_group_that_told_before_is_told_at_its_next_instant() -> None:
    """The group's message is there and is edited for others, and does not show it yet."""
    desk = Desk()
    member(desk, "b")
    desk.passes(40)
    member(desk, "a")
    desk.passes(5)
    shown = replace(document(desk).posts[0], edited=desk.clock.now(), edits=2)
    desk.plan(replace(document(desk), posts=(shown,)))
    waiting, _ = heard(desk)
    assert waiting.told is None
    assert waiting.why.startswith("in the message of its group, which shows it at ")
