"""Events read one by one, in pages: where the server cannot count them, as it does not know their time or value, or
selects them in a language of its own.

Per event only its time (and for lists its value) is kept; a rule read so says in a warning what it costs.
"""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Sequence

from alerter.clock import Millis
from alerter.detectors.protocol import Ask, Question
from alerter.model.rule import FromEvent, Key, KeyValue, Rule
from alerter.sources.asking import Asking
from alerter.sources.events import exact_curves
from alerter.sources.protocol import Hit, Source
from alerter.sources.questions import BARS, bar_width
from alerter.sources.read_out import PAGE, ReadOut
from alerter.sources.spreading import MOST, Runs, add, too_many, window_of
from alerter.sources.values import value_at
from alerter.spread import Spread


class HitEvents(ReadOut):
    """Events whose instants are all known, from reading each of them."""

    def __init__(
        self,
        rule: Rule,
        source: Source,
        asking: Asking,
        start: Millis,
        end: Millis,
        listed: Sequence[Hit] | None = None,
    ) -> None:
        """Read the events of ``(start, end]``, but for those of which all are ``listed``, oldest first.

        Raises SourceError when an answer is incomplete.
        """
        super().__init__(rule, source, asking, start, end)
        self._times: dict[Key, array[int]] = defaultdict(lambda: array("q"))
        self._values: dict[Key, list[KeyValue]] = defaultdict(list)
        self._severities: dict[Key, list[str]] = defaultdict(list)
        self._severity = rule.newest.get("severity")
        self._groups: dict[Key, Key] = {}
        self._runs: Runs = {}
        self._room = MOST
        self.read = 0
        unread: list[Hit] = []
        for at, hit in self.scanned(unread) if listed is None else self.timed(listed):
            self._add(at, hit)
            self.read += 1
        self.curves = exact_curves(self._times)
        length = window_of(rule)[0]
        self.spreads = {key: Spread(values.values(), length) for key, values in self._runs.items()}
        self.spent.hits = self.read
        self.spent.requests = 1 + self.read // PAGE
        self.warn_of(unread)

    def _add(self, at: Millis, hit: Hit) -> None:
        """Add an event, newest so far, to the group of each of its keys."""
        value: KeyValue = None
        if self.check is not None:
            listed = self.check.judge(value_at(hit.source or {}, self.check.path))
            if listed is None:
                return
            value = self.shown(listed.value)
        for raw in self.keys_of(hit):
            key = self._groups.get(raw) if raw in self._groups else self._groups.setdefault(raw, self.hidden(raw))
            self._times[key].append(at)
            self._note_values(key, at, hit)
            if self.check is not None:
                self._values[key].append(value)
            if self._severity is not None:
                self._severities[key].append(severity_of(self._severity, hit))

    def _note_values(self, key: Key, at: Millis, hit: Hit) -> None:
        """Note the values of the field that is counted; raises SourceError when they are too many."""
        if self.asking.counted is None:
            return
        runs = self._runs.setdefault(key, {})
        for value in self.asking.counted.values(hit):
            if value is not None:
                self._room -= add(runs.setdefault(value, []), (at, at), window_of(self.rule)[0])
        if self._room < 0:
            raise too_many(self.rule, self.asking.counted)

    def newest(self, key: Key, first: Millis, last: Millis) -> Millis:
        """Return the instant of the newest event at or before ``last``, of those that were read."""
        found = self.curve(key).newest(last)
        return super().newest(key, first, last) if found is None or found[1] < first else found[1]

    def values(self, key: Key, at: Millis) -> Sequence[KeyValue]:
        """Return the compared value of each event of an instant."""
        curve = self.curve(key)
        return self._values[key][curve.rank(at - 1) : curve.rank(at)]

    def severities(self, key: Key) -> Sequence[str]:
        """Return the severity of each event, in the order of their times."""
        return self._severities.get(key, ())

    def chart(self, key: Key, start: Millis, end: Millis) -> Sequence[tuple[Millis, float]]:
        """Return the number of events in each part of a span."""
        width = bar_width(Question(Ask.CHART, key, start, end))
        curve = self.curve(key)
        edges = range(end - BARS * width, end, width)
        return [(edge + width, float(curve.count(edge, edge + width))) for edge in edges]


def severity_of(attribute: FromEvent, hit: Hit) -> str:
    """Return the severity of an event: what it states, where that is none the default."""
    raw = value_at(hit.source or {}, attribute.path)
    return str(attribute.severity(attribute.value(raw if isinstance(raw, str | int | float | bool) else None)))
