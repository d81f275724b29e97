"""Whether this process is well, as its HTTP pages, its log and its metrics say it."""

from __future__ import annotations

import logging
from collections.abc import Callable

from alerter.clock import MINUTE, SECOND, Clock, Millis
from alerter.http import PLAIN, Answer
from alerter.metrics import Metrics
from alerter.state.protocol import StateError
from alerter.watch.vitals import Pulse

log = logging.getLogger(__name__)
STALE: Millis = 5 * MINUTE
"""Without a finished pass of the delivery loop for this long the process is not healthy."""


class Health:
    """Keeps the ``pulse``, which others read; ``scraped`` returns the metrics as text."""

    def __init__(self, pulse: Pulse, clock: Clock, metrics: Metrics, scraped: Callable[[], bytes]) -> None:
        self._pulse = pulse
        self._clock = clock
        self._metrics = metrics
        self._scraped = scraped

    def pages(self) -> dict[str, Callable[[], Answer]]:
        """Return what the HTTP server serves."""
        return {"/healthz": self._healthz, "/readyz": self._readyz, "/metrics": self._metrics_page}

    def well(self) -> None:
        """Say that rules are evaluated."""
        self._pulse.problem = ""

    def waits(self, what: str) -> None:
        """Say what is waited for before rules are evaluated."""
        self._pulse.problem = f"waiting for {what}"

    def unwell(self, problem: str) -> None:
        """Say why rules are not evaluated; logged once."""
        problem = problem or "no reason given"
        if self._pulse.problem != problem:
            log.error("not ready: %s", problem)
        self._pulse.problem = problem

    def state_failed(self, error: StateError) -> None:
        """Say that the state cannot be read or written."""
        self._metrics.state_failed(error.kind)
        self.unwell(f"state: {error.reason}")

    def _healthz(self) -> Answer:
        age = self._clock.monotonic() - self._pulse.beat
        if age > STALE:
            return 503, PLAIN, f"no delivery pass for {age // SECOND} s\n".encode()
        return 200, PLAIN, b"ok\n"

    def _readyz(self) -> Answer:
        problem = self._pulse.problem
        if not problem:
            return 200, PLAIN, b"ready\n"
        return 503, PLAIN, f"not ready: {problem}\n".encode()

    def _metrics_page(self) -> Answer:
        return 200, "text/plain; version=0.0.4; charset=utf-8", self._scraped()
