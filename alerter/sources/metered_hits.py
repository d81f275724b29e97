"""The values of windows from events that are read one by one, where the server cannot compute them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from alerter.clock import Millis
from alerter.measures import Measure, of_values, share
from alerter.model.metric import Metric, MetricKind, Share, Window
from alerter.model.rule import Key, Measuring, Rule
from alerter.sources.asking import Asking, translated
from alerter.sources.hits import HitEvents
from alerter.sources.metering import written
from alerter.sources.protocol import Hit, Source, SourceError
from alerter.spread import NOTHING


class MeteredHits(HitEvents):
    """Events whose instants and values are all known, and what they make in some windows."""

    def __init__(
        self, rule: Rule, source: Source, asking: Asking, start: Millis, end: Millis, windows: Sequence[Window]
    ) -> None:
        """Read the events of ``(start, end]`` and measure the windows. Raises SourceError."""
        condition = rule.condition
        assert isinstance(condition, Measuring)
        self._numbers: dict[Key, list[Sequence[float]]] = defaultdict(list)
        super().__init__(rule, source, asking, start, end)
        measured = condition.measured
        if isinstance(measured, Share):
            clauses = tuple(translated(clause) for clause in measured.clauses)
            chosen = HitEvents(rule, source, replace(asking, filter=(*asking.filter, *clauses)), start, end)
            for key in self.curves:
                self.measures[key] = {w: share(self.curve(key).count(*w), chosen.curve(key).count(*w)) for w in windows}
        else:
            for key in self.curves:
                self.measures[key] = written(asking, {w: self._measure(measured, key, w) for w in windows})

    def _note_values(self, key: Key, at: Millis, hit: Hit) -> None:
        super()._note_values(key, at, hit)
        part = self.asking.metered
        found = hit.fields.get(part.field, ()) if part is not None and part.field is not None else ()
        self._numbers[key].append(tuple(self._number(value) for value in found))

    def _number(self, value: Any) -> float:
        """Return a doc value as metrics take it; raises SourceError for what is none, which can only be counted."""
        measured = getattr(self.rule.condition, "measured", None)
        if isinstance(measured, Metric) and measured.kind is MetricKind.VALUE_COUNT:
            return 0.0
        try:
            return float(value)
        except (TypeError, ValueError):
            name = self.asking.metered.name if self.asking.metered is not None else ""
            raise SourceError(
                "rejected",
                f"the field {name} has a value that is no number, {str(value)[:40]!r}",
                f"map {name} as a number or a date in all indices of {self.rule.index}",
            ) from None

    def _measure(self, measured: Metric, key: Key, window: Window) -> Measure:
        found = of_values(measured, self._times[key], self._numbers[key], window)
        if measured.kind is MetricKind.CARDINALITY and found.events:
            return Measure(found.events, float(self.spreads.get(key, NOTHING).number(window[1])))
        return found
