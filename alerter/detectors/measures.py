"""The window's count at nominal instants while an incident is open: what its message shows, and its peak."""

from __future__ import annotations

from alerter.clock import Millis
from alerter.detectors.protocol import Span
from alerter.incidents import Lifecycle
from alerter.schedule import next_instant
from alerter.windows import Curve


class Measures:
    """Measures an open incident at each nominal instant of a span, in step with the events judged."""

    def __init__(self, life: Lifecycle, curve: Curve, span: Span) -> None:
        self._life = life
        self._curve = curve
        self._done = span.start

    def until(self, at: Millis) -> None:
        """Measure the instants up to ``at`` (inclusive) that were not measured yet."""
        life = self._life
        length = life.rule.timeframe
        while life.is_open:
            instant = next_instant(life.rule.schedule, self._done)
            if instant > at:
                return
            self._done = instant
            life.measure(instant, lambda: self._curve.count(instant - length, instant))  # noqa: B023 - called at once
        self._done = max(self._done, at)
