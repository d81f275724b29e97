"""Runs under ElastAlert's own Python: cases in, matches out, through its own loader and unmodified rule classes.

A line of standard input is a list of cases, the line answered a list of answers. A case has the options of a ``rule``
as a rule file holds them, ``steps`` and, for steps that aggregate and for terms seen before, ``docs``::

    ["data", [document, ...]]          add_data: what one query of one run found
    ["gc", at]                         garbage_collect: the end of a run
    ["aggregate", start, end, size]    add_aggregation_data: what the server says of (start, end], ``size`` the bucket's
    ["text", match]                    what is told of a match, answered as a match of ``title`` and ``text``

An answer holds ``matches`` as [number of the step, document] and, where ElastAlert failed, ``failed`` as [number of the
step, what it said]; -1 stands for loading the rule. Times are milliseconds since the epoch.
"""

from __future__ import annotations

import json
import logging
import sys
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

EPOCH = datetime.fromtimestamp(0, UTC)


def main() -> None:
    """Answer line after line."""
    from elastalert.loaders import FileRulesLoader
    from elastalert.util import elastalert_logger

    elastalert_logger.setLevel(logging.CRITICAL)
    buffer = {"run_every": timedelta(minutes=1), "buffer_time": timedelta(minutes=15)}
    config = {"rules_folder": ".", "scan_subdirectories": True, "es_host": "nowhere", "es_port": 1, **buffer}
    loader = FileRulesLoader(config)
    loader.rule_schema = _Once(loader.rule_schema)
    for line in sys.stdin:
        answers = [_answer(loader, config, case) for case in json.loads(line)]
        sys.stdout.write(json.dumps(answers, default=_plain) + "\n")
        sys.stdout.flush()


def _answer(loader: Any, config: Any, case: dict[str, Any]) -> dict[str, Any]:
    matches: list[Any] = []
    step = -1
    try:
        played = _Played(loader, config, case)
        for step, (what, *said) in enumerate(case["steps"]):
            getattr(played, what)(*said)
            matches += [[step, match] for match in played.taken()]
    except Exception as error:  # what ElastAlert cannot do is an answer too
        return {"matches": matches, "failed": [step, f"{type(error).__name__}: {error}"]}
    return {"matches": matches}


class _Once:
    """ElastAlert's schema of rule files, asked once for the same options: it takes longer than all the rest."""

    def __init__(self, schema: Any) -> None:
        self._schema = schema
        self._known: set[str] = set()

    def validate(self, rule: Any) -> None:
        """Raise what the schema says."""
        text = json.dumps(rule, sort_keys=True)
        if text not in self._known:
            self._schema.validate(rule)
            self._known.add(text)


class _Played:
    """One rule of ElastAlert's, and what it is shown."""

    def __init__(self, loader: Any, config: Any, case: dict[str, Any]) -> None:
        from elastalert import ruletypes

        ruletypes.ChangeRule.change_map.clear()  # shared by all rules of a process
        ruletypes.ChangeRule.occurrence_time.clear()
        ruletypes.SpikeMetricAggregationRule.unwrap_term_buckets.__defaults__[0].clear()  # left over after a failure
        ruletypes.elasticsearch_client = lambda _rule: _Terms(case)
        if "now" in case:
            ruletypes.ts_now = lambda: EPOCH + timedelta(milliseconds=case["now"])
        self.rule = dict(case["rule"])
        self.docs = case.get("docs", ())
        loader.load_options(self.rule, config, "case")
        loader.load_modules(self.rule)
        self.rule["ts_to_dt"] = datetime.fromisoformat  # its own tries every way of writing a time, and takes longest
        self.type = self.rule["type"]

    def data(self, documents: list[Any]) -> None:
        """Show the documents of a query, as the client prepares them."""
        from elastalert.elastalert import ElastAlerter

        self.type.add_data(ElastAlerter.process_hits(self.rule, [{"_source": d} for d in documents]))

    def gc(self, at: int) -> None:
        """End a run."""
        self.type.garbage_collect(EPOCH + timedelta(milliseconds=at))

    def aggregate(self, start: int, end: int, size: int) -> None:
        """Show what a server finds in ``(start, end]``, by key and by parts of ``size``."""
        inside = [d for d in self.docs if start < d["at"] <= end]
        keys = self.rule.get("compound_query_key") or [k for k in [self.rule.get("query_key")] if k]
        parts = range(start, end, size) if size else []
        self.type.add_aggregation_data({EPOCH + timedelta(milliseconds=end): self._split(inside, keys, parts, size)})

    def text(self, match: dict[str, Any]) -> None:
        """Write the subject and the rule's own text of a match, without what is shown beside it."""
        from elastalert.alerts import BasicMatchString

        body = BasicMatchString(self.rule, match)
        body.text = ""
        title = self.rule["alert"][0].create_title([match])
        body._add_custom_alert_text()
        self.type.matches.append({"title": title, "text": body.text})

    def taken(self) -> list[Any]:
        """Return the matches since last time, as the client takes them."""
        found, self.type.matches = self.type.matches, []
        return found

    def _split(self, docs: list[Any], keys: list[str], parts: Any, size: int) -> dict[str, Any]:
        if keys:
            groups: dict[str, list[Any]] = defaultdict(list)
            for doc in docs:
                held = doc.get(keys[0])
                for value in dict.fromkeys(held if isinstance(held, list) else [held]):
                    if value is not None:  # a terms aggregation leaves out what has no value
                        groups[value].append(doc)
            buckets = [
                {"key": value, "doc_count": len(found), **self._split(found, keys[1:], parts, size)}
                for value, found in groups.items()
            ]
            return {"bucket_aggs": {"buckets": buckets}}
        if parts:
            return {"interval_aggs": {"buckets": list(self._intervals(docs, parts, size))}}
        return self._measured(docs)

    def _intervals(self, docs: list[Any], parts: Any, size: int) -> Iterator[dict[str, Any]]:
        for begin in parts:
            inside = [d for d in docs if begin < d["at"] <= begin + size]
            if not inside:
                continue
            at = (EPOCH + timedelta(milliseconds=begin + size)).isoformat()
            yield {"key_as_string": at, "doc_count": len(inside), **self._measured(inside)}

    def _measured(self, docs: list[Any]) -> dict[str, Any]:
        if "match_bucket_filter" in self.rule:
            [(field, wanted)] = self.rule["match_bucket_filter"][0]["term"].items()
            chosen = sum(d.get(field) == wanted for d in docs)
            counted = {"match_bucket": {"doc_count": chosen}, "_other_": {"doc_count": len(docs) - chosen}}
            return {"percentage_match_aggs": {"buckets": counted}}
        return {self.type.metric_key: {"value": _metric(self.rule, docs)}}


def _metric(rule: Any, docs: list[Any]) -> float | None:
    held = [d.get(rule["metric_agg_key"]) for d in docs]
    values = [v for h in held for v in (h if isinstance(h, list) else [h]) if v is not None]
    match rule["metric_agg_type"]:
        case "cardinality":
            return len(set(values))
        case "value_count":
            return len(values)
        case "sum":
            return float(sum(values))
    found = {"min": min, "max": max, "avg": lambda v: sum(v) / len(v)}[rule["metric_agg_type"]]
    return float(found(values)) if values else None


class _Terms:
    """A client that knows the terms of a case's documents, for the one request that new_term makes."""

    def __init__(self, case: dict[str, Any]) -> None:
        self._docs = case.get("docs", ())

    def search(self, body: Any, **_options: Any) -> dict[str, Any]:
        """Answer with terms, in terms for composite fields."""
        filtered = body["aggs"]["filtered"]
        [bounds] = filtered["filter"]["bool"]["must"][0]["range"].values()
        first, last = (_millis(bounds[name]) for name in ("gte", "lt"))
        docs = [d for d in self._docs if first <= d["at"] < last]
        return {"aggregations": {"filtered": _terms(docs, filtered["aggs"])}}


def _terms(docs: list[Any], aggs: Any) -> dict[str, Any]:
    values = aggs["values"]
    field = values["terms"]["field"].removesuffix(".keyword")
    groups: dict[Any, list[Any]] = defaultdict(list)
    for doc in docs:
        if doc.get(field) is not None:
            groups[doc[field]].append(doc)
    inner = values.get("aggs")
    buckets = [{"key": k, "doc_count": len(f), **(_terms(f, inner) if inner else {})} for k, f in groups.items()]
    return {"values": {"buckets": buckets}}


def _millis(text: str) -> int:
    return round((datetime.fromisoformat(text.replace("Z", "+00:00")) - EPOCH) / timedelta(milliseconds=1))


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return round((value - EPOCH) / timedelta(milliseconds=1))
    return str(value)


if __name__ == "__main__":
    main()
