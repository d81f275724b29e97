"""What happened in a test, drawn as a list by time: events, matches, messages, silences, restarts, expectations."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from alerter.clock import Millis
from alerter.ruletest.expect import TOLD
from alerter.ruletest.nearness import extreme, selected
from alerter.ruletest.suite import Result
from alerter.ruletest.times import clock_of
from alerter.ruletest.trace import Record, Trace
from alerter.ruletest.words import value_text
from alerter.sources.protocol import SourceError
from alerter.timetext import iso, length_text

MOST_LINES = 40
"""Entries shown; a longer time line loses its middle, and says so."""


@dataclass(frozen=True)
class Entry:
    """One line at an instant; ``order`` sorts what happens at the same one."""

    at: Millis
    order: int
    text: str
    mark: str = " "


def timeline(result: Result, trace: Trace, marked: Collection[object], *, full: bool = False) -> Iterator[str]:
    """Yield the lines; expectations whose path is in ``marked`` failed and carry a sign. ``full``: nothing is cut."""
    start = trace.case.start
    yield f"what happened (times of {iso(start)[:10]}, UTC)"
    entries = sorted(_entries(result, trace, marked, full=full), key=lambda e: (e.at, e.order))
    entries = sorted([*entries, *_events(trace, entries)], key=lambda e: (e.at, e.order))
    width = max((len(clock_of(e.at, start)) for e in entries), default=0)
    lines = [f"{e.mark} {clock_of(e.at, start):{width}}  {e.text}" for e in entries]
    if len(lines) > MOST_LINES and not full:
        cut = len(lines) - MOST_LINES
        lines = [*lines[: MOST_LINES // 2], f"  ... {cut} more lines ...", *lines[-MOST_LINES // 2 :]]
    yield from lines
    yield from _selected(result, trace)
    for text in trace.warnings:
        yield f"  warning: {text}"


def _entries(result: Result, trace: Trace, marked: Collection[object], *, full: bool) -> Iterator[Entry]:
    case = trace.case
    yield Entry(case.start, 0, "the test starts; the rule is new")
    for record in trace.matches:
        yield Entry(record["at"], 2, f"match, count {record['count']}{_key(record)}")
    for record in trace.messages:
        where = f"{record['kind']} -> {record['channel']} ({record['receiver']}; {record['reason']})"
        yield Entry(record["at"], 4, f"{where}  {value_text('text', record['text'], case.start, full=full)}")
    yield from _untold(trace)
    for one in trace.open:
        if one.end is not None:
            yield Entry(one.end, 3, f"incident over{_key(one.record)}")
    for step in case.steps:
        if step.silence is not None:
            matchers = ", ".join(map(str, step.silence.matchers))
            length = length_text(step.silence.end - step.silence.start)
            yield Entry(step.at, 6, f"silence {matchers} for {length}")
        if step.restart and step.at in trace.restarts:
            yield Entry(step.at, 7, "restart")
    for snapshot in trace.snapshots:
        path, at = snapshot.expectation.path, snapshot.expectation.at
        failed = path in marked
        line = result.file.document.mark(path).line
        what = "expect, of the whole test" if snapshot.expectation.whole else "expect"
        at = trace.reached if snapshot.expectation.whole else at
        yield Entry(at, 8, f"{what} (line {line}){': not met' if failed else ''}", ">" if failed else " ")
    yield Entry(trace.reached, 9, "the test ends" if not trace.trouble else f"the test breaks off: {trace.trouble}")


def _untold(trace: Trace) -> Iterator[Entry]:
    """Fold runs of what was kept untold for the same reason."""
    runs: dict[str, tuple[Millis, int]] = {}
    for record in trace.decisions:
        if record["outcome"] in TOLD:
            runs.clear()
            continue
        until = f" until {clock_of(record['until'], trace.case.start)}" if record["until"] else ""
        who = f" for {record['receiver']}" if record["receiver"] else ""
        text = f"{record['outcome']} ({record['reason']}{until}){who}{_key(record)}"
        at, number = runs.get(text, (record["at"], 0))
        runs[text] = at, number + 1
        if number == 0:
            yield Entry(at, 5, text)


def _events(trace: Trace, others: Sequence[Entry]) -> Iterator[Entry]:
    """Yield the events between the other entries, those that came late apart."""
    edges = sorted({entry.at for entry in others})
    punctual: dict[int, list[Millis]] = {}
    late: dict[Millis, list[Millis]] = {}
    for one in trace.logged:
        if one.visible > one.at:
            late.setdefault(one.visible, []).append(one.at)
        else:
            at = sum(edge < one.at for edge in edges) if len(edges) < 200 else 0
            punctual.setdefault(at, []).append(one.at)
    start = trace.case.start
    for times in punctual.values():
        yield Entry(min(times), 1, _run_words(times, start))
    for at, times in late.items():
        yield Entry(at, 1, f"seen only now: {_run_words(times, start, of=True)}")


def _run_words(times: Sequence[Millis], start: Millis, *, of: bool = False) -> str:
    first, last = min(times), max(times)
    number = "1 event" if len(times) == 1 else f"{len(times)} events"
    if first == last:
        return f"{number} of {clock_of(first, start)}" if of else number
    return (
        f"{number} of {clock_of(first, start)} to {clock_of(last, start)}"
        if of
        else f"{number} to {clock_of(last, start)}"
    )


def _selected(result: Result, trace: Trace) -> Iterator[str]:
    """Say for each rule how many of the events it selects, and how near they came to its threshold."""
    for rule in result.rules:
        try:
            number = sum(map(len, selected(trace, rule).values()))
        except SourceError:
            continue
        near = extreme(trace, rule)
        words = f"; {near.words}, at {clock_of(near.at, trace.case.start)}" if near else ""
        yield f"  {rule.name} selects {number} of {len(trace.logged)} events{words}"


def _key(record: Mapping[str, object] | Record) -> str:
    key = record["key"]
    return f" {value_text('key', key, 0)}" if key else ""
