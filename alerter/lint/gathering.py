"""Asks a cluster what it knows of the index that a rule reads; mappings and searches, nothing is written."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from alerter.access import RuleCluster
from alerter.clock import DAY, HOUR, Millis
from alerter.lint.facts import LATELY, MANY, Facts, Lag, needed
from alerter.model.rule import Rule
from alerter.sources.asking import Asking
from alerter.sources.clusters import Clusters
from alerter.sources.languages import columns_of, types_of
from alerter.sources.parts import Types
from alerter.sources.protocol import Answer, SearchRequest, Source, SourceError
from alerter.sources.timefield import DATES

SAMPLE = 1000
"""The newest arrivals whose lag is looked at."""
ARRIVED = "event.ingested"
DOWN = ("unreachable", "busy")
"""Errors that concern the whole cluster."""


def gather_all(main: Source | None, clusters: Clusters, rules: Sequence[Rule], now: Millis) -> list[Facts | None]:
    """Ask each rule's cluster; raises SourceError when that of the settings does not answer, or not to this user.

    Of another one it is what is known of its rules. Without ``main`` nothing is known of those that ask it.
    """
    grouped: dict[RuleCluster | None, list[int]] = {}
    for at, rule in enumerate(rules):
        grouped.setdefault(rule.cluster, []).append(at)
    found: dict[int, Facts] = {}
    if main is None:
        grouped.pop(None, None)
    for cluster, places in grouped.items():
        if cluster is not None and cluster.problem:
            continue  # the rule says what is missing: nobody was asked
        asked = [rules[at] for at in places]
        try:
            source = main if cluster is None else clusters.made(cluster)
            facts = gather(source, asked, now) if source is not None else []
        except SourceError as error:
            if cluster is None:
                raise
            facts = [Facts({}, now=now, unanswered=error.reason)] * len(asked)
        found |= zip(places, facts, strict=True)
    return [found.get(at) for at in range(len(rules))]


def gather(source: Source, rules: Sequence[Rule], now: Millis) -> list[Facts]:
    """Ask the cluster about each rule; raises SourceError when it does not answer, or not to this user."""
    types = _types_of(source, list(dict.fromkeys(rule.everywhere for rule in rules)))
    dated = [rule for rule in rules if _dated(rule, types[rule.everywhere][0])]
    places = dict.fromkeys((rule.everywhere, rule.time.name) for rule in dated)
    requests = [r for index, time in places for r in _of_index(index, time, types[index][0], now)]
    languages = {n: _answered(source, rule, now) for n, rule in enumerate(rules) if rule.server_query is not None}
    counted = {n: found for n, rule in enumerate(rules) if (found := _of_rule(rule, types[rule.everywhere][0], now))}
    answers = source.search([*requests, *counted.values()])
    for answer in answers:
        if isinstance(answer, SourceError) and answer.kind in DOWN:
            raise answer
    indices = {place: answers[2 * n : 2 * n + 2] for n, place in enumerate(places)}
    counts = dict(zip(counted, answers[len(requests) :], strict=True))
    facts = []
    for n, rule in enumerate(rules):
        known, missing = types[rule.everywhere]
        known = {**known, **languages[n][1]} if n in languages else known
        of_index = indices.get((rule.everywhere, rule.time.name), ())
        lately = languages[n][0] if n in languages else counts.get(n)
        facts.append(_facts(Facts(known, now=now, missing=missing), rule, of_index, lately))
    return facts


def _types_of(source: Source, indices: Sequence[str]) -> dict[str, tuple[Types, str]]:
    """Return the types of all fields of each index, or none and why."""
    found: dict[str, tuple[Types, str]] = {}
    denied: list[SourceError] = []
    for index in indices:
        nothing = f"no index is called {index}"
        try:
            types = source.field_types(index, ["*"])
            found[index] = (types, "" if types else nothing)
        except SourceError as error:
            if error.kind in DOWN:
                raise
            denied += [error] if error.kind == "denied" else []
            found[index] = ({}, nothing if error.kind == "missing" else f"{index} cannot be looked at: {error.reason}")
    if denied and len(denied) == len(indices):
        raise denied[0]
    return found


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


def _of_rule(rule: Rule, types: Types, now: Millis) -> SearchRequest | None:
    """Return the question how many events the filter selected lately."""
    if not types or rule.server_query is not None:
        return None
    try:
        asking = Asking.of(rule, types)
    except SourceError:
        return None
    span = [asking.time.range(now - LATELY, now)] if asking.time.pushed and asking.time.types else []
    query = {"bool": {"filter": [*asking.filter, *span]}}
    return SearchRequest(rule.everywhere, {"size": 0, "track_total_hits": needed(rule), "query": query})


def _answered(source: Source, rule: Rule, now: Millis) -> tuple[SourceError | None, Types]:
    """Return why the server does not take the rule's query, None where it does, and the columns of one in ES|QL."""
    columns: Types = {}
    try:
        columns = columns_of(source, rule)
        asking = Asking.of(rule, columns or types_of(source, rule, Asking.wanted(rule)))
        if asking.time.types:
            selection = asking.selection(now - HOUR, now, asking.time.range(now - HOUR, now))
            source.select(replace(selection, size=1))
    except SourceError as error:
        return error, columns
    return None, columns


def _facts(
    facts: Facts, rule: Rule, of_index: Sequence[Answer | SourceError], lately: Answer | SourceError | None
) -> Facts:
    """Add the answers about an index (size and age, arrivals) and about a rule to what is known; errors say nothing."""
    if isinstance(lately, SourceError):
        facts = replace(facts, refused=lately.reason if lately.kind in ("rejected", "unsupported") else "")
    elif lately is not None:
        facts = replace(facts, lately=lately.total)
    whole, arrivals = of_index or (None, None)
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
