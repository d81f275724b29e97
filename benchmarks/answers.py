"""Whether two engines gave the same answers: the first match of each rule and key."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

First = tuple[str, str]
"""Rule, and key as ``field=value`` ("" without a key)."""
Firsts = Mapping[First, int]
"""When each matched first, milliseconds."""
EXACT = ("frequency", "blacklist")
"""Types whose answers must be the same to the millisecond."""
REASONS = {
    "spike": "alerter asks at every event and matches on a rising edge; ElastAlert empties both windows at a match",
    "flatline": "alerter asks at every nominal instant of a covered timeframe; ElastAlert at the ends of its runs",
}


@dataclass
class Compared:
    """Of one type: answers of both, and the differences."""

    same: int = 0
    times: list[tuple[First, int]] = field(default_factory=list)
    ours_only: list[First] = field(default_factory=list)
    theirs_only: list[First] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """Return numbers, and a few examples of each difference."""
        return {
            "same": self.same,
            "other_time": len(self.times),
            "ours_only": len(self.ours_only),
            "theirs_only": len(self.theirs_only),
            "examples": [
                *(f"{' '.join(name)}: alerter {by / 1000:+.3f} s" for name, by in self.times[:3]),
                *(f"{' '.join(name)}: alerter only" for name in self.ours_only[:3]),
                *(f"{' '.join(name)}: ElastAlert only" for name in self.theirs_only[:3]),
            ],
        }


def compare(ours: Firsts, theirs: Firsts, types: Mapping[str, str], end: int) -> dict[str, Compared]:
    """Compare by type all first matches at or before ``end``, the last instant both had evaluated."""
    found: dict[str, Compared] = defaultdict(Compared)
    ours = {name: at for name, at in ours.items() if at <= end}
    theirs = {name: at for name, at in theirs.items() if at <= end}
    for name in sorted(ours.keys() | theirs.keys()):
        kind = found[types[name[0]]]
        if name not in theirs:
            kind.ours_only.append(name)
        elif name not in ours:
            kind.theirs_only.append(name)
        elif ours[name] != theirs[name]:
            kind.times.append((name, ours[name] - theirs[name]))
        else:
            kind.same += 1
    return dict(found)


def agree(found: Mapping[str, Compared]) -> bool:
    """Whether there is not one difference in the types that must be the same."""
    exact = [found[kind] for kind in EXACT if kind in found]
    return not any(kind.times or kind.ours_only or kind.theirs_only for kind in exact)
