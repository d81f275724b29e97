"""What was counted of a span that was evaluated in parts, put together as charts show it."""

from __future__ import annotations

from alerter.sources.events import Events
from alerter.windows import EMPTY


def joined(before: Events | None, part: Events | None) -> Events | None:
    """Return the events of a span and of the part after it as one: counts and values, no documents."""
    if before is None or part is None:
        return part or before
    since = before.end
    found = Events(part.rule, part.asking, before.start, part.end)
    for key in dict.fromkeys([*before.curves, *part.curves]):
        later = part.curves.get(key, EMPTY).rows(since, part.end)
        rows = [(max(start, since), end, count) for start, end, count in later]
        found.curves[key] = before.curves.get(key, EMPTY).followed(before.start, since, rows)
    for key in dict.fromkeys([*before.spreads, *part.spreads]):
        found.spreads[key] = before.spread(key).followed(since, part.spread(key))
    for key in dict.fromkeys([*before.measures, *part.measures]):
        found.measures[key] = {**before.measures.get(key, {}), **part.measures.get(key, {})}
    return found
