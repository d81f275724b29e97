"""A whole story as ``alerter why`` tells it: matched, repeated, a failed attempt, delivered, edited, resolved."""

from __future__ import annotations

from alerter.clock import HOUR, MINUTE, SECOND, ManualClock
from alerter.delivery.courier import Courier
from alerter.model.incident import Incident
from alerter.model.route import Receiver
from alerter.model.rule import Realert
from alerter.notifiers.protocol import Failure
from alerter.routing.matchers import parse_matcher
from alerter.routing.tree import Node, Routing
from alerter.why.account import account
from alerter.why.records import Asked, Definition, Records
from alerter.why.report import as_text
from tests.delivery.fakes import FakeNotifier, fail
from tests.engine.support import T0, World, documents, storm

STORY = """\
told: #user (user) at 11:00:18; resolved 11:03:26 (the condition was over)

a rule, 10:00:00 to 12:00:00, times in UTC
  no engine was heard of in the last day (run --once gives no sign of it)
  evaluated from 11:00:00 on: then it was new
  evaluated up to 11:05:00 only

incident 71ba18d37e1399422dc8 opened 11:00:11: 3 matches announced, 19 suppressed, peak 12
  11:00:11  matched: 3 in 1 min (threshold 3); an incident opened; further matches are not announced until 11:01:11
  11:00:11  firing to #user (user) planned: first match; by the route route > user
  11:00:15  an attempt to deliver to user failed: #user ratelimited (first match)
  11:00:18  delivered to user: #user (first match)
  11:00:26  matched, not announced: 6 in 1 min (threshold 3) (realert of the rule until 11:01:11) (x9, last 11:01:06)
  11:01:11  matched again: 12 in 1 min (threshold 3); further matches are not announced until 11:02:11
  11:01:11  repeat to #user (user) planned: a repeat is due; by the route route > user
  11:01:15  delivered to user: #user (a repeat is due)
  11:01:26  matched, not announced: 12 in 1 min (threshold 3) (realert of the rule until 11:02:11) (x9, last 11:02:06)
  11:02:11  matched again: 12 in 1 min (threshold 3); further matches are not announced until 11:03:11
  11:02:11  repeat to #user (user) planned: a repeat is due; by the route route > user
  11:02:15  delivered to user: #user (a repeat is due)
  11:02:26  matched, not announced: 12 in 1 min (threshold 3) (realert of the rule until 11:03:11)
  11:03:26  resolved (the condition was over): the condition held last at 2026-03-10T11:02:26.000Z
  11:03:26  resolved to #user (user) planned: the condition was over
  11:03:30  delivered to user: #user (the condition was over)
  11:03:30  the message in #user (user) was edited 5 times so far, here the last time
"""


def test_a_story_from_the_first_match_to_the_end() -> None:
    """An event every five seconds for two and a half minutes: every step is there once, by time, with its reason."""
    receivers = {"default": Receiver("default", "slack"), "user": Receiver("user", "slack", {"channel": "#user"})}
    user = Node("user", "route > user", (parse_matcher("domain=user"),))
    where = Routing(Node("default", "route", routes=(user,)), receivers)
    world = World(documents(range(1, 151, 5)), [storm(realert=Realert(MINUTE, written=True))], where)
    clock = ManualClock(T0)
    slack = FakeNotifier(failures=[fail(Failure.WAIT, "ratelimited", retry_after=3 * SECOND)])
    courier = Courier(world.state, {"user": slack}, where, clock)  # type: ignore[dict-item]
    for second in range(301):
        if second % 5 == 0:
            world.tick(second)
        courier.deliver()
        clock.advance(SECOND)
    assert told(world, T0 + 2 * HOUR).splitlines() == STORY.splitlines()


def told(world: World, now: int) -> str:
    """Return what would be printed of the one incident, two hours later."""
    incidents: list[Incident] = [stored.value for stored in world.state.incidents()]
    decisions = {i.id: tuple(reversed(world.state.decisions(incident=i.id))) for i in incidents}
    checkpoint = world.state.checkpoints(["a rule"])["a rule"].value
    records = Records(now, 0, incidents, decisions, checkpoint=checkpoint)
    return as_text(account(Asked("a rule", T0 - HOUR, T0 + HOUR), Definition(world.rules[0]), records))
