"""When a rule matches: one condition for each of the types that count, judge single events or measure windows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from fractions import Fraction
from functools import cached_property
from typing import Any

from alerter.clock import Millis
from alerter.model.history import NewTerm, ValueChange
from alerter.model.metric import Metric, MetricAggregation, PercentageMatch, Windows

KeyValue = str | int | float | bool | None


@dataclass(frozen=True)
class Frequency:
    """At least ``num_events`` events within any ``(t - timeframe, t]``."""

    num_events: int
    timeframe: Millis


class SpikeType(StrEnum):
    """The direction a spike rule looks for."""

    UP = "up"
    DOWN = "down"
    BOTH = "both"


@dataclass(frozen=True)
class Spike:
    """The current window against the one before it; height and thresholds are inclusive."""

    height: float
    direction: SpikeType
    timeframe: Millis
    threshold_ref: int = 0
    threshold_cur: int = 0
    alert_on_new_data: bool = False

    @cached_property
    def ratio(self) -> tuple[int, int]:
        """The height as the decimal that is written: numerator and denominator."""
        return Fraction(str(self.height)).as_integer_ratio()


@dataclass(frozen=True)
class SpikeAggregation:
    """A metric of the current window against that of the one before it: the height is strict, thresholds inclusive.

    ``touching``: exactly the height is enough, and 0 is no value to compare (a spike of ``field_value``).
    """

    measured: Metric
    height: float
    direction: SpikeType
    timeframe: Millis
    threshold_ref: float = 0
    threshold_cur: float = 0
    alert_on_new_data: bool = False
    touching: bool = False

    @property
    def windows(self) -> Windows:
        """The two windows of an instant."""
        return Windows(2 * self.timeframe, self.timeframe)


@dataclass(frozen=True)
class Alive:
    """Documents that show the pipeline still delivers; ``index`` None means the rule's own."""

    index: str | None = None
    filter: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True)
class Flatline:
    """Fewer than ``threshold`` events (strict) within ``(t - timeframe, t]`` at a nominal instant."""

    threshold: int
    timeframe: Millis
    forget_keys: bool = False
    alive: Alive | None = None


@dataclass(frozen=True)
class ValueList:
    """A blacklist (``deny``) or a whitelist: exact membership of ``compare_key``, case and type sensitive.

    ``patterns`` hold anchored regular expressions written as ``/.../`` in the list.
    """

    compare_key: str
    values: tuple[KeyValue, ...]
    deny: bool
    ignore_null: bool = False
    patterns: tuple[str, ...] = ()


@dataclass(frozen=True)
class AnyEvent:
    """Every event is a match."""


@dataclass(frozen=True)
class Cardinality:
    """How many different values ``field`` has in ``(t - timeframe, t]``; both comparisons are strict.

    More than ``maximum`` is asked at events, fewer than ``minimum`` at nominal instants; one of them may be None.
    """

    field: str
    timeframe: Millis
    maximum: int | None = None
    minimum: int | None = None


@dataclass(frozen=True)
class Custom:
    """What a rule type of an installed package says of the window ``(t - timeframe, t]`` of a nominal instant t."""

    plugin: str
    timeframe: Millis
    options: Mapping[str, Any] = field(default_factory=dict)


Measuring = MetricAggregation | PercentageMatch | SpikeAggregation
"""Conditions on the values of windows, asked at nominal instants."""
EventCondition = ValueList | AnyEvent | ValueChange | NewTerm
"""Conditions on single events."""
Condition = Frequency | Spike | Flatline | Cardinality | EventCondition | Measuring | Custom
