"""Small worlds of change and new_term rules, made by throwing dice, and brute force over all their events."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import product
from random import Random
from typing import Any

from alerter.clock import DAY, SECOND, Millis
from alerter.model.history import NewTerm, ValueChange
from alerter.model.incident import Change, Transition
from alerter.model.rule import FromEvent, Key, Realert, Rule, Schedule
from alerter.testing import rule
from tests.exact.worlds import PROPERTIES, T0, TIMES, Doc, World

NOW = Realert(0, written=True)
WORDS = ["x", "x", "y", "z", ""]
VALUES: Mapping[str, Sequence[Any]] = {
    "k": ["a", "a", "b", None, ["a", "b"]],
    "n": [1, 1, 2, 0, None, [1, 2], [2]],
    "user": [*WORDS, None, ["x"], ["x", "y"], ["y", "x"], []],
    "t": [*WORDS, None, ["x", "z"], "long " * 60, "long " * 59 + "other"],
    "f": [1.5, 2, 2.0, 0, None],
    "b": [True, False, None],
    "stage": ["prod", "test", "other", None],
}
MAPPED: dict[str, Any] = {n: m for n, m in PROPERTIES.items() if n != "nanos"} | {"stage": {"type": "keyword"}}
MAPPED["t"] = {"type": "text", "fields": {"keyword": {"type": "keyword", "ignore_above": 256}}}
MAPPED["f"] = {"type": "double"}
MAPPED["b"] = {"type": "boolean"}
Found = tuple[Millis, Key, str]
"""Instant, key, and what was found there as text."""


def change_world(dice: Random, name: str = "a rule", times: Sequence[str] = ("date",), most: int = 25) -> World:
    """Throw a world of a change rule."""
    compared = dice.choice([("user",), ("user",), ("n",), ("t",), ("f",), ("b",), ("user", "n"), ("b", "t")])
    within = dice.choice([0, 0, 0, 1_000, 5_000, 7_001])
    return _world(
        dice, ValueChange(compared, dice.random() < 0.5, within), name, times, most, compared, within or 5_000
    )


def term_world(dice: Random, name: str = "a rule", times: Sequence[str] = ("date",), most: int = 25) -> World:
    """Throw a world of a new_term rule."""
    fields = dice.choice(
        [(("user",),), (("user",),), (("n",),), (("user",), ("n",)), (("user", "n"),), (("t",),), (("b",), ("f",))]
    )
    window = dice.choice([1_000, 5_000, 7_001, 30_000, DAY])
    names = [name for names in fields for name in names]
    return _world(dice, NewTerm(fields, window, dice.random() < 0.5), name, times, most, names, window)


def _world(dice, condition, name, times, most, compared, length) -> World:
    time = dice.choice(times)
    key = dice.choice([(), ("k",), ("k",), ("k", "stage")])
    labels: dict[str, Any] = {}
    if dice.random() < 0.2:
        labels["domain"] = FromEvent("stage", {"prod": "live", "test": "lab"}, dice.choice([None, "live"]))
    if dice.random() < 0.1:
        labels["severity"] = FromEvent("stage", {"prod": "critical"}, "info", split=False)
    tested = rule(
        condition,
        name=name,
        filter=({"term": {"world": name}}, {"term": {"level": "error"}}),
        query_key=key,
        time=TIMES[time],
        realert=NOW,
        schedule=Schedule(5 * SECOND),
        buffer_time=dice.choice([0, 2, 10]) * SECOND,
        max_catchup=10 * DAY,
        **labels,
    )
    gaps = [0, 0, 1, 2, 500, 1_000, length - 1, length, length + 1]
    at, docs = 0, []
    for _ in range(dice.randint(1, most)):
        if time == "seconds":
            at = at // SECOND * SECOND
        fields = {field: dice.choice(VALUES[field]) for field in dict.fromkeys((*compared, "k", "stage"))}
        docs.append(Doc(T0 + at, fields, dice.random() < 0.9))
        at += dice.choice(gaps)
    start = T0 + dice.choice([-1, 0, 700, 5_000, 9_000])
    end = max(docs[-1].at, start) + dice.choice([0, 1, 5_000]) + 1
    cuts = sorted({dice.randint(start + 1, end) for _ in range(dice.randint(0, 5))} | {end})
    restarts = frozenset(n for n in range(len(cuts)) if dice.random() < 0.3)
    return World(tested, tuple(docs), start, tuple(cuts), restarts)


def alike_at_once(world: World) -> World:
    """Return the world with events of one instant that are alike, so that their order does not matter."""
    seen: dict[Millis, Mapping[str, Any]] = {}
    return replace(world, docs=tuple(replace(d, fields=seen.setdefault(d.at, d.fields)) for d in world.docs))


# --- brute force ---------------------------------------------------------------------------------------------------


def brute(tested: Rule, docs: Sequence[Doc], start: Millis, end: Millis) -> list[Found]:
    """Return every match of ``(start, end]`` by looking at all events one after the other."""
    events = sorted((doc for doc in docs if doc.selected), key=lambda doc: doc.at)
    condition = tested.condition
    found = _changes(tested, events) if isinstance(condition, ValueChange) else _new(tested, events)
    return sorted((f for f in found if start < f[0] <= end), key=repr)


def _keys(tested: Rule, doc: Doc, leave_out: Sequence[str] = ()) -> list[tuple[tuple[str, Any], ...]]:
    parts: list[list[tuple[str, Any]]] = []
    for name in tested.query_key:
        if name not in leave_out:
            parts.append([(name, value) for value in dict.fromkeys(_listed(doc.fields.get(name)))] or [(name, None)])
    for name, split in tested.splits.items():
        raw = _listed(doc.fields.get(split.path)) or [None]
        parts.append([(name, value) for value in dict.fromkeys(split.value(one) for one in raw)])
    return [tuple(choice) for choice in product(*parts)]


def _listed(value: Any) -> list[Any]:
    return [one for one in (value if isinstance(value, list) else [value]) if one is not None]


def _changes(tested: Rule, events: Sequence[Doc]) -> list[Found]:
    condition = tested.condition
    last: dict[Any, tuple[Millis, list[Any], str]] = {}
    found = []
    for doc in events:
        values = [_one(name, doc.fields.get(name)) for name in condition.compared]
        if condition.ignore_null and any(not isinstance(v, bool) and not v for v in values):
            continue
        for parts in _keys(tested, doc):
            key = parts or None
            print_ = _text(values)
            if key in last:
                at, old, before = last[key]
                if before != print_ and (not condition.timeframe or doc.at - at <= condition.timeframe):
                    found.append((doc.at, key, f"{_text(_shown(old))} {_text(_shown(values))}"))
            last[key] = (doc.at, values, print_)
    return found


def _shown(values: Sequence[Any]) -> list[Any]:
    """Cut what is too long to be shown; it is compared whole."""
    return [f"{v[:200]} ..." if isinstance(v, str) and len(v) > 200 else v for v in values]


def _text(values: Sequence[Any]) -> str:
    """Write values; 2 and 2.0 are the same number."""
    return json.dumps([int(v) if isinstance(v, float) and v == int(v) else v for v in values])


def _one(name: str, value: Any) -> Any:
    """Return a field as one value: what Elasticsearch has of it, so that a keyword's array is a set."""
    several = list(dict.fromkeys(_listed(value)))
    if name in ("user", "n") or (name == "t" and isinstance(value, list)):
        several.sort()
    return (several[0] if several else None) if len(several) < 2 else several


def _new(tested: Rule, events: Sequence[Doc]) -> list[Found]:
    condition = tested.condition
    own = {name for names in condition.fields for name in names}
    seen: dict[Any, list[Millis]] = defaultdict(list)
    found: dict[Found, int] = {}
    for doc in events:
        for names in condition.fields:
            held = [[v for v in dict.fromkeys(_listed(doc.fields.get(n))) if v != ""] for n in names]
            for parts in _keys(tested, doc, own):
                for values in product(*([v for v in h if len(str(v)) <= 256] for h in held)):
                    before = [at for at in seen[names, values] if at < doc.at]
                    if not before or doc.at - before[-1] >= condition.window:
                        found[(doc.at, (*parts, *zip(names, values, strict=True)), "new")] = 1
                if condition.missing and not all(held):
                    one = (doc.at, (*parts, *((n, None) for n in names)), "missing")
                    found[one] = found.get(one, 0) + 1
            for values in product(*held):
                seen[names, values].append(doc.at)
    return [one for one, number in found.items() for _ in range(number)]


def told(transitions: Sequence[Transition]) -> list[Found]:
    """Return the announced matches as brute force writes them."""
    found = []
    for step in transitions:
        if step.match is not None and step.change is not Change.SUPPRESSED:
            facts = step.match.facts
            if "old" in facts:
                what = f"{_text(facts['old'])} {_text(facts['new'])}"
            else:
                what = "new" if "value" in facts else "missing"
            found.append((step.match.at, step.key, what))
    return sorted(found, key=repr)
