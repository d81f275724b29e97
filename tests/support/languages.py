"""A server with EQL and ES|QL, as their documentation describes them: answers are written, not recorded.

The test servers have neither module. Which events the query itself selects is told by a function of the test; what
alerter adds to it (time, size, order, columns) is carried out here.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Mapping, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

from alerter.timetext import iso

Document = Mapping[str, Any]
TYPES = {"@timestamp": "date", "user": "keyword", "message": "text", "bytes": "long"}


class LanguageServer:
    """Holds documents, each with ``_id``; use as a context manager. ``seen`` are the requests: path and body."""

    def __init__(self, documents: Sequence[Document], selects: Callable[[Document], bool] = lambda _: True) -> None:
        self.documents = list(documents)
        self.selects = selects
        self.most = 10_000
        """The limit of a server for the rows of ES|QL."""
        self.mapped = dict(TYPES)
        """The fields of the mapping; a query may make other columns."""
        self.spoiled: dict[str, Any] = {}
        """What is put into each answer of a language."""
        self.seen: list[tuple[str, Any]] = []
        self.given = 0
        """Events in all answers of a language."""
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def __enter__(self) -> LanguageServer:
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def url(self) -> str:
        """The server's address."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def asked(self, part: str) -> list[Any]:
        """Return the bodies sent to paths with this part."""
        return [body for path, body in self.seen if part in path]

    def answer(self, path: str, body: Any) -> tuple[int, Any]:
        """Return status and body of the answer."""
        self.seen.append((path, body))
        if path.endswith("/_eql/search"):
            return 200, self._eql(body) | self.spoiled
        if path == "/_query":
            return self._esql(body)
        if path.endswith("/_field_caps"):
            return 200, {"fields": {name: {kind: {}} for name, kind in self.mapped.items()}}
        if path == "/_msearch":
            return 200, {"responses": [self._searched() for _ in range(len(body) // 2)]}
        return 404, {"error": {"root_cause": [{"type": "not_here", "reason": path}], "type": "not_here"}, "status": 404}

    def _searched(self) -> dict[str, Any]:
        """Answer a search for the edges of the index."""
        times = [document["@timestamp"] for document in self.documents]
        return {
            "took": 1,
            "timed_out": False,
            "_shards": {"total": 1, "successful": 1, "skipped": 0, "failed": 0},
            "hits": {"total": {"value": len(times), "relation": "eq"}, "hits": []},
            "aggregations": {"first": {"value": min(times)}, "last": {"value": max(times)}},
            "status": 200,
        }

    def _eql(self, body: Any) -> dict[str, Any]:
        found = self._found(body["filter"], body["timestamp_field"])[: body["size"]]
        events = [
            {
                "_index": "logs",
                "_id": document["_id"],
                "_source": {name: value for name, value in document.items() if name != "_id"},
                "fields": {f["field"]: _field(document, f) for f in body["fields"] if f["field"] in document},
            }
            for document in found
        ]
        self.given += len(events)
        hits = {"total": {"value": len(events), "relation": "eq"}, "events": events}
        return {"is_partial": False, "is_running": False, "took": 6, "timed_out": False, "hits": hits}

    def _esql(self, body: Any) -> tuple[int, Any]:
        names = [name for name in TYPES if name != "message"]
        found = [d for d in self._found(body["filter"], "@timestamp") if _is_where(d, body["query"])]
        commands = [line.removeprefix("| ") for line in body["query"].split("\n") if line.startswith("| ")]
        if "STATS n = COUNT(*)" in commands:
            return 200, {"columns": [{"name": "n", "type": "long"}], "values": [[len(found)]], "took": 4}
        for command in commands:
            name, _, rest = command.partition(" ")
            names = re.findall("`([^`]*)`", rest) if name == "KEEP" else names
            found = found[: min(int(rest), self.most)] if name == "LIMIT" else found
        values = [[_column(document, name) for name in names] for document in found]
        self.given += len(values)
        columns = [{"name": name, "type": TYPES[name]} for name in names]
        return 200, {"took": 12, "is_partial": False, "columns": columns, "values": values} | self.spoiled

    def _found(self, query: Any, time: str) -> list[Document]:
        """Return what the query selects within the ranges of the filter, oldest first."""
        bounds = [clause["range"][time] for clause in query["bool"]["filter"] if "range" in clause]
        terms = [term for clause in query["bool"]["filter"] for term in clause.get("term", {}).items()]
        return sorted(
            (
                d
                for d in self.documents
                if self.selects(d)
                and all(b["gte"] <= d[time] < b["lt"] for b in bounds)
                and all(value in _values(d, name) for name, value in terms if name in TYPES)
            ),
            key=lambda d: d[time],
        )


def _values(document: Document, name: str) -> Sequence[Any]:
    held = document.get(name)
    return held if isinstance(held, list) else [held]


def _is_where(document: Document, query: str) -> bool:
    """Carry out the conditions that alerter adds to a query in ES|QL."""
    for name, value in re.findall(r"[(]`([^`]*)` == (\S+) OR MV_COUNT", query):
        held = _values(document, name)
        if len(held) == 1 and held != [json.loads(value)]:
            return False
    return all(document.get(name) is None for name in re.findall("`([^`]*)` IS NULL", query))


def _field(document: Document, asked: Mapping[str, Any]) -> Sequence[Any]:
    values = _values(document, asked["field"])
    return [str(value) for value in values] if asked.get("format") == "epoch_millis" else values


def _column(document: Document, name: str) -> Any:
    """Return a value as ES|QL writes it: dates as text."""
    return iso(document[name]) if TYPES[name].startswith("date") and name in document else document.get(name)


def _handler(server: LanguageServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            text = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            lines = [json.loads(line) for line in text.split(b"\n") if line.strip()] if text else []
            path = urlsplit(self.path).path
            status, answer = server.answer(path, lines if path == "/_msearch" else (lines[0] if lines else None))
            sent = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("X-elastic-product", "Elasticsearch")
            self.send_header("Content-Type", self.headers.get("Accept") or "application/json")
            self.send_header("Content-Length", str(len(sent)))
            self.end_headers()
            self.wfile.write(sent)

        do_GET = do_POST

        def log_message(self, *_: object) -> None:
            return

    return Handler
