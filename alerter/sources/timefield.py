"""Where a rule's time field can be asked of the server, and how to read it when it cannot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from math import floor
from typing import Any

from alerter.clock import SECOND, Millis
from alerter.model.rule import Rule, TimeField, TimeKind
from alerter.sources.protocol import Answer, Hit, SearchRequest
from alerter.sources.values import value_at

DATES = frozenset({"date", "date_nanos"})
NUMBERS = frozenset({"long", "integer", "double", "unsigned_long"})
"""Exact enough for a time; ``float`` tells only minutes apart in this century."""
SLACK = 1e-6
"""Seconds by which buckets begin early: a binary fraction just below a whole millisecond must be in the right one."""


def time_reader(rule: Rule, mapped: Mapping[str, frozenset[str]]) -> TimeReader:
    """Tell from the types of fields how the rule's time field can be asked."""
    types = mapped.get(rule.time.name, frozenset())
    if types <= DATES:  # also an unmapped field: nothing has a time yet, and ranges on it select nothing
        return TimeReader(rule.time, numeric=False, pushed=True, types="/".join(sorted(types)))
    if types <= NUMBERS and rule.time.kind in (TimeKind.UNIX, TimeKind.UNIX_MS):
        return TimeReader(rule.time, numeric=True, pushed=True, types="/".join(sorted(types)))
    return TimeReader(rule.time, numeric=False, pushed=False, types="/".join(sorted(types)))


@dataclass(frozen=True)
class TimeReader:
    """Builds what is asked about times, and reads what comes back.

    ``pushed`` tells whether the server can select and sort by the field; if not, every document is read and parsed.
    ``types`` are the field's types in the mapping, "" when no document has the field.
    """

    time: TimeField
    numeric: bool
    pushed: bool
    types: str = ""

    @property
    def field(self) -> str:
        """The field's name."""
        return self.time.name

    @property
    def _unit(self) -> Millis:
        return SECOND if self.time.kind is TimeKind.UNIX else 1

    def range(self, start: Millis, end: Millis) -> dict[str, Any]:
        """Return the clause for ``(start, end]``, in whole milliseconds as ``[start + 1, end + 1)``."""
        if self.numeric:
            return {"range": {self.field: {"gte": (start + 1) / self._unit, "lt": (end + 1) / self._unit}}}
        return {"range": {self.field: {"gte": start + 1, "lt": end + 1, "format": "epoch_millis"}}}

    def until(self, end: Millis) -> dict[str, Any]:
        """Return the clause for everything up to ``end``."""
        ((kind, bounds),) = self.range(end, end).items()
        return {kind: {self.field: {name: value for name, value in bounds[self.field].items() if name != "gte"}}}

    def doc_value(self) -> dict[str, Any] | str:
        """Return how to ask for the field's value beside a hit."""
        return self.field if self.numeric else {"field": self.field, "format": "epoch_millis"}

    def of(self, hit: Hit) -> Millis:
        """Return a hit's time from its doc values."""
        value = hit.fields[self.field][0]
        return _scaled(value, self._unit) if self.numeric else int(str(value).partition(".")[0])

    def buckets(self, width: Millis, edge: Millis) -> dict[str, Any]:
        """Return the aggregation that counts in buckets ``(e, e + width]``, with e at multiples of width from ``edge``.

        Empty buckets are left out; a bucket is named by its first millisecond, one after its edge.
        """
        offset = (edge + 1) % width
        if not self.numeric:
            wanted = {"field": self.field, "fixed_interval": f"{width}ms", "min_doc_count": 1, "format": "epoch_millis"}
            return {"date_histogram": wanted | ({"offset": f"{offset}ms"} if offset else {})}
        slack = 0 if self._unit == 1 else SLACK
        wanted = {"field": self.field, "interval": width / self._unit, "offset": offset / self._unit - slack}
        return {"histogram": wanted | {"min_doc_count": 1}}

    def windows(self, spans: Sequence[tuple[Millis, Millis]]) -> dict[str, Any]:
        """Return the aggregation of spans ``(start, end]``, which may overlap; a bucket's key is its span's number."""
        unit = self._unit if self.numeric else 1

        def written(instant: Millis) -> float:
            return (instant + 1) / unit if self.numeric else instant + 1

        ranges = [{"key": str(n), "from": written(start), "to": written(end)} for n, (start, end) in enumerate(spans)]
        wanted: dict[str, Any] = {"field": self.field, "ranges": ranges}
        return {"range": wanted} if self.numeric else {"date_range": wanted | {"format": "epoch_millis"}}

    def bucket_start(self, key: float) -> Millis:
        """Return the edge before a bucket's first millisecond, from the bucket's key."""
        return int(key) - 1 if not self.numeric else round(key * self._unit) - 1

    def sort(self, order: str) -> list[dict[str, Any]]:
        """Return the ``sort`` by time; an index that has no document with the field yet is no error."""
        unmapped = "long" if self.numeric else "date"
        return [{self.field: {"order": order, "unmapped_type": unmapped}}]

    def edges(self, index: str, filters: Sequence[Mapping[str, Any]] = ()) -> SearchRequest:
        """Return the request for the earliest and latest time among the documents that the filters select."""
        aggregations = {name: {kind: {"field": self.field}} for name, kind in (("first", "min"), ("last", "max"))}
        query = {"bool": {"filter": list(filters)}} if filters else {"match_all": {}}
        return SearchRequest(index, {"size": 0, "track_total_hits": False, "query": query, "aggs": aggregations})

    def edge(self, answer: Answer, name: str) -> Millis | None:
        """Read ``first`` or ``last`` from the answer to ``edges``; None when nothing was selected."""
        value = answer.aggregations.get(name, {}).get("value")
        return None if value is None else self.instant(value)

    def instant(self, value: Any) -> Millis:
        """Read the value of a ``min`` or ``max`` aggregation of the field."""
        return _scaled(value, self._unit if self.numeric else 1)

    def parse(self, document: Mapping[str, Any]) -> Millis | None:
        """Return a document's time from its source; None when it has none that can be read."""
        value = value_at(document, self.field)
        if isinstance(value, list):
            value = value[0] if value else None
        if value is None or isinstance(value, bool | dict):
            return None
        try:
            return parse_time(value, self.time)
        except (ValueError, OverflowError):
            return None


def _scaled(value: Any, unit: Millis) -> Millis:
    """Return whole milliseconds, cut off; as decimals, since 1.001 s times 1,000 is less than 1,001 in binary."""
    if isinstance(value, int):
        return value * unit
    try:
        return floor(Decimal(str(value)) * unit)
    except InvalidOperation:
        raise ValueError(f"{value!r} is no number") from None


def parse_time(value: Any, time: TimeField) -> Millis:
    """Read one value as the rule's ``timestamp_type`` says. Raises ValueError."""
    if time.kind is TimeKind.UNIX:
        return _scaled(value, SECOND)
    if time.kind is TimeKind.UNIX_MS:
        return _scaled(value, 1)
    if time.kind is TimeKind.CUSTOM and time.format:
        moment = datetime.strptime(str(value), time.format)  # noqa: DTZ007 - the zone is set below
    elif isinstance(value, int | float):
        return int(value)
    else:
        moment = datetime.fromisoformat(str(value).strip())
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return int(moment.replace(microsecond=0).timestamp()) * SECOND + moment.microsecond // 1000
