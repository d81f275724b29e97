"""Numbers and lengths of time that do not fit together."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice, pairwise

from alerter.clock import Millis
from alerter.lint.model import Built, Found
from alerter.model.history import ValueChange
from alerter.model.metric import MetricAggregation, MetricKind, PercentageMatch
from alerter.model.rule import (
    Cardinality,
    Custom,
    Flatline,
    Measuring,
    Rule,
    Schedule,
    Spike,
    SpikeAggregation,
    SpikeType,
)
from alerter.schedule import instants
from alerter.timetext import length_text

COUNTS = (MetricKind.CARDINALITY, MetricKind.VALUE_COUNT)
"""Metrics that are never below 0."""
CRON_FIRES = 30
"""Fire times of a cron expression that are looked at; more often than its shortest gap no rule is asked."""
_SOME_TIME: Millis = 1_767_225_600_000
_YEAR: Millis = 366 * 86_400_000


def short_realert(built: Built) -> Iterator[Found]:
    """``realert`` is shorter than the time between two evaluations."""
    realert, every = built.rule.realert, between(built.rule.schedule)
    if realert.written and 0 < realert.length < every:
        message = f"realert {length_text(realert.length)} is shorter than the {length_text(every)} between evaluations"
        hint = "make it as long as the rule should be quiet; realert: {minutes: 0} announces every match"
        yield Found(message, hint, ("realert",))


def gap_between_windows(built: Built) -> Iterator[Found]:
    """A condition asked at nominal instants only, whose windows leave out the time between two of them."""
    rule, every = built.rule, between(built.rule.schedule)
    if asked_at_instants(rule) and rule.timeframe < every:
        message = (
            f"timeframe {length_text(rule.timeframe)} is shorter than the {length_text(every)} between evaluations: "
            "what lies between two windows is never looked at"
        )
        written = next((name for name in ("timeframe", "buffer_time") if name in built.subject.options), "type")
        yield Found(message, "evaluate more often, or look further back", (written,))


def threshold_out_of_reach(built: Built) -> Iterator[Found]:
    """A threshold that no window can reach, or that every window does."""
    condition = built.rule.condition
    if isinstance(condition, Flatline):
        yield from _forgotten(built.rule, condition)
    if isinstance(condition, ValueChange) and set(condition.compared) <= set(built.rule.query_key):
        names = " and ".join(condition.compared)
        message = f"events of one {names} have one {names}: the rule never fires"
        yield Found(message, "compare a field that is not in query_key", ("compare_key",))
    if isinstance(condition, Cardinality):
        yield from _values(built, condition)
    elif isinstance(condition, Spike | SpikeAggregation) and _is_steady(condition):
        both = condition.direction is SpikeType.BOTH
        message = f"spike_height {condition.height:g} is met by a steady rate: the rule always fires"
        yield Found(message, "3 means three times as many" + (", or a third" if both else ""), ("spike_height",))
    elif isinstance(condition, PercentageMatch):
        least, most = condition.limits.minimum, condition.limits.maximum
        if most is not None and most >= 100:
            yield Found(f"no share is above {most:g} %", "max_percentage must be below 100", ("max_percentage",))
        if least is not None and least <= 0:
            yield Found(f"no share is below {least:g} %", "min_percentage must be above 0", ("min_percentage",))
    elif isinstance(condition, MetricAggregation) and condition.measured.kind in COUNTS:
        least = condition.limits.minimum
        if least is not None and least <= 0:
            message = f"no {condition.measured.name} is below {least:g}"
            yield Found(message, "min_threshold must be above 0", ("min_threshold",))


def _forgotten(rule: Rule, condition: Flatline) -> Iterator[Found]:
    """Keys are forgotten before their window can be empty, and nothing but an empty one is asked for."""
    if rule.query_key and condition.threshold == 1 and rule.known_keys_for <= rule.timeframe:
        message = (
            f"a key is forgotten after {length_text(rule.known_keys_for)}, before its window of "
            f"{length_text(rule.timeframe)} can be empty: the rule never fires"
        )
        yield Found(message, "make known_keys_for longer than timeframe", ("known_keys_for",))


def _values(built: Built, condition: Cardinality) -> Iterator[Found]:
    name = condition.field
    if name.removesuffix(".keyword") in (key.removesuffix(".keyword") for key in built.rule.query_key):
        message = f"events of one {name} have one {name}: there is nothing to count"
        yield Found(message, "leave it out of query_key, or count another field", ("cardinality_field",))
    listed = _listed(built, name)
    if listed is not None and condition.maximum is not None and listed <= condition.maximum:
        message = f"the filter allows {listed} values of {name}, and more than {condition.maximum} never come"
        yield Found(message, f"max_cardinality must be below {listed}", ("max_cardinality",))


def short_catchup(built: Built) -> Iterator[Found]:
    """``max_catchup`` is shorter than the time between two evaluations: each of them gives a part up."""
    rule, every = built.rule, between(built.rule.schedule)
    if rule.max_catchup < every:
        message = (
            f"max_catchup {length_text(rule.max_catchup)} is shorter than the {length_text(every)} between "
            "evaluations: every evaluation leaves out what is older"
        )
        written = next((n for n in ("max_catchup", "schedule", "run_every") if n in built.subject.options), "type")
        yield Found(message, "at least as long as the time between evaluations", (written,))


def between(schedule: Schedule) -> Millis:
    """Return the time between two nominal instants, for cron the shortest."""
    if schedule.cron is None and schedule.limit is None:
        return schedule.every
    fires = islice(instants(schedule, _SOME_TIME, _SOME_TIME + _YEAR), CRON_FIRES)
    return min((after - before for before, after in pairwise(fires)), default=_YEAR)


def asked_at_instants(rule: Rule) -> bool:
    """Tell whether a rule's condition is asked at nominal instants only, never at events."""
    condition = rule.condition
    return isinstance(condition, Flatline | Measuring | Custom) or (
        isinstance(condition, Cardinality) and condition.maximum is None
    )


def _is_steady(condition: Spike | SpikeAggregation) -> bool:
    """Tell whether windows that are alike are a spike."""
    strict = isinstance(condition, SpikeAggregation) and not condition.touching
    return condition.height < 1 if strict else condition.height <= 1


def _listed(built: Built, field: str) -> int | None:
    """Return how many values of a field the filter lists, where it requires one of a list."""
    for clause in built.rule.filter:
        listed = clause.get("terms", {})
        values = next((listed[name] for name in (field, f"{field}.keyword") if name in listed), None)
        if isinstance(values, list):
            return len(set(map(str, values)))
    return None
