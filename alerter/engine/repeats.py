"""Pure: from when a receiver may be told a repeat, by the rule and the route."""

from __future__ import annotations

from alerter.clock import HOUR, Millis
from alerter.model.route import Destination
from alerter.model.rule import Rule, Schedule
from alerter.schedule import next_instant

DEFAULT_REPEAT: Millis = HOUR
"""The least time between repeats where neither the rule writes ``realert`` nor the route ``repeat_interval``."""

AGGREGATION, DEFAULT = "aggregation", "default"


def again(rule: Rule, destination: Destination, last: Millis) -> Millis:
    """Return from when (event time, inclusive) a repeat is due at a receiver that last heard at ``last``.

    The route's ``repeat_interval`` has passed, and the rule's ``aggregation``, of which the fire times of a cron count.
    """
    interval = destination.repeat_interval
    gathering = rule.texts.gathering
    if interval is None:
        interval = 0 if rule.realert.written or gathering is not None else DEFAULT_REPEAT
    if gathering is None:
        return last + interval
    if gathering.cron is None:
        return last + max(interval, gathering.period)
    fires = Schedule(cron=gathering.cron, timezone=gathering.timezone)
    return max(last + interval, next_instant(fires, last))


def bound_by(rule: Rule, destination: Destination) -> str:
    """Return what else than a route's ``repeat_interval`` keeps a repeat back: ``aggregation``, ``default``, or ""."""
    interval, gathering = destination.repeat_interval, rule.texts.gathering
    if gathering is not None:
        longer = interval is None or (gathering.cron is None and gathering.period >= interval)
        return AGGREGATION if longer else ""
    return DEFAULT if interval is None else ""
