"""Types whose match is an event: any, blacklist, whitelist, frequency, against ElastAlert's own classes.

What is left out of the cases, because alerter means to differ or ElastAlert fails:

- entries of lists that are no text, and values that are arrays (ElastAlert cannot load or judge them);
- ``/patterns/`` in lists (ElastAlert compares them as text);
- arrays in the key of frequency (ElastAlert groups by the text of the list, alerter counts under each value).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any

import pytest

from alerter.model.incident import Match
from alerter.timetext import parse_instant
from tests.elastalert.ours import Event, Runs, key_text, options, rule_of, seconds
from tests.elastalert.peer import Case, ElastAlert, Said
from tests.elastalert.thrown import (
    LENGTHS,
    QUERY_KEYS,
    SECOND,
    Thrown,
    batches,
    compare,
    fields,
    key_in,
    order,
    times,
)

CASES = 2_000
LISTED = ["bad", "5", "", "a b", "ü", "true"]
VALUES = ["bad", "bad", "BAD", "bad ", "good", "good", "5", 5, "", "a b", "ü", "0", True, None, ...]


def throw(dice: Random, type_: str, lists: Path) -> Thrown:
    """Throw a case of a type."""
    length = dice.choice(LENGTHS)
    query_key = dice.choice(QUERY_KEYS)
    own: dict[str, Any] = {} if query_key is None else {"query_key": query_key}
    if type_ == "frequency":
        own |= {"num_events": dice.randint(1, 5), "timeframe": seconds(length)}
    elif type_ != "any":
        own |= {"compare_key": "v", type_: dice.choice([LISTED, LISTED[:1], [f"!file {lists}", "5"]])}
    if type_ == "whitelist":
        own["ignore_null"] = dice.random() < 0.5
    events = [Event(at, event_fields(dice, query_key, type_)) for at in times(dice, length, 25)]
    given = options(type_, **own)
    steps = batches(dice, events)
    end = events[-1].at + dice.choice([0, 1, 100 * SECOND])
    return Thrown(given, events, events[0].at - 1, end, Case(given, steps), dice.random() < 0.3)


def event_fields(dice: Random, query_key: Any, type_: str) -> dict[str, Any]:
    """Throw an event's fields; single events may have several keys at once."""
    found = fields(dice, query_key)
    if type_ in ("blacklist", "whitelist"):
        value = dice.choice(VALUES)
        found |= {} if value is ... else {"v": value}
    if query_key == "k" and type_ != "frequency" and dice.random() < 0.1:
        found["k"] = dice.choice([["a", "b"], ["b", "b"]])
    return found


def same_matches(thrown: Thrown, said: Said, ours: Sequence[Match]) -> object:
    """Complain unless both have the same matches: at the same times, of the same keys, as often."""
    return said.failed or (theirs(thrown, said) != order((m.at, key_text(m.key)) for m in ours) and "matches differ")


def theirs(thrown: Thrown, said: Said) -> list[tuple[int, Any]]:
    """Return ElastAlert's matches; an event with several keys is one of each of them."""
    found = []
    for _, match in said.matches:
        key = key_in(thrown.given, match)
        at = parse_instant(match["@timestamp"])
        found += [(at, one) for one in (dict.fromkeys(key) if isinstance(key, list) else [key])]
    return order(found)


@pytest.mark.parametrize("type_", ["any", "blacklist", "whitelist", "frequency"])
def test_matches_are_those_of_elastalert(elastalert: ElastAlert, type_: str, tmp_path: Path) -> None:
    """Ties, gaps of exactly T, missing and compound keys: the same events match, under the same keys."""
    lists = tmp_path / "list.txt"
    lists.write_text("bad\ngood  \n\n# ü\n", encoding="utf-8")
    dice = Random(f"events {type_}")
    told = compare(elastalert, [throw(dice, type_, lists) for _ in range(CASES)], same_matches)
    assert told > CASES


def with_late(dice: Random, one: Thrown) -> list[list[Event]]:
    """Return the events of each of some runs: most in the run of their own time, some one or two runs later."""
    number = dice.randint(2, 5)
    runs: list[list[Event]] = [[] for _ in range(number)]
    width = (one.end - one.start) // number + 1
    for event in one.events:
        own = (event.at - one.start - 1) // width
        late = dice.choice([0, 0, 0, 1, 2])
        if own + late < number:
            runs[own + late].append(event)
    return runs


@pytest.mark.parametrize("type_", ["any", "blacklist", "whitelist", "frequency"])
def test_late_events(elastalert: ElastAlert, type_: str, tmp_path: Path) -> None:
    """Events that come runs later: single ones match in the same run of both.

    Of frequency ElastAlert forgets what is older than T before the newest event, and its match is at the newest event
    of the window. So what stays to be compared: a key that ElastAlert has told by a run, alerter has told by that run
    too; and each match of alerter's has ``num_events`` events in its window.
    """
    lists = tmp_path / "list.txt"
    lists.write_text("bad\n", encoding="utf-8")
    dice = Random(f"late {type_}")
    cases = []
    for _ in range(CASES // 20):
        thrown = throw(dice, type_, lists)
        runs = with_late(dice, thrown)
        steps = [["data", [event.document for event in run]] if run else ["gc", 0] for run in runs]
        late_enough = {**thrown.given, "buffer_time": {"hours": 2}}
        cases.append((thrown, late_enough, runs, Case(thrown.given, steps)))
    for (thrown, given, runs, case), said in zip(cases, elastalert.ask([c[-1] for c in cases]), strict=True):
        _late_runs(thrown, given, runs, case, said)


def _late_runs(thrown: Thrown, given: Any, runs: list[list[Event]], case: Case, said: Said) -> None:
    engine = Runs(rule_of(given), thrown.start)
    width = (thrown.end - thrown.start) // len(runs) + 1
    seen: list[Event] = []
    for nth, run in enumerate(runs):
        new = engine.go(run, min(thrown.start + (nth + 1) * width, thrown.end))
        seen += run
        shown = f"run {nth} of {runs}\n{thrown.show(said, engine.matches)}"
        if given["type"] != "frequency":
            one_run = Said([(n, m) for n, m in said.matches if n == nth])
            assert theirs(thrown, one_run) == order((m.at, key_text(m.key)) for m in new), shown
            continue
        so_far = {key_in(given, m) for n, m in said.matches if n <= nth}
        assert so_far <= {key_text(m.key) for m in engine.matches}, shown
        length = rule_of(given).timeframe
        for match in new:
            inside = [e for e in seen if match.at - length < e.at <= match.at]
            assert len(inside) >= given["num_events"], shown
