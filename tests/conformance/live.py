"""A live server's answers in the form in which answers are recorded."""

from __future__ import annotations

import base64
import json
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping, Sequence
from typing import Any

from alerter.query.kql import kql_to_dsl

Json = Any
DROPPED = {"_score", "max_score", "_index", "_type", "meta", "ignored_field_values"}
BATCH = 50


class Server:
    """An Elasticsearch at a URL (``http://user:password@host:9200`` where it asks for one)."""

    def __init__(self, url: str) -> None:
        parts = urllib.parse.urlsplit(url)
        self.headers = {"Content-Type": "application/x-ndjson"}
        host = parts.hostname if parts.port is None else f"{parts.hostname}:{parts.port}"
        if parts.username is not None:
            pair = f"{urllib.parse.unquote(parts.username)}:{urllib.parse.unquote(parts.password or '')}"
            self.headers["Authorization"] = "Basic " + base64.b64encode(pair.encode()).decode()
        self.url = urllib.parse.urlunsplit((parts.scheme, host, parts.path.rstrip("/"), "", ""))

    def call(self, method: str, path: str, body: str | None = None) -> tuple[int, Json]:
        """Send a request; return status and answer, also of a refusal."""
        kind = "application/x-ndjson" if path.partition("?")[0].endswith(("_bulk", "_msearch")) else "application/json"
        data = None if body is None else body.encode("utf-8", "surrogatepass")
        request = urllib.request.Request(
            f"{self.url}/{path.lstrip('/')}", data, {**self.headers, "Content-Type": kind}, method=method
        )
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=300) as answer:
                return answer.status, json.loads(answer.read() or b"{}")
        except urllib.error.HTTPError as error:
            text = error.read()
            return error.code, json.loads(text) if text.startswith(b"{") else {"error": text.decode(errors="replace")}

    def version(self) -> str:
        """Return the version of the server; raises ValueError when it does not answer as one."""
        status, found = self.call("GET", "_nodes/_local?filter_path=nodes.*.version")
        if status != 200 or not found.get("nodes"):
            raise ValueError(f"{self.url} answers {status}: {json.dumps(found)[:300]}")
        return str(next(iter(found["nodes"].values()))["version"])

    def load(
        self, index: str, lines: Sequence[str], mappings: Mapping[str, Any], shards: int = 1
    ) -> dict[str, dict[str, str]]:
        """Make an index of documents, numbered from 1; return the errors of those it rejected, by number."""
        self.call("DELETE", f"{index}?ignore_unavailable=true")
        settings = {"number_of_shards": shards, "number_of_replicas": 0, "mapping.total_fields.limit": 5000}
        status, answer = self.call("PUT", index, json.dumps({"settings": settings, "mappings": mappings}))
        if status != 200:
            raise ValueError(f"the server refuses the index: {json.dumps(answer)[:500]}")
        rejected: dict[str, dict[str, str]] = {}
        for start in range(0, len(lines), 1000):
            body = "".join(
                f'{{"index": {{"_id": "{number}"}}}}\n{line}\n'
                for number, line in enumerate(lines[start : start + 1000], start + 1)
            )
            status, answer = self.call("POST", f"{index}/_bulk?refresh=true", body)
            if status != 200:
                raise ValueError(f"the server refuses the documents: {json.dumps(answer)[:500]}")
            for item in answer["items"]:
                if "error" in item["index"]:
                    rejected[item["index"]["_id"]] = item["index"]["error"]
        return rejected

    def ask(self, index: str, bodies: Sequence[Json]) -> list[Json]:
        """Answer searches; what a server says of a request it cannot read, it says of all that come with it."""
        if len(bodies) == 1:
            return [self.call("POST", f"{index}/_search", json.dumps(bodies[0]))[1]]
        if len(bodies) <= BATCH:
            lines = "".join(f"{{}}\n{json.dumps(body)}\n" for body in bodies)
            status, found = self.call("POST", f"{index}/_msearch", lines) if bodies else (200, {"responses": []})
            if status == 200:
                return list(found["responses"])
        half = len(bodies) // 2
        return self.ask(index, bodies[:half]) + self.ask(index, bodies[half:])


def translated(node: Json) -> Json:
    """Put the translation of each KQL expression in its place, since servers here have no KQL."""
    if isinstance(node, dict):
        if set(node) == {"kql"}:
            text = node["kql"]
            return kql_to_dsl(text["query"] if isinstance(text, dict) else text)
        return {key: translated(value) for key, value in node.items()}
    return [translated(each) for each in node] if isinstance(node, list) else node


def simplify(answer: Json) -> Json:
    """Return what is compared: identifiers in order, total, sort values, fields, aggregations; or the error."""
    if "error" in answer:
        error = answer["error"]
        cause = (error.get("root_cause") or [error])[0] if isinstance(error, dict) else {"reason": error}
        return {"error": {"status": answer.get("status"), "type": cause.get("type"), "reason": cause.get("reason")}}
    hits = answer["hits"]
    out: dict[str, Json] = {"total": hits["total"]} if "total" in hits else {}
    out["ids"] = [hit["_id"] for hit in hits["hits"]]
    for part in ("sort", "fields", "_source", "_ignored"):
        if any(part in hit for hit in hits["hits"]):
            out[part] = [hit.get(part) for hit in hits["hits"]]
    if "aggregations" in answer:
        out["aggregations"] = _stripped(answer["aggregations"])
    return out


def _stripped(node: Json) -> Json:
    if isinstance(node, dict):
        return {key: _stripped(value) for key, value in node.items() if key not in DROPPED}
    return [_stripped(each) for each in node] if isinstance(node, list) else node
