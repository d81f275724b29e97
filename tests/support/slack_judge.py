"""Judge a Slack payload offline: slackblocks checks most limits, what it lets pass we check."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import slackblocks

MOST_TEXT = {"chat.update": 4_000}
MOST_TEXT_ELSE = 40_000
MOST_BLOCK_TEXT = 8_000
"""Slack publishes no figure and refuses somewhere above 5,700: the product stays below this one."""
MOST_METADATA = 1_024
MOST_ATTACHMENTS = 100
JUDGED = ("chat.postMessage", "chat.update", "chat.postEphemeral", "webhook")
LIVE = re.compile(r"<(?:!(?:channel|here|everyone|subteam\^[^>]*)|@[UW][^>]*)(?:\|[^>]*)?>")
STRAY = re.compile(r"&(?!amp;|lt;|gt;)|<(?![!@#]|https?://|mailto:)")
Block = Mapping[str, Any]


def judge(method: str, payload: Mapping[str, Any]) -> list[str]:
    """Return what Slack would refuse, or show wrongly, in a message; empty when there is nothing."""
    if method not in JUDGED:
        return []
    blocks = list(payload.get("blocks") or ())
    attached = [block for item in payload.get("attachments") or () for block in item.get("blocks") or ()]
    return [
        *_top(method, payload),
        *_rebuilt(blocks, "/blocks"),
        *_rebuilt(attached, "/attachments"),
        *_own(blocks, attached),
    ]


def live_mentions(payload: Mapping[str, Any]) -> list[str]:
    """Return every mention that would ping people, wherever it stands in the payload."""
    return [found for text in texts(payload) for found in LIVE.findall(text)]


def texts(value: Any) -> Iterator[str]:
    """Yield each string that Slack shows: those under ``text``, ``fallback``, ``title`` and ``alt_text``."""
    if isinstance(value, Mapping):
        for name, item in value.items():
            if isinstance(item, str) and name in ("text", "fallback", "title", "alt_text"):
                yield item
            elif name != "metadata":
                yield from texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from texts(item)


# --- our own checks ----------------------------------------------------------------------------------------------


def _top(method: str, payload: Mapping[str, Any]) -> Iterator[str]:
    text = payload.get("text")
    most = MOST_TEXT.get(method, MOST_TEXT_ELSE)
    if not isinstance(text, str) or not text.strip():
        yield "text is missing: notifications would show nothing [json-pointer:/text]"
    elif len(text.encode()) > most:
        yield f"text is longer than {most} bytes [json-pointer:/text]"
    metadata = payload.get("metadata") or {}
    if metadata and not {"event_type", "event_payload"} <= set(metadata):
        yield "metadata needs event_type and event_payload [json-pointer:/metadata]"
    if len(str(metadata)) > MOST_METADATA:
        yield f"metadata is longer than {MOST_METADATA} [json-pointer:/metadata]"
    if len(payload.get("attachments") or ()) > MOST_ATTACHMENTS:
        yield f"more than {MOST_ATTACHMENTS} attachments [json-pointer:/attachments]"


def _own(blocks: list[Block], attached: list[Block]) -> Iterator[str]:
    everything = [*blocks, *attached]
    ids = Counter(b["block_id"] for b in everything if "block_id" in b)
    yield from (f"block_id {name} stands twice" for name, count in ids.items() if count > 1)
    if sum(1 for b in everything if b.get("type") == "table") > 1:
        yield "more than one table"
    if len(blocks) > 50:
        yield "more than 50 blocks [json-pointer:/blocks]"
    total = sum(_units(text) for block in everything for text in texts(block))
    if total > MOST_BLOCK_TEXT:
        yield f"{total} characters over all blocks, more than {MOST_BLOCK_TEXT}"
    for block in everything:
        yield from _markup(block)
        actions = Counter(e.get("action_id") for e in block.get("elements") or () if e.get("action_id"))
        yield from (f"action_id {name} stands twice in a block" for name, count in actions.items() if count > 1)
        for row in block.get("rows") or ():
            if any(cell.get("text") == "" for cell in row):
                yield "a table has an empty cell"


def _markup(value: Any) -> Iterator[str]:
    """Find text of the kind ``mrkdwn`` in which ``&`` or ``<`` is not escaped, and what is longer in UTF-16 units."""
    if isinstance(value, Mapping):
        text = value.get("text")
        if value.get("type") == "mrkdwn" and isinstance(text, str):
            if STRAY.search(text):
                yield f"not escaped: {STRAY.search(text)}"
            if _units(text) > 3_000:
                yield "text of more than 3,000 UTF-16 units"
        for item in value.values():
            yield from _markup(item)
    elif isinstance(value, list):
        for item in value:
            yield from _markup(item)


def _units(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


# --- rebuilding with slackblocks -----------------------------------------------------------------------------------


def _rebuilt(blocks: list[Block], pointer: str) -> Iterator[str]:
    built = []
    for number, block in enumerate(blocks):
        build = BUILDERS.get(str(block.get("type")))
        if build is None:
            yield f"unknown block type {block.get('type')} [json-pointer:{pointer}/{number}]"
            continue
        try:
            built.append(build(block))
        except (slackblocks.InvalidUsageError, KeyError, TypeError, ValueError) as error:
            yield f"{type(error).__name__}: {error} [json-pointer:{pointer}/{number}]"
    try:
        slackblocks.Message(channel="C1", text="x", blocks=built[:50])
    except (slackblocks.InvalidUsageError, TypeError, ValueError) as error:
        yield f"{error} [json-pointer:{pointer}]"


def _text(value: Mapping[str, Any]) -> slackblocks.Text:
    return slackblocks.Text(value["text"], type_=slackblocks.TextType(value["type"]))


def _section(block: Block) -> slackblocks.Block:
    text, fields, accessory = block.get("text"), block.get("fields"), block.get("accessory")
    return slackblocks.SectionBlock(
        text=_text(text) if text else None,
        fields=[_text(f) for f in fields] if fields else None,
        accessory=_element(accessory) if accessory else None,
        block_id=block.get("block_id"),
    )


def _element(element: Mapping[str, Any]) -> Any:
    kind = element["type"]
    if kind in ("mrkdwn", "plain_text"):
        return _text(element)
    if kind == "image":
        return slackblocks.Image(image_url=element["image_url"], alt_text=element["alt_text"])
    if kind == "button":
        known = {k: element[k] for k in ("action_id", "url", "value", "style") if k in element}
        return slackblocks.Button(_text(element["text"]), **known)
    raise ValueError(f"the judge does not know the element {kind}")


def _image(block: Block) -> slackblocks.Block:
    return slackblocks.ImageBlock(block["image_url"], block["alt_text"], block_id=block.get("block_id"))


def _table(block: Block) -> slackblocks.Block:
    rows: list[Any] = [[slackblocks.RawText(cell["text"]) for cell in row] for row in block["rows"]]
    return slackblocks.TableBlock(rows, block_id=block.get("block_id"))


def _chart(block: Block) -> slackblocks.Block:
    chart = block["chart"]
    kinds: dict[str, Any] = {"line": slackblocks.LineChart, "bar": slackblocks.BarChart, "area": slackblocks.AreaChart}
    points = [
        slackblocks.DataSeries(s["name"], [slackblocks.DataPoint(p["label"], p["value"]) for p in s["data"]])
        for s in chart["series"]
    ]
    axis = chart["axis_config"]
    labels = {k: axis[k] for k in ("x_label", "y_label") if k in axis}
    built = kinds[chart["type"]](points, slackblocks.AxisConfig(axis["categories"], **labels))
    return slackblocks.DataVisualizationBlock(block["title"], built, block_id=block.get("block_id"))


BUILDERS: Mapping[str, Callable[[Block], slackblocks.Block]] = {
    "section": _section,
    "context": lambda b: slackblocks.ContextBlock([_element(e) for e in b["elements"]], block_id=b.get("block_id")),
    "header": lambda b: slackblocks.HeaderBlock(_text(b["text"]), block_id=b.get("block_id")),
    "divider": lambda b: slackblocks.DividerBlock(block_id=b.get("block_id")),
    "actions": lambda b: slackblocks.ActionsBlock([_element(e) for e in b["elements"]], block_id=b.get("block_id")),
    "markdown": lambda b: slackblocks.MarkdownBlock(b["text"], block_id=b.get("block_id")),
    "image": _image,
    "table": _table,
    "data_visualization": _chart,
}
