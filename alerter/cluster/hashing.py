"""Rendezvous hashing: who shall evaluate a rule, agreed upon without a word between engines."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b


def winner(name: str, instances: Iterable[str]) -> str | None:
    """Return the instance with the highest hash for a name; None of nobody.

    When an instance joins or leaves, only the names it wins move (Thaler and Ravishankar, 1998).
    """
    return max(instances, key=lambda instance: (weight(instance, name), instance), default=None)


def weight(instance: str, name: str) -> bytes:
    """Return the hash by which an instance competes for a name; the same in every process and version."""
    return blake2b(f"{instance}\0{name}".encode("utf-8", "replace"), digest_size=8).digest()
