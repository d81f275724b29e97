"""The real Elasticsearch that everything runs against: found or started by ``tests.servers``, and its indices."""

from __future__ import annotations

import http.client
import json
import os
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.generate import MAPPING
from benchmarks.measure import pid_of_port
from tests.servers import elastic

BATCH = 4_000
MINE = f"bench-{os.getpid()}"
"""Begins the name of every index of this run, so that two runs at once do not meet."""


@dataclass(frozen=True)
class Server:
    """One node on this machine; ``pid`` is its process."""

    port: int
    pid: int
    version: str

    @property
    def url(self) -> str:
        """Return its address."""
        return f"http://127.0.0.1:{self.port}"

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """Send one request and return the decoded answer; raises RuntimeError for an error status (404 gives {})."""
        text = body if isinstance(body, str) else None if body is None else json.dumps(body)
        kind = "application/x-ndjson" if isinstance(body, str) else "application/json"
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=300)
        try:
            connection.request(method, f"/{path}", text, {"Content-Type": kind} if text else {})
            answer = connection.getresponse()
            raw = answer.read()
        finally:
            connection.close()
        if answer.status == 404:
            return {}
        if answer.status >= 400:
            raise RuntimeError(f"{method} /{path}: {answer.status}: {raw[:500].decode(errors='replace')}")
        return json.loads(raw) if raw else {}

    def load(self, index: str, events: Iterable[Mapping[str, Any]]) -> int:
        """Create the index afresh (one shard, no replica), load the events, return their number."""
        self.drop(index)
        settings = {"number_of_shards": 1, "number_of_replicas": 0, "refresh_interval": "-1"}
        self.ask("PUT", index, {"settings": settings, "mappings": {"properties": MAPPING}})
        number = 0
        lines: list[str] = []
        for number, event in enumerate(events, 1):  # noqa: B007 - the last number is the count
            lines.append('{"index":{}}\n' + json.dumps(event, separators=(",", ":")) + "\n")
            if len(lines) == BATCH:
                self._bulk(index, lines)
                lines = []
        self._bulk(index, lines)
        self.ask("PUT", f"{index}/_settings", {"index": {"refresh_interval": "30s"}})
        self.ask("POST", f"{index}/_refresh")
        return number

    def _bulk(self, index: str, lines: list[str]) -> None:
        if lines and self.ask("POST", f"{index}/_bulk?filter_path=errors", "".join(lines)).get("errors"):
            raise RuntimeError(f"{index}: not every event was taken")

    def settle(self, index: str) -> None:
        """Wait (two minutes at most) until merges are over; empty the caches: no run profits from another."""
        for _ in range(240):
            merges = self.ask("GET", f"{index}/_stats/merge?filter_path=_all.total.merges.current")
            if not merges["_all"]["total"]["merges"]["current"]:
                break
            time.sleep(0.5)
        self.ask("POST", f"{index}/_cache/clear?ignore_unavailable=true")

    def drop(self, prefix: str) -> None:
        """Delete every index whose name begins with the prefix."""
        found = self.ask("GET", f"{prefix}*?filter_path=*.aliases&expand_wildcards=all")
        if found:
            self.ask("DELETE", ",".join(found))

    def sweep(self) -> None:
        """Delete what runs left behind whose process is gone."""
        for name in self.ask("GET", "bench-*?filter_path=*.aliases&expand_wildcards=all"):
            owner = name.split("-")[1]
            if owner.isdigit() and not Path("/proc", owner).exists():
                self.ask("DELETE", name)

    def documents(self, index: str) -> Iterator[Mapping[str, Any]]:
        """Yield the sources of all documents of an index."""
        self.ask("POST", f"{index}/_refresh?ignore_unavailable=true")
        opened = self.ask("POST", f"{index}/_pit?keep_alive=2m&filter_path=id")
        body: dict[str, Any] = {"size": 5000, "pit": opened, "sort": ["_shard_doc"]}
        while opened:
            hits = self.ask("POST", "_search", body)["hits"]["hits"]
            if not hits:
                self.ask("DELETE", "_pit", {"id": opened["id"]})
                return
            yield from (hit["_source"] for hit in hits)
            body["search_after"] = hits[-1]["sort"]


def find() -> Server:
    """Return Elasticsearch 8.19.9, started when it does not run; raises Missing when it cannot be had."""
    node = elastic.start(elastic.NODES["es8"])
    port = int(node.url.rpartition(":")[2])
    return Server(port, pid_of_port(port), node.version)
