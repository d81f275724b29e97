"""The least a program could do while asking once a minute: the same searches, with the same client, answers unread.

No state, no delivery, no YAML library. Per rule and instant t, with timeframe T, run interval R and steps of 10 s:
frequency a date histogram over ``(t-T-R, t]``; by key a terms aggregation over the same; spike a histogram over
``(t-2T, t]``; flatline over ``(t-T, t]``; blacklist the listed values over ``(t-R, t]``. With ``slice`` every question
is over ``(t-R, t]`` alone, as of an engine that keeps the older buckets. 100 searches a request, the request cache off.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from elasticsearch import Elasticsearch

from benchmarks.generate import MINUTE, read_rules, stamp
from benchmarks.measure import play

PER_REQUEST = 100
STEP = "10s"


def question(rule: Mapping[str, Any], at: int, *, newest: bool) -> dict[str, Any]:
    """Return the search of one rule at an instant; ``newest`` asks for the last run interval only."""
    length = int(rule.get("timeframe", {}).get("minutes", 0)) * MINUTE
    field = rule["timestamp_field"]
    filters = [part.get("query", part) for part in rule["filter"]]
    histogram = {"h": {"date_histogram": {"field": field, "fixed_interval": STEP, "min_doc_count": 1}}}
    aggregation: dict[str, Any] = histogram
    back = {"frequency": length + MINUTE, "spike": 2 * length, "flatline": length}.get(rule["type"], MINUTE)
    if "query_key" in rule:
        least = 1 if newest else rule["num_events"]
        aggregation = {"k": {"terms": {"field": rule["query_key"], "size": 50, "min_doc_count": least}}}
    elif rule["type"] == "blacklist":
        filters = [*filters, {"terms": {rule["compare_key"]: rule["blacklist"]}}]
        aggregation = {"k": {"terms": {"field": rule["compare_key"], "size": 50}}}
    span = {"range": {field: {"gt": stamp(at - (MINUTE if newest else back)), "lte": stamp(at)}}}
    query = {"bool": {"filter": [span, *filters]}}
    return {"size": 0, "track_total_hits": False, "query": query, "aggs": aggregation}


def main() -> None:
    """Play the spec named on the command line."""
    spec: dict[str, Any] = json.loads(Path(sys.argv[1]).read_text())
    client = Elasticsearch(spec["url"], request_timeout=120)
    rules = read_rules(Path(spec["rules"]))
    failed = 0

    def step(at: int) -> None:
        nonlocal failed
        for first in range(0, len(rules), PER_REQUEST):
            searches: list[dict[str, Any]] = []
            for rule in rules[first : first + PER_REQUEST]:
                searches.append({"index": rule["index"], "request_cache": False})
                searches.append(question(rule, at, newest=spec["slice"]))
            answers = client.msearch(searches=searches).body["responses"]
            failed += sum("aggregations" not in answer for answer in answers)

    play(spec, step, lambda: {"rules": len(rules), "failed": failed})


if __name__ == "__main__":
    main()
