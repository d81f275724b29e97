"""Pictures in files: well-formed, self-contained, and nothing of an event can leave its place."""

from __future__ import annotations

import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest
from PIL import Image

from alerter.charts.drawing import Drawing
from alerter.charts.files import picture_path, write_picture
from alerter.charts.panels import add_curve, add_lanes
from alerter.charts.series import Series
from alerter.clock import HOUR
from alerter.errors import UsageError
from tests.engine.support import T0

HOSTILE = '</text><script>alert("x")</script>\x1b[2J\u202e&'


@pytest.fixture
def drawing() -> Drawing:
    """Return a drawing with both kinds of panels and a hostile key."""
    made = Drawing()
    key = (("user", HOSTILE),)
    series = Series("events in 2 min", key, T0, T0 + HOUR, (1, 5, 50, 2), (T0 + HOUR // 2,), (40,), (3, 3, 3, 3))
    add_curve(made, "a rule", series, [(T0, T0 + HOUR // 4)])
    add_lanes(made, "b", (T0, T0 + HOUR), [("> num_events=5", [(T0, T0 + 1)]), (HOSTILE, [])], [(T0, T0 + HOUR)])
    return made


def test_svg_is_well_formed_and_loads_nothing(tmp_path: Path, drawing: Drawing) -> None:
    """The picture parses, holds shapes and text only, and the key stands in it as text."""
    file = tmp_path / "x.svg"
    write_picture(file, drawing, "title", "text")
    root = ElementTree.fromstring(file.read_text())
    names = {element.tag.rpartition("}")[2] for element in root.iter()}
    assert names == {"svg", "rect", "polyline", "text"}
    assert any("<script>" in (element.text or "") for element in root.iter())
    assert "http" not in file.read_text().replace("http://www.w3.org/2000/svg", "")


def test_page_holds_picture_and_text(tmp_path: Path, drawing: Drawing) -> None:
    """The HTML page is one file with the SVG and the text form, escaped."""
    file = tmp_path / "x.html"
    write_picture(file, drawing, HOSTILE, f"table {HOSTILE}")
    text = file.read_text()
    assert "<svg" in text
    assert "table &lt;/text&gt;" in text
    assert "<script" not in text


def test_png_is_the_same_picture(tmp_path: Path, drawing: Drawing) -> None:
    """The PNG has the drawing's proportions and its colours."""
    file = tmp_path / "x.png"
    write_picture(file, drawing, "title", "text")
    with Image.open(file) as image:
        assert image.size == (2 * drawing.width, 2 * drawing.height)
        colours = {colour for _, colour in image.convert("RGB").getcolors(100_000) or ()}
    assert {(9, 105, 218), (207, 34, 46), (255, 216, 211)} <= colours


def test_png_without_pillow_says_what_to_install(
    tmp_path: Path, drawing: Drawing, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pillow is an optional extra."""
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(UsageError) as found:
        write_picture(tmp_path / "x.png", drawing, "title", "text")
    assert "alerter[plot]" in found.value.hint
    with pytest.raises(UsageError, match="need Pillow"):  # before anything is asked
        picture_path(str(tmp_path / "x.png"))


@pytest.mark.parametrize("name", ["x.gif", "x", "nowhere/x.svg"])
def test_what_cannot_be_drawn_is_said_before_anything_is_asked(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An unknown ending and a missing folder are wrong usage."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match="--plot"):
        picture_path(name)
