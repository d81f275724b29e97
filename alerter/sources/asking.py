"""How a rule's events are asked for: fields of the key, doc values, clauses that select one key again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from alerter.clock import Millis
from alerter.model.rule import FromEvent, Key, KeyValue, Rule, ValueList
from alerter.sources.protocol import Hit, SearchRequest, Source, SourceError
from alerter.sources.timefield import TimeReader, time_reader
from alerter.sources.values import values_at

TEXT = frozenset({"text", "match_only_text"})


@dataclass(frozen=True)
class Part:
    """One part of a key: the name it is shown by, the field that holds it, and for a split its translation.

    ``field`` None means that no document has the field: every event is in the group of the missing value.
    """

    name: str
    field: str | None
    split: FromEvent | None = None

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


@dataclass(frozen=True)
class Asking:
    """The shape of a rule's requests, found out once per read from the mapping."""

    rule: Rule
    time: TimeReader
    parts: tuple[Part, ...]
    warnings: tuple[str, ...]

    @classmethod
    def of(cls, rule: Rule, source: Source) -> Asking:
        """Look at the mapping of the fields the rule names. Raises SourceError."""
        time = time_reader(rule, source)
        wanted = [*rule.query_key, *(s.path for s in rule.splits.values())]
        names = [n for name in wanted for n in (name, f"{name}.keyword", name.removesuffix(".keyword"))]
        types = source.field_types(rule.index, names) if wanted else {}
        warnings: list[str] = []
        if not time.pushed:
            warnings.append(
                f"time_not_a_date: {rule.time.name} is mapped as {time.types}: every document of {rule.index} is read"
            )
        if not time.types:
            warnings.append(f"time_missing: no document of {rule.index} has the time field {rule.time.name} yet")
        parts = [Part(name, _key_field(name, types, warnings)) for name in rule.query_key]
        parts += [Part(n, _key_field(s.path, types, warnings), s) for n, s in rule.splits.items()]
        return cls(rule, time, tuple(parts), tuple(warnings))

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the key's parts, as written."""
        return tuple(part.name for part in self.parts)

    @property
    def doc_values(self) -> list[Any]:
        """The key fields to ask for beside each hit."""
        return [part.field for part in self.parts if part.field is not None]

    def scan(self, start: Millis, end: Millis) -> SearchRequest:
        """Return the request for all events in ``(start, end]``: times and keys, oldest first."""
        sources = self._sources()
        body: dict[str, Any] = {
            "query": {"bool": {"filter": [*self.rule.filter, self.time.range(start, end)]}},
            "_source": sources or False,
            "docvalue_fields": [self.time.doc_value(), *self.doc_values],
            "sort": self.time.sort("asc"),
            "track_total_hits": False,
        }
        return SearchRequest(self.rule.index, body, preference=f"alerter-{self.rule.meaning()}")

    def shown(self) -> list[str]:
        """Return what samples hold: ``include``, and always the time, the key and what the rule looks at."""
        attributes = [a.path for a in (*self.rule.splits.values(), *self.rule.newest.values())]
        names = {*self.rule.include, *self.rule.query_key, *attributes, *self._sources(), self.time.field}
        return sorted({name.removesuffix(".keyword") for name in names})

    def key_clauses(self, raw: Key) -> list[dict[str, Any]]:
        """Return the clauses that select the events of one key (with its raw, not its redacted values)."""
        values = dict(raw or ())
        return [part.clause(values.get(part.name)) for part in self.parts]

    def _sources(self) -> list[str]:
        names = [a.path for n, a in self.rule.newest.items() if n == "severity"]
        if isinstance(self.rule.condition, ValueList):
            names.append(self.rule.condition.compare_key)
        return [name.removesuffix(".keyword") for name in names]


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
        f"the key {name} is mapped as text, which cannot be grouped by",
        f"map {name} as keyword, or give it a sub-field {name}.keyword and write that",
    )
