"""How near a rule came to its threshold: the same evaluator is asked again with other thresholds, until one fits.

Nothing is kept of instants that were no matches; what is said here is counted now, over the documents of now.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from alerter.clock import Millis
from alerter.model.incident import Match
from alerter.model.metric import Limits, MetricAggregation, PercentageMatch
from alerter.model.rule import (
    Cardinality,
    Condition,
    Flatline,
    Frequency,
    Realert,
    Rule,
    Spike,
    SpikeAggregation,
)
from alerter.numbers import number_text

Matches = Callable[[Rule], Sequence[Match]]
"""The matches of a rule in the span asked about, of the keys asked about; announced or not."""
HUGE = 10**12
"""A threshold that no count reaches."""
STEPS = 7
"""Halvings of the range of a spike's height: to a hundredth of it."""


@dataclass(frozen=True)
class Counted:
    """What counting again gave: the matches, or without any the window that came nearest, in words.

    ``warnings`` are what the source had to say of its data, ``end`` is how far it was counted (inclusive).
    """

    matches: tuple[Match, ...] = ()
    nearest: Match | None = None
    text: str = ""
    warnings: tuple[str, ...] = ()
    end: Millis | None = None


def count_again(rule: Rule, matches: Matches, more: Callable[[], bool] = lambda: True) -> Counted:
    """Evaluate the rule, and where nothing matches find the nearest window; ``more`` says whether to go on searching.

    Raises what ``matches`` raises.
    """
    found = tuple(matches(rule))
    if found:
        return Counted(found)
    condition = rule.condition
    match condition:
        case Frequency():
            return _most(rule, condition.num_events, lambda n: replace(condition, num_events=n), matches, more)
        case Flatline():
            return _fewest(rule, replace(condition, threshold=HUGE), matches)
        case Cardinality(maximum=int() as maximum):
            return _most(rule, maximum + 1, lambda n: replace(condition, maximum=n - 1, minimum=None), matches, more)
        case Cardinality():
            return _fewest(rule, replace(condition, minimum=HUGE), matches)
        case MetricAggregation() | PercentageMatch():
            return _closest(rule, condition, matches)
        case Spike() | SpikeAggregation():
            return _highest(rule, condition, matches, more)
        case _:
            return Counted(text="no event met the condition")


def _once(rule: Rule, condition: Condition) -> Rule:
    """Return the rule with another condition; one match of a key is announced, which keeps the answer small."""
    return replace(rule, condition=condition, realert=Realert(HUGE, written=True))


def _most(
    rule: Rule, enough: int, condition: Callable[[int], Condition], matches: Matches, more: Callable[[], bool]
) -> Counted:
    """Find the largest count of a window, which is below ``enough``, by halving."""
    low, high, nearest = 0, enough, None
    while high - low > 1 and more():
        middle = (low + high) // 2
        found = first(matches(_once(rule, condition(middle))))
        if found is None:
            high = middle
        else:
            low, nearest = middle, found
    what = "different values" if isinstance(rule.condition, Cardinality) else "events"
    if high - low > 1:
        return Counted((), nearest, f"every window held fewer than {high:,} {what} (threshold {enough:,})")
    if low == 0:
        return Counted(text=f"there were no {what} at all (threshold {enough:,})")
    return Counted((), nearest, f"the fullest window held {low:,} of {enough:,} {what}")


def _fewest(rule: Rule, condition: Condition, matches: Matches) -> Counted:
    """Find the smallest count of the windows at nominal instants; all of them are below HUGE."""
    found = matches(_once(rule, condition))
    if not found:
        return Counted(text="no window could be judged: data must go back further than the window")
    nearest = min(found, key=lambda m: (_size(m), m.at))
    limit = getattr(rule.condition, "threshold", None) or getattr(rule.condition, "minimum", 0)
    return Counted((), nearest, f"the emptiest window held {_size(nearest):,} (threshold: fewer than {limit:,})")


def _size(match: Match) -> int:
    return int(match.facts.get("value", match.count))


def _closest(rule: Rule, condition: MetricAggregation | PercentageMatch, matches: Matches) -> Counted:
    """Find the value nearest to a limit; without limits every window with a value is a match."""
    limits, unit = condition.limits, " %" if isinstance(condition, PercentageMatch) else ""
    found = matches(_once(rule, replace(condition, limits=Limits(maximum=-math.inf))))
    values = [(match.facts["value"], match) for match in found if isinstance(match.facts["value"], int | float)]
    if not values:
        return Counted(text="no window had a value" if not found else "the values of the field are redacted")
    every = [("above", limits.maximum), ("below", limits.minimum)]
    away = [
        (abs(value - limit), match.at, f"{number_text(value)}{unit} (limit: {side} {number_text(limit)}{unit})", match)
        for value, match in values
        for side, limit in every
        if limit is not None
    ]
    _, _, text, nearest = min(away, key=lambda one: one[:2])
    return Counted((), nearest, f"the value nearest to a limit was {text}")


def _highest(rule: Rule, spike: Spike | SpikeAggregation, matches: Matches, more: Callable[[], bool]) -> Counted:
    """Find the largest change, which is below the height, by halving."""
    low, high = min(1.0, spike.height / 100), spike.height
    nearest = first(matches(_once(rule, replace(spike, height=low))))
    if nearest is None:
        return Counted(text="no window had changed enough to be judged: see threshold_ref, threshold_cur and timeframe")
    for _ in range(STEPS):
        if not more():
            break
        middle = (low + high) / 2
        found = first(matches(_once(rule, replace(spike, height=middle))))
        if found is None:
            high = middle
        else:
            low, nearest = middle, found
    now, reference = nearest.facts.get("value", nearest.count), nearest.facts.get("reference", 0)
    change = f"the largest change was about {low:.3g} times (height {spike.height:g})"
    return Counted((), nearest, f"{change}: {_shown(now)} against {_shown(reference)}")


def _shown(value: Any) -> str:
    return number_text(value) if isinstance(value, int | float) else str(value)


def first(found: Iterable[Match]) -> Match | None:
    """Return the earliest match."""
    return min(found, key=lambda m: m.at, default=None)
