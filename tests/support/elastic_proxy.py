"""The fault proxy before Elasticsearch: answers can be rewritten, and single items of a bulk request left out."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from .fault_proxy import FaultProxy, Request
from .faults import Answer

Rewrite = Callable[[Request, Any], Any]
"""From a request and the decoded answer to the answer that is handed back instead."""


class ElasticProxy(FaultProxy):
    """Requests are known by what they do: ``_bulk``, ``_msearch``, ``_search``, ``_doc``, ``_mget``, ``_pit`` ..."""

    def __init__(self, upstream: str) -> None:
        """Begin to forward; no answer is rewritten."""
        self.rewrite: Rewrite | None = None
        self.swallow = -1
        """The item of each bulk request that never reaches the server and is answered with 429; negative: none."""
        super().__init__(upstream)

    def clear(self) -> None:
        """Forget plans and records, and rewrite nothing."""
        super().clear()
        self.rewrite, self.swallow = None, -1

    def describe(self, request: Request) -> Request:
        """Name the request by the last part of its path that begins with an underscore."""
        parts = [part for part in request.path.partition("?")[0].split("/") if part.startswith("_")]
        return replace(request, method=parts[-1] if parts else request.verb)

    def outgoing(self, request: Request) -> Request:
        """Leave one item of a bulk request out."""
        lines = request.body.splitlines(keepends=True)
        if request.method != "_bulk" or not 0 <= self.swallow < len(lines) // 2 or len(lines) < 4:
            return request
        at = 2 * self.swallow
        return replace(request, body=b"".join(lines[:at] + lines[at + 2 :]))

    def incoming(self, request: Request, answer: Answer) -> Answer:
        """Answer for the item that was left out, then rewrite."""
        lines = request.body.count(b"\n")
        if request.method == "_bulk" and 0 <= self.swallow < lines // 2 and lines >= 4:
            found = json.loads(answer.body)
            found["items"].insert(self.swallow, {"index": rejected_item()})
            answer = _with(answer, {**found, "errors": True})
        if self.rewrite is None or not answer.body:
            return answer
        return _with(answer, self.rewrite(request, json.loads(answer.body)))


def rejected_item() -> Mapping[str, Any]:
    """Return the answer to an item that a full queue refused."""
    error = {"type": "es_rejected_execution_exception", "reason": "rejected execution of coordinating operation"}
    return {"_index": "i", "_id": "x", "status": 429, "error": error}


def _with(answer: Answer, body: Any) -> Answer:
    return replace(answer, body=json.dumps(body).encode())
