"""Late events: noticed once within buffer_time, never told twice."""

from __future__ import annotations

from itertools import pairwise

from alerter.clock import DAY, HOUR, MINUTE, SECOND
from alerter.detectors import close_all, evaluate, first_checkpoint, lookback, reads_from
from alerter.model.incident import Change, Outcome, Reason
from alerter.model.rule import AnyEvent, Flatline, Frequency, Realert, Rule, Spike, SpikeType
from alerter.testing import MemoryEvents, rule
from tests.detectors.brute import changes

MINUTELY = Realert(MINUTE, written=True)


def live(tested: Rule, arrivals: list[tuple[float, float]], ends: list[int], start: int = 0) -> list[Outcome]:
    """Evaluate from end to end (seconds), seeing the events (arrival, time) that have arrived by then."""
    checkpoint = first_checkpoint(tested, start)
    outcomes = []
    for _, end in pairwise([0, *ends]):
        visible = [(round(at * SECOND), None) for arrival, at in arrivals if arrival <= end]
        since = reads_from(tested, checkpoint, end * SECOND)
        events = MemoryEvents(visible, start=since, end=end * SECOND)
        outcomes.append(changes(evaluate(tested, events, checkpoint, end * SECOND)))
        checkpoint = outcomes[-1].checkpoint
    return outcomes


def told(outcomes: list[Outcome]) -> list[tuple[int, float, str]]:
    """Return (evaluation, seconds, change) of all transitions."""
    return [(n, t.at / SECOND, str(t.change)) for n, o in enumerate(outcomes) for t in o.transitions]


def test_late_event_completes_a_match():
    """A match that only a late event makes is told when it is noticed, at its own instant, and once."""
    tested = rule(Frequency(3, 30 * SECOND), realert=MINUTELY, resolve_after=HOUR)
    outcomes = live(tested, [(50, 50), (52, 52), (90, 51)], [60, 120, 180])
    assert told(outcomes) == [(1, 52, "opened")]


def test_late_event_near_an_announced_match_tells_nothing():
    """A late event within T of what was told moves no match and makes none."""
    tested = rule(Frequency(2, 30 * SECOND), realert=MINUTELY, resolve_after=HOUR)
    outcomes = live(tested, [(50, 50), (52, 52), (90, 49), (91, 53)], [60, 120, 180])
    assert told(outcomes) == [(0, 52, "opened")]


def test_late_event_prolongs_an_incident_that_was_over():
    """When a late event shows that the condition held longer, the incident re-opens with the reason late data."""
    tested = rule(Frequency(2, 10 * SECOND), realert=MINUTELY, resolve_after=10 * SECOND)
    outcomes = live(tested, [(20, 20), (21, 21), (70, 25)], [60, 120, 180])
    assert told(outcomes) == [(0, 21, "opened"), (0, 31, "resolved"), (1, 25, "reopened"), (1, 35, "resolved")]
    assert outcomes[1].transitions[0].reason is Reason.LATE_DATA


def test_each_late_single_event_is_judged_exactly_once():
    """Event types notice every late event within buffer_time once, also several of one millisecond."""
    tested = rule(AnyEvent(), realert=Realert(0, written=True))
    arrivals = [(10, 10), (70, 10), (70, 10), (130, 100), (190, 100)]
    assert told(live(tested, arrivals, [60, 120, 180, 240, 300])) == [
        (0, 10, "opened"),
        (1, 10, "repeated"),
        (1, 10, "repeated"),
        (2, 100, "repeated"),
        (3, 100, "repeated"),
    ]


def test_late_single_event_before_a_silence_is_suppressed_once():
    """A late event within realert of what was told is suppressed, counted once."""
    tested = rule(AnyEvent(), realert=MINUTELY)
    assert told(live(tested, [(50, 50), (70, 20)], [60, 120, 180])) == [(0, 50, "opened"), (1, 20, "suppressed")]


def test_too_late_is_not_looked_for():
    """Beyond buffer_time an event is not noticed any more."""
    tested = rule(AnyEvent(), realert=MINUTELY, buffer_time=30 * SECOND)
    assert told(live(tested, [(70, 20)], [60, 120])) == []


def test_judged_flatline_instants_stand():
    """A late event does not judge an instant again; the open flatline resolves at the next healthy one."""
    tested = rule(Flatline(1, MINUTE), realert=MINUTELY)
    outcomes = live(tested, [(10, 10), (200, 110), (200, 170)], [60, 120, 180, 240])
    assert told(outcomes) == [(1, 120, "opened"), (2, 180, "repeated"), (3, 240, "repeated")]
    healed = live(tested, [(10, 10), (200, 185)], [60, 120, 180, 240])
    assert told(healed) == [(1, 120, "opened"), (2, 180, "repeated"), (3, 240, "resolved")]


def test_gap_longer_than_max_catchup_is_said():
    """What is given up after a long pause is named with its span, and nothing of it is told."""
    tested = rule(AnyEvent(), realert=MINUTELY, max_catchup=HOUR)
    outcomes = live(tested, [(10, 10), (100, 100), (7100, 7100)], [60, 7200])
    assert told(outcomes) == [(0, 10, "opened"), (1, 3610, "resolved"), (1, 7100, "opened")]
    assert outcomes[1].warnings[0].startswith("gap: 1970-01-01T00:01:00.000Z to 1970-01-01T01:00:00.000Z (59 min)")
    assert reads_from(tested, outcomes[0].checkpoint, 7200 * SECOND) == HOUR - tested.buffer_time


def test_changed_meaning_closes_and_starts_afresh():
    """A rule that means something else resolves its incidents at the checkpoint; its windows read back anew."""
    old = rule(Frequency(1, MINUTE), realert=MINUTELY, resolve_after=HOUR)
    new = rule(Frequency(2, 2 * MINUTE), realert=MINUTELY, resolve_after=HOUR)
    checkpoint = live(old, [(50, 50)], [60])[0].checkpoint
    assert lookback(new, checkpoint) == 2 * MINUTE + new.buffer_time
    pairs = [(50 * SECOND, None), (70 * SECOND, None)]
    outcome = changes(evaluate(new, MemoryEvents(pairs, start=0, end=120_000), checkpoint, 120_000))
    assert [(t.at, t.change, t.reason) for t in outcome.transitions] == [
        (60_000, Change.RESOLVED, Reason.RULE_CHANGED),
        (70_000, Change.OPENED, Reason.FIRST_MATCH),
    ]
    assert outcome.checkpoint.meaning == new.meaning()


def test_removed_rule_closes_what_is_open():
    """Closing everything resolves open incidents only, with the reason given, and once."""
    tested = rule(Frequency(1, MINUTE), realert=MINUTELY, resolve_after=HOUR)
    checkpoint = live(tested, [(50, 50)], [60])[0].checkpoint
    closed = close_all(checkpoint, Reason.RULE_REMOVED, 90_000)
    assert [(t.at, t.reason) for t in closed.transitions] == [(90_000, Reason.RULE_REMOVED)]
    assert close_all(closed.checkpoint, Reason.RULE_REMOVED, 99_000).transitions == ()


def test_absent_keys_are_looked_up_when_nothing_is_remembered():
    """Where absence matters, the first evaluation reads back as long as keys are known; later ones need not."""
    keyed = rule(Flatline(1, MINUTE), query_key=("k",))
    fresh = first_checkpoint(keyed, DAY)
    assert lookback(keyed, fresh) == MINUTE + DAY
    assert lookback(rule(Flatline(1, MINUTE)), fresh) == MINUTE + keyed.buffer_time
    assert lookback(rule(Spike(2, SpikeType.DOWN, MINUTE), query_key=("k",)), fresh) == 2 * MINUTE + DAY
    assert lookback(rule(Spike(2, SpikeType.UP, MINUTE), query_key=("k",)), fresh) == 2 * MINUTE + keyed.buffer_time
    pairs = [(1000, (("k", "a"),))]
    events = MemoryEvents(pairs, start=-DAY, end=MINUTE)
    remembered = evaluate(keyed, events, first_checkpoint(keyed, 0), MINUTE).checkpoint
    assert lookback(keyed, remembered) == MINUTE + keyed.buffer_time
