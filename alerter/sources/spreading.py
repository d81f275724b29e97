"""When each value of a field was seen first and last, by key: all that cardinality rules need to know of values.

The span is asked for in slices no longer than the window, one answer a value, key and slice; between evaluations only
what may have changed since is asked for again. Never by the ``cardinality`` aggregation, which estimates.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from alerter.clock import Millis
from alerter.model.rule import Key, Measuring, Rule
from alerter.sources.asking import Asking
from alerter.sources.counting import PAGE, Combination, Counting, clipped, only_answer
from alerter.sources.parts import Part
from alerter.sources.protocol import TOO_MANY, Answer, Searching, SearchRequest, SourceError
from alerter.spread import Run, Spread, joined

MOST = 200_000
"""Values, over all keys of a rule, each once for every time it left the window; with more the evaluation fails."""
FIRST_PAGE = 1_000
"""Values of the first page: the server makes room for all of a page, and most rules have few."""
Runs = dict[Key, dict[Any, list[Run]]]
"""By raw key and raw value; the runs of a value in any order."""


class Spreading:
    """Asks when a rule's values were seen and keeps it between evaluations; memory only.

    ``settled`` are the runs of ``(known_from, settled_to]``, which cannot change any more; ``fresh`` the later ones.
    """

    def __init__(self, rule: Rule, counted: Part) -> None:
        self._rule = rule
        self._counted = counted
        self._length, self._reach = window_of(rule)
        self._known: tuple[Millis, Millis] | None = None
        self._settled: Runs = {}
        self._fresh: Runs = {}

    @classmethod
    def of(cls, asking: Asking) -> Spreading | None:
        """Prepare for a rule that counts values; None for one that does not."""
        return None if asking.counted is None else cls(asking.rule, asking.counted)

    def slices(self, counting: Counting, evaluated: Millis, end: Millis) -> list[Slice]:
        """Return what must be asked to judge ``(evaluated, end]``: first what will be settled, then what may change."""
        if self._counted.field is None:
            return []
        since, settle = self._spans(evaluated, end)
        spans = [(start, stop) for start, stop in ((since, settle), (settle, end)) if start < stop]
        return [Slice(counting, self._counted, c, *span) for span in spans for c in counting.combinations]

    def _spans(self, evaluated: Millis, end: Millis) -> tuple[Millis, Millis]:
        """Return from where to ask, and up to where it will not change any more."""
        needed, reread = self._needed(evaluated, end), evaluated - self._rule.buffer_time
        known = self._known
        kept = known is not None and known[0] <= needed <= known[1] <= reread
        since = known[1] if known is not None and kept else needed
        return since, max(since, end - self._rule.buffer_time)

    def _needed(self, evaluated: Millis, end: Millis) -> Millis:
        return max(evaluated, end - self._rule.max_catchup) - self._reach

    def take(
        self, slices: Sequence[Slice], answers: Sequence[Answer], source: Searching, evaluated: Millis, end: Millis
    ) -> None:
        """Take over the answers, and the pages that follow them. Raises SourceError, also where values are too many."""
        since, settle = self._spans(evaluated, end)
        needed, length = self._needed(evaluated, end), self._length
        again = self._known is None or since != self._known[1]
        settled: Runs = {}
        if not again:
            settled = {key: {v: list(runs) for v, runs in values.items()} for key, values in self._settled.items()}
        fresh: Runs = {}
        room = MOST - _size(settled)
        for part, answer in zip(slices, answers, strict=True):
            room = part.read(answer, source, settled if part.end <= settle else fresh, room)
        self._settled = _kept(settled, needed, length)
        self._fresh = fresh
        self._known = (needed, settle)

    def spreads(self) -> dict[Key, Spread]:
        """Return the spread of each raw key that has values."""
        length = self._length
        found: dict[Key, Spread] = {}
        for key in dict.fromkeys([*self._settled, *self._fresh]):
            old, new = self._settled.get(key, {}), self._fresh.get(key, {})
            values = (joined([*old.get(v, ()), *new.get(v, ())], length) for v in dict.fromkeys([*old, *new]))
            found[key] = Spread(values, length)
        return found


@dataclass(frozen=True)
class Slice:
    """The question when each value was seen in ``(start, end]``, in parts of at most a window."""

    counting: Counting
    counted: Part
    combination: Combination
    start: Millis
    end: Millis

    def request(self, after: Any = None, size: int = FIRST_PAGE) -> SearchRequest:
        """Return the request for one page of values."""
        asking = self.counting.asking
        ((kind, histogram),) = asking.time.buckets(window_of(asking.rule)[0], self.start).items()
        inner = {name: value for name, value in histogram.items() if name not in ("min_doc_count", "format")}
        sources: list[Any] = [
            {str(n): {"terms": {"field": part.field, "missing_bucket": True}}}
            for n, part in enumerate(self.counting.free)
        ]
        sources += [{"v": {"terms": {"field": self.counted.field}}}, {"t": {kind: inner}}]
        wanted: dict[str, Any] = {"size": size, "sources": sources} | ({"after": after} if after else {})
        edges = {name: {of: {"field": asking.time.field}} for name, of in (("first", "min"), ("last", "max"))}
        pages = {"k": {"composite": wanted, "aggs": edges}}
        return asking.request(self.start, self.end, pages, *self.combination.clauses)

    def read(self, answer: Answer, source: Searching, into: Runs, room: int) -> int:
        """Add what an answer and the pages that follow it say; returns how many more there is room for."""
        rule, size = self.counting.asking.rule, FIRST_PAGE
        length = window_of(rule)[0]
        while True:
            for key, value, run in self._runs(answer.buckets("k")):
                room -= add(into.setdefault(key, {}).setdefault(value, []), run, length)
            if room < 0:
                raise too_many(rule, self.counted)
            if len(answer.buckets("k")) < size:
                return room
            after = answer.aggregation("k")["after_key"]
            size = PAGE
            answer = only_answer(source, self.request(after, size))

    def _runs(self, buckets: Sequence[Mapping[str, Any]]) -> Iterator[tuple[Key, Any, Run]]:
        time, width = self.counting.asking.time, window_of(self.counting.asking.rule)[0]
        for bucket in buckets:
            found = bucket["key"]
            span = clipped(time.bucket_start(found["t"]), width, self.start, self.end)
            if span is None:
                continue  # a document of several times
            first = max(time.instant(bucket["first"]["value"]), span[0] + 1)
            last = min(time.instant(bucket["last"]["value"]), span[1])
            key = self.counting.key(self.combination, [found[str(n)] for n in range(len(self.counting.free))])
            yield key, found["v"], (first, last)


def window_of(rule: Rule) -> tuple[Millis, Millis]:
    """Return the length of the windows in which values are counted, and how far before an instant they may begin."""
    condition = rule.condition
    if isinstance(condition, Measuring):
        return condition.windows.step, condition.windows.reach
    return rule.timeframe, rule.timeframe


def add(runs: list[Run], run: Run, timeframe: Millis) -> int:
    """Add a run to those of its value, to the newest one if it can be; returns by how many they have become more."""
    if runs and runs[-1][0] <= run[0] <= runs[-1][1] + timeframe:
        runs[-1] = (runs[-1][0], max(runs[-1][1], run[1]))
        return 0
    runs.append(run)
    return 1


def too_many(rule: Rule, counted: Part) -> SourceError:
    """Return the error of a rule with more values than are kept."""
    return SourceError(
        TOO_MANY,
        f"rule {rule.name}: more than {MOST:,} different values of {counted.name} (over all keys and windows) "
        "are too many to count exactly",
        "narrow the filter, shorten timeframe, or count a field with fewer values",
    )


def _size(runs: Runs) -> int:
    return sum(len(of_value) for values in runs.values() for of_value in values.values())


def _kept(runs: Runs, needed: Millis, timeframe: Millis) -> Runs:
    """Return the joined runs that lie after ``needed`` at least in part."""
    kept: Runs = {}
    for key, values in runs.items():
        for value, found in values.items():
            left = [run for run in joined(found, timeframe) if run[1] > needed]
            if left:
                kept.setdefault(key, {})[value] = left
    return kept
