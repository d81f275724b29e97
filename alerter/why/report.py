"""An account as text for people and as JSON for programs."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from alerter.clock import Millis
from alerter.model.incident import Match
from alerter.notifiers.text import one_line, safe_line
from alerter.plurals import many
from alerter.state.records import key_text
from alerter.timetext import iso
from alerter.why.account import Account, Paragraph
from alerter.why.timeline import Entry
from alerter.why.words import when

LONGEST_LIST = 60
"""Lines of a timeline that the text form shows: the first and the last ones."""


def as_text(account: Account) -> str:
    """Return the verdict, then the paragraphs; what an event or a person wrote cannot shape a line."""
    return "\n".join(map(safe_line, _lines(account)))


def _lines(account: Account) -> Iterator[str]:
    asked, now = account.asked, account.now
    yield account.verdict
    key = f" [{', '.join(f'{name}={value}' for name, value in asked.key.items())}]" if asked.key else ""
    yield ""
    yield f"{asked.rule}{key}, {when(asked.start, now)} to {when(asked.end, now)}, times in UTC"
    for fact in account.facts:
        if not account.verdict.endswith(fact.text):  # said already
            yield f"  {fact.text}"
    counted = account.counted
    if counted is not None and counted.matches:
        times = many(len(counted.matches), "time")
        yield f"  counted now, it matches {times}, first at {when(counted.matches[0].at, now)}"
    yield from _timeline(account.timeline, now)
    for paragraph in account.paragraphs:
        yield from _paragraph(paragraph, now, alone=len(account.paragraphs) == 1)


def _paragraph(paragraph: Paragraph, now: Millis, *, alone: bool) -> Iterator[str]:
    incident = paragraph.incident
    key = f" [{key_text(incident.key)}]" if incident.key else ""
    matches = f"{many(incident.matches, 'match', 'matches')} announced, {incident.suppressed:,} suppressed"
    matches += f", peak {incident.peak:g}{' events' if incident.judges_values else ''}"
    yield ""
    yield f"incident {incident.id}{key} opened {when(incident.opened, now)}: {matches}"
    if not alone:
        yield f"  {paragraph.verdict}"
    yield from _timeline(paragraph.timeline, now)


def _timeline(entries: Sequence[Entry], now: Millis) -> Iterator[str]:
    half = LONGEST_LIST // 2
    short = len(entries) <= LONGEST_LIST
    for entry in entries if short else entries[:half]:
        yield _line(entry, now)
    if not short:
        yield f"  ... {len(entries) - 2 * half:,} more; --format json shows all"
        for entry in entries[-half:]:
            yield _line(entry, now)


def _line(entry: Entry, now: Millis) -> str:
    times = f" (x{entry.number:,}" if entry.number > 1 and entry.outcome != "edits" else ""
    times += f", last {when(entry.last, now)})" if times and entry.last is not None else ")" if times else ""
    return f"  {when(entry.at, now)}  {entry.text}{times}"


def as_json(account: Account) -> str:
    """Return the account as one line of JSON; times in ISO 8601."""
    asked, counted = account.asked, account.counted
    document = {
        "rule": asked.rule,
        "key": dict(asked.key) or None,
        "start": iso(asked.start),
        "end": iso(asked.end),
        "told": account.told,
        "verdict": one_line(account.verdict),
        "facts": [{"code": f.code, "text": one_line(f.text), "decides": f.decides} for f in account.facts],
        "counted_now": None
        if counted is None
        else {
            "end": _instant(counted.end),
            "matches": len(counted.matches),
            "text": one_line(counted.text),
            "nearest": _match(counted.matches[0] if counted.matches else counted.nearest),
        },
        "timeline": [_entry(entry) for entry in account.timeline],
        "totals": {
            "incidents": account.totals.incidents,
            "told": account.totals.told,
            "not_told": account.totals.untold,
            "shown": len(account.paragraphs),
        },
        "incidents": [_incident(paragraph) for paragraph in account.paragraphs],
    }
    return json.dumps(document, ensure_ascii=False)


def _match(match: Match | None) -> dict[str, Any] | None:
    if match is None:
        return None
    return {"at": iso(match.at), "key": None if match.key is None else dict(match.key), "count": match.count}


def _incident(paragraph: Paragraph) -> dict[str, Any]:
    incident = paragraph.incident
    return {
        "id": incident.id,
        "key": None if incident.key is None else dict(incident.key),
        "opened": iso(incident.opened),
        "resolved": _instant(incident.resolved),
        "told": paragraph.told,
        "verdict": one_line(paragraph.verdict),
        "receivers": [
            {"receiver": h.receiver, "channel": h.channel, "told": _instant(h.told), "why": one_line(h.why)}
            for h in paragraph.heard
        ],
        "timeline": [_entry(entry) for entry in paragraph.timeline],
    }


def _entry(entry: Entry) -> dict[str, Any]:
    return {
        "at": iso(entry.at),
        "outcome": entry.outcome,
        "reason": entry.reason,
        "text": one_line(entry.text),
        "receiver": entry.receiver or None,
        "route": entry.route or None,
        "until": _instant(entry.until),
        "count": entry.number,
        "last": _instant(entry.last),
        "origin": entry.origin,
    }


def _instant(at: Millis | None) -> str | None:
    return None if at is None else iso(at)
