"""What a message shows: the rule's own texts rendered, or built-in ones, from a match and its newest events."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from alerter.clock import Millis
from alerter.engine.history_words import history_condition, history_sentence
from alerter.engine.links import discover_link
from alerter.engine.metric_words import metric_condition, metric_sentence
from alerter.engine.tables import MOST_EVER, drawn
from alerter.engine.texts import counted_names, discover_names, match_facts, rendered, said, shows_alone
from alerter.model.history import NewTerm, ValueChange
from alerter.model.incident import Match, View
from alerter.model.metric import MetricAggregation, PercentageMatch
from alerter.model.rule import (
    AnyEvent,
    Cardinality,
    Custom,
    Flatline,
    Frequency,
    Rule,
    Spike,
    SpikeAggregation,
    ValueList,
)
from alerter.model.texts import Counts, TextType, Top
from alerter.redact import redact_text
from alerter.sources.counted import MOST_ROWS, Row
from alerter.sources.parts import Part
from alerter.timetext import iso, length_text

SAMPLE_LENGTH = 2_000
"""Characters of a sample event that are kept in the incident."""


@dataclass(frozen=True)
class Evidence:
    """What was fetched to show a match: newest documents first (redacted), counts per bucket, the key's fields."""

    documents: Sequence[Mapping[str, Any]] = ()
    chart: tuple[tuple[Millis, float], ...] = ()
    parts: Sequence[Part] = ()
    tops: Sequence[Top] = ()
    rows: Sequence[Row] = ()
    related: Sequence[Mapping[str, Any]] = ()
    others: int = 0
    """How many events the window has beside the newest; ``related`` are some of them, or none unless asked for."""


def build_view(
    rule: Rule, match: Match, labels: Mapping[str, str], opened: Millis, evidence: Evidence, matches: int = 1
) -> View:
    """Return the content of a message; a text that fails to render is replaced by the built-in one, and said.

    ``matches`` counts the incident's announced matches, this one included. What ``message`` says comes before what
    ElastAlert's options say; with ``alert_text_only`` that text stands alone.
    """
    link = discover_link(rule, match, evidence.parts)
    more = {**discover_names(link), **counted_names(evidence.tops, evidence.related)}
    facts = match_facts(rule, match, evidence.documents, matches, more)
    values = {**_values(rule, match, labels, opened, evidence), **more}
    texts, own = rule.message, said(rule, facts, values)
    summary = rendered(rule, texts.summary, values) or own.summary
    alone = shows_alone(rule, own.summary)
    sampled = not alone and rule.texts.alert.type is TextType.DEFAULT
    return View(
        title=rendered(rule, texts.title, values) or own.title or rule.name,
        sentence="" if alone else describe(rule, match, labels),
        condition="" if alone else condition_text(rule),
        fields=(*_fields(rule, values), *(() if alone else _related(rule, evidence))),
        sample=_sample(rule, evidence) if sampled else "",
        chart=() if alone else evidence.chart,
        top=() if alone else tuple(evidence.tops),
        table=_table(rule, evidence),
        counts=_counts(rule, evidence),
        threshold=_threshold(rule),
        runbook=rendered(rule, texts.runbook, values),
        dashboard=rendered(rule, texts.dashboard, values),
        link=link,
        summary=summary or rule.description,
    )


def describe(rule: Rule, match: Match, labels: Mapping[str, str]) -> str:
    """Return the sentence with the numbers: how many, in which window, against what."""
    return _SENTENCES[type(rule.condition)](rule, match, labels)


def condition_text(rule: Rule) -> str:
    """Return the rule's condition in words."""
    condition = rule.condition
    match condition:
        case Frequency():
            return f"at least {condition.num_events:,} in {length_text(condition.timeframe)}"
        case Spike():
            return f"{condition.direction} by a factor of {condition.height:g} over {length_text(condition.timeframe)}"
        case Flatline():
            return f"fewer than {condition.threshold:,} in {length_text(condition.timeframe)}"
        case Cardinality():
            limits = ((condition.maximum, "more than"), (condition.minimum, "fewer than"))
            wanted = " or ".join(f"{words} {limit:,}" for limit, words in limits if limit is not None)
            return f"{wanted} different {condition.field} in {length_text(condition.timeframe)}"
        case MetricAggregation() | PercentageMatch() | SpikeAggregation():
            return metric_condition(condition)
        case ValueChange() | NewTerm():
            return history_condition(condition)
        case Custom():
            return f"{condition.plugin} over {length_text(condition.timeframe)}"
        case ValueList():
            return f"{condition.compare_key} {'on the blacklist' if condition.deny else 'not on the whitelist'}"
        case _:
            return "any event"


def _frequency(rule: Rule, match: Match, _labels: Mapping[str, str]) -> str:
    condition = rule.condition
    assert isinstance(condition, Frequency)
    return f"{match.count:,} in {length_text(condition.timeframe)} (threshold {condition.num_events:,})"


def _spike(rule: Rule, match: Match, _labels: Mapping[str, str]) -> str:
    reference = int(match.facts.get("reference", 0))
    window = length_text(rule.timeframe)
    change = f", {match.count / reference:.1f} times as many" if reference else ""
    return f"{match.count:,} in {window} against {reference:,} in the {window} before{change}"


def _flatline(rule: Rule, match: Match, labels: Mapping[str, str]) -> str:
    condition = rule.condition
    assert isinstance(condition, Flatline)
    window = length_text(condition.timeframe)
    if labels.get("cause") == "pipeline":
        return f"no data at all in {window}: the pipeline may be down"
    alive = " while other data still arrives" if labels.get("cause") == "silent" else ""
    return f"{match.count:,} in {window} (fewer than {condition.threshold:,}){alive}"


def _value_list(rule: Rule, match: Match, _labels: Mapping[str, str]) -> str:
    condition = rule.condition
    assert isinstance(condition, ValueList)
    listed = "is on the blacklist" if condition.deny else "is not on the whitelist"
    value = redact_text(str(match.facts.get("value")), rule.redact)
    return f"{condition.compare_key} {value} {listed}"


def _cardinality(rule: Rule, match: Match, _labels: Mapping[str, str]) -> str:
    condition = rule.condition
    assert isinstance(condition, Cardinality)
    number = int(match.facts.get("value", 0))
    limits = ((condition.maximum, "more than", number.__gt__), (condition.minimum, "fewer than", number.__lt__))
    why = next((f" ({words} {limit:,})" for limit, words, met in limits if limit is not None and met(limit)), "")
    return f"{number:,} different {condition.field} in {length_text(condition.timeframe)}{why}"


def _metric(rule: Rule, match: Match, _labels: Mapping[str, str]) -> str:
    return metric_sentence(rule, match)


def _history(rule: Rule, match: Match, _labels: Mapping[str, str]) -> str:
    return history_sentence(rule, match)


def _any(_rule: Rule, _match: Match, _labels: Mapping[str, str]) -> str:
    return "1 event"


def _custom(rule: Rule, match: Match, _labels: Mapping[str, str]) -> str:
    found = redact_text(str(match.facts.get("text", "")), rule.redact)
    return found or f"{match.count:,} events in {length_text(rule.timeframe)}"


_SENTENCES: dict[type, Callable[[Rule, Match, Mapping[str, str]], str]] = {
    Frequency: _frequency,
    Spike: _spike,
    Flatline: _flatline,
    Cardinality: _cardinality,
    MetricAggregation: _metric,
    PercentageMatch: _metric,
    SpikeAggregation: _metric,
    Custom: _custom,
    ValueList: _value_list,
    AnyEvent: _any,
    ValueChange: _history,
    NewTerm: _history,
}


def _threshold(rule: Rule) -> float | None:
    match rule.condition:
        case Frequency(num_events=threshold) | Flatline(threshold=threshold):
            return threshold
        case _:
            return None


def _values(rule: Rule, match: Match, labels: Mapping[str, str], opened: Millis, evidence: Evidence) -> dict[str, Any]:
    """Everything a template may name; the event's own top-level fields first, so that they cannot hide ours."""
    event = dict(evidence.documents[0]) if evidence.documents else {}
    return {
        **event,
        **match.facts,
        "event": event,
        "events": list(evidence.documents),
        "rule": rule.name,
        "description": rule.description,
        "condition": condition_text(rule),
        "key": dict(match.key or ()),
        "labels": dict(labels),
        "count": match.count,
        "at": iso(match.at),
        "opened": iso(opened),
        "timeframe": length_text(rule.timeframe) if rule.timeframe else "",
    }


def _fields(rule: Rule, values: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    texts = ((name, rendered(rule, source, values)) for name, source in rule.message.fields)
    return tuple((name, text) for name, text in texts if text)


def _related(rule: Rule, evidence: Evidence) -> tuple[tuple[str, str], ...]:
    shown = rule.texts.related and evidence.others
    return (("Related events", f"{evidence.others:,} more in the window"),) if shown else ()


def _table(rule: Rule, evidence: Evidence) -> str:
    table = rule.texts.table
    if table is None or not evidence.rows:
        return ""
    return redact_text(drawn(table, evidence.rows, more=len(evidence.rows) >= MOST_ROWS), rule.redact)


def _counts(rule: Rule, evidence: Evidence) -> Counts:
    """Return the table's rows for the message of several incidents, as many as that can show."""
    if rule.texts.table is None or rule.texts.gathering is None:
        return ()
    cells = ((tuple(redact_text(cell, rule.redact) for cell in row), count) for row, count in evidence.rows)
    return tuple(cells)[:MOST_EVER]


def _sample(rule: Rule, evidence: Evidence) -> str:
    """Return the newest event: its message line when it has one, else the document as JSON."""
    if not evidence.documents:
        return ""
    document = evidence.documents[0]
    line = next((document[name] for name in ("message", "log_message", "log") if document.get(name)), None)
    text = line if isinstance(line, str) else json.dumps(document, ensure_ascii=False, default=str)
    text = redact_text(text, rule.redact)
    return text if len(text) <= SAMPLE_LENGTH else f"{text[:SAMPLE_LENGTH]} ... ({len(text) - SAMPLE_LENGTH:,} more)"
