"""A drawing as SVG text: no script, nothing loaded from elsewhere."""

from __future__ import annotations

from xml.sax.saxutils import escape

from alerter.charts.drawing import Box, Drawing, Line, Shape, Text
from alerter.notifiers.text import safe_line

DASH = ' stroke-dasharray="5 4"'


def as_svg(drawing: Drawing) -> str:
    """Return the picture; what an event holds is escaped."""
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {drawing.width} {drawing.height}" '
        f'width="{drawing.width}" height="{drawing.height}" font-family="system-ui, sans-serif">'
    )
    ground = f'<rect width="{drawing.width}" height="{drawing.height}" fill="#ffffff"/>'
    return "\n".join([head, ground, *map(_shape, drawing.shapes), "</svg>", ""])


def _shape(shape: Shape) -> str:
    match shape:
        case Line():
            points = " ".join(f"{x:g},{y:g}" for x, y in shape.points)
            style = f'fill="none" stroke="{shape.colour}" stroke-width="{shape.width:g}"'
            return f'<polyline points="{points}" {style}{DASH if shape.dashed else ""}/>'
        case Box():
            place = f'x="{shape.x:g}" y="{shape.y:g}" width="{shape.width:g}" height="{shape.height:g}"'
            return f'<rect {place} fill="{shape.colour}"/>'
        case Text():
            place = f'x="{shape.x:g}" y="{shape.y:g}" font-size="{shape.size}" text-anchor="{shape.anchor}"'
            return f'<text {place} fill="{shape.colour}">{escape(safe_line(shape.text))}</text>'
