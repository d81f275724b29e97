"""Contract section 2 for values of windows: all events of every window, numbers as the decimals they are written."""

from __future__ import annotations

from fractions import Fraction

from alerter.model.metric import MetricKind, PercentageMatch
from alerter.model.rule import SpikeAggregation, SpikeType
from tests.detectors.brute import Story, _ask, _settle


def brute(rule, events, start, end):
    """Return (at, change, key, opened, reason, count) of all that happens in ``(start, end]``, and values of matches.

    ``events`` are (time, keys, values, chosen): an event counts under each of its keys; ``chosen`` is for percentages.
    """
    log, found = [], {}
    keys = list(dict.fromkeys(key for _, keys, *_ in events for key in keys)) if rule.query_key else [None]
    for key in keys:
        own = [(at, values, chosen) for at, under, values, chosen in events if key in under and at <= end]
        story = Story([])
        every = rule.schedule.every
        if isinstance(rule.condition, SpikeAggregation):
            _spikes(rule, own, story, key, start, end, found, events)
            log += [(at, change, key, opened, reason, count) for at, change, opened, reason, count in story.log]
            continue
        for at in range((start // every + 1) * every, end + 1, every):
            count, value = _judge(rule, own, key, at)
            if value is not None:
                found[(key, at)] = value
            _ask(rule, story, at, "down", value is not None, count if value is not None else None)
        _settle(rule, story, end + 1)
        log += [(at, change, key, opened, reason, count) for at, change, opened, reason, count in story.log]
    return sorted(log, key=lambda row: repr(row[2])), found


def _spikes(rule, own, story, key, start, end, found, events):
    c, every = rule.condition, rule.schedule.every
    for at in range((start // every + 1) * every, end + 1, every):
        spans = ((at - c.timeframe, at), (at - 2 * c.timeframe, at - c.timeframe))
        inside = [[(v, chosen) for when, v, chosen in own if begin < when <= last] for begin, last in spans]
        cur, ref = (value_of(c, part, keyed=True) for part in inside)
        known = events if c.alert_on_new_data and key is not None else own
        warm = bool(known) and min(when for when, *_ in known) <= at - 2 * c.timeframe
        height = Fraction(str(c.height))
        for way in ("up", "down"):
            if c.direction not in (SpikeType(way), SpikeType.BOTH):
                continue
            met = warm and cur is not None and ref is not None and not cur == ref == 0
            if c.touching:
                met = met and 0 not in (cur, ref) and (cur >= ref * height if way == "up" else cur * height <= ref)
            else:
                met = met and cur >= Fraction(str(c.threshold_cur)) and ref >= Fraction(str(c.threshold_ref))
                met = met and (cur > ref * height if way == "up" else cur * height < ref)
            _settle(rule, story, at)
            edge = met and not story.before[way]
            story.before[way] = met
            if edge:
                found[(key, at)] = cur
            _ask(rule, story, at, way, met, len(inside[0]) if edge else None)
    _settle(rule, story, end + 1)


def _judge(rule, own, key, at):
    """Return the number of events of all windows of an instant, and the newest value beyond the limits."""
    condition, windows = rule.condition, rule.condition.windows
    step = windows.interval or windows.length
    newest = at - at % step if windows.synced else at
    total, beyond = 0, None
    for nth in range(windows.length // step):
        end = newest - nth * step
        inside = [(values, chosen) for when, values, chosen in own if end - step < when <= end]
        total += len(inside)
        value = value_of(condition, inside, keyed=key is not None)
        if beyond is None and value is not None and _is_beyond(condition.limits, value):
            beyond = value
    return total, beyond


def _is_beyond(limits, value):
    above = limits.maximum is not None and value > Fraction(str(limits.maximum))
    return above or (limits.minimum is not None and value < Fraction(str(limits.minimum)))


def value_of(condition, inside, *, keyed):
    """Return the value of a window's events; None where there is none."""
    if isinstance(condition, PercentageMatch):
        chosen = sum(chosen for _, chosen in inside)
        return Fraction(100 * chosen, len(inside)) if inside and len(inside) >= condition.least else None
    if keyed and not inside:
        return None
    numbers = sorted(Fraction(str(value)) for values, _ in inside for value in values)
    match condition.measured.kind:
        case MetricKind.SUM:
            return sum(numbers, Fraction(0))
        case MetricKind.VALUE_COUNT:
            return Fraction(len(numbers))
        case MetricKind.CARDINALITY:
            return Fraction(len(set(numbers)))
    if not numbers:
        return None
    match condition.measured.kind:
        case MetricKind.MIN:
            return numbers[0]
        case MetricKind.MAX:
            return numbers[-1]
        case MetricKind.AVG:
            return sum(numbers) / len(numbers)
    place = Fraction(str(condition.measured.percent)) / 100 * (len(numbers) - 1)
    low = int(place)
    return numbers[low] + (numbers[min(low + 1, len(numbers) - 1)] - numbers[low]) * (place - low)
