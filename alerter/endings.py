"""Pure: when the silence of an announced match ends, and when an incident is over."""

from __future__ import annotations

from collections.abc import Callable

from alerter.clock import MINUTE, Millis
from alerter.model.metric import MetricAggregation, PercentageMatch
from alerter.model.rule import (
    EVENT_QUIET,
    Cardinality,
    Custom,
    Flatline,
    Frequency,
    Realert,
    Rule,
    Spike,
    SpikeAggregation,
)
from alerter.schedule import next_instant

LONGEST_DEFAULT: Millis = 10 * MINUTE
"""Upper bound of the default ``resolve_after`` of frequency and rises."""


def next_silence(realert: Realert, until: Millis | None, exponent: int, at: Millis) -> tuple[Millis, int]:
    """Return the end of the silence that an announcement at ``at`` starts, and the exponent to keep.

    ElastAlert's rule for ``exponential_realert``: with r the length, e the exponent and d the time since the previous
    silence ended, d < r*2^e makes e grow by one, else e falls by one for each r*2^e that fits into d.
    """
    r = realert.length
    if realert.cap is None or until is None:
        return at + r, exponent
    d = at - until
    if d < r * 2**exponent:
        exponent += 1
    else:
        while exponent > 0 and d > r * 2**exponent:
            d -= r * 2**exponent
            exponent -= 1
    length = r * 2**exponent
    if length >= realert.cap:
        return at + realert.cap, exponent - 1
    return at + length, exponent


def resolvers(rule: Rule) -> dict[bool, Callable[[Millis], Millis]]:
    """Return, for rises (False) and falls (True), when an incident is over given the last instant it held."""

    def after(length: Millis) -> Callable[[Millis], Millis]:
        return lambda last: last + length

    def next_nominal(last: Millis) -> Millis:
        return next_instant(rule.schedule, last)

    if rule.resolve_after is not None:
        return {False: after(rule.resolve_after), True: after(rule.resolve_after)}
    match rule.condition:
        case Frequency() | Spike() | Cardinality():
            return {False: after(min(rule.timeframe, LONGEST_DEFAULT)), True: next_nominal}
        case Flatline() | MetricAggregation() | PercentageMatch() | SpikeAggregation() | Custom():
            return {False: next_nominal, True: next_nominal}
        case _:
            return {False: after(EVENT_QUIET), True: after(EVENT_QUIET)}
