"""What a group's messages say: of whom, how many, since when; nothing that is not so."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from alerter.clock import HOUR, MINUTE, SECOND
from alerter.engine.group_words import summed
from alerter.engine.groups import group_of
from alerter.model.incident import Kind, Reason, Roll, Row, View
from alerter.model.route import Destination
from alerter.model.rule import Key
from alerter.model.texts import Column, Table
from alerter.notifiers.console import draw
from alerter.notifiers.slack.format import payload
from alerter.notifiers.text import plain_text
from alerter.notifiers.webhook import payload as webhook_payload
from alerter.testing import rule
from tests.delivery.fakes import NOW, Desk, incident
from tests.delivery.test_groups import INTERVAL, WAIT, again, document, grouped, member, over, rows


def root(desk: Desk) -> str:
    """Return the first block of what Slack shows last."""
    last = [m for how, m in desk.order.calls if how in ("post", "update")][-1]
    return str(payload(last, {})["blocks"][0]["text"]["text"])


def test_length_is_that_of_the_incident() -> None:
    """A group of one that was over after a minute lasted a minute, though it is told at the group's instant."""
    desk = Desk()
    member(desk, "a")
    desk.passes(60)
    over(desk, "a")
    desk.passes(330)
    assert "\nLasted 1 min, " in root(desk)
    assert document(desk).resolved == NOW + MINUTE
    assert document(desk).deliveries[-1].at == NOW + 330 * SECOND


def test_group_lasts_until_its_last_member_is_over() -> None:
    """The end is the latest of the ends, whenever each of them was told."""
    desk = Desk()
    member(desk, "a")
    member(desk, "b")
    desk.passes(60)
    over(desk, "a")
    desk.passes(300)
    again(desk, "b")
    desk.passes(60)
    over(desk, "b")
    desk.passes(400)
    assert root(desk).endswith("\nLasted 7 min")
    end = desk.order.calls[-1][1].delivery.text
    assert "all over. Lasted 7 min. Started" in end


def many_over(**changes: Any) -> Desk:
    """Let 48 of 50 members be over before the first message tells of them."""
    desk = Desk()
    for n in range(50):
        member(desk, f"m{n:02}", **{"wait": 10 * MINUTE} | changes)
        desk.change(f"m{n:02}", view=View(title="t", counts=((("h-a",), 1), ((f"h-{n}",), 2))))
    desk.passes(30)
    for n in range(48):
        over(desk, f"m{n:02}")
    desk.passes(600)
    return desk


def test_first_message_counts_all_that_came_up() -> None:
    """What fires is named first, what is over by then is named and counted too, and listed for programs."""
    desk = many_over()
    how, message = desk.order.calls[0]
    assert how == "post"
    assert message.delivery.text.startswith(
        "[FIRING] [WARNING] G: 50 incidents: Order: m48 jumps - 42 in 5 min. Started 11:05 UTC; Order: m49 jumps"
    )
    assert "; over: Order: m47 jumps. Lasted; over: Order: m46 " in message.delivery.text
    assert message.delivery.text.endswith("; and 40 more. Now 2 firing, 48 over")
    assert rows(message)[:3] == [("warning", "m48"), ("warning", "m49"), ("over", "m47")]
    assert message.incident.view.summary.endswith("\n• and 40 more: 0 firing, 40 over")
    states = Counter(m["state"] for m in webhook_payload(message)["incident"]["members"])
    assert states == {"over": 48, "firing": 2}


def test_table_counts_members_that_are_listed_no_more() -> None:
    """The sums of a group only grow, however many of its members are over."""
    desk = many_over(table=Table((Column("host.name", "host"),), rows=1), interval=MINUTE)
    member(desk, "late", table=Table((Column("host.name", "host"),), rows=1), interval=MINUTE)
    desk.passes(70)
    roll = rolled(desk)
    assert (roll.total, len(roll.rows), roll.left) == (51, 13, 38)
    for _, message in desk.order.calls:
        assert "| h-a  | 50    |" in message.incident.view.table
        assert "50 more rows, 100 events" in message.incident.view.table
    assert len(desk.order.calls) == 3


def test_very_many_rows_of_a_table_are_kept_as_one() -> None:
    """A thousand are kept; the rarest of the others are summed."""
    first = Row("a", "warning", "", counts=tuple(((f"h-{n}", "x"), 5) for n in range(1_000)))
    second = Row("b", "warning", "", counts=tuple(((f"i-{n}", "x"), 2) for n in range(7)))
    found = summed((), [first, second])
    assert len(found) == 1_001
    assert found[0] == (("others", ""), 14)
    assert sum(count for _, count in summed(found, [second])) == 5_028


def test_end_that_is_told_is_told_though_its_member_is_listed_no_more() -> None:
    """Where the last members close quietly, and others before did not, the end of all is a line."""
    desk = Desk()
    for n in range(14):
        member(desk, f"m{n:02}")
    desk.passes(60)
    over(desk, "m00")
    desk.passes(300)
    for n in range(1, 13):
        over(desk, f"m{n:02}", quiet=True)
    desk.passes(300)
    again(desk, "m13")
    desk.passes(300)
    assert "m00" not in [row.incident for row in rolled(desk).rows]
    over(desk, "m13", quiet=True)
    desk.passes(300)
    assert desk.order.calls[-1][1].delivery.text.startswith("[RESOLVED] [WARNING] G: 14 incidents: all over. Lasted")


def test_worst_and_newest_are_shown() -> None:
    """Of more members than a message names it names the worst, then the newest, in the order in which they came up."""
    desk = Desk()
    for n in range(30):
        member(desk, f"m{n:02}", severity="critical" if n in (3, 20) else "warning")
    desk.passes(40)
    ((_, message),) = desk.order.calls
    newest = [("warning", f"m{n:02}") for n in range(22, 30)]
    assert rows(message) == [("critical", "m03"), ("critical", "m20"), *newest]
    assert "30 incidents: Order: m03 jumps" in message.delivery.text


CAUSE = "42 events in 5 min (threshold 10): card declined by issuer, 3-D secure failed; before: 3 events a day earlier"
KEY: Key = (("order.customer.id", "4711-0815"), ("host.name", "web-1"))


def keyed(desk: Desk, id: str, sentence: str = CAUSE, key: Key = KEY) -> None:
    """Plan the first message of an incident with two fields in its key, as an engine does."""
    found = incident(id, view=View(title="Too many failed payments at the card provider", sentence=sentence), key=key)
    place = Destination("order", "route", group_by=("rule",), group_wait=WAIT, group_interval=INTERVAL)
    made = group_of(rule("cancellations"), found, place, NOW)
    assert made is not None
    text = plain_text(found, Kind.FIRING, Reason.FIRST_MATCH, NOW)
    first = grouped(f"first of {id}", text=text, group=replace(made, since=desk.clock.now(), delay=0))
    desk.plan(replace(found, deliveries=(first,)))


def test_words_are_cut_before_the_key() -> None:
    """Each value of a member's key is in every message that names it, however long its sentence."""
    desk = Desk()
    for id in ("a", "b"):
        keyed(desk, id)
    desk.passes(40)
    keyed(desk, "c")
    desk.passes(320)
    (_, first), *_, (_, later) = desk.order.calls
    shown = "order.customer.id 4711-0815, host.name web-1. Started 11:05 UTC"
    assert first.incident.view.summary.count(f"..., {shown}.") == 2
    assert first.delivery.text.count(f"..., {shown}") == 2
    assert later.delivery.text.count("1 more: Order: Too many failed payments at the card provider - 42 events") == 1
    assert later.delivery.text.count(f"..., {shown}. Now 3 firing, 0 over") == 1
    assert max(map(len, first.incident.view.summary.split("\n"))) < 240
    assert "\n".join(draw(first)).count(f"..., {shown}.") == 2


@pytest.mark.parametrize(("key", "fitting"), [(KEY, 10), ((("a", "&" * 70), ("b", "<" * 70)), 3)])
def test_rows_that_do_not_fit_once_escaped_are_counted(key: Key, fitting: int) -> None:
    """Members whose words grow when escaped are fewer rows; the line that counts the rest is there."""
    desk = Desk()
    for n in range(15):
        keyed(desk, f"m{n}", "&" * 60, key)
    desk.passes(40)
    body = payload(desk.order.calls[0][1], {})
    *shown, last = str(body["blocks"][1]["text"]["text"]).split("\n")
    assert last == f"• and {15 - fitting} more: {15 - fitting} firing, 0 over"
    assert [text.count("Started 11:05 UTC.") for text in shown] == [1] * fitting
    assert str(body["text"]).endswith(" more")


def rolled(desk: Desk) -> Roll:
    """Return what the newest document of a group knows of its members."""
    roll = document(desk).roll
    assert roll is not None
    return roll


def test_line_has_the_severity_of_what_it_tells() -> None:
    """A new warning in a critical group is told as a warning; members of other severities than the text say so."""
    desk = Desk()
    member(desk, "a")
    member(desk, "b", severity="critical")
    desk.passes(40)
    member(desk, "c")
    desk.passes(300)
    (_, first), *_, (_, line) = desk.order.calls
    assert first.delivery.text.startswith("[FIRING] [CRITICAL] G: 2 incidents: Order: b jumps")
    assert "; warning: Order: a jumps" in first.delivery.text
    assert line.delivery.text.startswith("[FIRING] [WARNING] 1 more: Order: c jumps")
    assert line.incident.severity == "critical"


def test_group_is_as_old_as_its_oldest_member() -> None:
    """An incident that was silenced for an hour did not start when it was told."""
    desk = Desk()
    hour_ago = NOW - HOUR
    member(desk, "a", opened=hour_ago)
    member(desk, "b")
    desk.passes(40)
    assert desk.order.calls[0][1].incident.opened == hour_ago
    over(desk, "a")
    over(desk, "b")
    desk.passes(300)
    assert "all over. Lasted 1 h 40 s. Started 10:05 UTC." in desk.order.calls[-1][1].delivery.text
