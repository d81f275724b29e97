"""Numbers with their noun."""

from __future__ import annotations


def many(number: int, one: str, several: str = "") -> str:
    """Return ``1 match`` or ``1,200 matches``; ``several`` is the plural unless that is the noun with an s."""
    return f"{number:,} {one if number == 1 else several or one + 's'}"
