"""Messages drawn in the terminal as Slack would show them, under their channel."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator

from alerter.clock import Millis
from alerter.model.incident import Delivery, Incident, Kind, Reason
from alerter.notifiers.oneway import OneWay
from alerter.notifiers.protocol import Outgoing, Posted
from alerter.notifiers.text import headline, key_words, one_line, safe_line, top_line
from alerter.timetext import iso

Write = Callable[[str], None]
MARKS = {Kind.FIRING: "!", Kind.REPEAT: "+", Kind.RESOLVED: "v", Kind.DIGEST: "=", Kind.INFO: "i"}
COLOURS = {Kind.FIRING: "31", Kind.REPEAT: "33", Kind.RESOLVED: "32", Kind.DIGEST: "36", Kind.INFO: "36"}
SAMPLE = 160
MOST_LINES = 40
"""Lines of a rule's own text."""


class ConsoleNotifier(OneWay):
    """Writes each message to stdout; nothing can be edited, so every message is a post of its own."""

    kind = "console"

    def __init__(self, write: Write | None = None, *, colour: bool | None = None) -> None:
        """Write through ``write`` (stdout by default); colour only on a terminal."""
        self._write = write or _stdout
        self._colour = sys.stdout.isatty() if colour is None else colour

    def post(self, message: Outgoing) -> Posted:
        """Draw the message."""
        self._write("\n".join(draw(message, colour=self._colour)))
        return Posted()

    def find(self, message: Outgoing, since: Millis, posted: Posted | None) -> Posted | None:  # noqa: ARG002
        """Return None: writing to a terminal is never unclear."""
        return None

    def check(self) -> list[tuple[str, str]]:
        """Report that the terminal is there."""
        return [("ok", "messages are written to standard output")]


def draw(message: Outgoing, *, colour: bool = False) -> Iterator[str]:
    """Yield the lines of a message: channel and time, headline, numbers, key, sample, links."""
    incident, delivery = message.incident, message.delivery
    view = incident.view
    word = _state_word(delivery)
    channel = delivery.channel if delivery.channel.startswith("#") else f"#{delivery.channel}"
    yield safe_line(f"{channel}  {iso(delivery.at)}  {word} ({delivery.reason})")
    yield _paint(f"  {MARKS[delivery.kind]} {_title(message)}", COLOURS[delivery.kind], colour)
    for line in _body(message):
        yield f"  | {line}"
    if delivery.kind is Kind.FIRING and view.sample and message.plain < 2:
        yield f"  | > {_short(view.sample)}"
    for label, url in (("runbook", view.runbook), ("dashboard", view.dashboard), ("view", view.link)):
        if url and delivery.kind is Kind.FIRING:
            yield f"  | {label}: {_short(url)}"
    if message.note:
        yield f"  | {one_line(message.note)}"


def _title(message: Outgoing) -> str:
    incident = message.incident
    if message.delivery.kind in (Kind.DIGEST, Kind.INFO):
        return one_line(incident.view.title)
    return one_line(f"[{incident.severity.upper()}] {headline(incident)}")


def _body(message: Outgoing) -> Iterator[str]:
    incident, delivery = message.incident, message.delivery
    if delivery.kind in (Kind.RESOLVED, Kind.REPEAT):
        yield one_line(delivery.text)
        return
    if incident.view.sentence:
        yield one_line(incident.view.sentence)
    if delivery.kind is Kind.FIRING:
        yield from _rows(incident) if incident.is_group else _paragraph(incident.view.summary)
    if incident.key:
        yield key_words(incident)
    for name, value in incident.view.fields:
        yield f"{one_line(name)}: {_short(value)}"
    if delivery.kind is Kind.FIRING:
        yield from map(top_line, incident.view.top)
        yield from map(safe_line, incident.view.table.split("\n") if incident.view.table else ())


def _rows(incident: Incident) -> Iterator[str]:
    """Yield the members of a group, whose words are cut where they may be."""
    return map(one_line, incident.view.summary.split("\n") if incident.view.summary else ())


def _paragraph(text: str) -> Iterator[str]:
    """Yield the lines of a text that the rule's author wrote, blank ones left out."""
    lines = [line for line in text.split("\n") if one_line(line)]
    yield from map(_short, lines[:MOST_LINES])
    if len(lines) > MOST_LINES:
        yield f"... ({len(lines) - MOST_LINES:,} more lines)"


def _state_word(delivery: Delivery) -> str:
    if delivery.kind is Kind.FIRING and delivery.reason in (Reason.REOPENED, Reason.LATE_DATA):
        return "firing again"
    return str(delivery.kind)


def _short(text: str) -> str:
    line = one_line(text)
    return line if len(line) <= SAMPLE else f"{line[:SAMPLE]}... ({len(line) - SAMPLE:,} more characters)"


def _paint(text: str, code: str, colour: bool) -> str:
    return f"\033[{code}m{text}\033[0m" if colour else text


def _stdout(text: str) -> None:
    from alerter.cli.output import say

    say(text)
