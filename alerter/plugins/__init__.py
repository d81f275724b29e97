"""What people's own code is given and gives back: the whole interface of plug-ins. See docs/plugins.md.

An enhancement is a function named by an entry point of the group ``alerter.enhancements``. It sees each match that is
about to be told, returns more fields for its message (or None), and drops the match by raising ``DropMatch``.

A rule type is a function named by an entry point of the group ``alerter.rule_types``. It sees the events of a window at
each nominal instant, and returns None where all is well, or what it found: then the window is a match.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

KeyValue = str | int | float | bool | None


class DropMatch(Exception):
    """Raised by an enhancement: this match is not to be told. Its text is the reason, kept with the decision."""


@dataclass(frozen=True)
class Matched:
    """A match as an enhancement sees it. Values of redacted fields are hidden, here as everywhere.

    ``at`` is the time of the match, in UTC. ``key`` holds the values of ``query_key`` by field; empty without one.
    ``count`` is the number of events in the window (1 for types that judge single events). ``facts`` holds what the
    type found: ``value``, ``reference``, ``threshold``. ``event`` is the event that matched, of a window its newest
    (empty when there is none); ``events`` are up to three of the window, newest first.
    """

    rule: str
    at: datetime
    key: Mapping[str, KeyValue] = field(default_factory=dict)
    count: int = 1
    facts: Mapping[str, Any] = field(default_factory=dict)
    event: Mapping[str, Any] = field(default_factory=dict)
    events: Sequence[Mapping[str, Any]] = ()


Enhancement = Callable[[Matched], Mapping[str, Any] | None]
"""Returns more fields for the message, as JSON knows them, or None; the same for the same match, whenever asked."""


@dataclass(frozen=True)
class Event:
    """An event: its time, in UTC, and a copy of its fields. Values of redacted fields are hidden."""

    at: datetime
    fields: Mapping[str, Any]


@dataclass(frozen=True)
class Window:
    """The events of ``(start, end]``, oldest first, those of one instant in order of arrival.

    ``end`` is the nominal instant that is judged, ``key`` the values of ``query_key`` by field (empty without one),
    ``options`` what the rule's file says under that name.
    """

    rule: str
    start: datetime
    end: datetime
    key: Mapping[str, KeyValue] = field(default_factory=dict)
    events: Sequence[Event] = ()
    options: Mapping[str, Any] = field(default_factory=dict)


RuleType = Callable[[Window], Mapping[str, Any] | None]
"""Returns what it found, as JSON knows it (``text`` is the sentence of the message), or None; always the same."""

__all__ = ["DropMatch", "Enhancement", "Event", "KeyValue", "Matched", "RuleType", "Window"]
