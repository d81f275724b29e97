"""Records to keep, as tests of the state write them."""

from __future__ import annotations

from alerter.model.incident import (
    Incident,
    View,
)
from alerter.model.member import Member

DAY = 86_400_000
NOW = 1_800_000_000_000


def incident(id: str = "i1", **changes: object) -> Incident:
    settings = {
        "id": id,
        "rule": "a rule",
        "type": "frequency",
        "key": (("user.name", "x"), ("n", 5), ("gone", None)),
        "labels": {"severity": "critical", "domain": "order"},
        "opened": NOW,
        "view": View(title="t", fields=(("a", "b"),), chart=((NOW, 1.5),)),
    }
    return Incident(**{**settings, **changes})  # type: ignore[arg-type]


def member(instance: str = "a:1", **changes: object) -> Member:
    return Member(**{"instance": instance, "session": "s1", "started": NOW, "version": "1", **changes})  # type: ignore[arg-type]
