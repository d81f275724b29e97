"""Due rules: taken together or alone, never twice at a time, never dropped."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from alerter.lanes import MOST_TOGETHER, Crew, Lane, Lanes
from alerter.model.rule import AnyEvent, Rule
from alerter.testing import rule

SOON = 30
"""Seconds after which a test that waits for a thread has failed."""


def rules(*names: str) -> list[Rule]:
    """Return rules of these names."""
    return [rule(AnyEvent(), name=name) for name in names]


def lanes(**seconds: float) -> Lanes:
    """Return lanes whose rules cost so much; others cost nothing yet."""
    return Lanes(lambda name: seconds.get(name, 0.0))


def names(taken: Sequence[Rule]) -> list[str]:
    """Return the names of rules."""
    return [one.name for one in taken]


def test_what_is_due_together_is_taken_together() -> None:
    """One thread gets all light rules, the next one nothing."""
    due = lanes()
    due.add(rules("a", "b"))
    assert names(due.take(Lane.LIGHT)) == ["a", "b"]
    assert due.take(Lane.LIGHT) == ()


def test_a_rule_never_overlaps_itself_and_loses_no_instant() -> None:
    """Due again while it runs, however often, it is evaluated once more when it is done."""
    due = lanes()
    due.add(rules("a"))
    running = due.take(Lane.LIGHT)
    due.add(rules("a", "b"))
    due.add(rules("a"))
    assert names(due.take(Lane.LIGHT)) == ["b"]
    due.done(running)
    assert names(due.take(Lane.LIGHT)) == ["a"]
    assert due.take(Lane.LIGHT) == ()


def test_a_monstrous_rule_is_taken_alone() -> None:
    """A rule over the budget waits for the heavy threads, and its neighbours do not wait for it."""
    due = lanes(monster=60.0, other=5.1, edge=5.0)
    due.add(rules("monster", "a", "other", "edge"))
    assert names(due.take(Lane.LIGHT)) == ["a", "edge"]
    assert names(due.take(Lane.HEAVY)) == ["monster"]
    assert names(due.take(Lane.HEAVY)) == ["other"]
    assert due.take(Lane.HEAVY) == due.take(Lane.LIGHT) == ()


def test_a_rule_changes_lanes_without_overlapping() -> None:
    """A rule found costly while it runs among others is not taken by a heavy thread before it is done."""
    cost = {"a": 0.0}
    due = Lanes(lambda name: cost[name])
    due.add(rules("a"))
    running = due.take(Lane.LIGHT)
    cost["a"] = 60.0
    due.add(rules("a"))
    assert due.take(Lane.HEAVY) == due.take(Lane.LIGHT) == ()
    due.done(running)
    assert names(due.take(Lane.HEAVY)) == ["a"]


def test_light_rules_are_taken_up_to_the_budget() -> None:
    """Together they take five seconds at most; the rest is for the next thread, in the order of waiting."""
    due = lanes(a=3.0, b=2.0, c=0.5, d=4.8)
    due.add(rules("a", "b", "c", "d"))
    assert [names(due.take(Lane.LIGHT)) for _ in range(3)] == [["a", "b"], ["c"], ["d"]]


def test_there_is_a_most_that_is_taken_together() -> None:
    """Of thousands of rules due at once each thread gets a part."""
    due = lanes()
    due.add(rules(*(f"r{n}" for n in range(MOST_TOGETHER + 1))))
    assert [len(due.take(Lane.LIGHT)) for _ in range(2)] == [MOST_TOGETHER, 1]


def test_removed_rules_no_longer_wait() -> None:
    """After a reload only what is still there is evaluated; a changed rule in its new form."""
    due = lanes()
    due.add(rules("gone", "kept"))
    due.keep({"kept"})
    changed = rule(AnyEvent(), name="kept", description="changed")
    due.add([changed])
    assert due.take(Lane.LIGHT) == (changed,)


def test_threads_of_a_slow_rule_leave_the_others_alone() -> None:
    """While monsters hold all heavy threads, light rules are evaluated; the monsters' neighbours come after."""
    release, reached = threading.Event(), threading.Semaphore(0)
    done: list[str] = []

    def tick(taken: Sequence[Rule]) -> None:
        if taken[0].name.startswith("monster"):
            reached.release()
            assert release.wait(SOON)
        done.extend(names(taken))
        reached.release()

    due = Lanes(lambda name: 60.0 if name.startswith("monster") else 0.0)
    crew = Crew("test", due, tick)
    crew.start()
    try:
        due.add(rules("monster 1", "monster 2", "monster 3"))
        assert reached.acquire(timeout=SOON)
        assert reached.acquire(timeout=SOON)  # both heavy threads are held
        due.add(rules("light"))
        assert reached.acquire(timeout=SOON)
        assert done == ["light"]
    finally:
        release.set()
        crew.stop()
    assert set(done) >= {"light", "monster 1", "monster 2"}


def test_a_bug_does_not_stop_the_thread() -> None:
    """Rules whose tick raised may be evaluated again, and others go on."""
    came = threading.Semaphore(0)
    seen: list[str] = []

    def tick(taken: Sequence[Rule]) -> None:
        seen.extend(names(taken))
        came.release()
        if len(seen) == 1:
            raise ValueError

    due = lanes()
    crew = Crew("test", due, tick)
    crew.start()
    try:
        for _ in range(2):
            due.add(rules("a"))
            assert came.acquire(timeout=SOON)
    finally:
        crew.stop()
    assert seen == ["a", "a"]


def test_stopping_before_starting_ends_at_once() -> None:
    """A service that never became ready stops, too; what waits is left for the next start."""
    due = lanes()
    due.add(rules("a"))
    Crew("test", due, lambda _rules: None).stop()
    assert due.next(Lane.LIGHT) == ()
