"""What the engine records while it runs explains each message, and each match that nobody was told of."""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest

from alerter.clock import HOUR, MINUTE, SECOND
from alerter.engine.decisions import fold_runs
from alerter.model.incident import Change, Decision, Kind, Reason
from alerter.model.rule import Realert
from alerter.state.protocol import StateError
from alerter.why.account import account
from alerter.why.records import Asked, Definition
from tests.engine.support import T0, World, documents, storm
from tests.exact.worlds import IN_FILES, KINDS, make_world
from tests.why.worlds import ANNOUNCED, Happened, live

SEEDS = range(60)
PLANS = ("planned", "digested")


def check_deliveries(happened: Happened) -> None:
    """Every delivery of every incident has exactly one decision behind it, with the route and the reason."""
    for incident in happened.incidents:
        plans = Counter((d.at, d.receiver, d.reason, d.route) for d in happened.of(incident.id) if d.outcome in PLANS)
        wanted = Counter((d.at, d.receiver, str(d.reason), d.route) for d in incident.deliveries)
        assert plans == wanted
        assert all(d.route for d in happened.of(incident.id) if d.outcome in PLANS and "resolved" not in d.detail)


def check_matches(happened: Happened) -> None:
    """Every announced match is a decision, and for each receiver a message or a reason why there is none."""
    receivers = ("a", "b", "c")
    for incident in happened.incidents:
        decisions = happened.of(incident.id)
        announced = [t for t in happened.transitions if t.incident == incident.id and t.change in ANNOUNCED]
        said = sum(d.count for d in decisions if d.outcome in ("fired", "repeated", "reopened", "raised"))
        assert said == len(announced)
        instants = {t.at for t in announced}
        for receiver in receivers:
            mine = [d for d in decisions if d.receiver == receiver]
            told = sum(d.outcome == "planned" and d.at in instants and _tells(d) for d in mine)
            untold = sum(d.count for d in mine if d.outcome in ("suppressed", "refreshed"))
            assert told + untold == len(announced), (receiver, mine)
            assert all(d.reason for d in mine)


def _tells(decision: Decision) -> bool:
    return decision.detail.startswith(("firing", "repeat"))


def check_suppressed(happened: Happened) -> None:
    """Every match that realert kept unannounced is counted, with the end of its silence."""
    for incident in happened.incidents:
        hushed = [d for d in happened.of(incident.id) if d.outcome == "suppressed" and not d.receiver]
        wanted = sum(
            t.number for t in happened.transitions if t.incident == incident.id and t.change is Change.SUPPRESSED
        )
        assert sum(d.count for d in hushed) == wanted
        assert all(d.until is not None and d.reason == "realert" for d in hushed)


def check_account(happened: Happened, now: int) -> None:
    """The account says of every receiver when it was told, or why it was not, and leaves no delivery out."""
    asked = Asked("a rule", 0, now)
    found = account(asked, Definition(), happened.records(now))
    assert len(found.paragraphs) == len(happened.incidents)
    for paragraph in found.paragraphs:
        heard = {h.receiver: h for h in paragraph.heard}
        assert set(heard) == {"a", "b", "c"}
        for hearing in heard.values():
            sent = [
                d
                for d in paragraph.incident.deliveries
                if d.receiver == hearing.receiver and str(d.state) == "sent" and d.kind is not Kind.RESOLVED
            ]
            assert (hearing.told is not None) == bool(sent) or "in a digest" in hearing.why
            assert hearing.told is not None or hearing.why
        assert paragraph.told == any(h.told is not None for h in heard.values())
        assert [e.at for e in paragraph.timeline] == sorted(e.at for e in paragraph.timeline)


@pytest.mark.parametrize("kind", KINDS)
def test_every_message_and_every_silence_is_explained(kind: str) -> None:
    """Over random rules, routes, mute times, silences, cuts and restarts."""
    reasons: set[str] = set()
    for seed in SEEDS:
        dice = Random(f"{kind} {seed}")
        world = make_world(dice, kind, times=IN_FILES)
        happened = live(dice, world, deliver=False)
        reasons |= {d.reason for d in happened.decisions}
        try:
            check_deliveries(happened)
            check_matches(happened)
            check_suppressed(happened)
        except AssertionError:
            pytest.fail(f"seed {seed}\n{world.show()}")
    assert reasons >= {"first_match", "silence", "mute_time"}


@pytest.mark.parametrize("kind", KINDS)
def test_an_account_names_every_receiver(kind: str) -> None:
    """With a courier that delivers what it can, and whose attempts fail in several ways."""
    for seed in SEEDS[:20]:
        dice = Random(f"{kind} told {seed}")
        world = make_world(dice, kind, times=IN_FILES)
        check_account(live(dice, world, deliver=True), world.end + HOUR)


def test_decisions_hold_the_numbers_the_route_and_the_reason() -> None:
    """A match says its count against the threshold, a plan the message, the channel and the route."""
    world = World(documents([1, 2, 3]), [storm()])
    for seconds in (0, 30, 120):
        world.tick(seconds)
    fired, planned, resolved, told = reversed(world.state.decisions())
    assert (fired.outcome, fired.detail, fired.until) == ("fired", "3 in 1 min (threshold 3)", T0 + 63 * SECOND)
    assert (planned.outcome, planned.receiver, planned.detail) == ("planned", "user", "firing to user")
    assert (planned.route, planned.reason) == ("route > user", "first_match")
    assert (resolved.outcome, resolved.reason) == ("resolved", "condition_over")
    assert resolved.detail == "the condition held last at 2026-03-10T11:00:03.000Z"
    assert (told.outcome, told.detail, told.reason) == ("planned", "resolved to user", "condition_over")


def test_decisions_are_kept_when_the_checkpoint_is_not() -> None:
    """What was written is not told again, so its decisions are recorded although the evaluation has failed."""
    world = World(documents([1, 2, 3]), [storm()])
    world.tick(0)
    save = world.state.save_checkpoints

    def lost(*_args: object) -> list[object]:
        raise StateError("unreachable", "gone")

    world.state.save_checkpoints = lost  # type: ignore[method-assign, assignment]
    assert world.tick(30).failures
    world.state.save_checkpoints = save  # type: ignore[method-assign]
    world.tick(30)
    assert [d.outcome for d in reversed(world.state.decisions())] == ["fired", "planned"]


def test_a_removed_rule_records_its_end() -> None:
    """The incident's end and the message about it are decisions too."""
    world = World(documents([1, 2, 3]), [storm()])
    world.tick(0)
    world.tick(10)
    world.engine.forget(["a rule"], T0 + 20_000)
    last = list(reversed(world.state.decisions()))[2:]
    assert [(d.outcome, d.reason, d.receiver) for d in last] == [
        ("resolved", "rule_removed", ""),
        ("planned", "rule_removed", "user"),
    ]


def test_what_a_digest_tells_is_recorded_for_incident_and_digest() -> None:
    """An incident left to a digest says so; the digest itself is planned."""
    world = World(documents([*range(100, 110), *range(1000, 1010)]), [storm()])
    world.tick(0)
    world.tick(3000)
    kinds = Counter((d.outcome, d.detail, bool(d.rule)) for d in world.state.decisions() if d.receiver)
    assert kinds[("digested", "firing to user", True)] == 2
    assert kinds[("planned", "digest to user", False)] == 1


def test_a_quiet_rule_records_nothing_and_runs_are_one_entry() -> None:
    """A minute of matches that realert hides is one record for each evaluation; nothing happens, nothing is kept."""
    world = World(documents(range(1, 600)), [storm(realert=Realert(HOUR, written=True))])
    for seconds in range(0, 601, 60):
        world.tick(seconds)
    decisions = world.state.decisions(limit=None)
    assert Counter(d.outcome for d in decisions) == {"fired": 1, "planned": 1, "suppressed": 10}
    assert sum(d.count for d in decisions if d.outcome == "suppressed") == len(range(6, 600))
    quiet = World(documents([1]), [storm()])
    for seconds in range(0, 601, 60):
        quiet.tick(seconds)
    assert quiet.state.decisions() == []


def test_planned_messages_do_not_part_a_run() -> None:
    """A message told at the end of a silence lies between two matches that are still one run."""
    hushed = Decision(T0, "r", None, "suppressed", "realert", "i", T0 + MINUTE)
    planned = Decision(T0 + 1, "r", None, "planned", str(Reason.SILENCE_ENDED), "i", receiver="a")
    again = Decision(T0 + 2, "r", None, "suppressed", "realert", "i", T0 + MINUTE)
    assert [(d.outcome, d.count) for d in fold_runs([hushed, planned, again])] == [("suppressed", 2), ("planned", 1)]
