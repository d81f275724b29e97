"""The routing tree with Alertmanager's semantics; one object for production, dry run and ``alerter route``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from alerter.clock import MINUTE, SECOND, Millis
from alerter.model.incident import Reason
from alerter.model.route import Destination, Receiver
from alerter.model.rule import Position
from alerter.model.silence import Matcher
from alerter.routing.intervals import Interval

Labels = Mapping[str, str]
STORM: Millis = 2 * MINUTE
GROUP_WAIT: Millis = 30 * SECOND
GROUP_INTERVAL: Millis = 5 * MINUTE
ALL = "..."
"""``group_by: ['...']``: by all labels."""


@dataclass(frozen=True)
class Timers:
    """Grouping and timers of a node, inherited field by field; None means not written anywhere above."""

    group_by: tuple[str, ...] | None = None
    group_wait: Millis | None = None
    group_interval: Millis | None = None
    repeat_interval: Millis | None = None
    storm: Millis | None = STORM

    @property
    def of_group(self) -> tuple[Millis, Millis]:
        """How long a group waits for its first message, and then from one to the next."""
        wait, interval = self.group_wait, self.group_interval
        return GROUP_WAIT if wait is None else wait, GROUP_INTERVAL if interval is None else interval


@dataclass(frozen=True)
class Node:
    """One route, with what it inherits filled in; ``path`` names it, like ``route/domain="order"``."""

    receiver: str
    path: str
    matchers: tuple[Matcher, ...] = ()
    continues: bool = False
    mute: tuple[str, ...] = ()
    active: tuple[str, ...] = ()
    timers: Timers = Timers()
    routes: tuple[Node, ...] = ()
    position: Position | None = None

    def matches(self, labels: Labels) -> bool:
        """Tell whether all matchers are met."""
        return all(m.matches(labels) for m in self.matchers)


@dataclass(frozen=True)
class InhibitRule:
    """While an incident matches ``source``, those that match ``target`` with the same ``equal`` labels stay untold."""

    source: tuple[Matcher, ...]
    target: tuple[Matcher, ...]
    equal: tuple[str, ...] = ()
    name: str = ""

    def inhibits(self, source: Labels, target: Labels) -> bool:
        """Tell whether ``source`` keeps ``target`` untold; what matches both sides cannot inhibit what matches both."""
        if not self._all(self.target, target) or not self._all(self.source, source):
            return False
        if self._all(self.source, target) and self._all(self.target, source):
            return False
        return all(source.get(label, "") == target.get(label, "") for label in self.equal)

    @staticmethod
    def _all(matchers: Sequence[Matcher], labels: Labels) -> bool:
        return all(m.matches(labels) for m in matchers)


@dataclass(frozen=True)
class Routing:
    """Everything ``notifiers/`` says."""

    root: Node
    receivers: Mapping[str, Receiver]
    intervals: Mapping[str, tuple[Interval, ...]] = field(default_factory=dict)
    inhibit_rules: tuple[InhibitRule, ...] = ()
    own: Mapping[str, tuple[Node, ...]] = field(default_factory=dict)
    """By rule, where its own webhooks and channels go in place of the tree (``honour_rule_webhooks``)."""

    def destinations(self, labels: Labels, now: Millis) -> list[Destination]:
        """Return where labels go at an instant, and what mutes a place; never empty."""
        return [self._destination(node, now) for node in self.nodes(labels)]

    def nodes(self, labels: Labels) -> list[Node]:
        """Return the nodes that labels end at: depth first, a match ends the search unless it continues."""
        return list(self.own.get(labels.get("rule", ""), ())) or list(_search(self.root, labels))

    def inhibited(self, labels: Labels, others: Sequence[Labels]) -> str | None:
        """Return what inhibits these labels among the other open incidents, or None."""
        for rule in self.inhibit_rules:
            for other in others:
                if rule.inhibits(other, labels):
                    return f"{rule.name} by {other.get('rule', '?')}"
        return None

    def _destination(self, node: Node, now: Millis) -> Destination:
        muted, by = self._muted(node, now)
        timers = node.timers
        return Destination(
            receiver=node.receiver,
            path=node.path,
            muted=muted,
            muted_by=by,
            group_by=timers.group_by,
            group_wait=timers.of_group[0],
            group_interval=timers.of_group[1],
            repeat_interval=timers.repeat_interval,
            storm=timers.storm,
        )

    def _muted(self, node: Node, now: Millis) -> tuple[Reason | None, str]:
        for name in node.mute:
            if self._inside(name, now):
                return Reason.MUTE_TIME, name
        if node.active and not any(self._inside(name, now) for name in node.active):
            return Reason.OUTSIDE_ACTIVE_TIME, ", ".join(node.active)
        return None, ""

    def _inside(self, name: str, now: Millis) -> bool:
        return any(interval.contains(now) for interval in self.intervals.get(name, ()))


def _search(node: Node, labels: Labels) -> Iterator[Node]:
    if not node.matches(labels):
        return
    found = False
    for child in node.routes:
        below = list(_search(child, labels))
        yield from below
        found = found or bool(below)
        if below and not child.continues:
            break
    if not found:
        yield node


def console_routing() -> Routing:
    """Return the routing without any files: everything goes to the console."""
    return Routing(Node("console", "route"), {"console": Receiver("console", "console")})
