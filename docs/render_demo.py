"""Draws docs/demo.svg from the real output of ``alerter demo``: run by ``make picture``."""

from __future__ import annotations

import argparse
import re
import sys
from html import escape
from pathlib import Path

from alerter.demo.play import play

WIDTH = 118
"""Characters of a line; longer ones are cut."""
SHOWN = 64
"""Lines of the picture: the beginning of the output and its end."""
LINE, LETTER, MARGIN = 17, 7.6, 14
COLOURS = {"31": "#ff7b72", "32": "#7ee787", "33": "#e3b341", "36": "#79c0ff"}
PLAIN, QUIET, CHANNEL = "#c9d1d9", "#8b949e", "#79c0ff"
PAINTED = re.compile("\033\\[(\\d+)m(.*)\033\\[0m")


def captured() -> list[str]:
    """Return the lines of the demo as a terminal would get them, without the pauses."""
    lines: list[str] = []

    def keep(text: str) -> None:
        lines.extend(text.split("\n"))

    play(keep, lambda: None, colour=True)
    return [line for line in lines if line.strip()]


def shortened(lines: list[str]) -> list[str]:
    """Return at most ``SHOWN`` lines: the beginning and the end, with what was left out said."""
    if len(lines) <= SHOWN:
        return lines
    tail = 14
    head = SHOWN - tail - 1
    return [*lines[:head], f"... {len(lines) - head - tail} more lines ...", *lines[-tail:]]


def svg(lines: list[str]) -> str:
    """Return the picture: one text element a line, the colours those of the terminal."""
    height = MARGIN * 2 + LINE * (len(lines) + 1)
    width = round(MARGIN * 2 + LETTER * WIDTH)
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}">\n'
        f'<title>alerter demo</title>\n<rect width="100%" height="100%" rx="8" fill="#0d1117"/>\n'
        '<g font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, monospace" font-size="12.5" '
        'xml:space="preserve">\n'
    )
    rows = [f'<text x="{MARGIN}" y="{MARGIN + LINE}" fill="{QUIET}">$ alerter demo</text>\n']
    for number, line in enumerate(lines, 2):
        text, colour = _coloured(line)
        weight = ' font-weight="bold"' if text.startswith("#") else ""
        shown = text if len(text) <= WIDTH else text[: WIDTH - 3] + "..."
        rows.append(f'<text x="{MARGIN}" y="{MARGIN + LINE * number}" fill="{colour}"{weight}>{escape(shown)}</text>\n')
    return head + "".join(rows) + "</g>\n</svg>\n"


def _coloured(line: str) -> tuple[str, str]:
    painted = PAINTED.search(line)
    if painted:
        return painted[2], COLOURS.get(painted[1], PLAIN)
    if line.startswith("#"):
        return line, CHANNEL
    return line, PLAIN if line.startswith("  |") else QUIET


def main() -> int:
    """Write the picture, or with ``--check`` say whether it is that of the present output."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="exit 1 when the picture is out of date; writes nothing")
    args = parser.parse_args()
    file = Path(__file__).with_name("demo.svg")
    picture = svg(shortened(captured()))
    if not args.check:
        file.write_text(picture, encoding="utf-8")
        return 0
    if file.is_file() and file.read_text(encoding="utf-8") == picture:
        return 0
    sys.stderr.write("docs/demo.svg is out of date; run: make picture\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
