"""Copies of records with other values."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from typing import Any

import pytest

from alerter.model.changed import changed
from alerter.model.incident import Checkpoint
from alerter.model.memory import Held, KeyMemory, Thread

MEMORY = KeyMemory(last_seen=5, up=Held(now=True, last=5), thread=Thread("id", 3))


@pytest.mark.parametrize("values", [{}, {"last_seen": 7}, {"up": Held(), "thread": None, "past": ((1, 2),)}])
def test_a_copy_is_what_replace_makes(values: dict[str, Any]) -> None:
    """The copy is equal to that of the standard library, has its hash, and the original is as it was."""
    before = replace(MEMORY)
    copy: KeyMemory = changed(MEMORY, **values)
    assert copy == replace(MEMORY, **values)
    assert hash(copy) == hash(replace(MEMORY, **values))
    assert before == MEMORY
    assert vars(copy).keys() == {f.name for f in fields(KeyMemory)}


def test_a_copy_is_frozen_and_its_own() -> None:
    """A change of a copy's copy reaches neither of those it was made from."""
    first = Checkpoint("rule", "meaning", evaluated=1, started=1)
    second = changed(first, evaluated=2)
    third = changed(second, evaluated=3)
    assert [c.evaluated for c in (first, second, third)] == [1, 2, 3]
    with pytest.raises(AttributeError):
        third.evaluated = 4  # type: ignore[misc]


def test_a_field_that_is_not_there_is_refused() -> None:
    """A misspelt name is an error, as with the standard library."""
    with pytest.raises(TypeError, match="KeyMemory has no such field: lastseen"):
        changed(MEMORY, lastseen=1)  # type: ignore[call-arg]


@dataclass(frozen=True)
class _Cached:
    number: int

    @cached_property
    def doubled(self) -> int:
        return 2 * self.number


@dataclass(frozen=True)
class _Checked:
    number: int

    def __post_init__(self) -> None:
        assert self.number >= 0


@dataclass(frozen=True, slots=True)
class _Slotted:
    number: int
    more: list[int] = field(default_factory=list)


@pytest.mark.parametrize("record", [_Cached(1), _Checked(1), _Slotted(1)], ids=lambda r: type(r).__name__)
def test_a_record_that_computes_something_is_refused(record: Any) -> None:
    """What was computed from the old values would stay; such records are for the standard library."""
    with pytest.raises(TypeError, match="holds more than its fields"):
        changed(record, number=2)
