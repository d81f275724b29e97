"""Shapes of a picture, the same for SVG and PNG; coordinates are pixels from the upper left corner."""

from __future__ import annotations

from dataclasses import dataclass, field

WIDTH = 960
INK = "#24292f"
FAINT = "#d0d7de"
BLUE = "#0969da"
RED = "#cf222e"
ORANGE = "#bc4c00"
GREEN = "#1a7f37"
SHADE = "#ffd8d3"
KNOWN = "#fff1b8"


@dataclass(frozen=True)
class Line:
    """A line through points; ``dashed`` where it is a limit."""

    points: tuple[tuple[float, float], ...]
    colour: str
    width: float = 1.5
    dashed: bool = False


@dataclass(frozen=True)
class Box:
    """A filled rectangle."""

    x: float
    y: float
    width: float
    height: float
    colour: str


@dataclass(frozen=True)
class Text:
    """One line of text; ``anchor`` is start, middle or end; ``y`` is its base line."""

    x: float
    y: float
    text: str
    size: int = 12
    anchor: str = "start"
    colour: str = INK


Shape = Line | Box | Text


@dataclass
class Drawing:
    """A picture being made, from top to bottom; later shapes lie over earlier ones."""

    width: int = WIDTH
    height: int = 0
    shapes: list[Shape] = field(default_factory=list)

    def add(self, *shapes: Shape) -> None:
        """Put shapes on top."""
        self.shapes += shapes
