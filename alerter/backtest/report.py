"""How a backtest is printed: one JSON object, or a table for people."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from alerter.backtest.labels import Label
from alerter.backtest.run import Backtest
from alerter.backtest.score import Caught, Score
from alerter.backtest.sweep import Setting, shown
from alerter.charts.drawing import Drawing
from alerter.charts.files import write_picture
from alerter.charts.panels import add_lanes
from alerter.clock import HOUR
from alerter.model.rule import Key
from alerter.notifiers.text import safe_line
from alerter.plurals import many
from alerter.timetext import iso, length_text

BARS = "▁▂▃▄▅▆▇█"
WIDEST = 72
"""Bars of a line of messages by time."""
LONGEST_LIST = 20


def as_json(answer: Backtest, kind: str) -> str:
    """Return the answer as one line of JSON; ``kind`` is that of the source."""
    chosen = answer.suggestion.setting
    document = {
        "rule": answer.rule.name,
        "type": answer.rule.type,
        "start": iso(answer.start),
        "end": iso(answer.end),
        "source": {"kind": kind, "events": answer.events, "requests": answer.requests},
        "expected": [_label(label) for label in answer.labels],
        "settings": [_score(one) for one in answer.scores],
        "suggested": None if chosen is None else dict(chosen.values),
        "why": answer.suggestion.why,
        "warnings": _warnings(answer.scores),
    }
    return json.dumps(document, ensure_ascii=False)


def _score(one: Score) -> dict[str, Any]:
    return {
        "setting": dict(one.setting.values),
        "written": one.setting.written,
        "matches": one.matches,
        "incidents": len(one.incidents),
        "open_ms": one.open_for,
        "longest_ms": one.longest,
        "messages": {
            "total": one.messages,
            "by_channel": one.by_channel,
            "by_hour": {iso(hour): number for hour, number in one.by_hour.items()},
        },
        "caught": [_caught(c) for c in one.caught],
        "missed": [_label(label) for label in one.missed],
        "false": [
            {"key": _key(i.key), "opened": iso(i.opened), "resolved": i.resolved and iso(i.resolved)} for i in one.false
        ],
    }


def _caught(one: Caught) -> dict[str, Any]:
    told = {"opened": iso(one.firing.incident.opened), "told": iso(one.firing.start), "late_ms": one.late}
    return {**_label(one.label), **told}


def _label(label: Label) -> dict[str, Any]:
    named = {"name": label.name} if label.name else {}
    return {"from": iso(label.start), "to": iso(label.end), "key": _key(label.key), **named}


def _key(key: Key) -> dict[str, Any] | None:
    return None if key is None else dict(key)


def _warnings(scores: Sequence[Score]) -> list[str]:
    return list(dict.fromkeys(text for one in scores for text in one.warnings))


def draw_lanes(path: Path, answer: Backtest) -> None:
    """Draw each setting's incidents over time, and the labelled times behind them. Raises UsageError."""
    lanes = [
        (
            f"{_mark(one, answer)} {one.setting.name}  incidents {len(one.incidents):,}, messages {one.messages:,}",
            [(f.start, answer.end if f.end is None else f.end) for f in one.firings],
        )
        for one in answer.scores
    ]
    drawing = Drawing()
    known = [(label.start, label.end) for label in answer.labels]
    add_lanes(drawing, answer.rule.name, (answer.start, answer.end), lanes, known)
    write_picture(path, drawing, f"backtest of {answer.rule.name}", as_text(answer))


def as_text(answer: Backtest) -> str:
    """Return the answer for people; what an event holds cannot shape a line."""
    return "\n".join(map(safe_line, _lines(answer)))


def _lines(answer: Backtest) -> Iterator[str]:
    yield f"{answer.rule.name}  ({answer.rule.type})"
    yield f"  {iso(answer.start)} to {iso(answer.end)} ({length_text(answer.end - answer.start)})"
    asked = f", {many(answer.requests, 'request')}" if answer.requests else ""
    yield f"  {many(len(answer.scores), 'setting')} over {many(answer.events, 'event')}{asked}"
    yield ""
    rows = [_header(answer), *(_row(one, answer) for one in answer.scores)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (t.ljust(w) if n == 0 else t.rjust(w) for n, (t, w) in enumerate(zip(row, widths, strict=True)))
        yield f"  {'  '.join(cells)}".rstrip()
    yield "  * as the file says" + (", > suggested" if answer.suggestion.setting else "")
    yield from _messages(answer)
    yield from _misses(answer)
    yield ""
    chosen = answer.suggestion.setting
    yield f"  suggested: {chosen.name}: {answer.suggestion.why}" if chosen else f"  {answer.suggestion.why}"
    for text in _warnings(answer.scores):
        yield f"  warning: {text}"


def _header(answer: Backtest) -> list[str]:
    options = [option for option, _ in answer.scores[0].setting.values]
    known = ["caught", "missed", "false", "latest"] if answer.labels else []
    return ["", *options, "incidents", "open", "longest", "messages", "most/h", *known]


def _row(one: Score, answer: Backtest) -> list[str]:
    known: list[str] = []
    if answer.labels:
        late = (length_text(one.latest) if one.latest else "at once") if one.caught else "-"
        known = [f"{len(one.caught)}/{len(answer.labels)}", f"{len(one.missed)}", f"{len(one.false):,}", late]
    most = max(one.by_hour.values(), default=0)
    return [
        _mark(one, answer),
        *(shown(value) for _, value in one.setting.values),
        f"{len(one.incidents):,}",
        length_text(one.open_for) if one.incidents else "-",
        length_text(one.longest) if one.incidents else "-",
        f"{one.messages:,}",
        f"{most:,}",
        *known,
    ]


def _mark(one: Score, answer: Backtest) -> str:
    return (">" if one.setting is answer.suggestion.setting else "") + ("*" if one.setting.written else "")


def _messages(answer: Backtest) -> Iterator[str]:
    """Yield who would have been told how much, and when."""
    told = [one for one in answer.scores if one.messages]
    if not told:
        return
    yield ""
    hours = range(answer.start // HOUR, answer.end // HOUR + 1)
    each = -(-len(hours) // WIDEST)
    shown = told[:LONGEST_LIST]
    top = max(max(_bins(one, hours, each)) for one in shown)
    unit = "hour" if each == 1 else f"{each} hours"
    yield f"  messages by channel, and by {unit} (the highest bar: {top:,})"
    names = max(len(one.setting.name) for one in shown)
    for one in shown:
        bars = "".join(" " if not n else BARS[(n * len(BARS) - 1) // top] for n in _bins(one, hours, each))
        channels = ", ".join(f"{channel} {number:,}" for channel, number in one.by_channel.items())
        yield f"    {one.setting.name.ljust(names)}  |{bars}|  {channels}"
    if len(told) > len(shown):
        yield f"    ... and {many(len(told) - len(shown), 'more setting')}; --format json shows all"


def _bins(one: Score, hours: range, each: int) -> list[int]:
    counts: Counter[int] = Counter()
    for hour, number in one.by_hour.items():
        counts[(hour // HOUR - hours.start) // each] += number
    return [counts[n] for n in range(-(-len(hours) // each))]


def _misses(answer: Backtest) -> Iterator[str]:
    """Yield each labelled time with the settings that missed it, where there are any."""
    missed: dict[Label, list[Setting]] = {}
    for one in answer.scores:
        for label in one.missed:
            missed.setdefault(label, []).append(one.setting)
    if not missed:
        return
    yield ""
    yield "  missed"
    for label, settings in sorted(missed.items(), key=lambda pair: pair[0].start)[:LONGEST_LIST]:
        by = "every setting" if len(settings) == len(answer.scores) else _names(settings)
        yield f"    {iso(label.start)} to {iso(label.end)}{_what(label.name, label.key)} by {by}"
    if len(missed) > LONGEST_LIST:
        yield f"    ... and {len(missed) - LONGEST_LIST:,} more; --format json shows all"


def _names(settings: Sequence[Setting]) -> str:
    names = ", ".join(setting.name for setting in settings[:4])
    return names if len(settings) <= 4 else f"{names} and {len(settings) - 4} more"


def _what(name: str, key: Key) -> str:
    parts = [name] if name else []
    parts += [f"{field}={value}" for field, value in key or ()]
    return f" ({', '.join(parts)})" if parts else ""
