"""Seeded damage: to JSON structures, to texts, and values that no program expects; the same seed gives the same."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Iterator
from typing import Any

Path = tuple[Any, ...]


def nested(depth: int) -> Any:
    """Return lists and objects in each other, so deep."""
    found: Any = "bottom"
    for level in range(depth):
        found = [found] if level % 2 else {"a": found}
    return found


ODD: tuple[Any, ...] = (
    None, True, False, 0, -1, 1.5, 1e308, -(2**63), 2**70, "", "x", "\x00", "\ud800", "<!channel>", "𝔘𝔫𝔦", "a" * 70_000,
    [], [[]], {}, {"": ""}, {"a.b": {"c": 1}}, [None, "x", 1, {"a": []}], "2026-13-45T99:99:99Z", "NaN", "{{ 7 * 7 }}",
    nested(40),
)  # fmt: skip
"""Values of all types and sizes, hostile ones among them."""


def paths(value: Any, at: Path = ()) -> Iterator[Path]:
    """Yield the place of everything in a structure, the root left out."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in inner:
        yield (*at, key)
        yield from paths(item, (*at, key))


def other_type(value: Any, dice: random.Random) -> Any:
    """Return a value of another type than this one, which reading it as this one must notice."""
    found = [o for o in ("text", [], {}, {"a": 1}, [[1]]) if type(o) is not type(value)]
    if isinstance(value, str):
        found.remove([]) if [] in found else None
    return dice.choice([None, *found])


def broken(value: Any, dice: random.Random, keep: tuple[str, ...] = ()) -> Any:
    """Return a copy with one part missing or of another type; never one that is merely another value.

    Parts under the names in ``keep`` are left as they are.
    """
    made = copy.deepcopy(value)
    places = [p for p in paths(made) if isinstance(p[-1], str) and not set(keep) & set(p)]
    if not places:
        return other_type(made, dice)
    place = dice.choice(places)
    parent = made
    for key in place[:-1]:
        parent = parent[key]
    if dice.random() < 0.5:
        del parent[place[-1]]
    else:
        parent[place[-1]] = other_type(parent[place[-1]], dice)
    return made


def odd(value: Any, dice: random.Random) -> Any:
    """Return a copy with one to three parts missing, doubled or replaced by odd values."""
    made = copy.deepcopy(value)
    for _ in range(dice.randint(1, 3)):
        places = list(paths(made))
        if not places:
            return dice.choice(ODD)
        place = dice.choice(places)
        parent = made
        for key in place[:-1]:
            parent = parent[key]
        change = dice.random()
        if change < 0.2:
            del parent[place[-1]]
        elif change < 0.4 and isinstance(parent, dict):
            parent[dice.choice(["", "x", "kql", "a.b", 7, None, str(place[-1]) + "s"])] = parent.pop(place[-1])
        else:
            parent[place[-1]] = dice.choice(ODD)
    return made


def scrambled(data: bytes, dice: random.Random) -> bytes:
    """Return bytes with some of them changed, cut out, doubled or cut off."""
    made = bytearray(data)
    for _ in range(dice.randint(1, 6)):
        at = dice.randrange(len(made) + 1)
        change = dice.randrange(5)
        if change == 0:
            made[at : at + 1] = bytes([dice.randrange(256)])
        elif change == 1:
            del made[at : at + dice.randint(1, 20)]
        elif change == 2:
            made[at:at] = dice.choice(
                [b"\x00", b"\t", b"\n", b": ", b"- ", b"{", b"]", b"&a ", b"*a", b"!!python/none ", b"\xff"]
            )
        elif change == 3:
            made[at:at] = made[max(at - 15, 0) : at]
        else:
            del made[at:]
    return bytes(made)


def line(document: Any) -> bytes:
    """Return a document as a line of NDJSON; lone surrogates are escaped."""
    return json.dumps(document).encode()
