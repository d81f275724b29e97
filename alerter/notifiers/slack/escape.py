"""Log content is hostile: escape, then cut; lengths counted as Slack counts them, after escaping."""

from __future__ import annotations

import re

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff]|[\ud800-\udfff]")
_ENTITY = re.compile(r"&(?:amp|lt|gt);|.", re.DOTALL)
_MARK = re.compile(r"`|(?<!\w)[*_~]|[*_~](?!\w)")
ZERO_WIDTH = "\u200b"


def units(text: str) -> int:
    """Return the length in UTF-16 units: never less than what Slack counts."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def escape(text: str) -> str:
    """Return the text with ``&``, ``<`` and ``>`` escaped and control characters made visible."""
    clean = _CONTROL.sub("\ufffd", text)
    return clean.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def cut(escaped: str, limit: int) -> str:
    """Cut an escaped text to ``limit`` units, never within an entity or a code point, and say how much is missing."""
    if units(escaped) <= limit:
        return escaped
    reserve = 30
    kept: list[str] = []
    length = 0
    for part in _ENTITY.findall(escaped):
        size = units(part)
        if length + size > limit - reserve:
            break
        kept.append(part)
        length += size
    missing = len(_ENTITY.findall(escaped)) - len(kept)
    return "".join(kept) + f"… ({missing:,} more characters)"


def mrkdwn(text: str, limit: int) -> str:
    """Return hostile text for a mrkdwn object: escaped, formatting marks neutralised, at most ``limit`` units.

    Marks inside words do not format, and stay as they are: people copy names like ``jan_doe`` out of a message.
    """
    return cut(_MARK.sub(rf"{ZERO_WIDTH}\g<0>", escape(text)), limit)


def fenced(text: str, limit: int) -> str:
    """Return hostile text in a code fence; fences inside are broken up."""
    inside = re.sub("`(?=`)", f"`{ZERO_WIDTH}", escape(text.replace("\r", "")))
    return f"```\n{cut(inside, limit - 8)}\n```"


def link(url: str, label: str) -> str:
    """Return a link, or only the label when the URL is none that may be clicked."""
    safe = escape(url.strip()).replace("|", "%7C").replace("`", "%60")
    if not safe.startswith(("http://", "https://")) or any(c.isspace() for c in safe) or units(safe) > 2_500:
        return mrkdwn(label, 200)
    return f"<{safe}|{mrkdwn(label, 200).replace('|', '/')}>"
