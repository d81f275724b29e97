"""What messages show of the events of a window, counted from their documents instead of by the server."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import product
from typing import Any

from alerter.model.rule import Rule
from alerter.model.texts import Top
from alerter.sources.counted import MOST_ROWS, Row, ordered, shown
from alerter.sources.protocol import Hit
from alerter.sources.values import values_at


def tops(rule: Rule, named: Mapping[str, str], hits: Iterable[Hit]) -> Sequence[Top]:
    """Return the most frequent values of each field that ``top_count_keys`` names."""
    counts: dict[str, Counter[str]] = {name: Counter() for name in rule.texts.top if name in named}
    for hit in hits:
        for name, count in counts.items():
            count.update({shown(rule, name, value) for value in _values(hit, name)})
    return [_top(name, count, rule.texts.top_number) for name, count in counts.items()]


def _top(name: str, count: Counter[str], number: int) -> Top:
    found = ordered(((value,), times) for value, times in count.items())
    return Top(name, tuple((row[0], times) for row, times in found[:number]), sum(t for _, t in found[number:]))


def rows(rule: Rule, named: Mapping[str, str], hits: Iterable[Hit]) -> Sequence[Row]:
    """Return the rows of the rule's summary table, the most frequent first."""
    assert rule.texts.table is not None
    columns = [column.path for column in rule.texts.table.columns]
    count: Counter[tuple[str, ...]] = Counter()
    for hit in hits:
        each = [(_values(hit, name) if name in named else ()) or (None,) for name in columns]
        row = {tuple(shown(rule, n, v) for n, v in zip(columns, held, strict=True)) for held in product(*each)}
        count.update(one for one in row if one in count or len(count) < MOST_ROWS)
    return ordered(count.items())


def _values(hit: Hit, name: str) -> Sequence[Any]:
    return [value for value in values_at(hit.source or {}, name) if value is not None]
