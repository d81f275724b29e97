"""Conditions that compare an event with earlier ones: a value that changes, a term that was not there before."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from alerter.clock import DAY, Millis

Pairs = tuple[tuple[str, Any], ...]
"""A key: (field as written, value) pairs, or None where the rule has none; see alerter.model.rule."""


@dataclass(frozen=True)
class ValueChange:
    """The values of ``compared`` differ from those of the key's previous event, by time; the first event never matches.

    With ``timeframe`` (0: none) the previous event must lie at most that long before, inclusive. With ``ignore_null``
    an event that lacks one of the values, or in which one is null, empty or 0, is passed over: it neither matches nor
    is anybody's previous event. Without, a missing value is a value.
    """

    compared: tuple[str, ...]
    ignore_null: bool = False
    timeframe: Millis = 0


@dataclass(frozen=True)
class NewTerm:
    """A value of one of ``fields`` that no event of the rule carried in ``(t - window, t)``, both ends exclusive.

    Each of ``fields`` is one field, or several whose values make one term together. With ``missing`` an event that
    lacks a part of the field (missing, null or "") matches too, every time.
    """

    fields: tuple[tuple[str, ...], ...]
    window: Millis = 30 * DAY
    missing: bool = False


@dataclass(frozen=True)
class Value:
    """What the compared fields of an event held: ``print`` tells different ones apart, ``shown`` is for people."""

    print: str
    shown: tuple[Any, ...] = ()


@dataclass(frozen=True)
class History:
    """The value of the newest event of each key at or before ``at``, those with the newest events last.

    A key is left out where it has no such event, or where there were too many keys to remember.
    """

    at: Millis
    values: Mapping[Pairs | None, Value] = field(default_factory=dict)
