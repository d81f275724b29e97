"""metric_aggregation and percentage_match against ElastAlert's own classes, at every nominal instant.

ElastAlert is shown what a server answers for the window of the instant, computed here one document at a time.

- Documents without the key are no bucket of a terms aggregation; to alerter they are a key of their own, left out here.
- With ``bucket_interval`` ElastAlert tells each bucket, alerter the newest one beyond its limits.
- Numbers are exact as floats (quarters), so that sums of both are the same; shares that ElastAlert's floats put beyond
  a limit that they are exactly at (7 of 25 is 28.000000000000004 there) are none to alerter.
- Percentiles are left out: the server computes them for both.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import isclose
from random import Random
from typing import Any

import pytest

from alerter.model.incident import Match
from alerter.timetext import iso, parse_instant
from tests.elastalert.ours import T0, Event, key_text, options, seconds
from tests.elastalert.peer import Case, ElastAlert, Said
from tests.elastalert.thrown import SECOND, Thrown, by_key, compare, key_in

CASES = 1_500
KINDS = ("min", "max", "avg", "sum", "cardinality", "value_count")
NUMBERS = [-1, 0, 0.25, 0.25, 0.5, 0.75, 1, 2, 3, None, [1, 2], [0.5, 0.5]]
LIMITS = (0, 0.25, 0.5, 0.75, 1, 1.25, 2, 3)
SHARES = (0, 20, 25, 28, 50, 60, 75, 100)


def throw(dice: Random, type_: str) -> Thrown:
    """Throw values over a minute or so."""
    every = dice.choice([2, 5]) * SECOND
    parts = dice.choice([1, 1, 1, 2, 4])
    size = dice.choice([2, 3, 5, 10]) * SECOND
    metric = type_ == "metric_aggregation"
    keys: list[Any] = [None, None, "k", "k"] + ([["k", "host"]] if metric and parts == 1 else [])
    key = dice.choice(keys)
    own = limits(dice, *(("threshold", LIMITS) if metric else ("percentage", SHARES)))
    if metric:
        kind = dice.choice(KINDS if parts == 1 else KINDS[:3])  # of what adds or counts an empty bucket is 0 here
        own |= {"metric_agg_key": "x", "metric_agg_type": kind}
    else:
        own |= {"match_bucket_filter": [{"term": {"s": "yes"}}], "min_denominator": dice.randint(0, 3)}
    own |= {"bucket_interval": seconds(size)} if parts > 1 else {}
    own |= {"query_key": key} if key else {}
    if dice.random() < 0.3:
        own["metric_format_string" if metric else "percentage_format_string"] = dice.choice(["%.2f", "{:,.1f}"])
    given = options(type_, **own, timeframe=seconds(size * parts), run_every=seconds(every))
    theirs = {**given, "buffer_time": seconds(size * parts)}
    events = [event(dice, key, at) for at in sorted(dice.randint(0, 200) * 250 for _ in range(dice.randint(1, 40)))]
    start = events[0].at - 1
    end = events[-1].at + dice.choice([0, size, size * parts + every])
    instants = [at for at in range(T0, end + 1, every) if at > start]
    steps = [["aggregate", at - size * parts, at, size if parts > 1 else 0] for at in instants]
    docs = [{"at": event.at, **event.fields} for event in events]
    return Thrown(given, events, start, end, Case(theirs, steps, docs), facts={"instants": instants})


def limits(dice: Random, name: str, values: Sequence[float]) -> dict[str, Any]:
    """Throw one limit or both."""
    least, most = sorted((dice.choice(values), dice.choice(values)))
    wanted = dice.choice(["min", "max", "both"])
    own = {} if wanted == "max" else {f"min_{name}": least}
    return own if wanted == "min" else {**own, f"max_{name}": most}


def event(dice: Random, key: Any, at: int) -> Event:
    """Throw a document."""
    fields: dict[str, Any] = {"s": dice.choice(["yes", "no", "no"])}
    for name in [key] if isinstance(key, str) else key or []:
        value = dice.choice(["a", "a", "b", "c d", ["a", "b"], None])
        fields |= {} if value is None else {name: value}
    number = dice.choice(NUMBERS)
    return Event(T0 + at, fields if number is None else {**fields, "x": number})


def same_values(thrown: Thrown, said: Said, ours: Sequence[Match]) -> object:
    """Complain unless the same windows are beyond the limits, by the same value."""
    value = "percentage" if "match_bucket_filter" in thrown.given else "metric_agg_value"
    instants = thrown.facts["instants"]
    limits = [v for name, v in thrown.given.items() if name.startswith(("min_p", "max_p"))]
    real = [m for m in said.matches if not any(m[1].get(value) != v and isclose(_of(m[1]), v) for v in limits)]
    told = by_key(((instants[n], key_in(thrown.given, m)), m) for n, m in real)
    mine = [m for m in ours if None not in dict(m.key or ()).values()]
    found = {(m.at, key_text(m.key).replace(", ", ",") if m.key else None): m for m in mine}
    if said.failed or told.keys() != found.keys():
        return said.failed or f"other instants or keys: {set(told) ^ set(found)}"
    for at, matches in told.items():
        newest = max(matches, key=lambda m: parse_instant(m["@timestamp"]))
        if not isclose(_of(newest), found[at].facts["value"]):
            return f"{at}: another value"
        end = found[at].facts.get("bucket_end")
        if end is not None and end != iso(parse_instant(newest["@timestamp"])):
            return f"{at}: another bucket"
        if newest.get(f"{value}_formatted", newest.get("percentage_formatted")) != found[at].facts.get("formatted"):
            return f"{at}: another text"
    return None


def _of(match: Any) -> float:
    name = next(name for name in match if name.startswith("metric_") or name == "percentage")
    return float(match[name])


@pytest.mark.parametrize("type_", ["metric_aggregation", "percentage_match"])
def test_values_beyond_limits_are_those_of_elastalert(elastalert: ElastAlert, type_: str) -> None:
    """Limits are no match themselves; nulls are no values, no events no share."""
    dice = Random(type_)
    assert compare(elastalert, [throw(dice, type_) for _ in range(CASES)], same_values) > CASES
