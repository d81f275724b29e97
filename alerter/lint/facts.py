"""What a cluster, or a mapping, knows of the index that a rule reads; mappings and searches, nothing is written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from alerter.clock import DAY, Millis
from alerter.model.rule import Frequency, Rule
from alerter.sources.asking import Asking, Types
from alerter.sources.protocol import Answer, SearchRequest, Source, SourceError
from alerter.sources.timefield import DATES

MANY = 1_000_000
"""Documents of an index from which on a leading wildcard is worth a word."""
LATELY: Millis = 7 * DAY
"""How far back a filter is asked for events."""
SAMPLE = 1000
"""The newest arrivals whose lag is looked at."""
ARRIVED = "event.ingested"
FATAL = ("unreachable", "denied", "busy")
"""Errors that concern the cluster and not one rule."""


@dataclass(frozen=True)
class Lag:
    """Of the ``sample`` newest arrivals: how much later than their time they came, ascending, ms."""

    sample: tuple[Millis, ...]

    def later_than(self, allowed: Millis) -> int:
        """Return how many came later."""
        return sum(lag > allowed for lag in self.sample)


@dataclass(frozen=True)
class Facts:
    """What is known of a rule's index; None where it is not.

    ``types`` are those of all fields; ``missing``: no index has the name. ``documents`` are counted up to MANY,
    ``lately`` up to what the rule needs. ``refused`` is why the server refuses the rule's filter.
    """

    types: Types
    documents: int | None = None
    oldest: Millis | None = None
    now: Millis = 0
    lately: int | None = None
    lag: Lag | None = None
    refused: str = ""
    missing: bool = False


def needed(rule: Rule) -> int:
    """Return how many events a rule needs at least to match."""
    return rule.condition.num_events if isinstance(rule.condition, Frequency) else 1


def gather(source: Source, rules: Sequence[Rule], now: Millis) -> list[Facts | None]:
    """Ask the cluster about each rule; None for one that cannot be asked about. Raises SourceError when it is down."""
    types = {index: _types(source, index) for index in dict.fromkeys(rule.index for rule in rules)}
    asked = [(rule, types[rule.index]) for rule in rules]
    places = dict.fromkeys((rule.index, rule.time.name) for rule, known in asked if known and _dated(rule, known))
    requests = [r for index, time in places for r in _of_index(index, time, types[index] or {}, now)]
    asked_too = [(n, request) for n, (rule, known) in enumerate(asked) if (request := _of_rule(rule, known, now))]
    answers = source.search([*requests, *(request for _, request in asked_too)])
    for answer in answers:
        if isinstance(answer, SourceError) and answer.kind in FATAL:
            raise answer
    indices = {place: answers[2 * n : 2 * n + 2] for n, place in enumerate(places)}
    counts = dict(zip((n for n, _ in asked_too), answers[len(requests) :], strict=True))
    return [
        None if known is None else _facts(rule, known, now, indices.get((rule.index, rule.time.name)), counts.get(n))
        for n, (rule, known) in enumerate(asked)
    ]


def of_mapping(mapping: Mapping[str, Any]) -> Facts:
    """Return what an index's mapping says: the types of its fields."""
    inner = mapping.get("mappings", mapping)
    return Facts(dict(_flat(inner.get("properties", {}) if isinstance(inner, Mapping) else {}, "")))


def _flat(properties: Any, above: str) -> Iterator[tuple[str, frozenset[str]]]:
    for name, field in properties.items() if isinstance(properties, Mapping) else ():
        if isinstance(field, Mapping):
            path = f"{above}{name}"
            if "properties" not in field or "type" in field:
                yield path, frozenset({str(field.get("type", "object"))} - {"object", "nested"})
            yield from _flat(field.get("properties"), f"{path}.")
            yield from _flat(field.get("fields"), f"{path}.")


def _types(source: Source, index: str) -> Types | None:
    """Return the types of all fields; empty for an index that is not there, None when that is not known."""
    try:
        return source.field_types(index, ["*"])
    except SourceError as error:
        if error.kind in FATAL:
            raise
        return {} if error.kind == "missing" else None


def _dated(rule: Rule, types: Types) -> bool:
    own = types.get(rule.time.name, frozenset())
    return bool(own) and own <= DATES


def _of_index(index: str, time: str, types: Types, now: Millis) -> tuple[SearchRequest, SearchRequest]:
    """Return the questions for size and age, and for the newest arrivals (nothing where arrival is not recorded)."""
    whole = {"size": 0, "track_total_hits": MANY, "aggs": {"oldest": {"min": {"field": time}}}}
    recorded = time != ARRIVED and types.get(ARRIVED, frozenset()) == {"date"}
    both = [{"field": name, "format": "epoch_millis"} for name in (time, ARRIVED)]
    arrivals = {
        "size": SAMPLE if recorded else 0,
        "_source": False,
        "track_total_hits": False,
        "query": {"range": {ARRIVED: {"gt": now - DAY, "format": "epoch_millis"}}},
        "docvalue_fields": both,
        "sort": [{ARRIVED: "desc"}],
    }
    nothing = {"size": 0, "track_total_hits": False, "query": {"match_none": {}}}
    return SearchRequest(index, whole), SearchRequest(index, arrivals if recorded else nothing)


def _of_rule(rule: Rule, types: Types | None, now: Millis) -> SearchRequest | None:
    """Return the question how many events the filter selected lately."""
    if not types:
        return None
    try:
        asking = Asking.of(rule, types)
    except SourceError:
        return None
    span = [asking.time.range(now - LATELY, now)] if asking.time.pushed and asking.time.types else []
    query = {"bool": {"filter": [*asking.filter, *span]}}
    return SearchRequest(rule.index, {"size": 0, "track_total_hits": needed(rule), "query": query})


def _facts(
    rule: Rule,
    types: Types,
    now: Millis,
    index: Sequence[Answer | SourceError] | None,
    lately: Answer | SourceError | None,
) -> Facts:
    facts = Facts(types, now=now, missing=not types)
    if isinstance(lately, SourceError):
        facts = replace(facts, refused=lately.reason if lately.kind == "rejected" else "")
    elif lately is not None:
        facts = replace(facts, lately=lately.total)
    whole, arrivals = index if index is not None else (None, None)
    if isinstance(whole, Answer):
        oldest = whole.aggregations.get("oldest", {}).get("value")
        facts = replace(facts, documents=whole.total, oldest=None if oldest is None else int(oldest))
    if isinstance(arrivals, Answer) and arrivals.hits:
        facts = replace(facts, lag=Lag(tuple(sorted(_lags(arrivals, rule.time.name)))))
    return facts


def _lags(answer: Answer, time: str) -> Iterator[Millis]:
    for hit in answer.hits:
        at, arrived = hit.fields.get(time), hit.fields.get(ARRIVED)
        if at and arrived:
            yield int(float(arrived[0])) - int(float(at[0]))
