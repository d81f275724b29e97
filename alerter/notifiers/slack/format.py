"""Pure: an incident and a delivery become Slack's payload; every limit is kept by construction."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from alerter.clock import SECOND, Millis
from alerter.model.incident import Delivery, Incident, Kind, Reason
from alerter.model.texts import Top
from alerter.notifiers.protocol import Outgoing
from alerter.notifiers.slack.escape import cut, escape, fenced, link, mrkdwn, units
from alerter.notifiers.text import clock_text, headline, key_words, standing_text
from alerter.plurals import many
from alerter.timetext import iso, length_text

COLOURS = {"firing": "#a30200", "resolved": "#2eb886"}
EMOJI = {"critical": ":red_circle:", "warning": ":large_orange_circle:", "info": ":large_blue_circle:"}
MOST_FIELDS = 10
MOST_TEXT = 7_800
"""Slack refuses messages somewhere above this many characters over all blocks."""
MOST_SUMMARY = 2_500
"""Characters of the rule's own text."""
TEXT_ONLY = 3
BARS = "▁▂▃▄▅▆▇█"
Options = Mapping[str, Any]
Block = dict[str, Any]


def payload(message: Outgoing, options: Options) -> dict[str, Any]:
    """Return text, blocks and attachments; ``message.plain`` says how much is left out (3: text only).

    What would be longer than Slack takes is left out in the same order.
    """
    for plain in range(message.plain, TEXT_ONLY):
        body = _full(replace(message, plain=plain), options)
        if _length(body) <= MOST_TEXT:
            return body
    return _text_only(message)


def _full(message: Outgoing, options: Options) -> dict[str, Any]:
    incident, delivery = message.incident, message.delivery
    if delivery.kind in (Kind.DIGEST, Kind.INFO):
        blocks = list(_digest(incident))
        context = _context(message, "")
    else:
        blocks = list(_root(message, options))
        context = _context(message, _state_line(incident, delivery, options))
    return _text_only(message) | {
        "blocks": _numbered(blocks, incident),
        "attachments": [{"color": COLOURS[incident.state], "blocks": _numbered(context, incident, "context")}],
    }


def _text_only(message: Outgoing) -> dict[str, Any]:
    incident, edited = message.incident, not message.first
    text = standing_text(incident) if incident.is_group and edited else message.delivery.text
    return {"text": cut(escape(text), 900), "unfurl_links": False, "unfurl_media": False}


def _length(body: Any) -> int:
    """Return the characters of all texts in the blocks."""
    if isinstance(body, Mapping):
        return sum(units(v) if k == "text" and isinstance(v, str) else _length(v) for k, v in body.items())
    return sum(_length(item) for item in body) if isinstance(body, list) else 0


def reply_payload(message: Outgoing, options: Options) -> dict[str, Any]:
    """Return one line for the thread."""
    delivery = message.delivery
    text = mrkdwn(delivery.text, 2_500)
    mention = _mention(message, options) if delivery.raised else ""
    note = f"\n{mrkdwn(message.note, 300)}" if message.note else ""
    return {"text": f"{mention}{text}{note}", "unfurl_links": False, "unfurl_media": False}


def pointer_payload(message: Outgoing, url: str) -> dict[str, Any]:
    """Return what a second copy of a message is edited to; it keeps its metadata and mentions nobody."""
    where = link(url, "the other one") if url else "the other one"
    about = mrkdwn(headline(message.incident), 300)
    text = f"_Sent twice, because Slack gave no answer: see {where}_ ({about})"
    return {"text": text, "blocks": [_section(text)], "attachments": []}


def metadata(message: Outgoing) -> dict[str, Any]:
    """Return what marks a message as ours, so that it can be found again."""
    incident, delivery = message.incident, message.delivery
    found = {"incident": incident.id, "delivery": delivery.id, "kind": str(delivery.kind), "rev": incident.revision}
    return {"event_type": "alerter", "event_payload": found}


# --- the root message --------------------------------------------------------------------------------------------


def _root(message: Outgoing, options: Options) -> Iterator[Block]:
    incident = message.incident
    yield _section(_headline(message, options))
    if incident.view.summary:
        yield _section(_paragraph(incident.view.summary, incident.view.link))
    fields = _first(list(_fields(incident, options)))
    if fields:
        yield {"type": "section", "fields": [{"type": "mrkdwn", "text": text} for text in fields]}
    if incident.view.top and message.plain < 2:
        yield {"type": "section", "fields": [{"type": "mrkdwn", "text": _top(top)} for top in incident.view.top[:10]]}
    if incident.view.table and message.plain < 2:
        yield _section(fenced(incident.view.table, MOST_SUMMARY))
    chart = _chart(incident)
    if chart and message.plain < 1:
        yield chart
    if incident.view.sample and message.plain < 2:
        yield _section(fenced(incident.view.sample, 700))


def _paragraph(text: str, url: str) -> str:
    """Return the rule's own text; the link into Discover stays one, where the text has it."""
    parts = text.split(url) if url else [text]
    room = MOST_SUMMARY - (len(parts) - 1) * units(link(url, "View"))
    if len(parts) == 1 or room < MOST_SUMMARY // 4:
        return mrkdwn(text, MOST_SUMMARY)
    shown = [mrkdwn(part, room // len(parts)) for part in parts]
    return link(url, "View").join(shown)


def _first(fields: list[str]) -> list[str]:
    """Return as many fields as Slack shows, the last one saying how many more there are."""
    if len(fields) <= MOST_FIELDS:
        return fields
    return [*fields[: MOST_FIELDS - 1], _field("More", f"{len(fields) - MOST_FIELDS + 1} more fields")]


def _headline(message: Outgoing, options: Options) -> str:
    incident = message.incident
    over = incident.resolved is not None
    emoji = ":white_check_mark:" if over else EMOJI.get(incident.severity, EMOJI["warning"])
    title = headline(incident)
    shown = link(incident.view.link, title) if incident.view.link else mrkdwn(title, 300)
    severity = mrkdwn(incident.severity, 20)
    first = f"{emoji} *{shown}* ({severity})"
    if over and incident.resolved is not None:
        lasted = length_text(max(incident.resolved - incident.opened, 0)) or "less than a second"
        if incident.is_group:
            return f"{first}\nLasted {lasted}"
        times = many(incident.matches, "match", "matches")
        if incident.judges_values:
            last = f"\nLast match: {mrkdwn(incident.view.sentence, 700)}" if incident.view.sentence else ""
            return f"{first}\nLasted {lasted}, {times}{last}"
        return f"{first}\nLasted {lasted}, peak {_number(incident.peak)}, {times}"
    mention = _mention(message, options) if message.first else ""
    return f"{first}\n{mention}{mrkdwn(incident.view.sentence, 700)}".rstrip()


def _mention(message: Outgoing, options: Options) -> str:
    who = str((options.get("mention") or {}).get(message.incident.severity) or "")
    if not who:
        return ""
    if who in ("here", "channel"):
        return f"<!{who}> "
    return f"<!subteam^{who}> " if who.startswith("S") else f"<@{who}> "


def _fields(incident: Incident, options: Options) -> Iterator[str]:
    for name, value in incident.key or ():
        yield _field(name, "(missing)" if value is None else str(value))
    if incident.view.condition:
        yield _field("Rule", f"{incident.about}: {incident.view.condition}")
    yield f"*Started*\n{_date(incident.opened, options)}"
    if incident.resolved is not None:
        yield f"*Resolved*\n{_date(incident.resolved, options)}"
    elif incident.matches > 1 and not incident.is_group:
        peak = "" if incident.judges_values else f", peak {_number(incident.peak)}"
        yield _field("Seen", f"{incident.matches:,} times{peak}")
    for name, value in incident.view.fields:
        yield _field(name, value)


def _top(top: Top) -> str:
    """Return the most frequent values of a field, the rest summed."""
    rows = [f"{mrkdwn(' '.join(value.split()), 80)}: {count:,}" for value, count in top.rows]
    others = [f"others: {top.others:,}"] if top.others else []
    return cut("\n".join([f"*Most frequent {mrkdwn(top.name, 100)}*", *rows, *others]), 1_000)


def _field(name: str, value: str) -> str:
    return f"*{mrkdwn(name, 100)}*\n{mrkdwn(value, 300)}"


def _date(at: Millis, options: Options) -> str:
    zone = str(options.get("time_zone", "UTC"))
    return f"<!date^{at // SECOND}^{{date_short_pretty}} {{time}}|{escape(iso(at))}> ({clock_text(at, zone)})"


def _chart(incident: Incident) -> Block | None:
    """Return the counts of the last buckets as a line of bars: it survives every client and every edit."""
    values = [value for _, value in incident.view.chart]
    if not values or max(values) <= 0:
        return None
    top = max(values)
    bars = "".join(BARS[min(int(v / top * (len(BARS) - 1) + 0.5), len(BARS) - 1)] for v in values)
    return {"type": "context", "elements": [{"type": "mrkdwn", "text": f"`{bars}` most in one bar: {_number(top)}"}]}


def _state_line(incident: Incident, delivery: Delivery, options: Options) -> str:
    zone = str(options.get("time_zone", "UTC"))
    if incident.resolved is None:
        return "Firing again" if delivery.reason in (Reason.REOPENED, Reason.LATE_DATA) else "Firing"
    if incident.quiet_close and incident.roll is not None:
        return f"~Firing~ → Over, {clock_text(incident.resolved, zone)}"
    if incident.quiet_close:
        return f"~Firing~ → Closed, quiet for 1 h, {clock_text(incident.resolved, zone)}"
    return f"~Firing~ → Resolved, {clock_text(incident.resolved, zone)}"


def _context(message: Outgoing, state: str) -> list[Block]:
    incident = message.incident
    texts = [state, mrkdwn(key_words(incident), 500)] if state else []
    texts += [link(url, name) for name, url in _links(incident)]
    texts += [f"rule {mrkdwn(incident.about, 200)}" if incident.about else "", f"`{incident.id}`"]
    if message.note:
        texts.append(mrkdwn(message.note, 300))
    elements = [{"type": "mrkdwn", "text": text} for text in dict.fromkeys(texts) if text]
    return [{"type": "context", "elements": elements[:10]}]


def _links(incident: Incident) -> Iterator[tuple[str, str]]:
    view = incident.view
    for name, url in (("View", view.link), ("Runbook", view.runbook), ("Dashboard", view.dashboard)):
        if url:
            yield name, url


def _digest(incident: Incident) -> Iterator[Block]:
    yield _section(f"*{mrkdwn(incident.view.title, 500)}*\n{mrkdwn(incident.view.sentence, 1_500)}")
    rows = "\n".join(f"• {mrkdwn(name, 150)}: {mrkdwn(value, 100)}" for name, value in incident.view.fields)
    if rows:
        yield _section(cut(rows, 2_900))


# --- shared ------------------------------------------------------------------------------------------------------


def _section(text: str) -> Block:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text or " "}}


def _numbered(blocks: list[Block], incident: Incident, part: str = "body") -> list[Block]:
    """Give each block an id that is unique in the message and new at every revision, as Slack asks."""
    return [{**b, "block_id": f"{part}-{incident.id}-{incident.revision}-{n}"} for n, b in enumerate(blocks)]


def _number(value: float) -> str:
    return f"{int(value):,}" if float(value).is_integer() else f"{value:,.3g}"
