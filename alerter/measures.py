"""The value of a window from pieces of it: whole windows, or slices that lie side by side."""

from __future__ import annotations

import math
import struct
import sys
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from alerter.clock import Millis
from alerter.model.metric import Measured, MetricKind, Share, Window

DIGITS = 14
"""Significant digits of a value: more depend on the order in which a server adds up, and so on how it was asked."""


NEAR = 1e-12
"""How far, relatively, the mean of equal numbers may lie from each of them: its sum was rounded to ``DIGITS``."""


class Measure(NamedTuple):
    """The number of events in a window, and its value; None where they give none."""

    events: int
    value: float | None


NO_EVENTS = Measure(0, None)
"""The measure of an empty window."""


class Piece(NamedTuple):
    """What is known of the events of one piece of time; ``number`` of values, or of the events of a share.

    ``value`` is the metric itself where it cannot be put together from pieces.
    """

    events: int
    number: int = 0
    total: float = 0.0
    least: float = math.inf
    most: float = -math.inf
    value: float | None = None

    def joined(self, other: Piece) -> Piece:
        """Return what is known of both together; a metric that cannot be put together is the other's."""
        return Piece(
            self.events + other.events,
            self.number + other.number,
            self.total + other.total,
            min(self.least, other.least),
            max(self.most, other.most),
            other.value,
        )


Slices = Mapping[Window, Piece]
"""Pieces of time, none overlapping another."""


def mergeable(measured: Measured) -> bool:
    """Whether a window's value follows from those of its slices."""
    return isinstance(measured, Share) or measured.kind is not MetricKind.PERCENTILES


def measure(measured: Measured, pieces: Sequence[Piece]) -> Measure:
    """Return the measure of a window from the pieces that make it up; the empty ones may be missing."""
    if not pieces:
        return NO_EVENTS
    events, numbers, totals, least, most, values = zip(*pieces, strict=True)
    count, number = sum(events), sum(numbers)
    if not count:
        return NO_EVENTS
    if isinstance(measured, Share):
        return share(count, number)
    value: float | None = None
    match measured.kind:
        case MetricKind.SUM:
            value = _total(totals, number, min(least), max(most))
        case MetricKind.AVG:
            value = _total(totals, number, min(least), max(most)) / number if number else None
        case MetricKind.MIN:
            value = min(least) if number else None
        case MetricKind.MAX:
            value = max(most) if number else None
        case MetricKind.VALUE_COUNT:
            value = float(number)
        case MetricKind.PERCENTILES:
            value = values[0]
        case MetricKind.CARDINALITY:
            value = None  # from the spread of values
    return Measure(count, None if value is None else settled(value))


def share(events: int, chosen: int) -> Measure:
    """Return how many per cent of some events are chosen."""
    return Measure(events, 100 * chosen / events) if events else NO_EVENTS


def of_slices(measured: Measured, slices: Slices, windows: Iterable[Window]) -> dict[Window, Measure]:
    """Return the measures of windows with events; each edge of a window must be one of slices, or lie outside all."""
    order = sorted(slices)
    starts = [start for start, _ in order]
    pieces = [slices[span] for span in order]
    found = {}
    for window in windows:
        inside = pieces[bisect_left(starts, window[0]) : bisect_left(starts, window[1])]
        if inside:
            found[window] = measure(measured, inside)
    return found


def of_values(
    measured: Measured, times: Sequence[Millis], values: Sequence[Sequence[float]], window: Window
) -> Measure:
    """Return the measure of a window from each event's ascending time and values."""
    first, last = bisect_left(times, window[0] + 1), bisect_left(times, window[1] + 1)
    inside = [value for each in values[first:last] for value in each]
    piece = Piece(last - first, len(inside), _added(inside))
    if inside:
        piece = piece._replace(least=min(inside), most=max(inside), value=_percentile(measured, sorted(inside)))
    return measure(measured, [piece])


def kept_digits(measured: Measured, types: frozenset[str]) -> str:
    """Return how a field keeps numbers where it keeps fewer digits than are written: 0.8 is 0.800000012 in a float.

    "" where it does not, or where the value is a sum or a number of values.
    """
    if isinstance(measured, Share) or measured.of_nothing is not None or len(types) != 1:
        return ""
    return {"float": "f", "half_float": "e"}.get(next(iter(types)), "")


def as_written(value: float, kept: str) -> float:
    """Return the shortest decimal that such a field takes for the same number.

    A number that the field cannot hold was computed, a mean of several or one between two: it stays as it is.
    """

    def taken(number: float) -> float:
        (found,) = struct.unpack(kept, struct.pack(kept, number))
        return float(found)

    try:
        wanted = taken(value)
        if not math.isclose(wanted, value, rel_tol=NEAR):
            return value
        return next(short for digits in range(1, 10) if taken(short := float(f"{wanted:.{digits}g}")) == wanted)
    except (OverflowError, StopIteration):
        return value


def settled(value: float) -> float:
    """Return a value without the digits that depend on the order of adding up; never infinite."""
    bounded = max(-sys.float_info.max, min(sys.float_info.max, value))
    return bounded if bounded.is_integer() else float(f"{bounded:.{DIGITS}g}")


def _added(values: Iterable[float]) -> float:
    try:
        return math.fsum(values)
    except (OverflowError, ValueError):
        return math.inf


def _total(totals: Iterable[float], number: int, least: float, most: float) -> float:
    """Add up without the digits that so many values of that size leave undecided: 0.3 + 0.7 - 1 is 0."""
    total, size = _added(totals), max(abs(least), abs(most)) * number
    if not number or not size or not (math.isfinite(total) and math.isfinite(size)):
        return total
    return round(total, DIGITS - math.ceil(math.log10(size)))


def _percentile(measured: Measured, ordered: Sequence[float]) -> float | None:
    """Interpolate between the two nearest ranks."""
    if isinstance(measured, Share) or measured.kind is not MetricKind.PERCENTILES:
        return None
    place = measured.percent / 100 * (len(ordered) - 1)
    low = int(place)
    return ordered[low] + (ordered[min(low + 1, len(ordered) - 1)] - ordered[low]) * (place - low)
