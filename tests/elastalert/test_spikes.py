"""spike and spike_aggregation against ElastAlert's own classes, up to the first match of each key.

After a match ElastAlert empties its reference and waits 2T; alerter asks for rising edges. So the first match of each
key is compared: at the same instant, with the same two numbers. What the cases need besides, for both to ask the same:

- ElastAlert's reference is what left its current window, at most T before the newest such event, however old that is.
  Events and ends of runs at each second, with T whole seconds, make it ``(t - 2T, t - T]``.
- It asks for rises at ends of runs too, where no event is; alerter tells those at the next event. There the comparison
  ends: alerter has told nothing until then.
- It asks for falls in the middle of the events of one time; there the comparison ends too.
- 0 against 0 is a fall to it, and with a key also anything against 0; never to alerter, without ``alert_on_new_data``.
- With that it matters which of two keys is heard first at the instant at which the rule has covered 2T.
- Heights that no float is exactly (1.2) are left out: alerter takes them as the decimals they are written as.

Of spike_aggregation ElastAlert adds up the values of runs; with a run each T a window holds one value. Its
placeholders at the ends of runs are values of 0 to min and max, and are left out. Two values in exactly the ratio of
``spike_height`` are a match to it and none to alerter (contract section 2: strict). A key without events in a run
keeps its older value there, a mean of nothing fails; there the comparison ends.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import isclose
from random import Random
from typing import Any

import pytest

from alerter.model.incident import Match
from tests.elastalert.ours import T0, Event, key_text, matches, options, seconds
from tests.elastalert.peer import Case, ElastAlert, Said
from tests.elastalert.thrown import SECOND, Thrown, by_key, compare, fields, key_in

CASES = 1_500


@dataclass(frozen=True)
class Told:
    """The first match of a key of ElastAlert's, and whether it is one that alerter must have too."""

    at: int
    current: float
    reference: float
    comparable: bool = True
    whole: bool = True
    """Whether all events of the instant were heard: then the numbers are the same too."""
    never: bool = False
    """Whether it is none of alerter's, on purpose."""


def throw_spike(dice: Random) -> Thrown:
    """Throw counts a second that rise and fall."""
    length = dice.choice([2, 3, 5])
    key = dice.choice([None, None, "k", "n"])
    new = key is not None and dice.random() < 0.3
    direction = "up" if new else dice.choice(["up", "up", "down", "both"])
    own: dict[str, Any] = {
        "spike_height": dice.choice([1.5, 2, 2, 3, 4]),
        "spike_type": direction,
        "threshold_cur": dice.randint(0, 3),
        "threshold_ref": dice.choice([0, 1, 2, 3]),
        "timeframe": seconds(length * SECOND),
        "run_every": seconds(SECOND),
        **({"query_key": key} if key else {}),
        **({"alert_on_new_data": True} if new else {}),
    }
    ties = direction == "up" or dice.random() < 0.3
    events: list[Event] = []
    rate = dice.choice([0.4, 0.8, 0.9])
    for at in range(1, dice.choice([3, 4, 6]) * length + 1):
        if dice.random() < 1 / length:
            rate = dice.choice([0.0, 0.2, 0.5, 0.9, 2.5])
        number = int(rate) + (dice.random() < rate % 1)
        events += [Event(T0 + at * SECOND, fields(dice, key)) for _ in range(number if ties else min(number, 1))]
    events = events or [Event(T0 + SECOND, fields(dice, key))]
    end = events[-1].at + dice.choice([0, 1, 2 * length + 1]) * SECOND
    given = options("spike", **own)
    steps = list(second_by_second(events, end))
    return Thrown(given, events, events[0].at - 1, end, Case(given, steps), dice.random() < 0.3)


def second_by_second(events: Sequence[Event], end: int) -> Iterator[list[Any]]:
    """Yield each event alone, and the end of a run after the events of each second."""
    for at in range(events[0].at, end + 1, SECOND):
        yield from (["data", [event.document]] for event in events if event.at == at)
        yield ["gc", at]


def first_spikes(thrown: Thrown, said: Said) -> dict[Any, Told]:
    """Return ElastAlert's first match of each key."""
    heard, at, events = [], thrown.events[0].at, iter(thrown.events)
    for what, *_ in thrown.case.steps:
        heard.append((at, None if what == "gc" else next(events)))
        at += SECOND if what == "gc" else 0
    found: dict[Any, Told] = {}
    for nth, match in said.matches:
        key = key_in(thrown.given, match)
        key = None if key == "other" else key
        if key not in found:
            at, event = heard[nth]
            found[key] = _spike(thrown, key, at, match, in_middle=event is not None)
    return found


def _spike(thrown: Thrown, key: Any, at: int, match: Mapping[str, Any], *, in_middle: bool) -> Told:
    given, current, reference = thrown.given, match["spike_count"], match["reference_count"]
    rises = given["spike_type"] != "down" and current >= reference * given["spike_height"]
    mine = [e for e in thrown.events if e.at <= at and (key_in(given, e.fields) == key or "query_key" not in given)]
    whole = sum(e.at > at - int(given["timeframe"]["seconds"]) * SECOND for e in mine) == current
    has_event = any(e.at == at for e in mine)
    comparable = (has_event or not rises) if not in_middle else (rises or whole)
    never = reference == 0 and (current == 0 or ("query_key" in given and "alert_on_new_data" not in given))
    return Told(at, current, reference, comparable and not never, whole, never and whole)


def same_first(thrown: Thrown, told: Mapping[Any, Told], ours: Sequence[Match], value: str) -> object:
    """Complain unless the first match of each key is the same, or ElastAlert's is none of alerter's."""
    found = by_key((key_text(match.key), match) for match in ours)
    for key in {*told, *found}:
        first, match = told.get(key), found.get(key, [None])[0]
        if first is None or not first.comparable:
            if match is not None and (first is None or match.at < first.at + first.never):
                return f"{key}: alerter alone"
        elif match is None or match.at != first.at:
            return f"{key}: at another instant"
        elif first.whole:
            current = match.facts["value"] if value else match.count
            if not (isclose(current, first.current) and isclose(match.facts["reference"], first.reference)):
                return f"{key}: other numbers"
    return None


def same_spikes(thrown: Thrown, said: Said, ours: Sequence[Match]) -> object:
    """Complain unless the first spikes are the same; where the rule is just covered it may be either."""
    told = first_spikes(thrown, said)
    covered = thrown.events[0].at + 2 * int(thrown.given["timeframe"]["seconds"]) * SECOND
    if "alert_on_new_data" in thrown.given:
        early = {key_text(m.key) for m in ours if m.at == covered}
        told = {key: first for key, first in told.items() if key not in early}
        ours = [m for m in ours if key_text(m.key) not in early]
    return said.failed or same_first(thrown, told, ours, "")


def test_first_spikes_are_those_of_elastalert(elastalert: ElastAlert) -> None:
    """Rises and falls of counts, with and without keys and thresholds."""
    dice = Random("spike")
    cases = [throw_spike(dice) for _ in range(CASES)]
    assert compare(elastalert, cases, same_spikes) > CASES // 3


def test_enough_spikes_can_be_compared(elastalert: ElastAlert) -> None:
    """Not too many comparisons end early."""
    dice = Random("spike")
    cases = [throw_spike(dice) for _ in range(CASES // 10)]
    told = [
        first
        for t, s in zip(cases, elastalert.ask([c.case for c in cases]), strict=True)
        for first in first_spikes(t, s).values()
    ]
    assert sum(first.comparable for first in told) > CASES // 40


def throw_mean(dice: Random) -> Thrown:
    """Throw a spike of a field's mean: at most one event a second, so that both ask of the same events."""
    length = dice.choice([2, 3, 5])
    key = dice.choice([None, None, "k"])
    own: dict[str, Any] = {
        "field_value": "n",
        "spike_height": dice.choice([1.5, 2, 3]),
        "spike_type": dice.choice(["up", "down", "both"]),
        "timeframe": seconds(length * SECOND),
        "run_every": seconds(SECOND),
        **({"query_key": key} if key else {}),
    }
    ats = [at for at in range(1, dice.choice([3, 5, 6]) * length + 1) if dice.random() < 0.7] or [1]
    level = dice.randint(1, 9)
    events = []
    for at in ats:
        level = dice.choice([level, level, level, dice.randint(1, 9)])
        events.append(Event(T0 + at * SECOND, {**fields(dice, key), "n": level}))
    end = events[-1].at + dice.choice([0, 1, 2 * length + 1]) * SECOND
    given = options("spike", **own)
    return Thrown(given, events, events[0].at - 1, end, Case(given, list(second_by_second(events, end))))


def first_means(thrown: Thrown, said: Said) -> dict[Any, Told]:
    """Return ElastAlert's first match of each key."""
    ends = [n for n, step in enumerate(thrown.case.steps) if step[0] == "gc"]
    found: dict[Any, Told] = {}
    for nth, match in said.matches:
        key = key_in(thrown.given, match)
        at = thrown.events[0].at + sum(end < nth for end in ends) * SECOND
        found.setdefault(None if key == "other" else key, Told(at, match["spike_count"], match["reference_count"]))
    return found


def test_first_spikes_of_a_mean_are_those_of_elastalert(elastalert: ElastAlert) -> None:
    """``field_value``: exactly the height is enough; whole numbers, of which ElastAlert cuts the rest off."""
    dice = Random("mean")

    def judge(thrown: Thrown, said: Said, ours: Sequence[Match]) -> object:
        return said.failed or same_first(thrown, first_means(thrown, said), ours, "value")

    assert compare(elastalert, [throw_mean(dice) for _ in range(CASES)], judge) > CASES // 3


KINDS = ("min", "max", "avg", "sum", "cardinality", "value_count")
NUMBERS = [0, 0.25, 0.5, 1, 1, 2, 3, 8, None]


def throw_metric_spike(dice: Random) -> Thrown:
    """Throw values of a run each T."""
    length = dice.choice([2, 5])
    key = dice.choice([None, None, "k"])
    own: dict[str, Any] = {
        "metric_agg_key": "x",
        "metric_agg_type": dice.choice(KINDS),
        "spike_height": dice.choice([1.5, 2, 3]),
        "spike_type": dice.choice(["up", "down", "both"]),
        "threshold_cur": dice.choice([0, 0, 0.5, 1]),
        "threshold_ref": dice.choice([0, 0, 0.5, 1]),
        "timeframe": seconds(length * SECOND),
        "run_every": seconds(length * SECOND),
        **({"query_key": key} if key else {}),
    }
    runs = dice.randint(3, 7)
    first = (T0 + SECOND) // (length * SECOND) * length * SECOND + length * SECOND
    events = []
    for at in sorted(dice.randint(1, runs * length * 4) for _ in range(runs * dice.choice([2, 4, 8]))):
        held = {} if key is None else {"k": dice.choice("aab")}
        number = dice.choice(NUMBERS)
        events.append(Event(first - length * SECOND + at * 250, held if number is None else {**held, "x": number}))
    given = options("spike_aggregation", **own)
    start = events[0].at - 1
    instants = [at for at in range(first, first + runs * length * SECOND, length * SECOND) if at > start]
    steps = [["aggregate", at - length * SECOND, at, 0] for at in instants]
    docs = [{"at": event.at, **event.fields} for event in events]
    return Thrown(given, events, start, instants[-1], Case(given, steps, docs), facts={"instants": instants})


def first_changes(thrown: Thrown, said: Said) -> dict[Any, Told]:
    """Return ElastAlert's first match of each key, or what ends the comparison before."""
    instants, given = thrown.facts["instants"], thrown.given
    found: dict[Any, Told] = {}
    for nth, match in said.matches:
        current, reference = match["spike_count"], match["reference_count"]
        exact = any(isclose(a, b * given["spike_height"]) for a, b in [(current, reference), (reference, current)])
        never = exact or current == reference == 0
        found.setdefault(key_in(given, match), Told(instants[nth], current, reference, not never, never=never))
    length = int(given["timeframe"]["seconds"]) * SECOND
    for key in dict.fromkeys(key_in(given, event.fields) for event in thrown.events):
        mine = [e.at for e in thrown.events if key_in(given, e.fields) == key]
        absent = [at for at in instants if at > mine[0] and not any(at - length < e <= at for e in mine)]
        ended = min([*absent, *([instants[said.failed[0]]] if said.failed else [])], default=None)
        if ended is not None and (key not in found or found[key].at >= ended):
            found[key] = Told(ended, 0, 0, comparable=False)
    return found


def same_changes(thrown: Thrown, said: Said, ours: Sequence[Match]) -> object:
    """Complain unless the first changes are the same, as long as ElastAlert goes on."""
    if said.failed and "NoneType" not in said.failed[1]:
        return said.failed
    return same_first(thrown, first_changes(thrown, said), ours, "value")


def test_first_changes_of_a_metric_are_those_of_elastalert(elastalert: ElastAlert) -> None:
    """Each metric that ElastAlert knows, but for percentiles, which the server computes for both."""
    dice = Random("metric spike")
    assert compare(elastalert, [throw_metric_spike(dice) for _ in range(CASES)], same_changes) > CASES // 2


@pytest.mark.parametrize(("values", "told"), [((6, 4, 4, 7, 7, 7), [6]), ((6, 4, 4, 6, 7, 7), [])])
def test_a_mean_is_not_cut_off(values: Sequence[int], told: list[int]) -> None:
    """7 is exactly 1.5 times the mean of 6, 4 and 4, which no float is; 20 / 3 is less."""
    own = {"field_value": "n", "spike_height": 1.5, "spike_type": "up"}
    given = options("spike", **own, timeframe=seconds(3 * SECOND), run_every=seconds(SECOND))
    events = [Event(T0 + nth * SECOND, {"n": value}) for nth, value in enumerate(values, 1)]
    early = Event(T0, {"n": 4})
    found = matches(given, [early, *events], T0 - 1, T0 + len(values) * SECOND)
    assert [(match.at - T0) // SECOND for match in found] == told
