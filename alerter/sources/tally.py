"""Counts kept between evaluations of a rule, so that only the newest slice is asked for; memory only.

After a restart the windows are asked for once as a whole: that costs less than writing counts at every evaluation.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence

from alerter.clock import Millis
from alerter.model.rule import Key
from alerter.sources.counting import Counts
from alerter.windows import EMPTY, Curve, Row

MOST_KEPT = 20_000
"""Buckets over all keys of a rule; beyond, nothing is kept and whole windows are asked for at each evaluation."""


class Tally:
    """The count curves of one rule by raw key, known over one span.

    Buckets that cannot change any more are put together to ``width``; None leaves them as they are.
    """

    def __init__(self, width: Millis | None) -> None:
        self._width = width
        self._known: tuple[Millis, Millis] | None = None
        self.curves: dict[Key, Curve] = {}

    def asks_from(self, needed: Millis, reread: Millis) -> Millis:
        """Return where to begin asking: counts are needed from ``needed`` and may have changed since ``reread``."""
        if self._known is None or needed < self._known[0] or reread > self._known[1]:
            return needed
        return max(reread, needed)

    def merge(self, needed: Millis, start: Millis, end: Millis, counts: Counts) -> dict[Key, Millis]:
        """Take over the counts of ``(start, end]`` and forget those before ``needed``.

        Returns for each key from where it differs from what was known: at most the end of that.
        """
        changed: dict[Key, Millis] = {}
        if self._known is None or start == needed:
            self.curves = {key: curve_of(rows) for key, rows in counts.items() if rows}
        else:
            for key in [*self.curves, *(key for key in counts if key not in self.curves)]:
                rows, curve = counts.get(key, ()), self.curves.get(key, EMPTY)
                changed[key] = _first_difference(curve, rows, start, self._known[1])
                curve = self._joined(curve, needed, start, rows)
                if curve.total:
                    self.curves[key] = curve
                else:
                    self.curves.pop(key, None)
        self._keep(needed, end)
        return changed

    def replace(self, needed: Millis, reread: Millis, end: Millis, counts: Counts) -> dict[Key, Millis]:
        """Take over counts of some keys over a whole span; returns what ``merge`` does, for keys that were known."""
        changed: dict[Key, Millis] = {}
        if self._known is not None:
            known = self._known[1]
            for key, rows in counts.items():
                if key in self.curves:
                    newer = [row for row in rows if row[1] > reread]
                    changed[key] = _first_difference(self.curves[key], newer, reread, known)
        self.curves = {key: curve_of(rows) for key, rows in counts.items() if rows}
        self._keep(needed, end)
        return changed

    def _keep(self, needed: Millis, end: Millis) -> None:
        many = len(self.curves) > 1 and sum(curve.size for curve in self.curves.values()) > MOST_KEPT
        self._known = None if many else (needed, end)

    def forget(self) -> None:
        """Forget all counts, where too many were met to be kept."""
        if self._known is None:
            self.curves = {}

    def _joined(self, curve: Curve, needed: Millis, start: Millis, rows: Sequence[Row]) -> Curve:
        if self._width is None:
            return curve.followed(needed, start, rows)
        return curve_of([*_settled(curve.rows(needed, start), start, self._width), *rows])


def _settled(rows: Iterable[Row], start: Millis, width: Millis) -> Iterable[Row]:
    """Put buckets together whose common wider one lies before ``start``."""
    joined: list[Row] = []
    for row in rows:
        edge = row[0] // width * width
        before = joined[-1] if joined else None
        if before and before[0] // width * width == edge and edge + width <= start:
            joined[-1] = (before[0], row[1], before[2] + row[2])
        else:
            joined.append(row)
    return joined


def curve_of(rows: Sequence[Row]) -> Curve:
    """Return the curve of buckets in order of time."""
    return Curve(array("q", [r[0] for r in rows]), array("q", [r[1] for r in rows]), [r[2] for r in rows])


def _first_difference(curve: Curve, rows: Sequence[Row], start: Millis, known: Millis) -> Millis:
    """Return the start of the first bucket of ``(start, known]`` that differs; ``known`` when none does."""
    old = curve.rows(start, known)
    new = [row for row in rows if row[0] < known]
    if old == new:
        return known
    for before, now in zip(old, new, strict=False):
        if before != now:
            return min(before[0], now[0])
    longer = old if len(old) > len(new) else new
    return longer[min(len(old), len(new))][0] if len(old) != len(new) else known
