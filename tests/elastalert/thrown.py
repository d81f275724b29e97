"""Cases made by throwing dice, shown to both, and compared."""

from __future__ import annotations

import gc
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

from alerter.model.incident import Match
from tests.elastalert.ours import T0, Event, key_text, matches
from tests.elastalert.peer import Case, ElastAlert, Said

SECOND = 1_000
LENGTHS = (3_000, 5_000, 7_001, 10_000, 60_000, 250)
KEYS: Mapping[str, Sequence[Any]] = {
    "k": ["a", "a", "a", "b", "b", "A", "a b", None, ...],
    "n": [1, 1, 2, None, ...],
    "user.name": ["a", "b", "b", "ü", None, ...],
}
"""Values that key fields are thrown from; ``...`` stands for a missing field."""
QUERY_KEYS: Sequence[Any] = (None, None, "k", "k", "n", "user.name", ["k", "n"])


@dataclass(frozen=True)
class Thrown:
    """One case: the rule's options, its events in order of arrival, the span, and what ElastAlert is shown."""

    given: Mapping[str, Any]
    events: Sequence[Event]
    start: int
    end: int
    case: Case
    counted: bool = False
    facts: Mapping[str, Any] = field(default_factory=dict)

    def show(self, said: Said, ours: Iterable[Match]) -> str:
        """Return all there is to it, with times in milliseconds after T0."""
        return "\n".join(
            [
                f"{dict(self.given)}",
                f"ElastAlert was given {dict(self.case.rule)}" if self.case.rule != self.given else "",
                f"({self.start - T0}, {self.end - T0}] {'counted' if self.counted else ''} {dict(self.facts)}",
                *(f"  {e.at - T0} {dict(e.fields)}" for e in self.events),
                f"steps: {[step if step[0] != 'data' else len(step[1]) for step in self.case.steps]}",
                f"ElastAlert: {[(n, dict(m)) for n, m in said.matches]} {said.failed or ''}",
                f"alerter: {[(m.at - T0, key_text(m.key), m.count, dict(m.facts)) for m in ours]}",
            ]
        )


Judge = Callable[[Thrown, Said, Sequence[Match]], object]
"""Returns what is wrong with two answers; something false when nothing is."""


def compare(elastalert: ElastAlert, thrown: Sequence[Thrown], judge: Judge) -> int:
    """Show all cases to both; fails with the smallest one about which the judge complains. Returns the matches."""
    told = 0
    wrong: list[tuple[int, str]] = []
    answers = elastalert.ask([t.case for t in thrown])
    gc.freeze()  # all these cases are looked through at each collection otherwise: a third of the time
    try:
        for one, said in zip(thrown, answers, strict=True):
            ours = matches(one.given, one.events, one.start, one.end, counted=one.counted)
            told += len(ours)
            if complaint := judge(one, said, ours):
                wrong.append((len(one.events), f"{complaint}\n{one.show(said, ours)}"))
    finally:
        gc.unfreeze()
    if wrong:
        smallest = min(wrong)[1]
        raise AssertionError(f"{len(wrong)} of {len(thrown)} cases differ; the smallest: {smallest}")
    return told


def times(dice: Random, length: int, most: int) -> list[int]:
    """Throw ascending times after T0: ties, neighbours, and gaps of one and two windows to the millisecond."""
    edges = [length - 1, length, length + 1, 2 * length]
    gaps = [0, 0, 0, 1, 1, 2, 500, 1_000, 1_000, 3_000, 5_000, length // 3, length // 5, *edges]
    at, found = 0, []
    for _ in range(dice.randint(1, most)):
        at += dice.choice(gaps)
        found.append(T0 + at)
    return found


def fields(dice: Random, names: Any) -> dict[str, Any]:
    """Throw values of key fields; one with a dot is nested."""
    found: dict[str, Any] = {}
    for name in [names] if isinstance(names, str) else names or []:
        value = dice.choice(KEYS[name])
        if value is ...:
            continue
        *above, last = name.split(".")
        inner = found
        for part in above:
            inner = inner.setdefault(part, {})
        inner[last] = value
    return found


def batches(dice: Random, events: Sequence[Event]) -> list[list[Any]]:
    """Cut events into runs, each ended at the time of its last event; some runs find nothing."""
    steps: list[list[Any]] = []
    rest = list(events)
    while rest:
        number = dice.choice([1, 2, 3, 5, 50])
        run, rest = rest[:number], rest[number:]
        if dice.random() < 0.2:
            steps.append(["gc", run[0].at])
        steps += [["data", [event.document for event in run]], ["gc", run[-1].at]]
    return steps


def lookup(document: Mapping[str, Any], name: str) -> Any:
    """Return a field as ElastAlert finds it: as written, else by its path."""
    if name in document:
        return document[name]
    value: Any = document
    for part in name.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value


def key_in(given: Mapping[str, Any], document: Mapping[str, Any]) -> Any:
    """Return the key of one of ElastAlert's matches, as key_text has it."""
    names = given.get("query_key")
    if not names:
        return None
    return lookup(document, names if isinstance(names, str) else ",".join(names))


def by_key(found: Iterable[tuple[Any, Any]]) -> dict[Any, list[Any]]:
    """Group (key, value) pairs."""
    groups: dict[Any, list[Any]] = defaultdict(list)
    for key, value in found:
        groups[key].append(value)
    return groups


def order(rows: Iterable[Any]) -> list[Any]:
    """Sort rows that may hold None."""
    return sorted(rows, key=repr)
