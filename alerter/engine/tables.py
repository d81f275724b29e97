"""Tables of counts as ElastAlert draws them: ascii, markdown, html."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

from alerter.model.texts import Table, TableStyle

MOST_ROWS = 30
"""Rows of a table in a message, unless ``summary_table_max_rows`` names another number."""
MOST_EVER = 100
"""Rows of a table at the most: the message is kept with its incident."""
WIDEST = 60
"""Characters of a cell."""
Row = tuple[tuple[str, ...], int]


def drawn(table: Table, rows: Sequence[Row], *, more: bool = False) -> str:
    """Return the table with its prefix and suffix; what does not fit is summed in a line below.

    ``more``: there are further rows that were not counted.
    """
    limit = MOST_ROWS if table.rows is None else min(table.rows, MOST_EVER)
    shown = [([_line(cell) for cell in cells], f"{count}") for cells, count in rows[:limit]]
    headers = [_line(column.header) for column in table.columns]
    body = _STYLES[table.style]([*headers, "count"], [[*cells, count] for cells, count in shown])
    rest = rows[limit:]
    parts = [table.prefix, "\n".join(body)]
    if rest or more:
        events = sum(count for _, count in rest)
        parts.append(f"{len(rest):,} more rows, {events:,} events" + (", and others not counted" if more else ""))
    return "\n".join(part for part in (*parts, table.suffix) if part)


def _line(text: str) -> str:
    plain = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return plain if len(plain) <= WIDEST else f"{plain[: WIDEST - 3]}..."


def _ascii(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    widths = [max(map(len, column)) for column in zip(headers, *rows, strict=True)]

    def cells(row: Sequence[str], *, middle: bool = False) -> str:
        placed = ((" " * ((w - len(c)) // 2 * middle) + c).ljust(w) for c, w in zip(row, widths, strict=True))
        return f"| {' | '.join(placed)} |"

    rule = "+".join(["", *("-" * (w + 2) for w in widths), ""])
    yield rule
    yield cells(headers, middle=True)
    yield rule.replace("-", "=")
    for row in rows:
        yield cells(row)
        yield rule


def _markdown(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(c.replace('|', '&#124;') for c in headers)} |"
    yield "|-----" * len(headers) + "|"
    yield from (f"| {' | '.join(c.replace('|', '&#124;') for c in row)} |" for row in rows)


def _html(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    yield '<table border="1">'
    yield f"<tr>{''.join(f'<th>{escape(c)}</th>' for c in headers)}</tr>"
    yield from (f"<tr>{''.join(f'<td>{escape(c)}</td>' for c in row)}</tr>" for row in rows)
    yield "</table>"


_STYLES = {TableStyle.ASCII: _ascii, TableStyle.MARKDOWN: _markdown, TableStyle.HTML: _html}
