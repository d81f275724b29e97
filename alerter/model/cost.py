"""What evaluating one rule once cost: the figures behind the heavy lane, ``alerter status --costly`` and metrics."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Cost:
    """The price of one evaluation of one rule, whatever the span it covered.

    ``seconds`` is wall time; where several rules share a request, a rule carries its share. ``requests`` counts
    searches sent for the rule, ``buckets`` and ``hits`` what came back for it, ``server_ms`` is the sum of ``took``.
    """

    seconds: float
    requests: int = 0
    buckets: int = 0
    hits: int = 0
    server_ms: int = 0
