"""The filters of rule files, asked of documents made from the fields and values that the filters name."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random
from typing import Any

from alerter.config import Settings
from alerter.query import lucene
from alerter.query.errors import QueryError
from alerter.query.kql import kql_to_dsl
from alerter.ruleset.load import load_rules
from tests.conformance.worlds import World, date_text, words

Named = tuple[str, Any]


def filters_of(folders: Sequence[Path]) -> list[list[dict[str, Any]]]:
    """Return the filter of every rule in some folders, each a list of clauses, without repetitions."""
    found: dict[str, list[dict[str, Any]]] = {}
    for rule in load_rules(list(folders), Settings()).rules:
        clauses = [dict(clause) for clause in rule.filter]
        if clauses:
            found.setdefault(json.dumps(clauses, default=str), clauses)
    return [json.loads(text) for text in found]


def world_of(filters: Sequence[list[dict[str, Any]]], seed: int, documents: int = 60) -> World:
    """Make documents that some of the filters select and others just miss."""
    random = Random(seed)
    named = [pair for clauses in filters for clause in clauses for pair in _named(clause)]
    values: dict[str, list[Any]] = {}
    for field, value in named:
        if field and "*" not in field and not field.startswith("_"):
            values.setdefault(field.removesuffix(".keyword").removesuffix(".raw"), []).append(value)
    lines = []
    for number in range(documents):
        document: dict[str, Any] = {"seq": number, "@timestamp": date_text(random, 0)}
        for field in values:
            if random.random() < 0.6 and field != "@timestamp":
                document[field] = _near(random, random.choice(values[field]))
        if random.random() < 0.8:
            document["message"] = _near(random, random.choice([value for _, value in named] or ["x"]))
        lines.append(json.dumps(document, ensure_ascii=False, default=str))
    return World({}, lines, dict.fromkeys(["@timestamp", "message", *values], "text"), values)


def requests_of(filters: Sequence[list[dict[str, Any]]], made: World, random: Random) -> Iterator[dict[str, Any]]:
    """Yield what rules ask: the hits of each clause and of each filter, counts by key and by time."""
    hits = {"size": 100, "sort": [{"seq": "asc"}], "_source": False}
    for clauses in filters:
        for clause in clauses:
            yield {"query": clause, **hits}
            yield {"query": {"bool": {"must_not": [clause]}}, **hits}
        whole = {"bool": {"filter": clauses}}
        yield {"query": whole, **hits}
        key = random.choice(list(made.kinds)) + random.choice(["", ".keyword"])
        counts = {
            "keys": {"terms": {"field": key, "size": 50}},
            "times": {"date_histogram": {"field": "@timestamp", "fixed_interval": "1d", "min_doc_count": 1}},
        }
        yield {"query": whole, "size": 0, "aggs": counts}


def _named(clause: Any) -> Iterator[Named]:
    """Yield the fields a clause names, each with a value it would like."""
    if isinstance(clause, list):
        for each in clause:
            yield from _named(each)
    if not isinstance(clause, dict):
        return
    for name, body in clause.items():
        if name in ("query_string", "simple_query_string") and isinstance(body, dict):
            yield from _in_string(str(body.get("query", "")), body.get("default_field"))
        elif name == "kql":
            try:
                yield from _named(kql_to_dsl(str(body)))
            except QueryError:
                continue
        elif name == "exists" and isinstance(body, dict):
            yield str(body.get("field")), "any thing"
        elif name in _LEAVES and isinstance(body, dict):
            yield from _in_leaf(body)
        else:
            yield from _named(body)


_LEAVES = {"term", "terms", "match", "match_phrase", "match_phrase_prefix", "prefix", "wildcard", "regexp", "range"}


def _in_leaf(body: dict[str, Any]) -> Iterator[Named]:
    for field, value in body.items():
        options = list(value.values()) if isinstance(value, dict) else value
        for each in options if isinstance(options, list) else [options]:
            if not isinstance(each, (dict, list)):
                yield field, each


def _in_string(text: str, default: Any) -> Iterator[Named]:
    try:
        tree = lucene.parse(text, default if isinstance(default, str) else None)
    except QueryError:
        return
    waiting: list[Any] = [tree]
    while waiting:
        item = waiting.pop()
        if isinstance(item, lucene.Group):
            waiting += [clause.item for clause in item.clauses]
        elif isinstance(item, lucene.Range):
            yield from ((item.field or "message", end) for end in (item.low, item.high) if end is not None)
        elif item.field == "_exists_":
            yield item.text, "any thing"
        else:
            yield item.field or "message", item.text.lstrip("<>=")


def _near(random: Random, value: Any) -> Any:
    """Return a value, or one like it."""
    if not isinstance(value, str):
        return random.choice([value, value, str(value), [value, value]])
    if value.lstrip("-").isdigit() and random.random() < 0.7:
        return int(value) + random.choice([0, 0, 1, -1])
    text = value.replace("\\", "")
    for sign in "*?":
        text = text.replace(sign, random.choice(["", "x", "abc ", sign]))
    pick = random.random()
    if pick < 0.45:
        return text
    if pick < 0.6:
        return random.choice([text.lower(), text.upper(), text.title()])
    if pick < 0.8:
        return f"{words(random, 2)} {text} {words(random, 2)}"
    parts = text.split() or [text]
    return random.choice([random.choice(parts), parts, text + "x", words(random)])
