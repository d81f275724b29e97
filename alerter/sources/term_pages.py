"""The requests of new_term rules and what their answers say: terms of a span, when they were seen last, and none."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from alerter.clock import Millis
from alerter.model.rule import Key
from alerter.sources.asking import Asking
from alerter.sources.counting import PAGE, Combination, Counting, clipped, only_answer
from alerter.sources.parts import INTEGERS, STRINGS, Part
from alerter.sources.protocol import Answer, Hit, SearchRequest, Source
from alerter.sources.values import values_at

Values = tuple[Any, ...]
WIDEST = 1e18
"""An interval that holds every time."""


class TermPages:
    """Asks for the terms of one field in ``(start, end]``, in slices no longer than the window."""

    def __init__(
        self, asking: Asking, counting: Counting, n: int, combination: Combination, span: tuple[Millis, Millis],
        window: Millis,
    ) -> None:  # fmt: skip
        self.asking, self.counting, self.n, self.combination = asking, counting, n, combination
        self.parts = asking.terms[n]
        self.start, self.end = span
        self.width = min(window, self.end - self.start)

    def request(self, after: Any = None) -> SearchRequest:
        """Return the request for one page of terms."""
        terms = {f"v{n}": {"terms": {"field": part.field}} for n, part in enumerate(self.parts)}
        time = self.asking.time.field
        edges = {name: {of: {"field": time}} for name, of in (("first", "min"), ("last", "max"))}
        pages = {"k": {"composite": self._composite(self.width, terms, after), "aggs": edges}}
        return self.asking.request(self.start, self.end, pages, *self.combination.clauses, total=after is None)

    def missing(self, after: Any = None) -> SearchRequest:
        """Return the request for one page of instants of events that lack a part."""
        pages = {"k": {"composite": self._composite(1, {}, after)}}
        return self.asking.request(self.start, self.end, pages, *self.combination.clauses, lacking(self.parts))

    def _composite(self, width: Millis, terms: Mapping[str, Any], after: Any) -> dict[str, Any]:
        rest = {
            str(n): {"terms": {"field": part.field, "missing_bucket": True}}
            for n, part in enumerate(self.counting.free)
        }
        sources = [{"t": slices(self.asking, width, self.start)}, *({n: s} for n, s in (rest | {**terms}).items())]
        return {"size": PAGE, "sources": sources} | ({"after": after} if after else {})

    def read(self, answer: Answer, source: Source) -> Iterator[tuple[Key, Values, Millis, Millis]]:
        """Yield raw keys with terms and their first and last instant in a slice, of all pages. Raises SourceError."""
        instant = self.asking.time.instant
        for bucket, (start, end) in self._buckets(answer, source, self.width, missing=False):
            values = tuple(part.raw(bucket["key"][f"v{n}"]) for n, part in enumerate(self.parts))
            first = max(instant(bucket["first"]["value"]), start + 1)
            last = min(instant(bucket["last"]["value"]), end)
            yield self._key(bucket), values, first, last

    def read_missing(self, answer: Answer, source: Source) -> Iterator[tuple[Key, Millis, int]]:
        """Yield raw keys with an instant and its number of events, by time, of all pages. Raises SourceError."""
        for bucket, (_, at) in self._buckets(answer, source, 1, missing=True):
            yield self._key(bucket), at, bucket["doc_count"]

    def _buckets(
        self, answer: Answer, source: Source, width: Millis, *, missing: bool
    ) -> Iterator[tuple[Mapping[str, Any], tuple[Millis, Millis]]]:
        while True:
            buckets = answer.buckets("k")
            for bucket in buckets:
                edge = self.asking.time.bucket_start(bucket["key"]["t"])
                span = clipped(edge, width, self.start, self.end)
                if span is not None:  # else an event of several times
                    yield bucket, span
            if len(buckets) < PAGE:
                return
            after = answer.aggregation("k")["after_key"]
            answer = only_answer(source, self.missing(after) if missing else self.request(after))

    def _key(self, bucket: Mapping[str, Any]) -> Key:
        return self.counting.key(self.combination, [bucket["key"][str(n)] for n in range(len(self.counting.free))])


class TermLook:
    """Asks when some terms of one field were seen last in ``(start, end]``."""

    def __init__(self, asking: Asking, n: int, terms: Sequence[Values], span: tuple[Millis, Millis]) -> None:
        self.asking, self.parts, self.terms = asking, asking.terms[n], terms
        self.start, self.end = span

    def request(self, after: Any = None) -> SearchRequest:
        """Return the request for one page."""
        sources: list[Any] = [{"t": slices(self.asking, self.end - self.start, self.start)}]
        sources += [{f"v{n}": {"terms": {"field": part.field}}} for n, part in enumerate(self.parts)]
        wanted: dict[str, Any] = {"size": PAGE, "sources": sources} | ({"after": after} if after else {})
        pages = {"k": {"composite": wanted, "aggs": {"last": {"max": {"field": self.asking.time.field}}}}}
        return self.asking.request(self.start, self.end, pages, self._clause())

    def _clause(self) -> Mapping[str, Any]:
        if len(self.parts) == 1:
            return {"terms": {self.parts[0].field: [values[0] for values in self.terms]}}
        each = [
            {"bool": {"filter": [part.clause(value) for part, value in zip(self.parts, values, strict=True)]}}
            for values in self.terms
        ]
        return {"bool": {"should": each, "minimum_should_match": 1}}

    def read(self, answer: Answer, source: Source) -> Iterator[tuple[Values, Millis]]:
        """Yield the terms asked for that were seen, each with its last instant, of all pages. Raises SourceError."""
        asked = set(self.terms)
        while True:
            buckets = answer.buckets("k")
            for bucket in buckets:
                values = tuple(part.raw(bucket["key"][f"v{n}"]) for n, part in enumerate(self.parts))
                last = self.asking.time.instant(bucket["last"]["value"])
                if values in asked:  # an array has others beside it
                    yield values, min(last, self.end)
            if len(buckets) < PAGE:
                return
            answer = only_answer(source, self.request(answer.aggregation("k")["after_key"]))


def slices(asking: Asking, width: Millis, start: Millis) -> dict[str, Any]:
    """Return the source of a composite that is a bucket for each ``(start + n width, start + (n + 1) width]``.

    It comes first, since a server may leave out values of an array where the composite begins with its field and the
    query selects by it. Of numbers there is one bucket for all: such a source cannot be told where to begin.
    """
    if asking.time.numeric:
        return {"histogram": {"field": asking.time.field, "interval": WIDEST}}
    ((kind, histogram),) = asking.time.buckets(width, start).items()
    return {kind: {name: value for name, value in histogram.items() if name not in ("min_doc_count", "format")}}


def lacking(parts: Sequence[Part]) -> dict[str, Any]:
    """Return the clause that selects the events in which a part of a term is missing, null or empty."""
    return {"bool": {"should": [_lacks(part) for part in parts], "minimum_should_match": 1}}


def _lacks(part: Part) -> dict[str, Any]:
    field = part.field or part.name
    base = part.name.removesuffix(".keyword")  # analysed text has values that are too long for its keyword
    there = [{"exists": {"field": name}} for name in dict.fromkeys((field, base))]
    missing: dict[str, Any] = {"bool": {"must_not": there}}
    if "keyword" not in part.types:
        return missing
    more = {"range": {field: {"gt": ""}}}
    empty = {"bool": {"filter": [{"term": {field: ""}}], "must_not": [more]}}
    return {"bool": {"should": [missing, empty], "minimum_should_match": 1}}


def may_have(asking: Asking, terms: Iterable[tuple[int, Values]]) -> list[dict[str, Any]]:
    """Return clauses that select each event that has one of these terms, and others; none where no search can."""
    each: dict[int, list[Values]] = {}
    for n, values in terms:
        each.setdefault(n, []).append(values)
    if any(not p.types or not (p.types <= STRINGS or p.types <= INTEGERS) for n in each for p in asking.terms[n]):
        return []
    if sum(map(len, each.values())) > PAGE:
        return []
    return [_any([_may_have(asking.terms[n], found) for n, found in each.items()])]


def _may_have(parts: Sequence[Part], terms: Sequence[Values]) -> dict[str, Any]:
    return {"bool": {"filter": [_one_of(part, [values[n] for values in terms]) for n, part in enumerate(parts)]}}


def _one_of(part: Part, values: Sequence[Any]) -> dict[str, Any]:
    """Select what has one of the values, or none that the server knows: that is read from the event itself."""
    unknown = {"bool": {"must_not": [{"exists": {"field": part.field}}]}}
    return _any([{"terms": {part.field: list(dict.fromkeys(values))}}, unknown])


def _any(clauses: Sequence[Any]) -> dict[str, Any]:
    return {"bool": {"should": list(clauses), "minimum_should_match": 1}}


def terms_of(part: Part, hit: Hit) -> list[Any]:
    """Return the terms that an event has of a field, each once, as the server names them."""
    named: Sequence[Any] = hit.fields.get(part.field, ()) if part.field is not None else ()
    found = named if part.countable else part.values(hit)
    return [value for value in dict.fromkeys(found) if value is not None and value != ""]


def lacks_value(part: Part, hit: Hit) -> bool:
    """Whether an event has nothing, or only what is empty, in a field."""
    if terms_of(part, hit):
        return False
    return all(value is None or value == "" for value in values_at(hit.source or {}, part.name))
