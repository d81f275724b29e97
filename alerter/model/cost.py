"""What evaluating one rule once cost: the figures behind the heavy lane, ``alerter status --costly`` and metrics."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Cost:
    """The price of one evaluation of one rule, whatever the span it covered.

    ``seconds`` is what the rule kept busy: this program's thread, and the server for the searches asked for the rule;
    waiting for other rules in the same request is none of it. ``requests`` counts those searches, ``buckets`` and
    ``hits`` what came back, ``server_ms`` is the sum of their ``took``.
    """

    seconds: float
    requests: int = 0
    buckets: int = 0
    hits: int = 0
    server_ms: int = 0

    def __add__(self, other: Cost) -> Cost:
        """Return what both cost together."""
        return Cost(
            self.seconds + other.seconds,
            self.requests + other.requests,
            self.buckets + other.buckets,
            self.hits + other.hits,
            self.server_ms + other.server_ms,
        )
