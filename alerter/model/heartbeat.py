"""What an engine says of itself every few seconds, for ``alerter status`` of another process."""

from __future__ import annotations

from dataclasses import dataclass

from alerter.clock import MINUTE, Millis
from alerter.model.trouble import Trouble

SILENT_AFTER: Millis = MINUTE
"""An engine whose last heartbeat is older than this is shown as not heard of since."""


@dataclass(frozen=True)
class Load:
    """How the rules of one cluster are doing.

    Lags are seconds by which a rule's newest instant was evaluated late, or is late by now; the quantiles go over
    the rules. ``queue`` is the number of rules due and not yet evaluated.
    """

    cluster: str
    rules: int = 0
    queue: int = 0
    lag_p50: float = 0.0
    lag_p95: float = 0.0
    lag_max: float = 0.0


@dataclass(frozen=True)
class Costly:
    """What a run of a rule costs: moving averages over its last runs; see Cost. ``heavy``: it is run by itself."""

    rule: str
    seconds: float
    requests: float = 0.0
    buckets: float = 0.0
    hits: float = 0.0
    server_ms: float = 0.0
    heavy: bool = False


@dataclass(frozen=True)
class FailingRule:
    """A rule that gives no answer since ``since`` (its first failure after the last success), and why."""

    rule: str
    since: Millis
    reason: str = ""


@dataclass(frozen=True)
class Failing:
    """The rules of a cluster that fail in one way: all are counted, the longest failing ones named in ``rules``.

    ``kind`` is that of the error (``unreachable``, ``denied``, ``rejected`` ...), ``since`` that of the oldest.
    """

    kind: str
    cluster: str
    number: int
    since: Millis
    rules: tuple[FailingRule, ...] = ()


@dataclass(frozen=True)
class Cut:
    """Spans of ``rules`` rules that were given up, as longer ago than ``max_catchup``; noted first at ``at``.

    ``start`` and ``end`` bound all of them; ``names`` holds some of the rules.
    """

    at: Millis
    start: Millis
    end: Millis
    rules: int
    names: tuple[str, ...] = ()


@dataclass(frozen=True)
class Heartbeat:
    """One engine at ``beat``; ``merged`` and ``skipped`` count instants since ``started``, ``refused`` files.

    ``stopped`` marks the last one of an engine that was told to stop. ``session`` is its name in the fleet, ``held``
    the number of rules it evaluates (None: all), ``problem`` why it is not ready ("" when it is). Lists are bounded,
    whatever the number of rules; ``cut`` is the newest one, ``troubles`` the longest-lasting ones of receivers.
    """

    instance: str
    version: str
    started: Millis
    beat: Millis
    rules: int = 0
    refused: int = 0
    merged: int = 0
    skipped: int = 0
    clusters: tuple[Load, ...] = ()
    costly: tuple[Costly, ...] = ()
    stopped: bool = False
    session: str = ""
    held: int | None = None
    problem: str = ""
    failing: tuple[Failing, ...] = ()
    cut: Cut | None = None
    troubles: tuple[Trouble, ...] = ()

    def running(self, now: Millis) -> bool:
        """Whether the engine was heard of within SILENT_AFTER (inclusive), and did not stop."""
        return not self.stopped and now - self.beat <= SILENT_AFTER
