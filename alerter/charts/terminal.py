"""A series drawn in the terminal with blocks: the curve, the threshold, the matches below."""

from __future__ import annotations

from collections.abc import Iterator

from alerter.charts.series import Parts, Series
from alerter.charts.ticks import clock_ticks
from alerter.numbers import number_text

WIDTH = 72
"""Columns of a curve."""
HEIGHT = 8
"""Lines of a curve."""
BLOCKS = " ▁▂▃▄▅▆▇█"
RULE = "┄"


def draw(series: Series) -> Iterator[str]:
    """Yield the lines of a chart; what an event holds stands in its first line only."""
    key = ", ".join(f"{name}={value}" for name, value in series.key or ())
    yield f"{series.what}{' of ' + key if key else ''}{_limits(series)}"
    margin = max(len(number_text(n)) for n in (series.top, series.bottom, *series.limits))
    rows = {_row(series, limit): limit for limit in series.limits}
    named = {HEIGHT - 1: series.top, **rows}
    for row in range(HEIGHT - 1, -1, -1):
        number = number_text(named[row]) if row in named else ""
        yield f"{number.rjust(margin)} ┤{_line(series, row, dashed=row in rows)}".rstrip()
    yield f"{number_text(series.bottom).rjust(margin)} ┼{_axis(series)}".rstrip()
    yield f"{' ' * margin}  {clock_ticks(series.start, series.end, len(series.parts))}".rstrip()
    if series.matches:
        yield f"{' ' * margin}  {_marks(series)}".rstrip()


def _limits(series: Series) -> str:
    if series.reference:
        return f" ({RULE} a spike lies {'below' if series.lowest else 'above'} this)"
    if not series.limits:
        return ""
    return f" ({RULE} threshold {', '.join(map(number_text, series.limits))})"


def _row(series: Series, number: float) -> int:
    """Return the line in which a number's bar ends, from below."""
    return min(max(int(series.height(number) * HEIGHT - 1e-9), 0), HEIGHT - 1)


def _line(series: Series, row: int, *, dashed: bool) -> str:
    cells = []
    for n, number in enumerate(series.parts):
        filled = 0.0 if number is None else series.height(number) * HEIGHT - row
        cell = BLOCKS[min(max(int(filled * 8 + 0.5), 0), 8)]
        limit = dashed or (bool(series.reference) and _row(series, series.reference[n]) == row)
        cells.append(RULE if cell == " " and limit else cell)
    return "".join(cells)


def _axis(series: Series) -> str:
    """Return the line at the bottom, with gaps where there is no number."""
    return "".join(" " if number is None else "─" for number in series.parts)


def _marks(series: Series) -> str:
    divided = Parts(series.start, series.end, len(series.parts))
    marked = {divided.of(at) for at in series.matches}
    number = len(series.matches)
    return "".join("▲" if n in marked else " " for n in range(len(series.parts))).rstrip() + (
        f"  {number:,} match{'es' if number > 1 else ''}"
    )
