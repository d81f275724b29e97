"""Events as a test writes them, expanded into documents with the time at which each can be seen."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import product
from typing import Any, NamedTuple

from alerter.clock import SECOND, Millis
from alerter.model.rule import Rule, TimeField, TimeKind
from alerter.ruletest.model import At, Case, Inline, Sample
from alerter.sources.embedded_files import read_documents, value_at
from alerter.sources.timefield import parse_time
from alerter.timetext import iso

_NUMBER = re.compile(r"\{\{\s*n\s*\}\}")


class Logged(NamedTuple):
    """A document, its time, and when it can be seen first."""

    at: Millis
    visible: Millis
    source: Mapping[str, Any]
    origin: str = ""


class CannotRun(Exception):
    """The test cannot be run as it is written; ``path`` is the place in the file."""

    def __init__(self, reason: str, path: At = ()) -> None:
        super().__init__(reason)
        self.reason = reason
        self.path = path


def expand(case: Case, rules: Sequence[Rule]) -> list[Logged]:
    """Return all documents in the order in which they become visible; raises CannotRun and UsageError."""
    fields = tuple(dict.fromkeys(rule.time for rule in rules))
    logged: list[Logged] = []
    for one in case.events:
        logged += _inline(one, fields) if isinstance(one, Inline) else _sample(one, fields)
    return sorted(logged, key=lambda d: (d.visible, d.at))


def _inline(written: Inline, fields: Sequence[TimeField]) -> Iterator[Logged]:
    repeat = written.repeat
    dice = random.Random(repeat.seed)  # noqa: S311 - a reproducible test, not a secret
    numbered = {name: value for name, value in written.document.items() if _NUMBER.search(repr(value))}
    states = any(value_at(written.document, f.name) is not None or f.name in written.each for f in fields)
    untimed = not states and not written.each
    number = 0
    for nth in range(repeat.count):
        for values in product(*written.each.values()):
            number += 1
            at = written.at + nth * repeat.every + (dice.randrange(repeat.jitter + 1) if repeat.jitter else 0)
            source = {**written.document, **_numbered(numbered, number)} if numbered else dict(written.document)
            for name, value in zip(written.each, values, strict=True):
                put(source, name, value)
            stated = _time_of(source, fields[0]) if states else None
            timed = _timed(source, fields, at, anew=untimed)
            yield Logged(at if stated is None else stated, written.visible.of(at), timed)


def _sample(written: Sample, fields: Sequence[TimeField]) -> list[Logged]:
    read = read_documents([written.file])
    if read.bad:
        raise CannotRun(f"{read.bad[0].origin}: {read.bad[0].reason}", written.path)
    found = read.documents[: written.first]
    times = [_time_of(document.source, fields[0]) for document in found]
    if not found:
        raise CannotRun(f"{written.file} holds no document", written.path)
    unread = next((d for d, at in zip(found, times, strict=True) if at is None), None)
    if unread is not None:
        raise CannotRun(f"{unread.origin}: no readable time in {fields[0].name}", written.path)
    known = [at for at in times if at is not None]
    shift = 0 if written.at is None else written.at - min(known)
    logged = []
    for document, at in zip(found, known, strict=True):
        source = dict(document.source)
        for name, value in written.overrides.items():
            put(source, name, value)
        moved = _timed(source, fields, at + shift, anew=shift != 0)
        logged.append(Logged(at + shift, written.visible.of(at + shift), moved, document.origin))
    return logged


def _time_of(source: Mapping[str, Any], field: TimeField) -> Millis | None:
    value = value_at(source, field.name)
    try:
        return None if value is None else parse_time(value, field)
    except (ValueError, OverflowError):
        return None


def _timed(source: dict[str, Any], fields: Sequence[TimeField], at: Millis, *, anew: bool = False) -> dict[str, Any]:
    """Write the time into each time field that the document does not state itself (with ``anew``: into all)."""
    for field in fields:
        if anew or value_at(source, field.name) is None:
            put(source, field.name, time_text(at, field))
    return source


def time_text(at: Millis, field: TimeField) -> Any:
    """Return a time as the field's ``timestamp_type`` writes it."""
    match field.kind:
        case TimeKind.UNIX:
            return at // SECOND if at % SECOND == 0 else at / SECOND
        case TimeKind.UNIX_MS:
            return at
        case TimeKind.CUSTOM if field.format:
            moment = datetime.fromtimestamp(at // SECOND, UTC).replace(microsecond=at % SECOND * 1000)
            return moment.strftime(field.format)
        case _:
            return iso(at)


def put(source: dict[str, Any], path: str, value: Any) -> None:
    """Set a field by its dotted path where the document has it, nested or dotted; else under the dotted name."""
    parts = path.split(".")
    for cut in range(1, len(parts)):
        head = ".".join(parts[:cut])
        if path not in source and isinstance(source.get(head), dict):
            source[head] = dict(source[head])
            put(source[head], ".".join(parts[cut:]), value)
            return
    source[path] = value


def _numbered(value: Any, number: int) -> Any:
    if isinstance(value, str):
        return _NUMBER.sub(str(number), value) if "{{" in value else value
    if isinstance(value, dict):
        return {name: _numbered(one, number) for name, one in value.items()}
    if isinstance(value, list):
        return [_numbered(one, number) for one in value]
    return value
