"""Links into Kibana Discover (or OpenSearch Dashboards): the rule's query, the exact window, the key."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from alerter.clock import MINUTE
from alerter.model.incident import Match
from alerter.model.rule import Rule
from alerter.timetext import iso


def discover_link(rule: Rule, match: Match) -> str:
    """Return a Discover URL for the match's window, or "" when the rule names no ``kibana_url``."""
    if not rule.kibana_url:
        return ""
    window = rule.timeframe or MINUTE
    period = {"time": {"from": iso(match.at - window), "to": iso(match.at)}}
    filters = [_filter(rule.index, clause) for clause in (*rule.filter, *_key_clauses(match))]
    columns: list[str] = []
    state = {"columns": columns, "filters": filters, "index": rule.index, "interval": "auto"}
    base = rule.kibana_url.rstrip("/")
    if "/discover" not in base:
        base += "/app/discover"
    return f"{base}#/?_g={_encode(period)}&_a={_encode(state)}"


def _key_clauses(match: Match) -> list[dict[str, Any]]:
    clauses: list[dict[str, Any]] = []
    for field, value in match.key or ():
        if value is None:
            clauses.append({"bool": {"must_not": {"exists": {"field": field}}}})
        elif not str(value).startswith("redacted:"):
            clauses.append({"term": {field: value}})
    return clauses


def _filter(index: str, clause: Any) -> dict[str, Any]:
    meta = {"alias": "alerter", "disabled": False, "index": index, "negate": False, "type": "custom", "key": "query"}
    return {"$state": {"store": "appState"}, "meta": meta, "query": clause}


def _encode(value: object) -> str:
    """Encode in RISON, Kibana's compact notation for URLs."""
    import prison

    return quote(prison.dumps(value), safe="!'()*,:@$")
