"""flatline and cardinality against ElastAlert's own classes: at every instant that both ask at.

ElastAlert is shown one event at a time, and ends a run at every nominal instant. The differences that are meant, and
how the cases go round them:

- ElastAlert also asks flatlines at the last event of a query, in the middle of things; only the ends of runs count.
- Without a key alerter waits until history covers T: by a document before ``t - T``, or by an index that stayed empty
  for T. ElastAlert waits for T after its own start. So its matches at covered instants are compared.
- ``forget_keys`` with a threshold above 1 forgets keys at those questions in the middle; it is thrown with 1 only.
- A value seen exactly T ago still counts for ElastAlert's cardinality, in a window whose other end it asks at
  exactly: given T less one millisecond it asks the same as alerter.
- Of many different values ElastAlert tells at each event, alerter when they become too many; so the first of each
  such time are compared. ``resolve_after`` keeps the incident open, whose end would forget that they were too many.
- Of few different values ElastAlert tells once, and again T after another event; alerter at each nominal instant. So
  the first are compared, and each later one of ElastAlert's must be one of alerter's. Events have different times, as
  ElastAlert asks between those of one time. Without a key T is no multiple of the second, so that no event is exactly
  T old, where the two think differently of history.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from random import Random
from typing import Any

import pytest

from alerter.model.incident import Match
from alerter.timetext import parse_instant
from tests.elastalert.ours import T0, Event, key_text, options, seconds
from tests.elastalert.peer import Case, ElastAlert, Said
from tests.elastalert.thrown import SECOND, Thrown, batches, by_key, compare, fields, key_in, order, times

CASES = 1_500
VALUES = ["x", "x", "y", "z", "w", "", "0", None, ...]


def one_by_one(events: Sequence[Event], instants: Sequence[int]) -> list[list[Any]]:
    """Return steps: each event alone, and the end of a run at each instant, after the events of that instant."""
    steps = [(event.at, 0, ["data", [event.document]]) for event in events]
    ends = [(at, 1, ["gc", at]) for at in instants]
    return [step for _, _, step in sorted([*steps, *ends], key=lambda row: row[:2])]


def step_times(thrown: Thrown, said: Said) -> list[tuple[int, bool, Any]]:
    """Return when ElastAlert told each match, whether at the end of a run, and the match."""
    found = []
    order_of = sorted(thrown.events, key=lambda e: e.at)
    events = iter(order_of)
    at_of = [step[1] if step[0] == "gc" else next(events).at for step in thrown.case.steps]
    for nth, match in said.matches:
        found.append((at_of[nth], thrown.case.steps[nth][0] == "gc", match))
    return found


def throw_flatline(dice: Random) -> Thrown:
    """Throw a flatline: few events, with silences of T and more."""
    length = dice.choice([3_000, 5_000, 7_001, 10_000, 2_500])
    every = dice.choice([1, 2, 5]) * SECOND
    key = dice.choice([None, "k", "k", "user.name"])
    forget = key is not None and dice.random() < 0.3
    own: dict[str, Any] = {"threshold": 1 if forget else dice.randint(1, 4), "timeframe": seconds(length)}
    own |= {"query_key": key} if key else {}
    own |= {"forget_keys": True} if forget else {}
    events = [Event(at + dice.choice([1, 1, 500]), fields(dice, key)) for at in times(dice, length, 14)]
    events.sort(key=lambda e: e.at)
    end = (events[-1].at + 3 * length) // every * every
    if dice.random() < 0.1:
        events = []
    given = options("flatline", run_every=seconds(every), **own)
    instants = range(T0, end + 1, every)
    return Thrown(given, events, T0, end, Case(given, one_by_one(events, instants)), dice.random() < 0.3)


def same_flatlines(thrown: Thrown, said: Said, ours: Sequence[Match]) -> object:
    """Complain unless ElastAlert's matches at the ends of runs, where history covers T, are alerter's."""
    [length] = (v * (SECOND if u == "seconds" else 1) for u, v in thrown.given["timeframe"].items())
    first = min((event.at for event in thrown.events), default=None)
    keyed = "query_key" in thrown.given
    empty = first is None or first > thrown.start + length

    def covered(at: int) -> bool:
        return (first is not None and first < at - length) or (empty and at - length >= thrown.start)

    theirs = [
        (at, match["key"] if keyed else None, match["count"])
        for at, ended, match in step_times(thrown, said)
        if ended and (keyed or covered(at))
    ]
    return said.failed or (order(theirs) != order((m.at, key_text(m.key), m.count) for m in ours) and "differ")


def test_flatlines_are_those_of_elastalert(elastalert: ElastAlert) -> None:
    """Every instant with too few events, of every key, with the same count."""
    dice = Random("flatline")
    told = compare(elastalert, [throw_flatline(dice) for _ in range(CASES)], same_flatlines)
    assert told > CASES


def throw_many(dice: Random) -> Thrown:
    """Throw a cardinality with an upper limit."""
    length = dice.choice([3_000, 5_000, 7_001, 10_000, 60_000])
    key = dice.choice([None, None, "k", "n", ["k", "n"]])
    own: dict[str, Any] = {"cardinality_field": "v", "max_cardinality": dice.choice([0, 1, 1, 2, 2, 3])}
    own |= {"query_key": key} if key else {}
    whole = dice.random() < 0.6
    events = [
        Event(at, {**fields(dice, key), **value_of(dice, VALUES[:-2] if whole else VALUES)})
        for at in times(dice, length, 25)
    ]
    given = options("cardinality", **own, timeframe=seconds(length), resolve_after="1h")
    theirs = options("cardinality", **own, timeframe=seconds(length - 1))
    end = events[-1].at + 1
    return Thrown(
        given, events, events[0].at - 1, end, Case(theirs, batches(dice, events)), dice.random() < 0.3, {"whole": whole}
    )


def value_of(dice: Random, values: Sequence[Any]) -> dict[str, Any]:
    """Throw a value of the counted field; ``...`` is none."""
    value = dice.choice(values)
    return {} if value is ... else {"v": value}


def same_rises(thrown: Thrown, said: Said, ours: Sequence[Match]) -> object:
    """Complain unless alerter tells where ElastAlert begins to tell at each event.

    Where events have no value ElastAlert does not ask at them: then the first of each key are compared, and alerter's
    others must be among ElastAlert's.
    """
    told = by_key((key_in(thrown.given, m), parse_instant(m["@timestamp"])) for _, m in said.matches)
    found = by_key((key_text(m.key), m.at) for m in ours)
    if said.failed or told.keys() != found.keys():
        return said.failed or "other keys"
    happened = by_key((key_in(thrown.given, with_key(thrown, e)), e.at) for e in thrown.events)
    for key, rises in found.items():
        if rises[0] != told[key][0] or not set(rises) <= set(told[key]):
            return f"{key}: differ"
        instants = sorted(set(happened[key]))
        held = {at: at in told[key] for at in instants}
        edges = [at for before, at in pairwise([0, *instants]) if held[at] and not held.get(before, False)]
        if thrown.facts["whole"] and edges != rises:
            return f"{key}: {[e - T0 for e in edges]} expected"
    return None


def with_key(thrown: Thrown, event: Event) -> dict[str, Any]:
    """Return an event as ElastAlert prepares it: a compound key is a field of its own."""
    names = thrown.given.get("query_key")
    if not isinstance(names, list):
        return dict(event.fields)
    return {**event.fields, ",".join(names): ", ".join(str(event.fields.get(name)) for name in names)}


def test_too_many_values_are_those_of_elastalert(elastalert: ElastAlert) -> None:
    """More different values than allowed: from the same events on."""
    dice = Random("many")
    assert compare(elastalert, [throw_many(dice) for _ in range(CASES)], same_rises) > CASES


def throw_few(dice: Random) -> Thrown:
    """Throw a cardinality with a lower limit: different times, all nominal instants."""
    key = dice.choice([None, "k", "k", "n"])
    length = dice.choice([3, 5, 8]) * SECOND + (0 if key else 500)
    own: dict[str, Any] = {"cardinality_field": "v", "min_cardinality": dice.choice([1, 2, 2, 3, 4])}
    own |= {"query_key": key} if key else {}
    ats = sorted(dice.sample(range(1, 30), dice.randint(1, 14)))
    events = [Event(T0 + at * SECOND, {**fields(dice, key), **value_of(dice, VALUES)}) for at in ats]
    end = events[-1].at + dice.choice([0, 1, 12]) * SECOND
    given = options("cardinality", **own, timeframe=seconds(length), run_every=seconds(SECOND))
    theirs = {**given, "timeframe": seconds(length - (1 if key else 0))}
    start = events[0].at - 1
    instants = [at for at in range(T0, end + 1, SECOND) if at > start]
    return Thrown(given, events, start, end, Case(theirs, one_by_one(events, instants)), dice.random() < 0.3)


def same_falls(thrown: Thrown, said: Said, ours: Sequence[Match]) -> object:
    """Complain unless each key is told first at the same instant, and alerter tells all that ElastAlert tells."""
    keyed = "query_key" in thrown.given
    told = by_key((key_in(thrown.given, m) if keyed else None, at) for at, _, m in step_times(thrown, said))
    found = by_key((key_text(m.key), m.at) for m in ours)
    if said.failed or told.keys() != found.keys():
        return said.failed or "other keys"
    for key, falls in found.items():
        if falls[0] != told[key][0] or not set(told[key]) <= set(falls):
            return f"{key}: differ"
    return None


def test_too_few_values_are_those_of_elastalert(elastalert: ElastAlert) -> None:
    """Fewer different values than wanted: from the same instant on."""
    dice = Random("few")
    assert compare(elastalert, [throw_few(dice) for _ in range(CASES)], same_falls) > CASES


@pytest.mark.parametrize("throw", [throw_flatline, throw_many, throw_few])
def test_cases_are_many_things(throw: Any) -> None:
    """The dice throw cases with and without a key, with one event and with many."""
    dice = Random(1)
    cases = [throw(dice) for _ in range(100)]
    assert {"query_key" in case.given for case in cases} == {True, False}
    assert min(len(case.events) for case in cases) <= 1
    assert max(len(case.events) for case in cases) > 12
