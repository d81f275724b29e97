"""Names for what an engine does to the outside: each write of its state, each call to Slack."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from alerter.model.incident import Checkpoint, Incident
from alerter.state.codec import loads
from tests.support.fault_proxy import Request

READS = ("_search", "_msearch", "_mget", "_refresh", "_pit", "_field_caps", "_count", "_mapping")


def state_step(request: Request, prefix: str) -> str:
    """Return what a request writes into the state indices of a prefix; "" for reads and for other indices."""
    parts = urlsplit(request.path).path.strip("/").split("/")
    if not parts[0].startswith(f"{prefix}-") or request.verb in ("GET", "HEAD") or parts[-1] in READS:
        return ""
    suffix = parts[0].removeprefix(f"{prefix}-")
    if len(parts) == 1:
        return f"{request.verb} index {suffix}"
    if request.verb == "DELETE":
        return f"delete in {suffix}"
    return f"{suffix}: {'; '.join(sorted(record_step(suffix, source) for source in _sources(request)))}"


def sources(request: Request, prefix: str) -> list[Mapping[str, Any]]:
    """Return the documents a request writes into the state indices of a prefix."""
    return list(_sources(request)) if state_step(request, prefix) and request.verb != "DELETE" else []


def _sources(request: Request) -> Iterator[Mapping[str, Any]]:
    lines = [json.loads(line) for line in request.body.splitlines() if line.strip()]
    if request.path.partition("?")[0].endswith("/_bulk"):
        pending = iter(lines)
        for action in pending:
            if "delete" not in action:
                yield next(pending)
    else:
        yield from lines


def record_step(place: str, source: Mapping[str, Any]) -> str:
    """Return what a record says, without what differs from run to run; ``place`` is its table or index."""
    if "body" not in source:
        return "settings"
    if place == "incidents":
        return _incident(loads(Incident, source["body"]))
    if place == "decisions":
        return str(json.loads(source["body"])["outcome"])
    if place == "checkpoints" or source.get("kind") == "checkpoint":
        return _checkpoint(loads(Checkpoint, source["body"]))
    return str(source.get("kind", place))


def _incident(incident: Incident) -> str:
    told = ", ".join(f"{d.kind} {d.state}" for d in incident.deliveries)
    return f"{incident.rule} {incident.state} [{told}]"


def _checkpoint(checkpoint: Checkpoint) -> str:
    threads = [memory.thread for memory in checkpoint.keys.values() if memory.thread is not None]
    latest = "quiet" if not threads else "open" if any(t.resolved is None for t in threads) else "over"
    return f"checkpoint of {checkpoint.rule}, {latest}, {'held' if checkpoint.owner else 'free'}"


def slack_step(request: Request) -> str:
    """Return what a call does to Slack; "" for reads."""
    if request.method not in ("chat.postMessage", "chat.update", "webhook"):
        return ""
    text = str(request.payload.get("text", ""))
    place = "reply" if request.payload.get("thread_ts") else "root"
    return f"slack: {request.method} {place} {text.partition(']')[0]}]"
