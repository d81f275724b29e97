"""change and new_term against ElastAlert's own classes: the same events are new, or differ from the one before.

What is left out of the cases, because alerter means to differ or ElastAlert fails:

- late events: ElastAlert compares with the event that came last, alerter with the one before it in time;
- arrays (ElastAlert compares and remembers the list), and 1 beside True, which are equal in Python;
- for new_term 0 and False, which ElastAlert takes for missing values, alerter for values;
- terms last seen longer than ``terms_window_size`` ago: ElastAlert remembers what it saw for ever.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from random import Random
from typing import Any

from alerter.model.incident import Match
from alerter.timetext import parse_instant
from tests.elastalert.ours import Event, key_text, options, seconds
from tests.elastalert.peer import Case, ElastAlert, Said
from tests.elastalert.thrown import LENGTHS, Thrown, batches, compare, fields, key_in, order, times

CASES = 2_000
COMPARED: dict[str, Sequence[Any]] = {
    "v": ["x", "x", "y", "", "0", None, ...],
    "n": [1, 1, 2, 0, None, ...],
    "s": ["up", "up", "down", ...],
}


def throw_change(dice: Random) -> Thrown:
    """Throw values that change now and then."""
    length = dice.choice(LENGTHS)
    key = dice.choice(["k", "k", "user.name", ["k", "user.name"]])
    compared = dice.choice(["v", "v", "n", ["v", "n"], ["s"]])
    own: dict[str, Any] = {"query_key": key, "compare_key": compared, "ignore_null": dice.random() < 0.5}
    own |= {"timeframe": seconds(length)} if dice.random() < 0.5 else {}
    names = [compared] if isinstance(compared, str) else compared
    events = [Event(at, {**fields(dice, key), **values(dice, names)}) for at in times(dice, length, 25)]
    given = options("change", **own)
    return Thrown(
        given, events, events[0].at - 1, events[-1].at, Case(given, batches(dice, events)), dice.random() < 0.3
    )


def values(dice: Random, names: Sequence[str]) -> dict[str, Any]:
    """Throw values of fields; ``...`` is none."""
    found = {name: dice.choice(COMPARED[name]) for name in names}
    return {name: value for name, value in found.items() if value is not ...}


def same_changes(thrown: Thrown, said: Said, ours: Sequence[Match]) -> object:
    """Complain unless both have the same matches, from and to the same values."""
    theirs = [
        (parse_instant(m["@timestamp"]), key_in(thrown.given, m), m["old_value"], m["new_value"])
        for _, m in said.matches
    ]
    mine = [(m.at, key_text(m.key), _list(m.facts["old_value"]), _list(m.facts["new_value"])) for m in ours]
    return said.failed or (order(theirs) != order(mine) and "differ")


def _list(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [value]


def test_changes_are_those_of_elastalert(elastalert: ElastAlert) -> None:
    """One or several compared fields, nulls that count and that do not, gaps of exactly the timeframe."""
    dice = Random("change")
    assert compare(elastalert, [throw_change(dice) for _ in range(CASES)], same_changes) > CASES


TERMS: dict[str, Sequence[Any]] = {
    "v": ["a", "b", "c", "d", "a b", "", None, ...],
    "s": ["x", "y", "z", None, ...],
    "n": [1, 2, 3, None, ...],
}


def throw_term(dice: Random) -> Thrown:
    """Throw terms over a minute or so, some of which were there before."""
    written = dice.choice([["v"], ["v", "n"], [["v", "s"]], ["n", ["v", "s"]], None])
    own: dict[str, Any] = {"query_key": "s"} if written is None else {"fields": written}
    own |= {"alert_on_missing_field": True} if dice.random() < 0.4 else {}
    events = []
    for at in times(dice, 5_000, 25):
        found = {name: dice.choice(known) for name, known in TERMS.items()}
        there = {name: value for name, value in found.items() if value is not ...}
        events.append(Event(at, {"seq": len(events), **there}))
    before = dice.choice([0, 0, 1, 4])
    start = events[before - 1].at + 1 if before < len(events) and before else events[0].at - 1
    history, judged = [e for e in events if e.at <= start], [e for e in events if e.at > start]
    given = options("new_term", use_keyword_postfix=False, **own)
    docs = [{"at": event.at, **event.fields} for event in history]
    end = max(events[-1].at, start)
    return Thrown(given, events, start, end, Case(given, batches(dice, judged), docs, start + 1), dice.random() < 0.3)


def same_terms(thrown: Thrown, said: Said, ours: Sequence[Match]) -> object:
    """Complain unless both find the same fields new, or missing, in the same events."""
    mine = [(m.at, name, _text(m.facts[name])) for m in ours for name in NOTES if name in m.facts]
    return said.failed or (order(theirs(said)) != order(mine) and "differ")


NOTES = ("new_field", "missing_field")


def theirs(said: Said) -> Iterator[tuple[int, str, str]]:
    """Yield when which field was new or missing; of the same event a match repeats what those before it noted."""
    noted: dict[int, dict[str, Any]] = {}
    for _, match in said.matches:
        before = noted.get(match["seq"], {})
        notes = {name: match[name] for name in NOTES if name in match}
        [name] = [name for name in notes if notes[name] != before.get(name)]
        yield parse_instant(match["@timestamp"]), name, _text(notes[name])
        noted[match["seq"]] = notes


def _text(field: Any) -> str:
    return field if isinstance(field, str) else ", ".join(field)


def test_new_terms_are_those_of_elastalert(elastalert: ElastAlert) -> None:
    """Single and composite fields, several of them, terms that were there before, missing ones told or not."""
    dice = Random("new term")
    assert compare(elastalert, [throw_term(dice) for _ in range(CASES)], same_terms) > CASES
