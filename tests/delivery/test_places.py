"""What has a rate and a storm of its own: a bot's channel, or a receiver that goes by a webhook."""

from __future__ import annotations

from dataclasses import replace

from alerter.clock import MINUTE
from alerter.model.route import Receiver
from alerter.notifiers.protocol import Failure
from alerter.routing.tree import Routing
from tests.delivery.fakes import Desk, FakeNotifier, delivery, fail, incident
from tests.delivery.test_storm import totals

STORM = 2 * MINUTE


def two_receivers(*, editable: bool) -> tuple[Desk, FakeNotifier]:
    """Return a desk with a second receiver ``user``, which also goes to a channel named #order."""
    desk, user = Desk(FakeNotifier(editable=editable), storm=STORM), FakeNotifier(editable=editable)
    desk.routing = Routing(
        desk.routing.root, {**desk.routing.receivers, "user": Receiver("user", "slack", {"channel": "#order"})}
    )
    desk.more = {"user": user}
    desk.restart()
    return desk, user


def plan(desk: Desk, number: int) -> None:
    """Plan this many incidents, every other one for each receiver."""
    for n in range(number):
        told = replace(delivery(f"d{n}"), receiver="order" if n % 2 else "user")
        desk.plan(incident(f"i{n}", told, rule=f"rule {n % 7}"))


def test_webhooks_into_channels_of_one_name_have_their_own_storms() -> None:
    """They may be in different workspaces: each receiver hears of all its incidents."""
    desk, user = two_receivers(editable=False)
    plan(desk, 400)
    desk.passes(300)
    for notifier in (desk.order, user):
        own = [m for _, m in notifier.calls if m.incident.type != "digest"]
        (told,) = [m for _, m in notifier.calls if m.incident.type == "digest"]
        assert (len(own), totals(told)) == (120, (80, 0))


def test_receivers_of_one_bot_share_the_storm_of_their_channel() -> None:
    """The channel is the same one, and its rate is too."""
    desk, user = two_receivers(editable=True)
    plan(desk, 400)
    desk.passes(300)
    posts = [m for notifier in (desk.order, user) for how, m in notifier.calls if how == "post"]
    assert len([m for m in posts if m.incident.type != "digest"]) == 120
    (told,) = [m for m in posts if m.incident.type == "digest"]
    assert totals(told) == (280, 0)


def test_webhook_that_must_wait_holds_no_other_up() -> None:
    """A limit of one webhook is none of another whose channel has the same name."""
    desk, user = two_receivers(editable=False)
    desk.order.failures = [fail(Failure.WAIT, "ratelimited", MINUTE)]
    plan(desk, 4)
    desk.passes(5)
    assert (desk.order.done, user.done) == (["post"], ["post", "post"])
    desk.passes(60)
    assert desk.order.done == ["post"] * 3
