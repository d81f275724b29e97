"""Writing a picture into a file; the ending says which kind."""

from __future__ import annotations

from html import escape
from pathlib import Path

from alerter.charts.drawing import Drawing
from alerter.charts.png import as_png, require_pillow
from alerter.charts.svg import as_svg
from alerter.errors import UsageError

ENDINGS = (".svg", ".html", ".png")
PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<style>body {{ font-family: system-ui, sans-serif; margin: 2em; max-width: 1000px }}
pre {{ overflow-x: auto; background: #f6f8fa; padding: 1em; line-height: 1.35 }}
svg {{ max-width: 100%; height: auto }}</style></head>
<body><h1>{title}</h1>
{picture}
<pre>{text}</pre>
</body></html>
"""


def picture_path(text: str) -> Path:
    """Return the path of a picture to be written. Raises UsageError for an ending that cannot be drawn."""
    path = Path(text)
    if path.suffix.lower() not in ENDINGS:
        raise UsageError(f"--plot {text}: the ending says what is drawn", f"one of {', '.join(ENDINGS)}")
    if not path.parent.is_dir():
        raise UsageError(f"--plot {text}: there is no folder {path.parent}")
    if path.suffix.lower() == ".png":
        require_pillow()
    return path


def write_picture(path: Path, drawing: Drawing, title: str, text: str) -> None:
    """Write the drawing; an HTML page holds ``text`` too, as it stands. Raises UsageError."""
    kind = path.suffix.lower()
    if kind == ".png":
        content = as_png(drawing)
    else:
        picture = as_svg(drawing)
        page = PAGE.format(title=escape(title), picture=picture, text=escape(text))
        content = (page if kind == ".html" else picture).encode()
    try:
        path.write_bytes(content)
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror}") from None
