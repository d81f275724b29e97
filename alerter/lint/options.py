"""Options that are missing, idle, or written twice in effect."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from alerter.lint.model import Found, Subject
from alerter.ruleset.schema import BY_TYPE

WINDOWED = (
    "frequency",
    "spike",
    "flatline",
    "cardinality",
    "metric_aggregation",
    "percentage_match",
    "spike_aggregation",
    "change",
)
OWNERS: Mapping[str, tuple[str, ...]] = {
    "timeframe": WINDOWED,
    **{
        n: tuple(t for t in BY_TYPE if n in BY_TYPE[t]["properties"])
        for own in BY_TYPE.values()
        for n in own["properties"]
    },
}
"""The types that look at an option, for each option that not all of them do."""


def no_index(subject: Subject) -> Iterator[Found]:
    """Without ``index`` every index of the cluster is read."""
    if not subject.options.get("index"):
        path = ("index",) if "index" in subject.options else ("type",)
        yield Found(
            "without index the rule reads every index of the cluster", "name one, or a pattern: logs-*", path, True
        )


def unused_option(subject: Subject) -> Iterator[Found]:
    """An option that only other types look at."""
    type_ = subject.options["type"]
    if type_ not in BY_TYPE:
        return
    for name in subject.options:
        owners = OWNERS.get(name, (type_,))
        if type_ not in owners:
            message = f"{name} means nothing to a rule of type {type_}"
            yield Found(message, f"it belongs to {', '.join(owners)}", (name,), True)
