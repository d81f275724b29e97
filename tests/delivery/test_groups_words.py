"""What a group's messages say: of whom, how many, since when; nothing that is not so."""

from __future__ import annotations

from alerter.clock import MINUTE, SECOND
from alerter.notifiers.slack.format import payload
from tests.delivery.fakes import NOW, Desk
from tests.delivery.test_groups import again, document, member, over


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
