"""What change rules must know: the values of each key by time, and the one before the events that are read.

Where the server can group by the key and the compared fields, it is asked first which values each key has: a key with
one value only can change at its first event alone, and only the events of the others are read. The value before comes
from the checkpoint, and for a key that is not known there from the index: its newest event before. So nothing but time
is lost when a checkpoint is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from alerter.clock import Millis
from alerter.detectors.change import Changed, Tape
from alerter.model.history import History, Value, ValueChange
from alerter.model.rule import Key, Rule
from alerter.sources.asking import Asking
from alerter.sources.counting import PAGE, Combination, Counting, clipped, only_answer
from alerter.sources.hits import severity_of
from alerter.sources.judged import Judged, Steps, is_nothing, plain, value_of
from alerter.sources.newest_values import NewestValues
from alerter.sources.parts import Part
from alerter.sources.protocol import Answer, Hit, SearchRequest, Source
from alerter.sources.term_pages import slices
from alerter.sources.values import values_at

MOST_KEYS = 10_000
"""Keys whose values a checkpoint keeps; of others the index is asked."""
MOST_NAMED = 200
"""Keys that are selected by name; more are read together with all others."""
AT_ONCE = 500
"""Keys of which the newest event before is asked for together."""
TOGETHER = 10
"""Keys from which on one request asks of many what they held."""
FEW = 10
"""Events of a key that are read to find the newest one that is not passed over."""
LONG_AGO: Millis = -(1 << 50)


def changes(
    rule: Rule, asking: Asking, counting: Counting | None, reads: tuple[Millis, Millis], source: Source,
    history: History | None,
) -> Steps[Judged]:  # fmt: skip
    """Find out where the values of ``reads``, a span ``(start, end]``, change. Raises SourceError."""
    return _Changing(rule, asking, counting, reads, source, history).steps()


class _Changing:
    def __init__(
        self, rule: Rule, asking: Asking, counting: Counting | None, reads: tuple[Millis, Millis], source: Source,
        history: History | None,
    ) -> None:  # fmt: skip
        condition = rule.condition
        assert isinstance(condition, ValueChange)
        self.rule, self.asking, self.source, self.condition = rule, asking, source, condition
        self.counting = counting if all(part.types for part in asking.compared) else None
        self.history = history if history is not None and not condition.timeframe else None
        begin = max(reads[0], self.history.at) if self.history is not None else reads[0]
        self.begin = begin if asking.time.pushed else LONG_AGO
        self.end = reads[1]
        self.settle = max(self.end - rule.buffer_time, begin)
        self.tapes: dict[Key, Tape] = {}
        self.events = Judged(rule, source, asking, self.begin, self.end)
        self.severity = rule.newest.get("severity")

    def steps(self) -> Steps[Judged]:
        """Read, then look up what was before, then tell the changes."""
        busy = None if self.counting is None else (yield from self._surveyed(self.counting))
        if busy is None or busy:
            self._read(busy)
        before = yield from self._before()
        for raw, tape in self.tapes.items():
            key = self.events.hidden(raw)
            for change in tape.after(before.get(key)):
                self.events.note(key, change.at, _facts(change), change.severity)
        self.events.finish()
        if not self.condition.timeframe:
            self.events.remembered = self._remembered(before)
        return self.events

    def _tape(self, raw: Key) -> Tape:
        return self.tapes.setdefault(raw, Tape(self.condition.timeframe, self.settle))

    # --- which keys have several values ------------------------------------------------------------------------

    def _surveyed(self, counting: Counting) -> Steps[set[Key]]:
        """Play the keys that hold one value all along; returns those whose events must be read."""
        if self.begin >= self.end:
            return set()
        survey = Survey(self.asking, counting, self.begin, self.end)
        answers = yield [survey.request(combination) for combination in counting.combinations]
        found: dict[Key, dict[tuple[Any, ...], Millis]] = {}
        for combination, answer in zip(counting.combinations, answers, strict=True):
            self.events.read += answer.total or 0
            for raw, values, first in survey.read(combination, answer, self.source):
                self.events.spent.buckets += 1
                held = found.setdefault(raw, {})
                held[values] = min(first, held.get(values, first))
        busy = set()
        for raw, held in found.items():
            several = len(held) > 1  # also where all but one are nothing: an array may hold that one and nothing
            if self.condition.ignore_null:
                held = {v: at for v, at in held.items() if not any(x is not None and is_nothing(x) for x in v)}
            if several or any(value is None for values in held for value in values):
                busy.add(raw)  # what the server has no value of may be too long for it
            elif held and not self.condition.timeframe:
                ((values, first),) = held.items()
                self._tape(raw).play(first, self._value(values))
        return busy

    # --- their events ------------------------------------------------------------------------------------------

    def _read(self, busy: set[Key] | None) -> None:
        """Play the events of these keys, of all where None."""
        unread: list[Hit] = []
        named = [self._clause(raw) for raw in busy] if busy is not None and len(busy) <= MOST_NAMED else []
        more = [{"bool": {"should": named, "minimum_should_match": 1}}] if named else []
        for at, hit in self.events.scanned(unread, *more):
            self.events.spent.hits += 1
            values = self._values(hit)
            if self.condition.ignore_null and any(map(is_nothing, values)):
                continue
            value = self._value(values)
            severity = severity_of(self.severity, hit) if self.severity is not None else ""
            for raw in self.events.keys_of(hit):
                if busy is None or raw in busy:
                    self._tape(raw).play(at, value, severity)
        self.events.spent.requests += 1 + self.events.spent.hits // PAGE
        self.events.read = self.events.read or self.events.spent.hits
        self.events.warn_of(unread)

    def _clause(self, raw: Key) -> Mapping[str, Any]:
        return {"bool": {"filter": self.asking.key_clauses(raw)}}

    def _values(self, hit: Hit) -> list[Any]:
        return [_field(part, hit) for part in self.asking.compared]

    def _value(self, values: Sequence[Any]) -> Value:
        return value_of(self.condition.compared, values, self.rule.redact)

    # --- what was before ---------------------------------------------------------------------------------------

    def _before(self) -> Steps[dict[Key, Value]]:
        """Return the value of the event before the first one played, by shown key, where there is one."""
        known = dict(self.history.values) if self.history is not None else {}
        if self.condition.timeframe or not self.asking.time.pushed:
            return {}  # what is read goes back far enough
        if self.rule.server_query is not None:
            return known  # no search finds the event before
        since = None if self.history is None or self.history.at >= self.begin else self.history.at
        wanted = [
            (raw, since if key in known else None)
            for raw, tape in self.tapes.items()
            if tape.first is not None and ((key := self.events.hidden(raw)) not in known or since is not None)
        ]
        if not wanted or not (yield from self._any_before()):
            return known
        left = iter((yield from self._named(wanted, known)))
        while batch := list(islice(left, AT_ONCE)):
            answers = yield [self._newest(*one) for one in batch]
            for (raw, start), answer in zip(batch, answers, strict=True):
                value = self._newest_value(raw, start, answer)
                if value is not None:
                    known[self.events.hidden(raw)] = value
        return known

    def _named(
        self, wanted: list[tuple[Key, Millis | None]], known: dict[Key, Value]
    ) -> Steps[list[tuple[Key, Millis | None]]]:
        """Add to what is known what the server can tell of many keys at once; returns what is left to look up."""
        if self.counting is None or len(wanted) < TOGETHER or not NewestValues.can_ask(self.asking, self.counting):
            return wanted
        left = []
        for start in dict.fromkeys(start for _, start in wanted):
            look = NewestValues(self.asking, self.counting, start, self.begin)
            found = yield from look.steps([raw for raw, of in wanted if of == start])
            known |= {self.events.hidden(raw): self._value(held) for raw, held in found.items() if held is not None}
            left += [(raw, start) for raw, held in found.items() if held is None]
        return left

    def _any_before(self) -> Steps[bool]:
        clauses = [*self.asking.filter, self.asking.time.until(self.begin)]
        body = {"size": 0, "query": {"bool": {"filter": clauses}}, "track_total_hits": 1}
        (answer,) = yield [self._everywhere(body)]
        return bool(answer.total)

    def _everywhere(self, body: Mapping[str, Any]) -> SearchRequest:
        lenient = self.rule.dated is not None
        return SearchRequest(self.rule.everywhere, body, self.asking.preference, lenient=lenient)

    def _newest(self, raw: Key, start: Millis | None) -> SearchRequest:
        time = self.asking.time
        span = time.until(self.begin) if start is None else time.range(start, self.begin)
        clauses = [*self.asking.filter, span, *self.asking.key_clauses(raw)]
        return self._everywhere({**self.asking.listing(clauses, "desc"), "size": FEW})

    def _newest_value(self, raw: Key, start: Millis | None, answer: Answer) -> Value | None:
        """Return the value of the newest event; where the first page does not tell, of all pages."""
        found = _last_of_newest(self._kept(answer.hits))
        if len(answer.hits) < FEW or (found is not None and not found[1]):
            return None if found is None else self._value(found[0])
        request = self._newest(raw, start)
        body = {name: value for name, value in request.body.items() if name != "size"}
        pages = self.source.scan(self._everywhere(body), 1_000)
        found = _last_of_newest(self._kept(hit for page in pages for hit in page))
        return None if found is None else self._value(found[0])

    def _kept(self, hits: Iterable[Hit]) -> Iterator[tuple[Millis, list[Any] | None]]:
        """Yield the time of each event and its values, None for those that are passed over."""
        for hit in hits:
            values = self._values(hit)
            skipped = self.condition.ignore_null and any(map(is_nothing, values))
            yield self.asking.time.of(hit), None if skipped else values

    def _remembered(self, before: Mapping[Key, Value]) -> History:
        """Return the value of each key as of ``settle``, those of the newest events last, as many as are kept."""
        gapless = self.history is not None and self.history.at >= self.begin
        values: dict[Key, Value] = dict(self.history.values) if self.history is not None and gapless else {}
        for raw, tape in self.tapes.items():
            key = self.events.hidden(raw)
            value = tape.settled or before.get(key)
            if value is not None:
                values.pop(key, None)
                values[key] = value
        if len(values) > MOST_KEYS:
            self.events.warnings.append(
                f"values_forgotten: more than {MOST_KEYS:,} keys; of those seen longest ago the last value is not "
                "remembered but looked up, which finds it only while the index holds the event"
            )
            values = dict(islice(values.items(), len(values) - MOST_KEYS, None))
        return History(self.settle, values)


class Survey:
    """Asks which values each key has in ``(start, end]``, and when it had each first."""

    def __init__(self, asking: Asking, counting: Counting, start: Millis, end: Millis) -> None:
        self.asking, self.counting = asking, counting
        self.start, self.end = start, end

    def request(self, combination: Combination, after: Any = None) -> SearchRequest:
        """Return the request for one page."""
        fields = [(str(n), part) for n, part in enumerate(self.counting.free)]
        fields += [(f"v{n}", part) for n, part in enumerate(self.asking.compared)]
        sources: list[Any] = [{"t": slices(self.asking, self.end - self.start, self.start)}]
        sources += [{name: {"terms": {"field": part.field, "missing_bucket": True}}} for name, part in fields]
        wanted: dict[str, Any] = {"size": PAGE, "sources": sources} | ({"after": after} if after else {})
        edges = {"first": {"min": {"field": self.asking.time.field}}}
        pages = {"k": {"composite": wanted, "aggs": edges}}
        return self.asking.request(self.start, self.end, pages, *combination.clauses, total=after is None)

    def read(
        self, combination: Combination, answer: Answer, source: Source
    ) -> Iterator[tuple[Key, tuple[Any, ...], Millis]]:
        """Yield raw keys with values and the instant of the first such event, of all pages. Raises SourceError."""
        compared, width = self.asking.compared, self.end - self.start
        while True:
            buckets = answer.buckets("k")
            for bucket in buckets:
                found = bucket["key"]
                if clipped(self.asking.time.bucket_start(found["t"]), width, self.start, self.end) is None:
                    continue  # an event of several times
                key = self.counting.key(combination, [found[str(n)] for n in range(len(self.counting.free))])
                values = tuple(part.raw(found[f"v{n}"]) for n, part in enumerate(compared))
                yield key, values, max(self.asking.time.instant(bucket["first"]["value"]), self.start + 1)
            if len(buckets) < PAGE:
                return
            answer = only_answer(source, self.request(combination, answer.aggregation("k")["after_key"]))


def _field(part: Part, hit: Hit) -> Any:
    """Return what an event holds of a compared field: as the server groups by it, else as it is written."""
    if part.types and part.field is not None and part.field in hit.fields:
        return plain(hit.fields[part.field])
    return plain(values_at(hit.source or {}, part.name))


def _last_of_newest(kept: Iterator[tuple[Millis, list[Any] | None]]) -> tuple[list[Any], bool] | None:
    """Return the values of the newest event that is not passed over, and whether it is the last one that was looked at.

    ``kept`` are newest first, but in order of arrival where they are of one instant: then the last of these counts.
    """
    newest: tuple[Millis, list[Any]] | None = None
    for at, values in kept:
        if newest is not None and at < newest[0]:
            return newest[1], False
        if values is not None:
            newest = (at, values)
    return None if newest is None else (newest[1], True)


def _facts(change: Changed) -> Callable[[], Mapping[str, Any]]:
    def made() -> Mapping[str, Any]:
        old, new = list(change.old.shown), list(change.new.shown)
        return {"old": old, "new": new, "old_value": old, "new_value": new}

    return made
