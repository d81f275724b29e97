"""Contract section 2 for cardinality, by looking at the values of all events of a window at every asked instant."""

from __future__ import annotations

from tests.detectors.brute import Story, _ask, _forget, _known, _settle


def brute(rule, events, start, end, documents):
    """Return (at, change, key, opened, reason, count) of all that happens in ``(start, end]``, and values of matches.

    ``events`` are (time, keys, values): an event counts under each of its keys; the values may be none or several.
    """
    keys = list(dict.fromkeys(key for _, keys, _ in events for key in keys)) if rule.query_key else [None]
    log, values = [], {}
    for key in keys:
        own = sorted((at, held) for at, under, held in events if key in under and at <= end)
        story = Story([at for at, _ in own])
        _live(rule, story, own, key, start, end, [d for d in documents if d <= end], values)
        log += [(at, change, key, opened, reason, count) for at, change, opened, reason, count in story.log]
    return sorted(log, key=lambda row: repr(row[2])), values


def _live(rule, story, own, key, start, end, documents, values):
    c, every = rule.condition, rule.schedule.every
    asked = set()
    if c.maximum is not None:
        asked |= {(at, 0) for at, _ in own if start < at <= end}
    if c.minimum is not None:
        asked |= {(t, 1) for t in range(start // every * every, end + 1, every) if start < t <= end}
    for at, few in sorted(asked):
        held = [found for when, found in own if at - c.timeframe < when <= at]
        different = {value for found in held for value in found}
        if few:
            _few(rule, story, key, at, start, documents, len(held), len(different), values)
            continue
        _settle(rule, story, at)
        too_many = len(different) > c.maximum
        edge = too_many and not story.before["up"]
        story.before["up"] = too_many
        if edge:
            values[(key, at)] = len(different)
        _ask(rule, story, at, "up", too_many, len(held) if edge else None)
    _settle(rule, story, end + 1)


def _few(rule, story, key, at, start, documents, count, different, values):
    c = rule.condition
    if key is None:
        first = min(documents, default=None)
        covered = first is not None and first < at - c.timeframe
        covered = covered or ((first is None or first > start + c.timeframe) and at >= start + c.timeframe)
    elif not _known(rule, story, at):
        _forget(rule, story, at)
        return
    else:
        covered = story.events[0] <= at - c.timeframe
    if covered and different < c.minimum:
        values[(key, at)] = different
        _ask(rule, story, at, "down", True, count)
