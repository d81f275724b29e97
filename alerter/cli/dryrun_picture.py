"""``test-rule --plot``: the curves of all rules in one picture."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from alerter.charts.drawing import Drawing
from alerter.charts.files import write_picture
from alerter.charts.panels import PARTS, add_curve
from alerter.charts.series import series_of
from alerter.engine.dryrun import DryRun

MOST_KEYS = 4
"""Keys of a rule that are drawn, each with a panel of its own."""


def draw_answers(path: Path, answers: Sequence[DryRun], text: str) -> None:
    """Write the picture; a page holds the text form beside it. Raises UsageError."""
    drawing = Drawing()
    for answer in answers:
        if answer.counted is None or answer.start >= answer.end:
            continue
        span = (answer.start, answer.end)
        for series in series_of(answer.rule, answer.counted, answer.matches, *span, parts=PARTS, most=MOST_KEYS):
            bands = [
                (i.opened, answer.end if i.resolved is None else i.resolved)
                for i in answer.incidents
                if i.key == series.key
            ]
            add_curve(drawing, answer.rule.name, series, bands)
    drawing.height = max(drawing.height, 40)
    title = answers[0].rule.name if len(answers) == 1 else f"{len(answers)} rules"
    write_picture(path, drawing, title, text)
