"""What is known of the index that a rule reads; ``gathering`` asks a cluster for it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from alerter.clock import DAY, Millis
from alerter.model.rule import Frequency, Rule
from alerter.sources.parts import Types

MANY = 1_000_000
"""Documents of an index from which on a leading wildcard is worth a word."""
LATELY: Millis = 7 * DAY
"""How far back a filter is asked for events."""


@dataclass(frozen=True)
class Lag:
    """Of the ``sample`` newest arrivals: how much later than their time they came, ascending, ms."""

    sample: tuple[Millis, ...]

    def later_than(self, allowed: Millis) -> int:
        """Return how many came later."""
        return sum(lag > allowed for lag in self.sample)


@dataclass(frozen=True)
class Facts:
    """What is known of a rule's index; None where it is not.

    ``types`` are those of all fields; ``missing`` is why there are none. ``documents`` are counted up to MANY,
    ``lately`` up to what the rule needs. ``refused`` is why the server refuses the rule's filter, ``unanswered`` why
    the rule's own cluster says nothing at all.
    """

    types: Types
    documents: int | None = None
    oldest: Millis | None = None
    now: Millis = 0
    lately: int | None = None
    lag: Lag | None = None
    refused: str = ""
    missing: str = ""
    unanswered: str = ""


def needed(rule: Rule) -> int:
    """Return how many events a rule needs at least to match."""
    return rule.condition.num_events if isinstance(rule.condition, Frequency) else 1


def of_mapping(mapping: Mapping[str, Any]) -> Facts:
    """Return what an index's mapping says: the types of its fields."""
    inner = mapping.get("mappings", mapping)
    return Facts(dict(_flat(inner.get("properties", {}) if isinstance(inner, Mapping) else {}, "")))


def _flat(properties: Any, above: str) -> Iterator[tuple[str, frozenset[str]]]:
    for name, field in properties.items() if isinstance(properties, Mapping) else ():
        if isinstance(field, Mapping):
            path = f"{above}{name}"
            if "properties" not in field or "type" in field:
                yield path, frozenset({str(field.get("type", "object"))} - {"object", "nested"})
            yield from _flat(field.get("properties"), f"{path}.")
            yield from _flat(field.get("fields"), f"{path}.")
