"""Pure: what a group's message shows: a line for each member, and totals that add up."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

from alerter.engine.tables import drawn
from alerter.model.incident import Incident, Kind, Roll, Row, View
from alerter.notifiers.text import clock_text, headline, one_line
from alerter.plurals import many
from alerter.timetext import length_text

SEVERITIES = ("info", "warning", "critical")
MOST_ROWS = 10
"""Members named one by one; the rest is summed."""
LONGEST_ROW = 220
LONGEST_IN_TEXT = 160
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
    assert document.roll is not None
    return f"{_tags(document, Kind.FIRING)} {headline(document)}: {_listed(document.roll.rows)}"


def later_text(document: Incident, rows: Sequence[Row], kind: Kind, *, known: bool) -> str:
    """Return the line that tells of members, all of them ``known`` before or not, and how the group stands."""
    what = f"{len(rows):,} {'again' if known else 'more'}"
    return f"{_tags(document, kind)} {what}: {_listed(rows)}. Now {_numbers(document)}"


def over_text(document: Incident) -> str:
    """Return the line that says that all is over."""
    resolved = document.resolved if document.resolved is not None else document.updated
    lasted = length_text(max(resolved - document.opened, 0)) or "less than a second"
    started = f"Started {clock_text(document.opened)}."
    return f"{_tags(document, Kind.RESOLVED)} {headline(document)}: all over. Lasted {lasted}. {started}"


def _tags(document: Incident, kind: Kind) -> str:
    return f"[{kind.upper()}] [{document.severity.upper()}]"


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
    """Return the rows that are shown, the newest that fire first; the rest is summed."""
    roll = document.roll
    assert roll is not None
    ordered = [*(r for r in roll.rows if not r.over), *(r for r in reversed(roll.rows) if r.over)]
    shown = [f"• {'over' if r.over else r.severity}: {_cut(r.words, LONGEST_ROW)}" for r in ordered[:MOST_ROWS]]
    firing = sum(not r.over for r in ordered[MOST_ROWS:])
    rest = roll.total - len(shown)
    return [*shown, f"• and {rest:,} more: {firing:,} firing, {rest - firing:,} over"] if rest else shown


def _table(roll: Roll) -> str:
    """Return the tables of all members summed; a row that several have is one."""
    sums: Counter[tuple[str, ...]] = Counter()
    for row in roll.rows:
        sums.update(dict(row.counts))
    table = roll.group.table
    return drawn(table, sums.most_common()) if table is not None and sums else ""


def _listed(rows: Sequence[Row]) -> str:
    shown = [_cut(row.words, LONGEST_IN_TEXT).rstrip(".") for row in rows[:MOST_ROWS]]
    rest = len(rows) - len(shown)
    return "; ".join([*shown, *([f"and {rest:,} more"] if rest else [])])


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[: length - 3]}..."
