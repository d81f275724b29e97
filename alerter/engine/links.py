"""Links into Kibana Discover (or OpenSearch Dashboards): the rule's query, the exact window, the key."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from alerter.clock import MINUTE
from alerter.model.incident import Match
from alerter.model.rule import Key, Rule
from alerter.redact import is_hidden
from alerter.sources.asking import translated
from alerter.sources.parts import Part
from alerter.timetext import iso


def discover_link(rule: Rule, match: Match, parts: Sequence[Part] = ()) -> str:
    """Return a Discover URL for the match's window, or "" when the rule names no ``kibana_url``.

    ``kibana_discover_from_timedelta`` and ``_to_timedelta`` are around the match, where the rule has them. ``parts``
    tell which field holds each part of the key, and what a split's label stands for.
    """
    if not rule.kibana_url:
        return ""
    discover = rule.texts.discover
    before = discover.before if discover.before is not None else rule.timeframe or MINUTE
    period = {"time": {"from": iso(match.at - before), "to": iso(match.at + (discover.after or 0))}}
    index = discover.index or (rule.index if rule.dated is None else rule.dated.starred)
    filters = [_filter(index, clause) for clause in (*map(translated, rule.clauses), *_key_clauses(match.key, parts))]
    state = {"columns": list(discover.columns), "filters": filters, "index": index, "interval": "auto"}
    base = rule.kibana_url.rstrip("/")
    if "/discover" not in base:
        base += "/app/discover"
    base += "/?" if base.endswith("#") else "?" if "#" in base else "#/?"
    return f"{base}_g={_encode(period)}&_a={_encode(state)}"


def _key_clauses(key: Key, parts: Sequence[Part]) -> list[dict[str, Any]]:
    """Return the clauses that select the key's events; a hidden value selects nothing, as it is not to be shown."""
    shown = {name: value for name, value in key or () if not is_hidden(((name, value),))}
    return [part.clause(shown[part.name]) for part in parts if part.name in shown]


def _filter(index: str, clause: Any) -> dict[str, Any]:
    meta = {"alias": "alerter", "disabled": False, "index": index, "negate": False, "type": "custom", "key": "query"}
    return {"$state": {"store": "appState"}, "meta": meta, "query": clause}


def _encode(value: object) -> str:
    """Encode in RISON, Kibana's compact notation for URLs."""
    import prison

    return quote(prison.dumps(value), safe="!'()*,:@$")
