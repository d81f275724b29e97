"""What many keys held last before an instant, asked in one request: for change rules that meet keys they do not know.

The server names the values of each key with the last time of each. Where the newest of them stands alone it is the
value of the key's newest event; where two are of one instant, or a value is none that the server names, that event
itself must be looked at.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from alerter.clock import DAY, HOUR, Millis
from alerter.model.rule import Key
from alerter.sources.asking import Asking
from alerter.sources.counting import PAGE, Counting, clipped
from alerter.sources.judged import Steps, is_nothing
from alerter.sources.protocol import Answer, SearchRequest
from alerter.sources.term_pages import slices

ASKED = 200
"""Keys of one request, of several parts so many fewer: a server bounds the clauses of a query."""
ROUND = 5_000
"""Keys that are looked for at once."""
BACK: tuple[Millis, ...] = (HOUR, DAY, 1 << 42)
"""How far back is looked, the last more than a century: what is common is found among few events."""
Values = tuple[Any, ...]


class NewestValues:
    """Asks what keys held last at or before ``begin``, and after ``start`` where that is not None."""

    def __init__(self, asking: Asking, counting: Counting, start: Millis | None, begin: Millis) -> None:
        self.asking, self.counting, self.start, self.begin = asking, counting, start, begin

    @staticmethod
    def can_ask(asking: Asking, counting: Counting) -> bool:
        """Whether one request can tell the keys: the data alone knows their parts, and the server names all values."""
        free = len(counting.free) == len(asking.parts) > 0
        return free and len(counting.combinations) == 1 and all(part.types for part in asking.compared)

    def steps(self, keys: Sequence[Key]) -> Steps[dict[Key, Values | None]]:
        """Return the values of raw keys, None where their newest event must be looked at; the others have none."""
        found: dict[Key, Values | None] = {}
        for at in range(0, len(keys), ROUND):
            left = list(keys[at : at + ROUND])
            for back in BACK:
                first = max(self.begin - back, self._oldest)
                asked = list(_parts(left, ASKED // len(self.asking.parts)))
                answers = (yield [self._request(part, first) for part in asked]) if asked else []
                for part, answer in zip(asked, answers, strict=True):
                    found |= self._read(part, answer, first)
                left = [key for key in left if key not in found]
        return found

    @property
    def _oldest(self) -> Millis:
        """The instant after which is looked; times in nanoseconds have none before 1970, and none may be asked for."""
        nanos = "date_nanos" in self.asking.time.types
        oldest = 0 if nanos else self.begin - BACK[-1]
        return oldest if self.start is None else max(oldest, self.start)

    def _request(self, keys: Sequence[Key], first: Millis) -> SearchRequest:
        fields = [(str(n), part) for n, part in enumerate(self.counting.free)]
        fields += [(f"v{n}", part) for n, part in enumerate(self.asking.compared)]
        sources: list[Any] = [{"t": slices(self.asking, self.begin - first, first)}]
        sources += [{name: {"terms": {"field": part.field, "missing_bucket": True}}} for name, part in fields]
        last = {"last": {"max": {"field": self.asking.time.field}}}
        pages = {"k": {"composite": {"size": PAGE, "sources": sources}, "aggs": last}}
        each = [{"bool": {"filter": self.asking.key_clauses(key)}} for key in keys]
        only = {"bool": {"should": each, "minimum_should_match": 1}}
        return self.asking.request(first, self.begin, pages, only)

    def _read(self, keys: Sequence[Key], answer: Answer, first: Millis) -> Mapping[Key, Values | None]:
        """Return the values of each key that was seen; None where they are not clear, as of a page that is full."""
        buckets = answer.buckets("k")
        if len(buckets) >= PAGE:
            return dict.fromkeys(keys)
        asked, (combination,) = set(keys), self.counting.combinations
        newest: dict[Key, tuple[Millis, list[Values]]] = {}
        for bucket in buckets:
            held, width = bucket["key"], self.begin - first
            if clipped(self.asking.time.bucket_start(held["t"]), width, first, self.begin) is None:
                continue  # an event of several times
            key = self.counting.key(combination, [held[str(n)] for n in range(len(self.counting.free))])
            values = tuple(part.raw(held[f"v{n}"]) for n, part in enumerate(self.asking.compared))
            last = self.asking.time.instant(bucket["last"]["value"])
            known = newest.get(key)
            if key in asked and (known is None or last >= known[0]):
                newest[key] = (last, [*(known[1] if known is not None and last == known[0] else []), values])
        return {key: self._clear(last, values) for key, (last, values) in newest.items()}

    def _clear(self, last: Millis, values: Sequence[Values]) -> Values | None:
        if last > self.begin or len(values) != 1:
            return None
        (held,) = values
        passed_over = getattr(self.asking.rule.condition, "ignore_null", False) and any(map(is_nothing, held))
        return None if passed_over or any(value is None for value in held) else held


def _parts(keys: Iterable[Key], size: int) -> Iterator[list[Key]]:
    every = list(keys)
    for at in range(0, len(every), size):
        yield every[at : at + size]
