"""Pure: what a group's message shows: a line for each member, and totals that add up."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import accumulate, islice

from alerter.engine.tables import drawn
from alerter.model.incident import Incident, Kind, Roll, Row, View
from alerter.model.texts import Counts
from alerter.notifiers.text import clock_text, headline, one_line
from alerter.plurals import many
from alerter.timetext import length_text

SEVERITIES = ("info", "warning", "critical")
MOST_ROWS = 10
"""Members named one by one; the rest is summed."""
MOST_SUMS = 1_000
"""Rows of a table that are kept; a message shows fewer."""
LONGEST_ROW = 220
LONGEST_IN_TEXT = 160
"""Of a member's words, before the values of its key are too long for it; all lengths as Slack counts them, escaped."""
LEAST = 40
"""Of what a member's words say before its key."""
MOST_IN_ROWS = 2_400
MOST_IN_TEXT = 2_000
MOST_IN_FIRST = 800
"""Members are named as long as there is room for them."""
_SIZES = {"&": 5, "<": 4, ">": 4, "`": 2, "*": 2, "_": 2, "~": 2}
_TAGS = re.compile(r"(?:\[[A-Z]+\] ){2}")


def line(text: str) -> str:
    """Return an incident's message as the words of a row: without its state and severity, which the row says."""
    tags = _TAGS.match(text)
    return text[tags.end() :] if tags else text


def gathered_view(document: Incident, members: Mapping[str, Incident]) -> Incident:
    """Return a group's document with what its message shows: rows, or all that its only member shows."""
    roll = document.roll
    assert roll is not None
    only = members.get(roll.rows[0].incident) if roll.total == 1 and roll.rows else None
    if only is not None:
        return replace(
            document, view=only.view, key=only.key, labels={**only.labels, "severity": document.severity},
            count=only.count, peak=only.peak, matches=only.matches, opened=only.opened, of_values=only.judges_values,
        )  # fmt: skip
    table = _table(roll)
    summary = "" if table and roll.group.table_only else "\n".join(_lines(document))
    view = View(title=_title(document), sentence=_numbers(document), summary=summary, table=table)
    key = tuple((name, value or None) for name, value in roll.group.labels)
    labels = dict(roll.group.labels) | {"severity": document.severity}
    return replace(document, view=view, key=key, labels=labels, count=0, peak=0, of_values=False)


def first_text(document: Incident) -> str:
    """Return the plain text of a group's first message: how many, of what, each by its words."""
    roll = document.roll
    assert roll is not None
    head = f"{_tags(Kind.FIRING, document.severity)} {headline(document)}: "
    now = f". Now {_numbers(document)}" if roll.firing < roll.total else ""
    return head + _listed(roll.rows, document.severity, roll.total, MOST_IN_FIRST - _size(head)) + now


def later_text(document: Incident, rows: Sequence[Row], kind: Kind, *, known: bool) -> str:
    """Return the line that tells of members, all of them ``known`` before or not, and how the group stands.

    Its severity is theirs.
    """
    worst = worst_of(rows)
    what = f"{len(rows):,} {'again' if known else 'more'}: {_listed(rows, worst, len(rows), MOST_IN_TEXT)}"
    return f"{_tags(kind, worst)} {what}. Now {_numbers(document)}"


def over_text(document: Incident) -> str:
    """Return the line that says that all is over."""
    resolved = document.resolved if document.resolved is not None else document.updated
    lasted = length_text(max(resolved - document.opened, 0)) or "less than a second"
    started = f"Started {clock_text(document.opened)}."
    return f"{_tags(Kind.RESOLVED, document.severity)} {headline(document)}: all over. Lasted {lasted}. {started}"


def _tags(kind: Kind, severity: str) -> str:
    return f"[{kind.upper()}] [{severity.upper()}]"


def _title(document: Incident) -> str:
    """Return how many incidents of what the group has in common: ``3 incidents, rule refunds``; the domain is apart."""
    roll = document.roll
    assert roll is not None
    common = [
        f"{one_line(name)} {_cut(one_line(value), 80)}"
        for name, value in roll.group.labels
        if value and name != "domain"
    ]
    return ", ".join([many(roll.total, "incident"), *common])


def _numbers(document: Incident) -> str:
    roll = document.roll
    assert roll is not None
    return f"{roll.firing:,} firing, {roll.total - roll.firing:,} over"


def _lines(document: Incident) -> list[str]:
    """Return the rows that are shown; the rest is summed."""
    roll = document.roll
    assert roll is not None
    rows = _ordered(roll.rows)
    lines = (f"• {'over' if row.over else row.severity}: {_words(row, LONGEST_ROW)}" for row in rows[:MOST_ROWS])
    shown = _fitting(lines, MOST_IN_ROWS)
    rest = roll.total - len(shown)
    firing = roll.firing - sum(not row.over for row in rows[: len(shown)])
    return [*shown, f"• and {rest:,} more: {firing:,} firing, {rest - firing:,} over"] if rest else shown


def _ordered(rows: Sequence[Row]) -> list[Row]:
    """Return rows by what is to be seen first: what fires, the worst first, then what is over, the newest first.

    Of more than are shown those that fire are the newest; they are listed in the order in which they came up.
    """
    firing = [(-rank(row.severity), number) for number, row in enumerate(rows) if not row.over]
    newest = sorted(firing, key=lambda place: (place[0], -place[1]))
    first = [*sorted(newest[:MOST_ROWS]), *newest[MOST_ROWS:]]
    return [*(rows[number] for _, number in first), *(row for row in reversed(rows) if row.over)]


def summed(before: Counts, rows: Sequence[Row]) -> Counts:
    """Return the tables of members summed, the most frequent row first; a row that several have is one.

    The rarest of very many are one.
    """
    sums = Counter(dict(before))
    for row in rows:
        sums.update(dict(row.counts))
    rest = sums.most_common()[MOST_SUMS:]
    for cells, _ in rest:
        del sums[cells]
    if rest:
        sums["others", *("" for _ in rest[0][0][1:])] += sum(count for _, count in rest)
    return tuple(sums.most_common())


def _table(roll: Roll) -> str:
    """Return the tables of all members summed."""
    table, sums = roll.group.table, summed(roll.tally, roll.rows)
    return drawn(table, sums) if table is not None and sums else ""


def _listed(rows: Sequence[Row], severity: str, total: int, room: int) -> str:
    """Return members by their words; what is over, or of another severity than the text, says so."""
    marks = ("over: " if r.over else "" if r.severity == severity else f"{r.severity}: " for r in _ordered(rows))
    texts = (mark + _words(row, LONGEST_IN_TEXT).rstrip(".") for mark, row in zip(marks, _ordered(rows), strict=True))
    shown = _fitting(islice(texts, MOST_ROWS), room)
    rest = total - len(shown)
    return "; ".join([*shown, *([f"and {rest:,} more"] if rest else [])])


def _fitting(texts: Iterable[str], room: int) -> list[str]:
    """Return the first of the texts that there is room for, one at least."""
    found: list[str] = []
    for text in texts:
        room -= _size(text) + 2
        if found and room < 0:
            break
        found.append(text)
    return found


def _words(row: Row, length: int) -> str:
    """Return the words of a member, cut before its key: every message shows each value of it."""
    at = row.words.rfind(f", {row.key}.") if row.key and _size(row.words) > length else -1
    if at < 0:
        return _cut(row.words, length)
    key = row.words[at:]
    return _cut(row.words[:at], max(length - _size(key), LEAST)) + key


def _size(text: str) -> int:
    """Return the length of a text as Slack counts it."""
    return sum(_SIZES.get(character, 1 if character < "\U00010000" else 2) for character in text)


def worst_of(rows: Sequence[Row]) -> str:
    """Return the worst severity of members."""
    return max((row.severity for row in rows), key=rank, default="info")


def rank(severity: str) -> int:
    """Return how bad a severity is, one that nobody knows like a warning."""
    return SEVERITIES.index(severity) if severity in SEVERITIES else 1


def _cut(text: str, length: int) -> str:
    if _size(text) <= length:
        return text
    sizes = accumulate(map(_size, text))
    return text[: sum(1 for size in sizes if size <= length - 3)].rstrip() + "..."
