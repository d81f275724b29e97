"""What is known about the fleet and the outbox when one looks; the input of ``signs``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from alerter.clock import Millis
from alerter.cluster.fleet import View
from alerter.model.heartbeat import Heartbeat
from alerter.model.member import Member, RuleSet


class Peers(Protocol):
    """What the watch needs of the fleet; see cluster.fleet.Fleet."""

    @property
    def view(self) -> View:
        """The living members, this engine included."""

    def chosen(self, name: str) -> bool:
        """Whether this engine tells what belongs to a name."""

    def valid(self) -> bool:
        """Whether this engine may write now."""


@dataclass(frozen=True)
class Waiting:
    """What waits for delivery to a channel: how many messages, seen for how long, and the oldest one's instant.

    ``waited`` is how long the watcher itself has seen the oldest wait; ``oldest`` is of event time. ``more``: so many
    wait altogether that not all were counted.
    """

    channel: str
    receivers: frozenset[str]
    number: int
    waited: Millis
    oldest: Millis
    error: str = ""
    more: bool = False


@dataclass(frozen=True)
class Lost:
    """An engine that left no word and is no member any more: its last beat, and for how long it is missed."""

    instance: str
    beat: Millis
    missed: Millis


@dataclass(frozen=True)
class Facts:
    """Everything at ``now`` (wall clock). ``engines`` are the heartbeats of living members.

    ``rulesets`` (by id) are known while the members' rules or versions are not the same, for ``differing`` so far.
    """

    now: Millis
    engines: tuple[Heartbeat, ...] = ()
    members: Mapping[str, Member] = field(default_factory=dict)
    rulesets: Mapping[str, RuleSet] = field(default_factory=dict)
    lost: tuple[Lost, ...] = ()
    waiting: tuple[Waiting, ...] = ()
    differing: Millis = 0

    @property
    def stuck(self) -> frozenset[str]:
        """The receivers that have something waiting."""
        return frozenset(name for waiting in self.waiting for name in waiting.receivers)
