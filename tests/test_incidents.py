"""The lifecycle of one key: silences, re-opening, severity, and what late instants may change."""

from __future__ import annotations

import pytest

from alerter.asked import Asked
from alerter.clock import DAY, HOUR, MINUTE, SECOND
from alerter.endings import next_silence
from alerter.incidents import Lifecycle
from alerter.model.incident import Change, Match, Reason, incident_id
from alerter.model.memory import KeyMemory
from alerter.model.rule import AnyEvent, Frequency, Realert, Rule, Spike, SpikeType
from alerter.testing import rule

TEN = Realert(10 * SECOND, written=True, cap=DAY)


def life_of(tested: Rule) -> Lifecycle:
    return Lifecycle(tested, None, KeyMemory())


def ask(life: Lifecycle, at: int, *, match: bool = True, severity: str = "", reread: bool = False) -> bool:
    return life.ask(Asked(at, True, Match(at, None, 1) if match else None, severity, reread=reread))


def changes(life: Lifecycle) -> list[tuple[int, str]]:
    return [(t.at, str(t.change)) for t in life.transitions]


@pytest.mark.parametrize(
    ("since", "exponent", "kept"),
    [
        (5 * SECOND, 0, 1),
        (15 * SECOND, 0, 0),
        (15 * SECOND, 1, 2),
        (60 * SECOND, 2, 1),
        (60 * SECOND, 3, 4),
        (5 * MINUTE, 1, 0),
        (4 * HOUR, 9, 0),
        (4 * HOUR, 10, 9),
    ],
)
def test_exponent_moves_as_in_elastalert(since, exponent, kept):
    """The exponent grows for matches soon after the silence, and falls by one for each step that fits."""
    assert next_silence(TEN, 0, exponent, since) == (since + 10 * SECOND * 2**kept, kept)


def test_steady_matches_double_the_silence_up_to_the_cap():
    """The first silence is realert itself; later ones double until the cap, and stay there."""
    realert = Realert(MINUTE, written=True, cap=10 * MINUTE)
    at, until, exponent, told = 60, None, 0, []
    while len(told) < 7:
        until, exponent = next_silence(realert, until and until, exponent, at * SECOND)
        told.append(at)
        at = until // SECOND
    assert told == [60, 120, 240, 480, 960, 1560, 2160]


def test_at_exactly_until_a_match_is_told():
    """Silence ends at its very instant; a millisecond before, the match is suppressed and says until when."""
    life = life_of(rule(AnyEvent(), realert=Realert(MINUTE, written=True)))
    assert [ask(life, at) for at in (0, MINUTE - 1, MINUTE)] == [True, False, True]
    assert changes(life) == [(0, "opened"), (MINUTE - 1, "suppressed"), (MINUTE, "repeated")]
    assert life.transitions[1].until == MINUTE
    assert life.transitions[1].reason is Reason.REALERT


def test_inside_its_silence_a_condition_reopens_however_late():
    """Longer than five minutes after the resolution, but before until, it is still the same incident."""
    life = life_of(rule(Frequency(1, MINUTE), realert=Realert(HOUR, written=True), resolve_after=MINUTE))
    ask(life, 0)
    ask(life, 30 * MINUTE)
    assert changes(life) == [
        (0, "opened"),
        (MINUTE, "resolved"),
        (30 * MINUTE, "reopened"),
        (30 * MINUTE, "suppressed"),
    ]
    assert {t.incident for t in life.transitions} == {incident_id("a rule", None, 0)}


def test_reopening_carries_an_announced_match():
    """When the condition comes back with a match to tell, one change says both."""
    life = life_of(rule(Frequency(1, MINUTE), realert=Realert(0, written=True), resolve_after=MINUTE))
    ask(life, 0)
    ask(life, 2 * MINUTE)
    reopened = life.transitions[-1]
    assert (reopened.change, reopened.reason) == (Change.REOPENED, Reason.REOPENED)
    assert reopened.match is not None
    assert life.memory.thread is not None
    assert life.memory.thread.matches == 2


def test_plain_condition_alone_prolongs_but_never_opens():
    """An instant at which only the plain condition holds opens nothing; in an open incident it moves the end."""
    life = life_of(rule(Frequency(1, MINUTE), realert=Realert(0, written=True), resolve_after=MINUTE))
    ask(life, 0, match=False)
    assert not life.is_open
    ask(life, 1000)
    ask(life, 2000, match=False)
    assert life.over_at() == 2000 + MINUTE


def test_severity_only_rises():
    """A worse event raises the incident at once; a milder one changes nothing."""
    life = life_of(rule(AnyEvent(), realert=Realert(HOUR, written=True)))
    for at, severity in enumerate(("warning", "info", "critical", "warning")):
        ask(life, at, severity=severity)
    assert [(t.at, t.severity) for t in life.transitions if t.change is Change.RAISED] == [(2, "critical")]
    assert life.transitions[0].severity == "warning"


def test_rise_is_said_once_with_what_else_the_instant_changes():
    """A re-opening that is worse says so itself; an announced match that is worse is the rise, not a repeat as well."""
    life = life_of(rule(AnyEvent(), realert=Realert(0, written=True), resolve_after=MINUTE))
    for at, severity in ((0, "info"), (MINUTE + 1, "warning"), (MINUTE + 2, "critical"), (MINUTE + 3, "warning")):
        ask(life, at, severity=severity)
    assert [(t.at, str(t.change), t.severity, t.match is not None) for t in life.transitions] == [
        (0, "opened", "info", True),
        (MINUTE, "resolved", "", False),
        (MINUTE + 1, "reopened", "warning", True),
        (MINUTE + 2, "raised", "critical", True),
        (MINUTE + 3, "repeated", "critical", True),
    ]
    assert life.memory.thread is not None
    assert life.memory.thread.matches == 4


def test_both_directions_are_one_incident_over_when_both_are():
    """A fall while a rise is open joins its incident, which ends when the later of the two is over."""
    life = life_of(rule(Spike(2, SpikeType.BOTH, MINUTE), realert=Realert(0, written=True), resolve_after=MINUTE))
    life.ask(Asked(0, True, Match(0, None, 9)))
    life.ask(Asked(30_000, True, Match(30_000, None, 1), falling=True))
    life.settle(HOUR)
    assert changes(life) == [(0, "opened"), (30_000, "repeated"), (90_000, "resolved")]


def test_rereading_changes_nothing_that_was_known():
    """An instant judged before neither re-opens a resolved incident nor counts a suppressed match twice."""
    life = life_of(rule(Frequency(1, MINUTE), realert=Realert(MINUTE, written=True), resolve_after=SECOND))
    ask(life, 0)
    ask(life, 500)
    life.settle(HOUR)
    before = list(life.transitions)
    ask(life, 500, reread=True)
    assert life.transitions == before


def test_late_data_reopens_what_would_have_gone_on():
    """A late event that holds after the known last instant re-opens the incident, saying why."""
    life = life_of(rule(Frequency(1, MINUTE), realert=Realert(MINUTE, written=True), resolve_after=SECOND))
    ask(life, 0)
    life.settle(HOUR)
    ask(life, 800, match=False, reread=True)
    life.settle(HOUR)
    assert [(t.at, t.change, t.reason) for t in life.transitions[1:]] == [
        (1000, Change.RESOLVED, Reason.CONDITION_OVER),
        (800, Change.REOPENED, Reason.LATE_DATA),
        (1800, Change.RESOLVED, Reason.CONDITION_OVER),
    ]
