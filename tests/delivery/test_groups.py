"""Groups: incidents told together in one message, at the instants of their group; nothing lost, nothing twice."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from alerter.clock import MINUTE, SECOND, Millis
from alerter.engine.gathered import TYPE
from alerter.engine.groups import SETTLE
from alerter.model.incident import Delivery, DeliveryState, Group, Incident, Kind, Reason, Row
from alerter.model.texts import Column, Table
from alerter.notifiers.protocol import Outgoing
from alerter.notifiers.text import headline
from alerter.state.codec import dumps, loads
from tests.delivery.fakes import NOW, Desk, FakeNotifier, delivery, incident

WAIT, INTERVAL = 30 * SECOND, 5 * MINUTE


def group(since: Millis = NOW, name: str = "g", **changes: Any) -> Group:
    """Return what makes a message one of a group that waits 30 s, then 5 min."""
    return Group(
        **{"id": name, "labels": (("domain", name),), "wait": WAIT, "interval": INTERVAL, "since": since} | changes
    )


def member(desk: Desk, id: str, since: Millis | None = None, **changes: Any) -> None:
    """Plan the first message of a new incident, that its group is to tell."""
    at = desk.clock.now() if since is None else since
    text = f"[FIRING] [WARNING] Order: {id} jumps - 42 in 5 min. Started 11:05 UTC."
    made = incident(id, grouped(f"first of {id}", at=at, text=text, group=group(at, **changes)), opened=at)
    desk.plan(made)


def grouped(id: str, kind: Kind = Kind.FIRING, **changes: Any) -> Delivery:
    """Return a planned message that its group is to tell."""
    return delivery(id, kind, **{"group": group(), "route": "route"} | changes)


def over(desk: Desk, id: str, *, quiet: bool = False) -> None:
    """Resolve an incident as the engine does."""
    at = desk.clock.now()
    first = desk.read(id).deliveries[0].group
    assert first is not None
    end = grouped(f"end {at} of {id}", Kind.RESOLVED, at=at, text=f"[RESOLVED] [WARNING] Order: {id} jumps. Lasted.",
                  reason=Reason.QUIET, group=replace(first, since=at, quiet=quiet))  # fmt: skip
    desk.change(id, end, resolved=at, quiet_close=quiet)


def again(desk: Desk, id: str, kind: Kind = Kind.REPEAT, **changes: Any) -> None:
    """Let an incident match again."""
    at = desk.clock.now()
    more = grouped(f"{kind} {at} of {id}", kind, at=at, text=f"[REPEAT] [WARNING] Order: {id} jumps. Seen twice.",
                   group=group(at), **changes)  # fmt: skip
    desk.change(id, more, resolved=None)


def said(desk: Desk) -> list[tuple[str, str]]:
    """Return what was sent, by what was called and the kind."""
    return [(how, str(m.delivery.kind)) for how, m in desk.order.calls]


def rows(message: Outgoing) -> list[str]:
    """Return the rows that a message shows, without the words."""
    return re.findall(r"• (\w+): Order: (\w+)", message.incident.view.summary)


def document(desk: Desk) -> Incident:
    """Return the newest document of a group."""
    found = [s.value for s in desk.state.incidents() if s.value.type == TYPE]
    return max(found, key=lambda d: (d.resolved is None, d.updated))


def test_incidents_of_a_group_are_one_message_after_group_wait() -> None:
    """Nothing is told before the 30 s are over; then one message lists what came up until then."""
    desk = Desk()
    member(desk, "a")
    desk.passes(20)
    member(desk, "b")
    desk.passes(11)
    assert desk.order.done == []
    desk.passes(5)
    assert said(desk) == [("post", "firing")]
    ((_, message),) = desk.order.calls
    assert message.delivery.at == NOW + WAIT
    assert message.delivery.reason is Reason.GROUPED
    assert headline(message.incident) == "G: 2 incidents"
    assert message.delivery.text.startswith("[FIRING] [WARNING] G: 2 incidents: Order: a jumps")
    assert rows(message) == [("warning", "a"), ("warning", "b")]
    assert "a jumps" in message.delivery.text
    assert "b jumps" in message.delivery.text
    assert not desk.state.unfinished()


def test_groups_are_messages_of_their_own() -> None:
    """Other values of the labels are another group."""
    desk = Desk()
    member(desk, "a", name="g")
    member(desk, "b", name="h")
    desk.passes(40)
    assert [m.incident.roll.group.id for _, m in desk.order.calls if m.incident.roll] == ["g", "h"]


def test_only_member_is_shown_as_by_itself() -> None:
    """A group of one is its incident's message: title, numbers, key, text."""
    desk = Desk()
    member(desk, "a")
    desk.passes(40)
    ((_, message),) = desk.order.calls
    assert message.incident.view == desk.read("a").view
    assert message.incident.key == desk.read("a").key
    assert message.delivery.text == desk.read("a").deliveries[0].text


def test_later_member_is_told_at_the_next_instant() -> None:
    """It edits the message, and adds one line that names it alone."""
    desk = Desk()
    member(desk, "a")
    desk.passes(60)
    member(desk, "b")
    desk.passes(269)
    assert said(desk) == [("post", "firing")]
    desk.passes(5)
    assert said(desk) == [("post", "firing"), ("update", "firing"), ("reply", "firing")]
    line = desk.order.calls[-1][1].delivery
    assert line.at == NOW + WAIT + INTERVAL
    assert "1 more: Order: b jumps" in line.text
    assert "a jumps" not in line.text
    assert line.text.endswith("Now 2 firing, 0 over")
    assert rows(desk.order.calls[1][1]) == [("warning", "a"), ("warning", "b")]


def test_repeat_is_a_line_and_an_edit() -> None:
    """What matches again is one line at the group's instant."""
    desk = Desk()
    member(desk, "a")
    member(desk, "b")
    desk.passes(60)
    again(desk, "a")
    desk.passes(340)
    assert said(desk) == [("post", "firing"), ("reply", "repeat"), ("update", "repeat")]
    assert "1 again: Order: a jumps" in desk.order.calls[1][1].delivery.text


def test_ends_are_only_edits_until_all_are_over() -> None:
    """One of two over changes the message; the last one says so in a line, once."""
    desk = Desk()
    member(desk, "a")
    member(desk, "b")
    desk.passes(60)
    over(desk, "a")
    desk.passes(300)
    assert said(desk) == [("post", "firing"), ("update", "firing")]
    assert rows(desk.order.calls[-1][1]) == [("warning", "b"), ("over", "a")]
    over(desk, "b")
    desk.passes(600)
    assert said(desk)[2:] == [("update", "resolved"), ("reply", "resolved")]
    assert desk.order.calls[-1][1].incident.view.sentence == "0 firing, 2 over"
    assert document(desk).resolved is not None
    assert not desk.state.unfinished()


def test_quiet_ends_are_no_line() -> None:
    """Incidents that close without a message only change the group's."""
    desk = Desk()
    member(desk, "a")
    member(desk, "b")
    desk.passes(60)
    over(desk, "a", quiet=True)
    over(desk, "b", quiet=True)
    desk.passes(400)
    assert said(desk) == [("post", "firing"), ("update", "firing")]
    assert document(desk).resolved is not None


def test_what_is_over_before_it_is_told_is_told_all_the_same() -> None:
    """A match within the wait is listed, and its end follows."""
    desk = Desk()
    member(desk, "a")
    desk.passes(10)
    over(desk, "a")
    desk.passes(400)
    assert said(desk) == [("post", "firing"), ("update", "resolved"), ("reply", "resolved")]


def test_member_that_reopens_reopens_the_group() -> None:
    """The same message fires again; a new incident after the end makes a new one."""
    desk = Desk()
    member(desk, "a")
    desk.passes(40)
    over(desk, "a")
    desk.passes(300)
    again(desk, "a", Kind.FIRING, reason=Reason.REOPENED)
    desk.passes(320)
    assert said(desk)[-2:] == [("update", "firing"), ("reply", "firing")]
    assert document(desk).resolved is None
    over(desk, "a")
    desk.passes(320)
    member(desk, "b")
    desk.passes(40)
    assert said(desk)[-1] == ("post", "firing")
    assert desk.order.done.count("post") == 2


def test_line_says_whether_members_are_new() -> None:
    """One that re-opens is there again, a new one is one more."""
    desk = Desk()
    member(desk, "a")
    member(desk, "b")
    desk.passes(40)
    over(desk, "a")
    desk.passes(300)
    again(desk, "a", Kind.FIRING, reason=Reason.REOPENED)
    desk.passes(300)
    member(desk, "c")
    desk.passes(300)
    lines = [m.delivery.text for how, m in desk.order.calls if how == "reply"]
    assert ["1 again: Order: a" in lines[0], "1 more: Order: c" in lines[1]] == [True, True]


def test_silenced_member_is_not_in_the_message() -> None:
    """What is silenced by the time a group tells is left out, for that reason, and may be told later."""
    desk = Desk()
    member(desk, "a")
    desk.passes(5)
    desk.obstacle = (Reason.SILENCE, "silence s1 by jin: deploy", NOW + MINUTE)
    desk.passes(40)
    assert desk.order.done == []
    dropped = desk.read("a").deliveries[0]
    assert (dropped.state, dropped.error, dropped.digest) == (DeliveryState.DROPPED, "silence", "")
    assert [d.outcome for d in desk.state.decisions(limit=None) if d.reason == "silence"] == ["suppressed"]
    assert not desk.state.unfinished()
    desk.obstacle = None
    again(desk, "a", Kind.FIRING, reason=Reason.SILENCE_ENDED)
    desk.passes(40)
    assert said(desk) == [("post", "firing")]


def test_where_nothing_can_be_edited_each_flush_is_a_message() -> None:
    """A webhook gets one message for each instant with news, and the end."""
    desk = Desk(FakeNotifier(kind="webhook", editable=False))
    member(desk, "a")
    member(desk, "b")
    desk.passes(60)
    member(desk, "c")
    over(desk, "a")
    desk.passes(300)
    assert said(desk) == [("post", "firing"), ("post", "firing")]
    assert rows(desk.order.calls[-1][1]) == [("warning", "b"), ("warning", "c"), ("over", "a")]
    over(desk, "b")
    desk.passes(300)
    assert len(said(desk)) == 2
    over(desk, "c")
    desk.passes(300)
    assert said(desk)[2:] == [("post", "resolved")]


def test_rows_that_do_not_fit_are_summed() -> None:
    """25 members are ten rows and fifteen more; the worst severity is the group's."""
    desk = Desk()
    for n in range(25):
        member(desk, f"m{n}", severity="critical" if n == 7 else "warning")
    desk.passes(40)
    ((_, message),) = desk.order.calls
    assert message.incident.severity == "critical"
    assert len(rows(message)) == 10
    assert "and 15 more: 15 firing, 0 over" in message.incident.view.summary
    assert message.incident.view.sentence == "25 firing, 0 over"


def test_every_member_is_on_record() -> None:
    """Each message that a group tells is one decision, which names the group's document."""
    desk = Desk()
    member(desk, "a")
    member(desk, "b")
    desk.passes(40)
    found = [d for d in desk.state.decisions(limit=None) if d.outcome == "digested"]
    assert sorted((d.incident, d.reason, d.detail) for d in found) == [
        ("a", "grouped", "firing to #order"),
        ("b", "grouped", "firing to #order"),
    ]
    assert {desk.read(id).deliveries[0].digest for id in "ab"} == {document(desk).id}


def test_settling_time_is_short() -> None:
    """What is due is told within seconds."""
    assert 0 < SETTLE <= 5 * SECOND


def test_storm_folds_groups_and_counts_their_incidents() -> None:
    """Of 400 groups that a channel cannot take in time most go into the digest; ends and totals add up."""
    desk = Desk(storm=2 * MINUTE)
    for n in range(200):
        member(desk, f"a{n}", name=f"g{n}")
        member(desk, f"b{n}", name=f"g{n}")
    desk.passes(60)
    (digest,) = [m for how, m in desk.order.calls if how == "post" and m.incident.type == "digest"]
    assert digest.incident.view.sentence.startswith("160 firing, 0 resolved")
    desk.passes(200)
    posts = [m for how, m in desk.order.calls if how == "post" and m.incident.type == TYPE]
    assert len(posts) == 120
    for n in range(200):
        over(desk, f"a{n}")
        over(desk, f"b{n}")
    desk.passes(1_500)
    last = [m for _, m in desk.order.calls if m.incident.type == "digest"][-1]
    assert last.incident.view.sentence.startswith("0 firing, 160 resolved")
    assert not desk.state.unfinished()


def test_document_is_kept_as_it_is() -> None:
    """What is to be told, rows and timers come back from the state as they were, a table and a cron included."""
    table = Table((Column("host.name", "host"),), rows=3)
    desk = Desk()
    member(desk, "a", cron="0 8 * * *", timezone="Europe/Berlin", table=table, table_only=True, by_match=True)
    desk.passes(2)
    waiting = document(desk)
    assert waiting.roll is not None
    assert waiting.roll.news
    assert loads(Incident, dumps(waiting)) == waiting
    rows = (Row("a", "warning", "words", over=True, counts=((("web-1",), 2),)),)
    said = replace(waiting, roll=replace(waiting.roll, rows=rows, told=NOW, left=3))
    assert loads(Incident, dumps(said)) == said
