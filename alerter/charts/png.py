"""A drawing as PNG, by Pillow: the only use of it, and an optional extra."""

from __future__ import annotations

import io

from alerter.charts.drawing import Box, Drawing, Line, Text
from alerter.errors import UsageError
from alerter.notifiers.text import safe_line

SCALE = 2
"""Pixels of the picture for one of the drawing, so that text is sharp on any screen."""
DASH = (5, 4)


def require_pillow() -> None:
    """Raise UsageError without Pillow."""
    try:
        import PIL.Image  # noqa: F401
    except ImportError:
        hint = "pip install 'alerter[plot]', or write .svg or .html, which need nothing"
        raise UsageError("PNG pictures need Pillow, which is not installed", hint) from None


def as_png(drawing: Drawing) -> bytes:
    """Return the picture. Raises UsageError without Pillow."""
    require_pillow()
    from PIL import Image, ImageDraw, ImageFont

    image = Image.new("RGB", (drawing.width * SCALE, drawing.height * SCALE), "#ffffff")
    pen = ImageDraw.Draw(image)
    for shape in drawing.shapes:
        match shape:
            case Line():
                for part in _dashes(shape) if shape.dashed else [shape.points]:
                    points = [(x * SCALE, y * SCALE) for x, y in part]
                    pen.line(points, fill=shape.colour, width=round(shape.width * SCALE), joint="curve")
            case Box():
                x, y = shape.x * SCALE, shape.y * SCALE
                pen.rectangle((x, y, x + shape.width * SCALE, y + shape.height * SCALE), fill=shape.colour)
            case Text():
                font = ImageFont.load_default(shape.size * SCALE)
                anchor = {"start": "ls", "middle": "ms", "end": "rs"}[shape.anchor]
                place = (shape.x * SCALE, shape.y * SCALE)
                pen.text(place, safe_line(shape.text), fill=shape.colour, font=font, anchor=anchor)
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


def _dashes(line: Line) -> list[tuple[tuple[float, float], ...]]:
    """Return the dashes of a level line; limits are level."""
    (x, y), (end, _) = line.points[0], line.points[-1]
    found: list[tuple[tuple[float, float], ...]] = []
    while x < end:
        found.append(((x, y), (min(x + DASH[0], end), y)))
        x += sum(DASH)
    return found
