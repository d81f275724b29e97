"""What an engine remembers of rules that fail and of spans given up."""

from __future__ import annotations

from dataclasses import dataclass

from alerter.clock import HOUR, MINUTE, SECOND
from alerter.model.heartbeat import Cut, Failing, FailingRule
from alerter.model.incident import Checkpoint, Outcome
from alerter.model.rule import AnyEvent
from alerter.state.codec import dumps
from alerter.testing import rule
from alerter.watch.memory import GROUPS, NAMED, Failures, Lasting
from tests.watch.support import NOON, beat


@dataclass(frozen=True)
class Failed:
    rule: str
    kind: str = "unreachable"
    reason: str = "nobody answers"


def done(name: str, lost: tuple[int, int] | None = None) -> dict[str, Outcome]:
    """Return what an evaluation gave."""
    return {name: Outcome((), Checkpoint(name, "meaning", NOON, NOON), lost=lost)}


RULES = [rule(AnyEvent(), name=name) for name in "abc"]


def everything(_name: str) -> bool:
    return True


def test_since_is_the_first_failure_after_a_success() -> None:
    """The reason and kind are the newest; a success ends it, a rule that was not due stays as it was."""
    known = Failures()
    known.note(RULES, {}, [Failed("a"), Failed("b")], NOON)
    known.note(RULES, done("b"), [Failed("a", "denied", "no right")], NOON + MINUTE)
    assert known.failing(everything) == (Failing("denied", "default", 1, NOON, (FailingRule("a", NOON, "no right"),)),)
    known.note(RULES, done("a"), [], NOON + 2 * MINUTE)
    known.note(RULES, {}, [Failed("a")], NOON + 3 * MINUTE)
    assert known.failing(everything)[0].since == NOON + 3 * MINUTE


def test_a_rule_of_another_engine_is_let_go() -> None:
    """It is that engine's to say how it does; when it comes back here, it begins anew."""
    known = Failures()
    known.note(RULES, {}, [Failed("a"), Failed("b")], NOON)
    assert known.failing(lambda name: name == "a")[0].number == 1
    assert [r.rule for r in known.failing(everything)[0].rules] == ["a"]


def test_groups_are_bounded_and_their_numbers_are_not() -> None:
    """Thousands of failing rules with long reasons make no big heartbeat."""
    known = Failures()
    names = [f"rule number {n}" for n in range(5_000)]
    known.note([], {}, [Failed(name, f"kind {n % 30}", "x" * 5_000) for n, name in enumerate(names)], NOON)
    found = known.failing(everything)
    assert len(found) == GROUPS
    assert {len(one.rules) for one in found} == {NAMED}
    assert {one.number for one in found} == {167}
    assert len(dumps(beat("a", failing=found))) < 25_000


def test_what_is_given_up_after_one_outage_is_one_cut() -> None:
    """Rules come one after the other; a later cut is another one."""
    known = Failures()
    for n, name in enumerate(["a", "b"]):
        known.note(RULES, done(name, (NOON - HOUR + n, NOON + n)), [], NOON + n * 50 * SECOND)
    assert known.cut == Cut(NOON, NOON - HOUR, NOON + 1, 2, ("a", "b"))
    known.note(RULES, done("c", (NOON, NOON + HOUR)), [], NOON + HOUR)
    assert known.cut == Cut(NOON + HOUR, NOON, NOON + HOUR, 1, ("c",))


def test_time_nobody_looked_counts_for_little() -> None:
    """What is not seen at a look begins anew."""
    lasting = Lasting(MINUTE)
    lasting.look(["x", "y"], 0)
    lasting.look(["x"], 30 * SECOND)
    lasting.look(["x", "y"], HOUR)
    assert (lasting.age("x"), lasting.age("y"), lasting.age("z")) == (90 * SECOND, 0, 0)
