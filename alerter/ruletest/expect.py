"""Holding expectations against what happened; every difference is a failure with its place and a diff."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from alerter.clock import Millis
from alerter.ruletest.model import At, Check, Entry, Expectation, Firing
from alerter.ruletest.pairing import fits, nearest, pair
from alerter.ruletest.trace import Open, Record, Snapshot
from alerter.ruletest.words import brief, value_text

ONE = {"matches": "match", "incidents": "incident", "messages": "message", "decisions": "decision"}
TOLD = {"fired", "repeated", "reopened", "raised", "resolved", "planned", "digested"}
"""Outcomes that are told; ``only`` and an empty list speak of what was kept untold."""


@dataclass(frozen=True)
class Fix:
    """A plain value of the file that would be right as ``value``."""

    path: At
    value: Any


@dataclass(frozen=True)
class Failure:
    """One difference: where it is expected, what is wrong, a diff, and the values that would make it right.

    ``fixes`` is empty where people must decide; ``path`` () is the test itself.
    """

    path: At
    message: str
    diff: tuple[str, ...] = ()
    fixes: tuple[Fix, ...] = ()


@dataclass(frozen=True)
class _View:
    """What an expectation is held against, and the start of the test, by which times are shown."""

    snapshot: Snapshot
    start: Millis
    reached: Millis


def check(snapshot: Snapshot, start: Millis, reached: Millis) -> Iterator[Failure]:
    """Yield every difference between an expectation and what happened."""
    view = _View(snapshot, start, reached)
    expectation = snapshot.expectation
    for firing in expectation.firing:
        yield from _firing(firing, view)
    for name, entries in expectation.lists.items():
        if name == "decisions":
            yield from _decisions(entries, expectation, view)
        else:
            yield from _list(name, entries, expectation, view)
    if expectation.only and not expectation.lists:
        yield from _nothing(expectation, view)


# --- lists ---------------------------------------------------------------------------------------------------------


def _list(name: str, entries: Sequence[Entry], expectation: Expectation, view: _View) -> Iterator[Failure]:
    records = view.snapshot.lists[name]
    found = pair(entries, records)
    free = [n for n in range(len(records)) if n not in found]
    for entry, record in zip(entries, found, strict=True):
        if record is not None:
            continue
        near = nearest(entry, records, free)
        if near is not None:
            free.remove(near)
        yield _missing(name, entry, None if near is None else records[near], view)
    if (expectation.only or not entries) and free:
        yield _extra(name, [records[n] for n in free], (*expectation.path, name), view, listed=bool(entries))


def _missing(name: str, entry: Entry, near: Record | None, view: _View) -> Failure:
    if near is None:
        wanted = tuple(f"- {check.name}: {check.shown}" for check in entry.checks)
        return Failure(entry.path, f"no such {ONE[name]}, nor another one", wanted)
    wrong = [check for check in entry.checks if not check.holds(near.get(check.name))]
    names = ", ".join(check.name for check in wrong)
    message = f"no {ONE[name]} fits; the nearest differs in {names}"
    place = wrong[0].path if len(wrong) == 1 else entry.path
    return Failure(place, message, tuple(_diff(entry, near, view)), tuple(_fixes(wrong, near)))


def _diff(entry: Entry, record: Record, view: _View) -> Iterator[str]:
    for check in entry.checks:
        if check.holds(record.get(check.name)):
            yield f"  {check.name}: {check.shown}"
        else:
            yield f"- {check.name}: {check.shown}"
            yield f"+ {check.name}: {value_text(check.name, record.get(check.name), view.start, full=True)}"


def _fixes(wrong: Sequence[Check], record: Record) -> Iterator[Fix]:
    for one in wrong:
        if one.exact and record.get(one.name) is not None:
            yield Fix(one.path, record[one.name])


def _extra(name: str, records: Sequence[Record], path: At, view: _View, *, listed: bool) -> Failure:
    number = len(records)
    what = ONE[name] if number == 1 else name
    message = f"{number} {what} more than expected" if listed else f"no {ONE[name]} expected, but {number} {what} came"
    return Failure(path, message, tuple(f"+ {brief(name, one, view.start)}" for one in records))


# --- decisions -----------------------------------------------------------------------------------------------------


def _decisions(entries: Sequence[Entry], expectation: Expectation, view: _View) -> Iterator[Failure]:
    records = view.snapshot.lists["decisions"]
    for entry in entries:
        number = sum(record["number"] for record in records if fits(entry, record))
        if entry.times is not None and not entry.times.holds(number):
            diff = (
                *(f"  {c.name}: {c.shown}" for c in entry.checks),
                f"- times: {entry.times.shown}",
                f"+ times: {number}",
            )
            fixes = (Fix(entry.times.path, number),) if entry.times.exact else ()
            yield Failure(entry.times.path, f"decisions that fit: {number}, expected {entry.times.shown}", diff, fixes)
        elif entry.times is None and not number:
            near = nearest(entry, records, range(len(records)))
            yield _missing("decisions", entry, None if near is None else records[near], view)
    if expectation.only or not entries:
        extra = [r for r in records if r["outcome"] not in TOLD and not any(fits(entry, r) for entry in entries)]
        if extra:
            path = (*expectation.path, "decisions") if "decisions" not in expectation.path else expectation.path
            yield _extra("decisions", extra, path, view, listed=bool(entries))


def _nothing(expectation: Expectation, view: _View) -> Iterator[Failure]:
    for name in ("matches", "messages", "decisions"):
        records = [r for r in view.snapshot.lists[name] if name != "decisions" or r["outcome"] not in TOLD]
        if records:
            yield _extra(name, records, (*expectation.path, "only"), view, listed=False)


# --- firing --------------------------------------------------------------------------------------------------------


def _firing(wanted: Firing, view: _View) -> Iterator[Failure]:
    stretches = [
        one for one in view.snapshot.open if all(check.holds(one.record.get(check.name)) for check in wanted.checks)
    ]
    if wanted.end > view.reached:
        when = value_text("at", view.reached, view.start)
        yield Failure(wanted.path, f"the test ends at {when}, before this", ())
        return
    held = bool(stretches) if wanted.ever else _held(wanted, stretches)
    if held is wanted.wanted:
        return
    message = _firing_words(wanted, view)
    happened = tuple(f"+ {_stretch(one, view)}" for one in stretches) or ("+ no incident was ever open",)
    fixes = (Fix(wanted.path, (wanted.path[-1] == "firing") is held),) if wanted.plain else ()
    yield Failure(wanted.path, message, happened, fixes)


def _held(wanted: Firing, stretches: Sequence[Open]) -> bool:
    if wanted.wanted:
        return any(o.start <= wanted.start and (o.end is None or o.end > wanted.end) for o in stretches)
    return any(o.start <= wanted.end and (o.end is None or o.end > wanted.start) for o in stretches)


def _firing_words(wanted: Firing, view: _View) -> str:
    start, end = (value_text("at", at, view.start) for at in (wanted.start, wanted.end))
    key = "".join(f" with {check.name} {check.shown}" for check in wanted.checks)
    if wanted.ever:
        when = "at some time" if wanted.wanted else "at any time"
    else:
        when = f"at {start}" if start == end else f"from {start} to {end}"
    if wanted.wanted:
        through = " throughout" if start != end and not wanted.ever else ""
        return f"expected an incident{key} to be open {when}{through}, but none was"
    return f"expected no incident{key} to be open {when}, but one was"


def _stretch(one: Open, view: _View) -> str:
    start = value_text("at", one.start, view.start)
    end = "still open" if one.end is None else f"to {value_text('at', one.end, view.start)}"
    key = value_text("key", one.record["key"], view.start)
    return f"open {start} {end}" + (f" {key}" if one.record["key"] else "")
