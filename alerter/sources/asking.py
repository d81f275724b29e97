"""How a rule's events are asked for: fields of the key, doc values, clauses that select one key again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from alerter.clock import DAY, Millis
from alerter.model.history import NewTerm, ValueChange
from alerter.model.language import Language
from alerter.model.metric import Metric, MetricKind
from alerter.model.rule import Cardinality, Custom, Key, KeyValue, Measuring, Rule, ValueList
from alerter.query.kql import kql_to_dsl
from alerter.sources.counted import named_fields
from alerter.sources.parts import Part, Types, compared_parts, counted_part, key_part, metered_part, term_parts
from alerter.sources.protocol import SearchRequest, Selection, SourceError
from alerter.sources.timefield import DATES, TimeReader, time_reader

LOOSE = (7 * DAY, DAY)
"""How far before and after the exact span ``@timestamp`` may lie where another field is the rule's time."""


@dataclass(frozen=True)
class Asking:
    """The shape of a rule's requests, found out from the mapping; ``filter`` is the rule's, in the server's query DSL.

    With ``loose``, a span, only events whose ``@timestamp`` lies near it are asked for: old shards are passed over.
    ``counted`` is the field whose different values are counted, ``metered`` the one whose values make another metric,
    where a rule does that. ``compared`` are the fields of which a change is looked for, ``terms`` those in which new
    values are.
    """

    rule: Rule
    time: TimeReader
    parts: tuple[Part, ...]
    warnings: tuple[str, ...]
    filter: tuple[Mapping[str, Any], ...]
    preference: str
    listed: Mapping[str, Any] | None = None
    loose: tuple[Millis, Millis] | None = None
    counted: Part | None = None
    metered: Part | None = None
    named: Mapping[str, str] = field(default_factory=dict)
    """The field by which each name in the rule's options is counted for messages."""
    compared: tuple[Part, ...] = ()
    terms: tuple[tuple[Part, ...], ...] = ()

    @staticmethod
    def wanted(rule: Rule) -> list[str]:
        """Name the fields whose types decide how the rule's events are asked for."""
        fields = [*rule.query_key, *(s.path for s in rule.splits.values())]
        if isinstance(rule.condition, ValueList):
            fields.append(rule.condition.compare_key)
        if isinstance(rule.condition, Cardinality):
            fields.append(rule.condition.field)
        if isinstance(rule.condition, ValueChange):
            fields += rule.condition.compared
        if isinstance(rule.condition, NewTerm):
            fields += [name for names in rule.condition.fields for name in names]
        metric = _metric_of(rule)
        if metric is not None:
            fields.append(metric.field)
        fields += [n for name in rule.texts.counted for n in (name, name.removesuffix(".keyword"))]
        names = [n for name in fields for n in (name, f"{name}.keyword", name.removesuffix(".keyword"))]
        return [rule.time.name, "@timestamp", *names]

    @classmethod
    def of(cls, rule: Rule, types: Types) -> Asking:
        """Look at the types of the fields that ``wanted`` names. Raises SourceError."""
        time = time_reader(rule, types)
        _check_selected(rule, time)
        warnings: list[str] = []
        if not time.pushed:
            warnings.append(
                f"time_not_a_date: {rule.time.name} is mapped as {time.types}: every document of {rule.index} is read"
            )
        if not time.types:
            warnings.append(f"time_missing: no document of {rule.index} has the time field {rule.time.name} yet")
        terms = term_parts(rule.condition, types, warnings) if isinstance(rule.condition, NewTerm) else ()
        own = {part.name for parts_of in terms for part in parts_of}
        parts = [key_part(name, name, None, types, warnings) for name in rule.query_key if name not in own]
        parts += [key_part(n, s.path, s, types, warnings) for n, s in rule.splits.items()]
        counted = (
            counted_part(rule.condition.field, types, warnings) if isinstance(rule.condition, Cardinality) else None
        )
        metric = _metric_of(rule)
        if metric is not None and metric.kind is MetricKind.CARDINALITY:
            counted = counted_part(metric.field, types, warnings)
        metered = None if metric is None or counted is not None else metered_part(metric, types, warnings)
        named = named_fields(rule, types, warnings)
        return cls(
            rule,
            time,
            tuple(parts),
            tuple(warnings),
            tuple(translated(clause) for clause in rule.clauses),
            f"alerter-{rule.meaning()}",
            _listed(rule.condition, types) if isinstance(rule.condition, ValueList) else None,
            counted=counted,
            metered=metered,
            named=named,
            compared=compared_parts(rule.condition, types, warnings) if isinstance(rule.condition, ValueChange) else (),
            terms=terms,
        )

    def may_be_loose(self, types: Types) -> bool:
        """Whether ``@timestamp`` is a date field beside the rule's own time field."""
        other = types.get("@timestamp", frozenset())
        return self.time.pushed and self.time.field != "@timestamp" and bool(other) and other <= DATES

    @property
    def counts(self) -> bool:
        """Whether counts answer for the events: the server knows their time, their keys, and which are listed."""
        if self.rule.server_query is not None:
            return False
        if not self.time.pushed or not self.time.types or not all(part.countable for part in self.parts):
            return False
        if isinstance(self.rule.condition, Custom) or (
            isinstance(self.rule.condition, ValueList) and self.listed is None
        ):
            return False
        if self.counted is not None and not self.counted.countable:
            return False
        if isinstance(self.rule.condition, ValueChange | NewTerm) and (self.time.numeric or not self.knows_terms):
            return False
        metric = _metric_of(self.rule)
        joins = any(part.split is not None and part.labels is None and part.split.default for part in self.parts)
        if metric is not None and metric.kind is MetricKind.PERCENTILES and joins:
            return False  # two values of a field may be one key, and percentiles cannot be put together
        free = self.counted is not None or any(part.labels is None for part in self.parts)
        if free and self.time.numeric:
            return False  # pages over keys and times know no buckets that end at an instant, for numbers
        return "severity" not in self.rule.newest

    @property
    def read_out(self) -> bool:
        """Whether only reading documents tells more of the events: searches cannot select them, or not their times."""
        return self.rule.server_query is not None or not self.time.pushed

    @property
    def knows_terms(self) -> bool:
        """Whether the server names the values of the fields in which new ones are looked for."""
        return self.rule.server_query is None and all(part.countable for parts in self.terms for part in parts)

    def outside(self, start: Millis, end: Millis) -> SearchRequest:
        """Return the question whether any event of a span has its ``@timestamp`` elsewhere, or none at all."""
        elsewhere = {"bool": {"must_not": [loose_range(start, end)]}}
        query = {"bool": {"filter": [*self.filter, self.time.range(start, end), elsewhere]}}
        return self.over(start, end, {"size": 0, "query": query, "track_total_hits": 1})

    def clauses(self, start: Millis, end: Millis) -> list[Mapping[str, Any]]:
        """Return the clauses that select the rule's events in ``(start, end]``."""
        found = [*self.filter, self.time.range(start, end)]
        if self.loose is not None:
            found.append(loose_range(*self.loose))
        return [*found, self.listed] if self.listed is not None else found

    def request(
        self, start: Millis, end: Millis, aggregations: Mapping[str, Any], *more: Any, total: bool = False
    ) -> SearchRequest:
        """Return the request for aggregations over the events in ``(start, end]``, and of ``more`` clauses."""
        query = {"bool": {"filter": [*self.clauses(start, end), *more]}}
        return self.over(start, end, {"size": 0, "track_total_hits": total, "query": query, "aggs": aggregations})

    def over(self, start: Millis, end: Millis, body: Mapping[str, Any]) -> SearchRequest:
        """Return a request to the rule's indices for ``(start, end]``."""
        return SearchRequest(self.rule.indices(start, end), body, self.preference, lenient=self.rule.dated is not None)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the key's parts, as written."""
        return tuple(part.name for part in self.parts)

    @property
    def doc_values(self) -> list[Any]:
        """The key fields, and the one whose values are counted, to ask for beside each hit and its time."""
        parts = [*self.parts, *(part for part in (self.counted, self.metered) if part is not None)]
        parts += [*(part for part in self.compared if part.types), *(p for parts_of in self.terms for p in parts_of)]
        fields = dict.fromkeys(part.field for part in parts if part.field not in (None, self.time.field))
        dates = self.metered.field if self.metered is not None and self.metered.types & DATES else None
        return [{"field": name, "format": "epoch_millis"} if name == dates else name for name in fields]

    def scan(self, start: Millis, end: Millis, *more: Any) -> SearchRequest:
        """Return the request for all events in ``(start, end]``, of ``more`` clauses: times and keys, oldest first."""
        return self.over(start, end, self.listing([*self.clauses(start, end), *more], "asc"))

    def selection(self, start: Millis, end: Millis, *more: Any, whole: bool = False) -> Selection:
        """Return how a rule's query in EQL or ES|QL is asked for its events, each with its time and its key.

        ``more`` clauses may leave out what is not looked for; ES|QL may make columns of which they know nothing.
        """
        query = self.rule.server_query
        assert query is not None
        clauses = (*self.filter, *(more if query.language is Language.EQL else ()))
        fields = (self.time.doc_value(), *self.doc_values)
        whole = whole or isinstance(self.rule.condition, Custom) or bool(self._sources())
        index, lenient = self.rule.indices(start, end), self.rule.dated is not None
        return Selection(query, index, self.time.field, clauses, 0, fields, whole, lenient=lenient)

    def first(self, start: Millis, end: Millis, size: int) -> SearchRequest:
        """Return the request for the first so many events in ``(start, end]``, in the order in which ``scan`` reads."""
        body = self.listing(self.clauses(start, end), "asc")
        return self.over(start, end, body | {"size": size, "sort": [*body["sort"], "_doc"]})

    def listing(self, clauses: Sequence[Any], order: str) -> dict[str, Any]:
        """Return the body that lists what clauses select by time, each with its time, its key and what is looked at."""
        return {
            "query": {"bool": {"filter": list(clauses)}},
            "_source": self._whole() if isinstance(self.rule.condition, Custom) else self._sources() or False,
            "docvalue_fields": [self.time.doc_value(), *self.doc_values],
            "sort": self.time.sort(order),
            "track_total_hits": False,
        }

    def _whole(self) -> list[str] | bool:
        return self.shown() if self.rule.include else True

    def shown(self) -> list[str]:
        """Return what samples hold: ``include``, and always the time, the key and what the rule looks at."""
        attributes = [a.path for a in (*self.rule.splits.values(), *self.rule.newest.values())]
        names = {
            *self.rule.include,
            *self.rule.texts.alert.paths,
            *self.rule.query_key,
            *attributes,
            *self._sources(),
            self.time.field,
        }
        names |= {part.name for part in (self.counted, self.metered) if part is not None}
        names |= {part.name for parts in self.terms for part in parts}
        return sorted({name.removesuffix(".keyword") for name in names})

    def key_clauses(self, raw: Key) -> list[dict[str, Any]]:
        """Return the clauses that select the events of one key (with its raw, not its redacted values)."""
        values = dict(raw or ())
        return [part.clause(values.get(part.name)) for part in self.parts]

    def _sources(self) -> list[str]:
        names = [a.path for n, a in self.rule.newest.items() if n == "severity"]
        if isinstance(self.rule.condition, ValueList):
            names.append(self.rule.condition.compare_key)
        names += [part.name for parts in (self.compared, *self.terms) for part in parts]
        return [name.removesuffix(".keyword") for name in names]


def loose_range(start: Millis, end: Millis) -> dict[str, Any]:
    """Return the generous range on ``@timestamp`` around a span of another time field."""
    bounds = {"gte": start - LOOSE[0], "lt": end + LOOSE[1], "format": "epoch_millis"}
    return {"range": {"@timestamp": bounds}}


def translated(clause: Any) -> Any:
    """Return a filter clause with KQL, at any depth, as the server's query language."""
    if isinstance(clause, Mapping):
        if len(clause) == 1 and isinstance(clause.get("kql"), str):
            return kql_to_dsl(clause["kql"])
        return {name: translated(inner) for name, inner in clause.items()}
    return [translated(inner) for inner in clause] if isinstance(clause, list | tuple) else clause


def _check_selected(rule: Rule, time: TimeReader) -> None:
    """Raise SourceError where the events of a query in the server's own language cannot be read by time."""
    if rule.server_query is None:
        return
    title = rule.server_query.language.called
    if not time.pushed:
        message = f"{time.field} is mapped as {time.types}, and the events of {title} are read by time"
        raise SourceError("rejected", message, "name a date: timestamp_field")
    if not time.types and rule.server_query.language is Language.ESQL:
        message = f"the {title} query answers without the column {time.field}"
        raise SourceError("rejected", message, "let it KEEP the time of each event, or name that: timestamp_field")


def _metric_of(rule: Rule) -> Metric | None:
    """Return the metric that a rule's windows are judged by; None for rules that have none."""
    measured = rule.condition.measured if isinstance(rule.condition, Measuring) else None
    return measured if isinstance(measured, Metric) else None


def _listed(condition: ValueList, types: Types) -> Mapping[str, Any] | None:
    """Return the clause that selects what a blacklist names, where the server compares as this program does."""
    if not condition.deny or condition.patterns or not condition.values:
        return None
    values = condition.values
    for name in (condition.compare_key, f"{condition.compare_key}.keyword"):
        mapped = types.get(name, frozenset())
        texts = mapped == {"keyword"} and all(isinstance(v, str) and len(v) <= 256 for v in values)
        numbers = mapped == {"long"} and all(isinstance(v, int) and not isinstance(v, bool) for v in values)
        if texts or numbers:
            return _any_of(name, values)
    return None


def _any_of(field: str, values: Sequence[KeyValue]) -> dict[str, Any]:
    """Return a ``terms`` clause, several where they are more than one may hold."""
    parts = [{"terms": {field: list(values[at : at + 10_000])}} for at in range(0, len(values), 10_000)]
    return parts[0] if len(parts) == 1 else {"bool": {"should": parts, "minimum_should_match": 1}}
