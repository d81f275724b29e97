"""The plain text of a message: what notifications, screen readers and search show."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from alerter.clock import SECOND, Millis
from alerter.model.incident import Incident, Kind, Reason
from alerter.model.texts import Top
from alerter.timetext import length_text

LONGEST_TEXT = 290
LONGEST_VALUE = 80


def plain_text(incident: Incident, kind: Kind, reason: Reason, at: Millis) -> str:
    """Return one line: state, severity, domain, what, the numbers, every value of the key, since when."""
    if kind is Kind.DIGEST:
        return one_line(f"[DIGEST] {incident.view.title}, {incident.view.sentence}")
    if kind is Kind.INFO:
        return one_line(f"[INFO] {incident.view.title}: {incident.view.sentence}")
    key = key_words(incident)
    tail = f"{', ' + key if key else ''}. {_when(incident, kind, reason, at)}"
    head = f"{_tags(incident, kind, reason)} {headline(incident)}"
    body = f" - {_sentence(incident, kind)}" if _sentence(incident, kind) else ""
    room = max(LONGEST_TEXT - len(tail), 60)
    return _cut(one_line(head + body), room) + tail


def _sentence(incident: Incident, kind: Kind) -> str:
    """Return what matched; at the end only where no peak says how bad it was, as the latest match found it.

    Where a rule's own text stands alone, it is that.
    """
    found = incident.view.sentence or (incident.view.summary if kind is not Kind.RESOLVED else "")
    if kind is not Kind.RESOLVED:
        return found
    return f"last match: {found}" if found and incident.judges_values else ""


def headline(incident: Incident) -> str:
    """Return the domain and the title: ``Order: cancellations jump``."""
    domain = one_line(incident.labels.get("domain", ""))
    title = one_line(incident.view.title or incident.rule)
    return f"{domain.capitalize()}: {title}" if domain else title


def standing_text(incident: Incident) -> str:
    """Return how it stands in one line, whatever is told of it just now: ``[FIRING] [WARNING] 3 incidents: ...``."""
    sentence = one_line(incident.view.sentence)
    return f"[{incident.state.upper()}] [{incident.severity.upper()}] {headline(incident)}: {sentence}"


def key_words(incident: Incident) -> str:
    """Return the key's fields and values: ``user.name x, host y``; a missing value is said."""
    words = []
    for name, value in incident.key or ():
        shown = "(missing)" if value is None else _cut(one_line(str(value)), LONGEST_VALUE)
        words.append(f"{one_line(name)} {shown}")
    return ", ".join(words)


def top_line(top: Top) -> str:
    """Return the most frequent values of a field on one line: ``host.name: web-1 12, web-2 3, others 2``."""
    rows = [f"{_cut(one_line(value), LONGEST_VALUE)} {count:,}" for value, count in top.rows]
    others = [f"others {top.others:,}"] if top.others else []
    return f"{one_line(top.name)}: {', '.join([*rows, *others]) or 'none'}"


def clock_text(at: Millis, zone: str = "UTC") -> str:
    """Return the time of day with its zone: ``14:05 UTC``."""
    local = datetime.fromtimestamp(at / SECOND, UTC).astimezone(ZoneInfo(zone))
    return f"{local:%H:%M} {local.tzname() or zone}"


def one_line(text: str) -> str:
    """Return the text on one line, each run of white space and of what cannot be printed as one space."""
    return " ".join(safe_line(text).split())


def safe_line(text: str) -> str:
    """Return the text with a space for every line break, escape, bidi control or other character without a picture."""
    return text if text.isprintable() else "".join(c if c.isprintable() else " " for c in text)


def _tags(incident: Incident, kind: Kind, reason: Reason) -> str:
    state = "REOPENED" if reason in (Reason.REOPENED, Reason.LATE_DATA) and kind is Kind.FIRING else kind.upper()
    return f"[{state}] [{incident.severity.upper()}]"


def _when(incident: Incident, kind: Kind, reason: Reason, at: Millis) -> str:
    started = f"Started {clock_text(incident.opened)}."
    if kind is Kind.RESOLVED:
        lasted = length_text(max(at - incident.opened, 0)) or "less than a second"
        why = _WHY_OVER.get(reason, "")
        times = "1 match" if incident.matches == 1 else f"{incident.matches:,} matches"
        peak = "" if incident.judges_values else f"peak {_number(incident.peak)}, "
        return f"Lasted {lasted}, {peak}{times}{why}. {started}"
    if kind is Kind.REPEAT:
        times = "once" if incident.matches == 1 else f"{incident.matches:,} times"
        return f"Seen {times} by {clock_text(at)}. {started}"
    return started


_WHY_OVER = {
    Reason.RULE_REMOVED: ", closed because the rule was removed",
    Reason.RULE_CHANGED: ", closed because the rule was changed",
    Reason.KEY_FORGOTTEN: ", closed because the key was not seen any more",
    Reason.LATE_DATA: ", healed by late data",
}


def _number(value: float) -> str:
    return f"{int(value):,}" if float(value).is_integer() else f"{value:,.3g}"


def _cut(text: str, length: int) -> str:
    if len(text) <= length:
        return text
    note = f"... ({len(text) - length:,} more characters)"
    return text[: max(length - len(note), 1)] + note
