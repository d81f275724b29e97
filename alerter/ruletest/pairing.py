"""Which expected entry is which thing that happened: as many exact fits as there can be, then the nearest."""

from __future__ import annotations

from collections.abc import Sequence

from alerter.ruletest.model import Entry
from alerter.ruletest.trace import Record


def fits(entry: Entry, record: Record) -> bool:
    """Tell whether all checks of an entry hold of a record."""
    return all(check.holds(record.get(check.name)) for check in entry.checks)


def pair(entries: Sequence[Entry], records: Sequence[Record]) -> list[int | None]:
    """Return for each entry the record that fits it, each record used once; as many pairs as possible."""
    choices = [[n for n, record in enumerate(records) if fits(entry, record)] for entry in entries]
    taken: dict[int, int] = {}

    def place(entry: int, tried: set[int]) -> bool:
        for record in choices[entry]:
            if record in tried:
                continue
            tried.add(record)
            if record not in taken or place(taken[record], tried):
                taken[record] = entry
                return True
        return False

    for entry in range(len(entries)):
        place(entry, set())
    found: list[int | None] = [None] * len(entries)
    for record, entry in taken.items():
        found[entry] = record
    return found


def nearest(entry: Entry, records: Sequence[Record], free: Sequence[int]) -> int | None:
    """Return the record, among the free ones, of which most checks hold (the first of several); None of none."""

    def held(record: int) -> int:
        return sum(check.holds(records[record].get(check.name)) for check in entry.checks)

    return max(free, key=lambda n: (held(n), -n), default=None)
