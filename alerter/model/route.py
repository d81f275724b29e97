"""Routing: the tree of routes, receivers, and where labels go."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from alerter.clock import Millis
from alerter.model.incident import Reason
from alerter.model.rule import Position


@dataclass(frozen=True)
class Receiver:
    """Who hears: a name, a kind (slack, console, webhook, apprise) and that kind's checked options."""

    name: str
    kind: str
    options: Mapping[str, Any] = field(default_factory=dict)
    fallback: str | None = None
    position: Position | None = None

    @property
    def channel(self) -> str:
        """What messages call the place: the Slack channel, else the receiver's name."""
        return str(self.options.get("channel") or self.name)


@dataclass(frozen=True)
class Destination:
    """One place an incident goes: receiver, the route's path, and why it stays untold now (None: tell).

    ``repeat_interval`` None means that the route names none; ``group_by`` None means every incident for
    itself, without any wait.
    """

    receiver: str
    path: str
    muted: Reason | None = None
    muted_by: str = ""
    group_by: tuple[str, ...] | None = None
    group_wait: Millis = 0
    group_interval: Millis = 5 * 60_000
    repeat_interval: Millis | None = None
    storm: Millis | None = 2 * 60_000
