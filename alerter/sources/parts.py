"""The fields that a rule looks at, as the mapping has them: how each is grouped by, counted and read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from alerter.model.history import NewTerm, ValueChange
from alerter.model.metric import Metric, MetricKind
from alerter.model.rule import FromEvent, KeyValue
from alerter.sources.protocol import Hit, SourceError
from alerter.sources.timefield import DATES
from alerter.sources.values import values_at

TEXT = frozenset({"text", "match_only_text"})
PLAIN = ("keyword", "boolean", "byte", "short", "integer", "long")
"""Types of which doc values and aggregations tell the same values apart."""
COUNTABLE = frozenset(
    {"keyword", "constant_keyword", "ip", "boolean", "byte", "short", "integer", "long", "float", "double"}
)
"""Types whose values an aggregation names as a search for documents does."""
INTEGERS = frozenset({"byte", "short", "integer", "long"})
"""Types whose values are told apart in the same way, also where a field has several of them."""
STRINGS = frozenset({"keyword", "constant_keyword", "wildcard"})
"""Types of which a search for a value finds each event that has it."""
NUMERIC = frozenset(
    {"byte", "short", "integer", "long", "unsigned_long", "half_float", "float", "double", "scaled_float", "boolean"}
)
"""Types that metrics are computed of, beside dates."""
Types = Mapping[str, frozenset[str]]


@dataclass(frozen=True)
class Part:
    """One part of a key: the name it is shown by, the field that holds it, and for a split its translation.

    ``field`` None means that no document has the field: every event is in the group of the missing value.
    """

    name: str
    field: str | None
    split: FromEvent | None = None
    types: frozenset[str] = frozenset()

    @property
    def countable(self) -> bool:
        """Whether the server can group by it as this program would."""
        if self.field is None:
            return True
        return bool(self.types) and self.types <= COUNTABLE and (len(self.types) == 1 or self.types <= INTEGERS)

    @property
    def labels(self) -> tuple[KeyValue, ...] | None:
        """All values it can have, where they are known beforehand; else None."""
        if self.field is None:
            return tuple(self.values(Hit("", "", {})))
        if self.split is None or not self.split.map:
            return None
        return tuple(dict.fromkeys([*self.split.map.values(), self.split.default]))

    def named(self, value: Any) -> KeyValue:
        """Return the part's value for a bucket's key; None stands for the missing field."""
        found: KeyValue = self.raw(value)
        return found if self.split is None else self.split.value(found)

    def raw(self, value: Any) -> Any:
        """Return a bucket's key as a document has it: aggregations name booleans by numbers."""
        return bool(value) if value is not None and self.types == {"boolean"} else value

    def values(self, hit: Hit) -> Sequence[KeyValue]:
        """Return the values of a hit, each once; a missing field is one group of its own."""
        if self.field is None:
            found: Sequence[Any] = ()
        elif self.field in hit.fields:
            found = hit.fields[self.field]
        else:
            found = () if hit.source is None else values_at(hit.source, self.field)
        if self.split is not None:
            found = [self.split.value(v) for v in found or (None,)]
        return tuple(dict.fromkeys(found)) or (None,)

    def clause(self, value: KeyValue) -> dict[str, Any]:
        """Return the clause that selects the events with this value."""
        if self.split is not None:
            return self._split_clause(self.split, value)
        if value is None:
            return {"bool": {"must_not": [{"exists": {"field": self.field or self.name}}]}}
        return {"term": {self.field or self.name: value}}

    def _split_clause(self, split: FromEvent, value: KeyValue) -> dict[str, Any]:
        field = self.field or split.path
        if not split.map:
            chosen: dict[str, Any] = {"term": {field: value}} if value is not None else {"match_none": {}}
        else:
            chosen = {"terms": {field: [raw for raw, label in split.map.items() if label == value]}}
        if value != split.default:
            return chosen
        others = {"bool": {"must_not": [{"terms": {field: list(split.map)}}]}} if split.map else _missing(field)
        return {"bool": {"should": [chosen, others], "minimum_should_match": 1}}


def _missing(field: str) -> dict[str, Any]:
    return {"bool": {"must_not": [{"exists": {"field": field}}]}}


def key_part(name: str, path: str, split: FromEvent | None, types: Types, warnings: list[str]) -> Part:
    """Return a part of a key. Raises SourceError where it cannot be grouped by."""
    field = _key_field(path, types, warnings)
    return Part(name, field, split, types.get(field, frozenset()) if field else frozenset())


def metered_part(metric: Metric, types: Types, warnings: list[str]) -> Part:
    """Return the field that a metric is computed of. Raises SourceError where its values are no numbers."""
    if metric.kind is MetricKind.VALUE_COUNT:
        return counted_part(metric.field, types, warnings)
    mapped = types.get(metric.field, frozenset())
    if not mapped:
        warnings.append(f"field_missing: no document has the field {metric.field} yet: there is no {metric.name}")
    if mapped - NUMERIC - DATES:
        raise SourceError(
            "rejected",
            f"the field {metric.field} is mapped as {'/'.join(sorted(mapped))}, of which there is no {metric.kind}",
            f"map {metric.field} as a number, or count its values by metric_agg_type value_count or cardinality",
        )
    return Part(metric.field, metric.field, None, mapped)


def counted_part(name: str, types: Types, warnings: list[str]) -> Part:
    """Return the field whose (different) values are counted. Raises SourceError."""
    notes: list[str] = []
    field = _key_field(name, types, notes)
    if field is None:
        warnings.append(f"field_missing: no document has the field {name} yet: it has no values to count")
    elif notes:
        warnings.append(f"field_on_text: the values of {field} are counted, as {name} is analysed text")
    return Part(name, field, None, types.get(field, frozenset()) if field else frozenset())


def compared_parts(condition: ValueChange, types: Types, warnings: list[str]) -> tuple[Part, ...]:
    """Return the compared fields; those without types are read from the source of each event."""
    found = []
    for name in condition.compared:
        fields = (name, f"{name}.keyword", name.removesuffix(".keyword"))
        plain = (Part(name, f, None, types[f]) for f in fields if len(types.get(f, ())) == 1 and types[f] <= set(PLAIN))
        found.append(next(plain, Part(name, name)))
    if other := [part.name for part in found if not part.types]:
        listed = ", ".join(other)
        warnings.append(f"read_one_by_one: {listed} is no keyword, whole number or boolean: every event is read")
    return tuple(found)


def term_parts(condition: NewTerm, types: Types, warnings: list[str]) -> tuple[tuple[Part, ...], ...]:
    """Return the parts of each field in which new values are looked for. Raises SourceError."""
    found = tuple(tuple(counted_part(name, types, warnings) for name in names) for names in condition.fields)
    for part in dict.fromkeys(part for parts in found for part in parts if not part.countable):
        warnings.append(
            f"read_one_by_one: {part.name} is mapped as {'/'.join(sorted(part.types))}: every event is read, and with "
            "each new value those of terms_window_size"
        )
    return found


def _key_field(name: str, types: Mapping[str, frozenset[str]], warnings: list[str]) -> str | None:
    """Return the field to group by: the one written, or the one it means.

    Analysed text is grouped by its ``.keyword`` sub-field; a ``.keyword`` that is not there means the field itself.
    """
    own = types.get(name, frozenset()) - {"object", "nested"}
    base = name.removesuffix(".keyword")
    if not own and base != name and types.get(base, TEXT).isdisjoint(TEXT):
        name, own = base, types[base]
    sub_field = bool(types.get(f"{name}.keyword"))
    if not own and not sub_field:
        warnings.append(f"key_missing: no document has the field {name}; all events are one group")
        return None
    if own and own.isdisjoint(TEXT):
        return name
    if sub_field:
        warnings.append(f"key_on_text: grouped by {name}.keyword, as {name} is analysed text")
        return f"{name}.keyword"
    raise SourceError(
        "rejected",
        f"the field {name} is mapped as text, which cannot be grouped by",
        f"map {name} as keyword, or give it a sub-field {name}.keyword and write that",
    )
