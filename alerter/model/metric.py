"""Conditions on the value of a window at a nominal instant: a metric of a field, or a share of the events."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from alerter.clock import Millis

Window = tuple[Millis, Millis]
"""``(start, end]`` in milliseconds."""


class MetricKind(StrEnum):
    """What is computed of a field's values (ElastAlert's ``metric_agg_type``)."""

    MIN = "min"
    MAX = "max"
    AVG = "avg"
    SUM = "sum"
    CARDINALITY = "cardinality"
    VALUE_COUNT = "value_count"
    PERCENTILES = "percentiles"


@dataclass(frozen=True)
class Metric:
    """One number of all values of ``field``; each element of an array counts. ``percent`` is for percentiles only."""

    kind: MetricKind
    field: str
    percent: float = 0.0

    @property
    def of_nothing(self) -> float | None:
        """What it is where there are no values: 0 for what counts or adds, None for what is no number then."""
        counting = (MetricKind.SUM, MetricKind.CARDINALITY, MetricKind.VALUE_COUNT)
        return 0.0 if self.kind in counting else None

    @property
    def name(self) -> str:
        """How it is spoken of."""
        if self.kind is MetricKind.PERCENTILES:
            return f"percentile {self.percent:g} of {self.field}"
        names = {MetricKind.CARDINALITY: "different values", MetricKind.VALUE_COUNT: "number of values"}
        return f"{names.get(self.kind, self.kind)} of {self.field}"


@dataclass(frozen=True)
class Share:
    """How many per cent of the events these clauses select, all of them."""

    clauses: tuple[Mapping[str, Any], ...]

    @property
    def of_nothing(self) -> None:
        """No events have no share."""
        return

    @property
    def name(self) -> str:
        """How it is spoken of."""
        return "share of events"


Measured = Metric | Share


@dataclass(frozen=True)
class Windows:
    """Which windows an instant is judged by: one of ``length``, or with ``interval`` its parts of that length.

    ``length`` is a multiple of ``interval``. ``synced``: the parts end at multiples of ``interval`` since the epoch,
    the newest at or before the instant, instead of at the instant itself.
    """

    length: Millis
    interval: Millis | None = None
    synced: bool = False

    @property
    def step(self) -> Millis:
        """The length of each window that is judged."""
        return self.interval or self.length

    @property
    def reach(self) -> Millis:
        """How long before the instant the oldest of them may begin."""
        return self.length + (self.step if self.synced else 0)

    def at(self, instant: Millis) -> tuple[Window, ...]:
        """Return the windows of an instant, newest first."""
        end = instant // self.step * self.step if self.synced else instant
        return tuple((edge - self.step, edge) for edge in range(end, end - self.length, -self.step))


@dataclass(frozen=True)
class Limits:
    """Values beyond these are a match, both comparisons strict; one may be None."""

    maximum: float | None = None
    minimum: float | None = None

    def crossed(self, value: float) -> tuple[str, float] | None:
        """Return which limit a value lies beyond, as ("above" or "below", the limit)."""
        if self.maximum is not None and value > self.maximum:
            return "above", self.maximum
        if self.minimum is not None and value < self.minimum:
            return "below", self.minimum
        return None


@dataclass(frozen=True)
class MetricAggregation:
    """The metric of any of an instant's windows lies beyond the limits.

    ``format`` is how values are shown, in the notation of ``%`` or of ``str.format``; "" as numbers are.
    """

    measured: Metric
    windows: Windows
    limits: Limits
    format: str = ""

    @property
    def timeframe(self) -> Millis:
        """The length of all windows together."""
        return self.windows.length


@dataclass(frozen=True)
class PercentageMatch:
    """The share of any of an instant's windows with at least ``least`` events lies beyond the limits, in per cent."""

    measured: Share
    windows: Windows
    limits: Limits
    least: int = 0
    format: str = ""

    @property
    def timeframe(self) -> Millis:
        """The length of all windows together."""
        return self.windows.length
