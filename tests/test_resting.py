"""Rules that nothing but a changed file or cluster mends: tried more and more rarely, and never forgotten."""

from __future__ import annotations

from alerter.clock import MINUTE
from alerter.engine.tick import Failed
from alerter.model.rule import AnyEvent
from alerter.resting import LONGEST, Resting
from alerter.testing import rule
from tests.test_service import Case, case

__all__ = ["case"]

REFUSED = """name: refused
type: any
index: logs
filter: [query_string: {query: "a:(b"}]
"""


def test_waits_grow_up_to_a_bound() -> None:
    """A minute after the first failure, then twice as long each time."""
    resting, tested, now = Resting(), rule(AnyEvent()), 0
    waits = []
    for _ in range(6):
        resting.note([tested], [Failed(tested.name, "rejected", "no")], now)
        begun = now
        while not resting.awake([tested], now):
            now += MINUTE
        waits.append((now - begun) // MINUTE)
    assert waits == [1, 2, 4, 8, 10, 10]
    resting.note([tested], [], now)
    resting.note([tested], [Failed(tested.name, "unsupported", "no")], now)
    assert resting.awake([tested], now + MINUTE) == [tested]


def test_what_may_be_over_in_a_moment_is_tried_at_once() -> None:
    """A cluster that does not answer is not the rule's fault; another rule of the same name is another rule."""
    resting, tested = Resting(), rule(AnyEvent())
    resting.note([tested], [Failed(tested.name, "unreachable", "down")], 0)
    assert resting.awake([tested], 1) == [tested]
    resting.note([tested], [Failed(tested.name, "rejected", "no")], 0)
    changed = rule(AnyEvent(), index="other")
    assert (resting.awake([tested], 1), resting.awake([changed], 1)) == ([], [changed])
    assert LONGEST == 10 * MINUTE


def test_a_refused_rule_of_a_running_engine(case: Case) -> None:
    """It is evaluated rarely, shown as failing all the while, delays no other, and is tried at once when it changes."""
    case.write("rules/refused.yaml", REFUSED)
    case.service.reload()
    case.service.tick(case.service.project.rules)
    case.clock.advance(MINUTE)
    tried = []
    for _ in range(20):
        report = case.service.tick(case.service.project.rules)
        assert report is not None
        tried.append([failure.kind for failure in report.failures])
        case.clock.advance(MINUTE)
        assert [one.number for one in case.service.vitals.failures.failing(lambda _: True)] == [1]
    assert [n for n, kinds in enumerate(tried) if kinds] == [0, 1, 3, 7, 15]
    assert case.service.pulse.ready
    (alone,) = [one for one in case.service.project.rules if one.name == "refused"]
    quiet = case.service.tick([alone])
    assert quiet is not None
    assert (quiet.failures, case.service.pulse.ready) == ([], True)
    case.write("rules/refused.yaml", REFUSED.replace("a:(b", "a:b"))
    case.service.reload()
    mended = case.service.tick(case.service.project.rules)
    assert mended is not None
    assert mended.failures == []
    assert case.service.vitals.failures.failing(lambda _: True) == ()
