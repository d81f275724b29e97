"""What is drawn: a rule's count curve with its threshold, matches and incidents; the settings of a backtest by time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from alerter.charts.drawing import BLUE, FAINT, GREEN, INK, KNOWN, ORANGE, RED, SHADE, Box, Drawing, Line, Text
from alerter.charts.series import Series
from alerter.charts.ticks import ticks
from alerter.clock import Millis
from alerter.numbers import number_text

LEFT, RIGHT = 70, 20
TITLE, PLOT, TIMES = 34, 170, 34
LANE = 22
APART = 12
"""Pixels between two numbers at the axis."""
PARTS = 400
"""Parts of a curve in a picture."""
LONGEST_TITLE = 110

Band = tuple[Millis, Millis]
"""A stretch of time that is shaded: an incident, or a labelled time."""


@dataclass(frozen=True)
class _Scale:
    """Where an instant and a number lie."""

    drawing: Drawing
    start: Millis
    end: Millis
    above: float
    height: float

    def x(self, at: Millis) -> float:
        inside = min(max(at, self.start), self.end) - self.start
        return round(LEFT + (self.drawing.width - LEFT - RIGHT) * inside / max(self.end - self.start, 1), 2)

    def band(self, span: Band, colour: str) -> Box:
        first, last = self.x(span[0]), self.x(span[1])
        return Box(first, self.above, max(last - first, 1.0), self.height, colour)


def add_curve(drawing: Drawing, title: str, series: Series, incidents: Sequence[Band]) -> None:
    """Add a panel: the curve, dashed limits, incidents shaded, a red tick for each match."""
    above = drawing.height + TITLE
    scale = _Scale(drawing, series.start, series.end, above, PLOT)
    key = ", ".join(f"{name}={value}" for name, value in series.key or ())

    def y(number: float) -> float:
        return round(above + PLOT * (1 - series.height(number)), 2)

    def level(number: float, colour: str, width: float, *, dashed: bool = False) -> Line:
        return Line(((LEFT, y(number)), (drawing.width - RIGHT, y(number))), colour, width, dashed=dashed)

    drawing.add(
        _text(LEFT, above - 14, f"{title}{' of ' + key if key else ''}: {series.what}", 14),
        *(scale.band(span, SHADE) for span in incidents),
        level(0, INK, 1),
        *(level(limit, RED, 1.2, dashed=True) for limit in series.limits),
    )
    named: list[float] = []
    for number in (series.top, series.bottom, *series.limits, 0.0):
        if all(abs(y(number) - y(other)) >= APART for other in named):
            named.append(number)
            drawing.add(Text(LEFT - 6, y(number) + 4, number_text(number), 11, "end"))
        elif number in series.limits and number not in named:  # no place beside the top: at the right, below its line
            drawing.add(Text(drawing.width - RIGHT - 4, y(number) + 12, number_text(number), 11, "end", RED))
    drawing.add(*_curve(scale, series, [y(number) for number in series.reference], ORANGE))
    drawing.add(*_curve(scale, series, [None if number is None else y(number) for number in series.parts], BLUE))
    foot = above + PLOT
    drawing.add(*(Line(((scale.x(at), foot), (scale.x(at), foot + 7)), RED, 2) for at in series.matches))
    _times(drawing, scale, foot)
    drawing.height = int(foot + TIMES)


def add_lanes(
    drawing: Drawing, title: str, span: Band, lanes: Sequence[tuple[str, Sequence[Band]]], known: Sequence[Band]
) -> None:
    """Add a panel: a lane for each setting with its incidents, labelled times shaded behind all of them."""
    above = drawing.height + TITLE
    height = LANE * len(lanes)
    scale = _Scale(drawing, *span, above, height)
    drawing.add(_text(LEFT, above - 14, title, 14), *(scale.band(one, KNOWN) for one in known))
    for n, (name, bands) in enumerate(lanes):
        y = above + n * LANE
        drawing.add(Line(((LEFT, y + LANE), (drawing.width - RIGHT, y + LANE)), FAINT, 1))
        for band in bands:
            lane = _Scale(drawing, *span, y + LANE - 8, 6)
            drawing.add(lane.band(band, RED))
        drawing.add(_text(LEFT, y + 11, name, 11, GREEN if name.startswith(">") else INK))
    _times(drawing, scale, above + height)
    drawing.height = int(above + height + TIMES)


def _text(x: float, y: float, text: str, size: int, colour: str = INK) -> Text:
    return Text(x, y, text if len(text) <= LONGEST_TITLE else text[: LONGEST_TITLE - 3] + "...", size, colour=colour)


def _curve(scale: _Scale, series: Series, heights: Sequence[float | None], colour: str) -> Iterator[Line]:
    """Yield the steps of a curve, a part's number over all of it, in as many lines as gaps leave."""
    points: list[tuple[float, float]] = []
    for n, y in enumerate([*heights, None]):
        if y is not None:
            first, last = (round(series.start + series.width * edge) for edge in (n, n + 1))
            points += [(scale.x(first), y), (scale.x(last), y)]
        elif points:
            yield Line(tuple(points), colour)
            points = []


def _times(drawing: Drawing, scale: _Scale, foot: float) -> None:
    for at, text in ticks(scale.start, scale.end, 8):
        drawing.add(Line(((scale.x(at), foot), (scale.x(at), foot + 4)), INK, 1))
        drawing.add(Text(scale.x(at), foot + 19, text, 11, "middle"))
    drawing.add(Text(drawing.width - RIGHT, foot + 19, "UTC", 11, "end", FAINT))
