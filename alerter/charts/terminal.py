"""A series drawn in the terminal with blocks, or with ASCII: the curve, the threshold, the matches below."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import astuple, dataclass

from alerter.charts.series import Parts, Series
from alerter.charts.ticks import clock_ticks
from alerter.numbers import number_text

WIDTH = 72
"""Columns of a curve where nobody says how wide the terminal is."""
NARROWEST, WIDEST = 24, 200
BESIDE = 16
"""Columns that a curve leaves to the numbers on its left and to the last time below."""
HEIGHT = 8
"""Lines of a curve."""


@dataclass(frozen=True)
class Signs:
    """The characters of a chart: bars by eighths, the threshold, the axes, a match."""

    bars: str
    limit: str
    left: str
    corner: str
    foot: str
    match: str


BLOCKS = Signs(" ▁▂▃▄▅▆▇█", "┄", "┤", "┼", "─", "▲")
ASCII = Signs(" .:-=+*%#", "~", "|", "+", "-", "^")


def signs_for(encoding: str | None) -> Signs:
    """Return what a terminal of this encoding can show."""
    try:
        "".join(astuple(BLOCKS)).encode(encoding or "utf-8")
    except (UnicodeEncodeError, LookupError):
        return ASCII
    return BLOCKS


def width_in(columns: int | None) -> int:
    """Return the columns of a curve in a terminal that has so many; None: there is no terminal."""
    return WIDTH if columns is None else min(max(columns - BESIDE, NARROWEST), WIDEST)


def draw(series: Series, signs: Signs = BLOCKS) -> Iterator[str]:
    """Yield the lines of a chart; what an event holds stands in its first line only."""
    key = ", ".join(f"{name}={value}" for name, value in series.key or ())
    yield f"{series.what}{' of ' + key if key else ''}{_limits(series, signs)}"
    margin = max(len(number_text(n)) for n in (series.top, series.bottom, *series.limits))
    rows = {_row(series, limit): limit for limit in series.limits}
    named = {**rows, HEIGHT - 1: series.top}
    for row in range(HEIGHT - 1, -1, -1):
        number = number_text(named[row]) if row in named else ""
        yield f"{number.rjust(margin)} {signs.left}{_line(series, row, signs, dashed=row in rows)}".rstrip()
    yield f"{number_text(series.bottom).rjust(margin)} {signs.corner}{_axis(series, signs)}".rstrip()
    yield f"{' ' * margin}  {clock_ticks(series.start, series.end, len(series.parts))}".rstrip()
    if series.matches:
        yield f"{' ' * margin}  {_marks(series, signs)}".rstrip()


def _limits(series: Series, signs: Signs) -> str:
    if series.reference:
        return f" ({signs.limit} a spike lies {'below' if series.lowest else 'above'} this)"
    if not series.limits:
        return ""
    return f" ({signs.limit} threshold {', '.join(map(number_text, series.limits))})"


def _row(series: Series, number: float) -> int:
    """Return the line in which a number's bar ends, from below."""
    return min(max(int(series.height(number) * HEIGHT - 1e-9), 0), HEIGHT - 1)


def _line(series: Series, row: int, signs: Signs, *, dashed: bool) -> str:
    cells = []
    for n, number in enumerate(series.parts):
        filled = 0.0 if number is None else series.height(number) * HEIGHT - row
        cell = signs.bars[min(max(int(filled * 8 + 0.5), 0), 8)]
        limit = dashed or (bool(series.reference) and _row(series, series.reference[n]) == row)
        cells.append(signs.limit if cell == " " and limit else cell)
    return "".join(cells)


def _axis(series: Series, signs: Signs) -> str:
    """Return the line at the bottom, with gaps where there is no number."""
    return "".join(" " if number is None else signs.foot for number in series.parts)


def _marks(series: Series, signs: Signs) -> str:
    divided = Parts(series.start, series.end, len(series.parts))
    marked = {divided.of(at) for at in series.matches}
    number = len(series.matches)
    return "".join(signs.match if n in marked else " " for n in range(len(series.parts))).rstrip() + (
        f"  {number:,} match{'es' if number > 1 else ''}"
    )
