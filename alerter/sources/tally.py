"""Counts kept between evaluations of a rule, so that only the newest slice is asked for; memory only.

After a restart the windows are asked for once as a whole: that costs less than writing counts at every evaluation.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence

from alerter.clock import Millis
from alerter.model.rule import Key
from alerter.sources.counting import Counts, Row
from alerter.windows import EMPTY, Curve

MOST_KEPT = 20_000
"""Buckets over all keys of a rule; beyond, nothing is kept and whole windows are asked for at each evaluation."""


class Tally:
    """The count curves of one rule by raw key, known over one span; ``width`` is that of buckets that are settled."""

    def __init__(self, width: Millis) -> None:
        self._width = width
        self._known: tuple[Millis, Millis] | None = None
        self.curves: dict[Key, Curve] = {}

    def asks_from(self, needed: Millis, reread: Millis) -> Millis:
        """Return where to begin asking: counts are needed from ``needed`` and may have changed since ``reread``."""
        if self._known is None or needed < self._known[0] or reread > self._known[1]:
            return needed
        return max(reread, needed)

    def merge(self, needed: Millis, start: Millis, end: Millis, counts: Counts) -> Millis | None:
        """Take over the counts of ``(start, end]`` and forget those before ``needed``.

        Returns since when anything differs from what was known: at most the end of it; None when nothing was.
        """
        if start == needed or self._known is None:
            known, self.curves = None, {key: curve_of(rows) for key, rows in counts.items()}
        else:
            known = self._known[1]
            for key in [*self.curves, *(key for key in counts if key not in self.curves)]:
                rows = counts.get(key, ())
                curve = self.curves.get(key, EMPTY)
                known = min(known, _first_difference(curve, rows, start, self._known[1]))
                curve = self._joined(curve, needed, start, rows)
                if curve.total:
                    self.curves[key] = curve
                else:
                    self.curves.pop(key, None)
        self._known = (needed, end)
        if len(self.curves) > 1 and sum(curve.size for curve in self.curves.values()) > MOST_KEPT:
            self._known = None
        return known

    def forget(self) -> None:
        """Forget all counts, where too many were met to be kept."""
        if self._known is None:
            self.curves = {}

    def _joined(self, curve: Curve, needed: Millis, start: Millis, rows: Sequence[Row]) -> Curve:
        old = [(b.start, b.end, b.number) for b in curve.buckets(needed, start)]
        return curve_of([*self._settled(old, start), *rows])

    def _settled(self, rows: Iterable[Row], start: Millis) -> Iterable[Row]:
        """Put buckets together whose common wider one lies before ``start``."""
        joined: list[Row] = []
        for row in rows:
            edge = row[0] // self._width * self._width
            before = joined[-1] if joined else None
            if before and before[0] // self._width * self._width == edge and edge + self._width <= start:
                joined[-1] = (before[0], row[1], before[2] + row[2])
            else:
                joined.append(row)
        return joined


def curve_of(rows: Sequence[Row]) -> Curve:
    """Return the curve of buckets in order of time."""
    return Curve(array("q", [r[0] for r in rows]), array("q", [r[1] for r in rows]), [r[2] for r in rows])


def _first_difference(curve: Curve, rows: Sequence[Row], start: Millis, known: Millis) -> Millis:
    """Return the start of the first bucket of ``(start, known]`` that differs; ``known`` when none does."""
    old = [(b.start, b.end, b.number) for b in curve.buckets(start, known)]
    new = [row for row in rows if row[0] < known]
    for before, now in zip(old, new, strict=False):
        if before != now:
            return min(before[0], now[0])
    longer = old if len(old) > len(new) else new
    return longer[min(len(old), len(new))][0] if len(old) != len(new) else known
