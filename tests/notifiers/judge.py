"""What Slack refuses, by its documented limits; stricter where they are unpublished."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

LIVE_MENTION = re.compile(r"<[!@#]")


def units(text: str) -> int:
    """Count as JavaScript does."""
    return len(text.encode("utf-16-le")) // 2


def faults(payload: dict[str, Any]) -> list[str]:
    """Return everything Slack would refuse in a message."""
    return list(_faults(payload))


def _faults(payload: dict[str, Any]) -> Iterator[str]:
    if not payload.get("text") or units(payload["text"]) > 4_000:
        yield "text missing or too long"
    attached = [b for a in payload.get("attachments", []) for b in a["blocks"]]
    blocks = [*payload.get("blocks", []), *attached]
    if len(blocks) > 50:
        yield "too many blocks"
    ids = [b["block_id"] for b in blocks]
    if len(ids) != len(set(ids)) or any(len(i) > 255 for i in ids):
        yield "block_id doubled or too long"
    if sum(units(t) for b in blocks for t in texts(b)) > 8_000:
        yield "all blocks together too long"
    for block in blocks:
        yield from _block(block)


def _block(block: dict[str, Any]) -> Iterator[str]:
    most = {"section": 3_000, "context": 3_000}[block["type"]]
    if block["type"] == "section" and not block.get("text") and not block.get("fields"):
        yield "empty section"
    if len(block.get("fields", [])) > 10 or len(block.get("elements", [])) > 10:
        yield "too many parts"
    for text in texts(block):
        limit = 2_000 if "fields" in block else most
        if not 1 <= units(text) <= limit:
            yield f"a text of {units(text)} in {block['type']}"
        if text.count("```") % 2:
            yield "an open fence"


def texts(value: Any) -> Iterator[str]:
    """Yield all texts people see."""
    if isinstance(value, dict):
        for name, inside in value.items():
            if name == "text" and isinstance(inside, str):
                yield inside
            else:
                yield from texts(inside)
    elif isinstance(value, list):
        for inside in value:
            yield from texts(inside)


def mentions(payload: dict[str, Any]) -> list[str]:
    """Return live mentions, dates excepted."""
    return [t for t in texts(payload) if LIVE_MENTION.search(t.replace("<!date^", ""))]
