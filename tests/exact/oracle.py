"""What must come out of a world: brute force where every event is punctual, promises where some are not."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import product
from typing import Any

from alerter.clock import Millis
from alerter.model.incident import Change, Incident, Kind, Reason, Transition
from alerter.model.rule import Flatline, Frequency, Key, Rule, Spike, ValueList
from tests.detectors.brute import brute
from tests.exact.worlds import Doc, World

Row = tuple[Any, ...]
"""(at, change, key, opened, reason, count, number); for runs of suppressed matches one row with their number."""
Pair = tuple[Millis, Key]


def keys_of(tested: Rule, doc: Doc) -> list[Key]:
    """Return the groups an event counts in: each of an array's values once, a missing field as its own."""
    if not tested.query_key:
        return [None]
    each = [list(dict.fromkeys(_values(doc.fields.get(name)))) or [None] for name in tested.query_key]
    return [tuple(zip(tested.query_key, values, strict=True)) for values in product(*each)]


def is_event(tested: Rule, doc: Doc) -> bool:
    """Whether the filter selects a document and, for lists, its value meets the condition."""
    return doc.selected and (not isinstance(tested.condition, ValueList) or bool(_met(tested.condition, doc)))


def _met(condition: ValueList, doc: Doc) -> list[Any]:
    """Return the values for which an event may be a match; exact, by any element of an array."""
    values = _values(doc.fields.get(condition.compare_key))

    def listed(value: Any) -> bool:
        return value in condition.values or any(re.fullmatch(p, value) for p in condition.patterns)

    if not values:
        return [] if condition.deny or condition.ignore_null else [None]
    found = [value for value in values if listed(value)]
    if condition.deny:
        return found
    return [] if found else values


def _values(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def pairs_of(tested: Rule, docs: Iterable[Doc]) -> list[Pair]:
    """Return the instant and key of every event, one for each key it counts in."""
    return [(doc.at, key) for doc in docs if is_event(tested, doc) for key in keys_of(tested, doc)]


def expected(world: World, first: Millis | None = None) -> list[Row]:
    """Return what brute force over all events gives; ``first`` is the index's first document, if another's."""
    documents = [doc.at for doc in world.docs] if first is None else [first]
    pairs = pairs_of(world.rule, world.docs)
    found = brute(world.rule, pairs, world.start, world.end, documents)
    return folded((*row, 1) for row in found)


def rows_of(transitions: Iterable[Transition]) -> list[Row]:
    """Return what an engine told, in the form of the brute force; measurements are left out."""
    return folded(
        (t.at, str(t.change), t.key, t.opened, str(t.reason), t.match.count if t.match else None, t.number)
        for t in transitions
        if t.change is not Change.MEASURED
    )


def folded(rows: Iterable[Row]) -> list[Row]:
    """Return the rows key by key, runs of suppressed matches as the first of them with their number."""
    found: list[Row] = []
    for row in sorted(rows, key=lambda row: repr(row[2])):
        last = found[-1] if found else None
        if last and row[1] == "suppressed" and last[1:4] == row[1:4]:
            found[-1] = (*last[:6], last[6] + row[6])
        else:
            found.append(row if row[1] != "suppressed" else (*row[:5], None, row[6]))
    return found


def assert_same(found: Sequence[Row], wanted: Sequence[Row]) -> None:
    """Compare row by row. Suppressed matches may be told of earlier than the first of them, by contract of the type."""
    assert [_bare(row) for row in found] == [_bare(row) for row in wanted]
    for one, other in zip(found, wanted, strict=True):
        assert one[0] <= other[0]


def _bare(row: Row) -> Row:
    return row[1:] if row[1] == "suppressed" else row


def assert_matches(world: World, transitions: Iterable[Transition]) -> None:
    """What a match says of itself is so: its count, the reference it is compared with, the listed value."""
    ats = _by_key(world.rule, world.docs)
    length = world.rule.timeframe
    listed = [(d.at, k, _met(world.rule.condition, d)) for d in world.docs if d.selected for k in keys_of(world.rule, d)
              if isinstance(world.rule.condition, ValueList)]  # fmt: skip
    for match in (t.match for t in transitions if t.match is not None and t.change is not Change.SUPPRESSED):
        around = ats.get(match.key, Counter())
        if isinstance(world.rule.condition, Frequency | Spike | Flatline):
            assert match.count == _between(around, match.at - length, match.at)
        if isinstance(world.rule.condition, Spike):
            assert match.facts["reference"] == _between(around, match.at - 2 * length, match.at - length)
        if isinstance(world.rule.condition, ValueList):
            assert any(match.facts["value"] in met for at, key, met in listed if (at, key) == (match.at, match.key))


def assert_incidents(incidents: Iterable[Incident], transitions: Iterable[Transition]) -> None:
    """What is stored agrees with what happened, and each receiver was told of each incident once."""
    steps: dict[str, list[Transition]] = {}
    for step in transitions:
        if step.change is not Change.MEASURED:
            steps.setdefault(step.incident, []).append(step)
    stored = {incident.id: incident for incident in incidents}
    assert stored.keys() == steps.keys()
    for id, each in steps.items():
        incident, opened = stored[id], False
        assert [t.change for t in each].count(Change.OPENED) == 1
        for step in each:
            allowed = _WHILE_OPEN if opened else _WHILE_OVER
            assert step.change in allowed, f"{step.change} while {'open' if opened else 'over'}"
            opened = opened if step.change is Change.SUPPRESSED else step.change is not Change.RESOLVED
        assert (incident.resolved is None) == opened
        assert incident.matches == sum(t.match is not None and t.change is not Change.SUPPRESSED for t in each)
        assert len({d.id for d in incident.deliveries}) == len(incident.deliveries)
        kinds = Counter(d.kind for d in incident.deliveries)
        assert kinds[Kind.FIRING] == sum(t.change in (Change.OPENED, Change.REOPENED) for t in each)
        assert kinds[Kind.RESOLVED] == sum(t.change is Change.RESOLVED and t.reason is not Reason.QUIET for t in each)


_WHILE_OPEN = {Change.REPEATED, Change.SUPPRESSED, Change.RESOLVED, Change.RAISED}
_WHILE_OVER = {Change.OPENED, Change.REOPENED, Change.SUPPRESSED}


def _by_key(tested: Rule, docs: Iterable[Doc]) -> dict[Key, Counter[Millis]]:
    found: dict[Key, Counter[Millis]] = {}
    for at, key in pairs_of(tested, docs):
        found.setdefault(key, Counter())[at] += 1
    return found


def _between(times: Mapping[Millis, int], start: Millis, end: Millis) -> int:
    return sum(number for at, number in times.items() if start < at <= end)
