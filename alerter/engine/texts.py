"""A rule's own texts, rendered: Jinja2 templates, and ElastAlert's subject and text filled from the event."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from alerter.formats import fill
from alerter.model.incident import Match
from alerter.model.metric import MetricAggregation, PercentageMatch
from alerter.model.rule import Flatline, Rule, Spike, SpikeAggregation
from alerter.model.texts import Filling, TextType, Top
from alerter.redact import redact_text
from alerter.sources.values import value_at
from alerter.templates import BrokenTemplate, render, shortened
from alerter.timetext import iso

log = logging.getLogger(__name__)
_INDEXED = re.compile(r"(.+?)\[(\d)\]\.?(.*)")


@dataclass(frozen=True)
class Said:
    """What ElastAlert's options say of a match; "" where the rule has no such text."""

    title: str = ""
    summary: str = ""


def rendered(rule: Rule, source: str, values: Mapping[str, Any]) -> str:
    """Return a template's text; one that fails is "", and is logged."""
    if not source:
        return ""
    try:
        return redact_text(render(source, values).strip(), rule.redact)
    except BrokenTemplate as error:
        _warn(f"{rule.position.file}: message template failed, built-in text used: {error}", rule.file_text)
        return ""


@lru_cache(maxsize=4096)
def _warn(sentence: str, _of: str) -> None:
    """Log what is wrong with a text, once for a rule as its file has it now: each message of it meets the same."""
    log.warning("%s", sentence)


def said(rule: Rule, facts: Mapping[str, Any], values: Mapping[str, Any]) -> Said:
    """Return the subject and the text of a match: ``facts`` are as ElastAlert names them, ``values`` for templates.

    With ``aggregation_summary_only`` there is no text.
    """
    alert = rule.texts.alert
    title = _filled(rule, alert.subject, facts, values)[: alert.subject_length]
    silent = alert.type is TextType.SUMMARY_ONLY
    return Said(title, "" if silent else _filled(rule, alert.text, facts, values))


def match_facts(
    rule: Rule, match: Match, documents: Sequence[Mapping[str, Any]], matches: int, more: Mapping[str, Any]
) -> dict[str, Any]:
    """Return what ElastAlert's texts may name of a match: the newest event, and above it what it adds to it.

    ``num_hits`` are the events of the match's window, ``num_matches`` the incident's announced matches so far.
    """
    event = dict(documents[0]) if documents else {}
    found = {rule.time.name: iso(match.at), **dict(match.key or ()), **match.facts, **event}
    return {**found, **_by_type(rule, match), "num_hits": match.count, "num_matches": matches, **more}


def _by_type(rule: Rule, match: Match) -> dict[str, Any]:
    condition, facts = rule.condition, match.facts
    if isinstance(condition, Spike | SpikeAggregation):
        current = facts.get("value") if isinstance(condition, SpikeAggregation) else match.count
        return {"spike_count": current, "reference_count": facts.get("reference")}
    if isinstance(condition, PercentageMatch):
        return {
            "percentage": facts.get("value"),
            "percentage_formatted": facts.get("formatted"),
            "denominator": match.count,
        }
    if isinstance(condition, MetricAggregation):
        name = f"metric_{condition.measured.field}_{condition.measured.kind}"
        found = {name: facts.get("value"), "metric_agg_value": facts.get("value")}
        formatted = facts.get("formatted")
        return {**found, f"{name}_formatted": formatted, "metric_agg_value_formatted": formatted}
    if isinstance(condition, Flatline):
        key = ", ".join(str(value) for _, value in match.key or ()) or "all"
        return {"key": key, "count": match.count, "threshold": condition.threshold}
    return {}


def looked_up(facts: Mapping[str, Any], path: str) -> Any:
    """Return a value by its path, with ``a[0].b`` for an array's item; None when there is none."""
    found = facts.get(path)
    if found is None:
        found = value_at(facts, path)
    indexed = _INDEXED.fullmatch(path) if found is None else None
    if indexed is None:
        return found
    items = value_at(facts, indexed[1])
    if not isinstance(items, list) or int(indexed[2]) >= len(items):
        return None
    item = items[int(indexed[2])]
    if not indexed[3]:
        return item
    return looked_up(item, indexed[3]) if isinstance(item, Mapping) else None


def _filled(rule: Rule, filling: Filling, facts: Mapping[str, Any], values: Mapping[str, Any]) -> str:
    alert = rule.texts.alert
    if not filling.source:
        return ""
    if filling.jinja:
        named = {**values, **alert.options, **facts}
        return rendered(rule, filling.source, {**named, alert.root: {**alert.options, **facts}})
    if filling.args is None and filling.keywords is None:
        return redact_text(shortened(filling.source), rule.redact)
    args = [_value(rule, facts, path) for path in filling.args or ()]
    named = {name: _value(rule, facts, path, empty=True) for path, name in filling.keywords or ()}
    found = fill(filling.source, args, named, alert.missing)
    for problem in found.problems:
        _warn(f"{rule.position.file}: a text of rule {rule.name}: {problem}", rule.file_text)
    return redact_text(shortened(found.text), rule.redact)


def _value(rule: Rule, facts: Mapping[str, Any], path: str, *, empty: bool = False) -> Any:
    """Return a field's value, else that of the rule's option of this name, as ElastAlert does.

    An option that is empty or 0 is a value only where ``empty`` says so.
    """
    found = looked_up(facts, path)
    option = rule.texts.alert.options.get(path) if found is None else None
    return found if option is None or not (option or empty) else option


def discover_names(link: str) -> dict[str, str]:
    """Return the link into Discover by the names that ElastAlert gives it."""
    return {"kibana_discover_url": link, "opensearch_discover_url": link} if link else {}


def counted_names(tops: Sequence[Top], related: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return what was counted by ElastAlert's names: ``top_events_<field>`` with and without ``.keyword``."""
    found: dict[str, Any] = {"related_events": list(related)} if related else {}
    for top in tops:
        base = top.name.removesuffix(".keyword")
        found |= {f"top_events_{name}": dict(top.rows) for name in (base, f"{base}.keyword")}
    return found


def shows_alone(rule: Rule, text: str) -> bool:
    """Whether a message shows the text and nothing else of the match."""
    return bool(text) and rule.texts.alert.alone and not rule.message.summary
