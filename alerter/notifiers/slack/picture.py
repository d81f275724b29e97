"""A Slack payload drawn in the terminal: blocks, fields side by side, code, context, the coloured bar at the left."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from html import unescape
from typing import Any

from alerter.notifiers.slack.escape import ZERO_WIDTH
from alerter.notifiers.text import safe_line

WIDTH = 76
COLUMN = 36
"""Width of one of two fields that stand side by side."""
EMOJI = {
    "red_circle": "\N{LARGE RED CIRCLE}",
    "large_orange_circle": "\N{LARGE ORANGE CIRCLE}",
    "large_blue_circle": "\N{LARGE BLUE CIRCLE}",
    "white_check_mark": "\N{WHITE HEAVY CHECK MARK}",
}
_ANGLE = re.compile(r"<([^<>|]*)(?:\|([^<>]*))?>")
_BOLD = re.compile(rf"(?<![\w{ZERO_WIDTH}])\*(\S(?:[^*\n]*\S)?)(?<!{ZERO_WIDTH})\*(?!\w)")
_STRUCK = re.compile(rf"(?<![\w{ZERO_WIDTH}])~(\S(?:[^~\n]*\S)?)(?<!{ZERO_WIDTH})~(?!\w)")
_PUT_BY = re.compile(r"\0(\d+)\0")
_EMOJI = re.compile(r":([a-z_]+):")


def draw(payload: Mapping[str, Any]) -> Iterator[str]:
    """Yield the lines of a message, at most ``WIDTH`` and a margin wide; nothing of it moves the cursor."""
    for block in payload.get("blocks", ()):
        yield from (f"| {line}".rstrip() for line in _block(block))
    for attachment in payload.get("attachments", ()):
        for block in attachment["blocks"]:
            yield from (f"|▌ {line}".rstrip() for line in _block(block))
    if not payload.get("blocks"):
        yield from (f"| {line}".rstrip() for line in _text(str(payload.get("text", ""))))


def _block(block: Mapping[str, Any]) -> Iterator[str]:
    if "fields" in block:
        yield from _fields([field["text"] for field in block["fields"]])
    elif block["type"] == "context":
        yield from _text(" · ".join(element["text"] for element in block["elements"]))
    else:
        yield from _text(block["text"]["text"])


def _fields(fields: Sequence[str]) -> Iterator[str]:
    """Yield fields two by two, as Slack lays them out."""
    for at in range(0, len(fields), 2):
        columns = [list(_text(field, COLUMN)) for field in fields[at : at + 2]]
        for n in range(max(map(len, columns))):
            cells = [column[n] if n < len(column) else "" for column in columns]
            yield "  ".join(cell.ljust(COLUMN) for cell in cells).rstrip()


def _text(text: str, width: int = WIDTH) -> Iterator[str]:
    """Yield mrkdwn as plain lines: links by their label and address, code as it stands."""
    code = False
    for line in text.split("\n"):
        if line.strip() == "```":
            code = not code
            continue
        shown = safe_line(unescape((line if code else _plain(line)).replace(ZERO_WIDTH, "")))
        margin = "    " if code else ""
        yield from textwrap.wrap(shown, width, initial_indent=margin, subsequent_indent=margin) or [""]


def _plain(text: str) -> str:
    links: list[str] = []  # as they stand: an address may hold what is a mark elsewhere

    def put_by(found: re.Match[str]) -> str:
        links.append(_angle(found))
        return f"\0{len(links) - 1}\0"

    marked = _STRUCK.sub(r"\1", _BOLD.sub(r"\1", _ANGLE.sub(put_by, text.replace("\0", ""))))
    named = _EMOJI.sub(lambda found: EMOJI.get(found[1], found[0]), marked)
    return _PUT_BY.sub(lambda found: links[int(found[1])], named)


def _angle(found: re.Match[str]) -> str:
    """Return what stands for a link, a date or a mention."""
    target, label = found[1], found[2]
    if target.startswith("!date"):
        return label or ""
    if target.startswith(("!", "@")):
        return "@" + target.removeprefix("!subteam^").lstrip("!@")
    return f"{label} ({target})" if label else target
