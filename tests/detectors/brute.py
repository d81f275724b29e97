"""Contract section 2 once more, by looking at all events at every asked instant; slow, flat, and independent."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction

from alerter.clock import HOUR, MINUTE
from alerter.model.incident import Change
from alerter.model.rule import Flatline, Frequency, Measuring, Rule, Spike, SpikeType


@dataclass
class Story:
    """One key: what is known of it while time goes by."""

    events: list[int]
    log: list[tuple] = field(default_factory=list)
    eaten: int = 0
    announced: int | None = None
    until: int | None = None
    opened: int | None = None
    over: int | None = None
    lasts: dict[str, int] = field(default_factory=dict)
    before: dict[str, bool] = field(default_factory=lambda: {"up": False, "down": False})
    forgotten_at: int | None = None

    def within(self, start: int, end: int) -> Sequence[int]:
        """Return the positions of the events in ``(start, end]``."""
        return range(bisect_right(self.events, start), bisect_right(self.events, end))


def brute(rule: Rule, pairs: list, start: int, end: int, documents: list[int]) -> list[tuple]:
    """Return (at, change, key, opened, reason, count) of everything that happens in ``(start, end]``, per key."""
    keys = sorted({key for _, key in pairs}, key=repr) if rule.query_key else [None]
    log: list[tuple] = []
    for key in keys:
        story = Story(sorted(at for at, k in pairs if k == key and at <= end))
        _live(rule, story, key, start, end, [d for d in documents if d <= end], sorted(at for at, _ in pairs))
        log += [(at, change, key, opened, reason, count) for at, change, opened, reason, count in story.log]
    return log


def _live(rule, story, key, start, end, documents, all_times):
    c, every = rule.condition, rule.schedule.every
    nominal = [t for t in range(start // every * every, end + 1, every) if start < t <= end]
    happened = [(at, 0, i) for i, at in enumerate(story.events) if start < at <= end]
    if isinstance(c, Frequency):
        for at, _, i in happened:
            window = story.within(at - c.timeframe, at)
            inside = range(window.start, i + 1)
            held = len(inside) >= c.num_events
            fresh = range(max(window.start, story.eaten), i + 1)
            count = len(window) if len(fresh) >= c.num_events else None
            if _ask(rule, story, at, "up", held, count):
                story.eaten = i + 1
    elif isinstance(c, Flatline):
        first = min(documents, default=None)
        for at in nominal:
            _flatline(rule, story, key, at, start, first)
    elif not isinstance(c, Spike):
        for at, _, _ in happened:
            _ask(rule, story, at, "up", True, 1)
    else:
        asked = {(at, 0) for at, _, _ in happened} if c.direction is not SpikeType.DOWN else set()
        asked |= {(t, 1) for t in nominal} if c.direction is not SpikeType.UP else set()
        for at, falling in sorted(asked):
            _spike(rule, story, key, at, bool(falling), all_times)
    _settle(rule, story, end + 1)


def _known(rule, story, at):
    recent = [story.events[i] for i in story.within(at - rule.known_keys_for, at)]
    return bool(recent) and (story.forgotten_at is None or recent[-1] > story.forgotten_at)


def _forget(rule, story, at):
    _settle(rule, story, at)
    if story.opened is not None and story.over is None:
        _resolve(story, at, "key_forgotten")


def _flatline(rule, story, key, at, start, first):
    c = rule.condition
    if key is None:
        covered = first is not None and first < at - c.timeframe
        empty = first is None or first > start + c.timeframe
        covered = covered or (empty and at >= start + c.timeframe)
    else:
        if not _known(rule, story, at):
            _forget(rule, story, at)
            return
        covered = story.events[0] <= at - c.timeframe
    count = len(story.within(at - c.timeframe, at))
    low = covered and count < c.threshold
    if _ask(rule, story, at, "down", low, count if low else None) and c.forget_keys and key is not None:
        story.forgotten_at = at


def _spike(rule, story, key, at, falling, all_times):
    c = rule.condition
    way = "down" if falling else "up"
    if falling and key is not None and not _known(rule, story, at):
        _forget(rule, story, at)
        _settle(rule, story, at)
        story.before[way] = False
        return
    cur = len(story.within(at - c.timeframe, at))
    ref = len(story.within(at - 2 * c.timeframe, at - c.timeframe))
    firsts = all_times if c.alert_on_new_data and key is not None else story.events
    warm = bool(firsts) and firsts[0] <= at - 2 * c.timeframe
    height = Fraction(str(c.height))
    met = cur * height <= ref if falling else cur >= ref * height
    met = met and cur >= c.threshold_cur and ref >= c.threshold_ref and not cur == ref == 0 and warm
    if key is not None and ref == 0 and not c.alert_on_new_data:
        met = False
    _settle(rule, story, at)
    edge = met and not story.before[way]
    story.before[way] = met
    _ask(rule, story, at, way, met, cur if edge else None)


def _over(rule, way, last):
    c = rule.condition
    if rule.resolve_after is not None:
        return last + rule.resolve_after
    if rule.is_event_type:
        return last + HOUR
    if way == "down" or isinstance(c, Measuring):
        return (last // rule.schedule.every + 1) * rule.schedule.every
    return last + min(c.timeframe, 10 * MINUTE)


def _settle(rule, story, at):
    if story.opened is not None and story.over is None:
        over = max(_over(rule, way, last) for way, last in story.lasts.items())
        if over < at:
            quiet = rule.is_event_type and rule.resolve_after is None
            _resolve(story, over, "quiet" if quiet else "condition_over")


def _resolve(story, at, reason):
    story.over = at
    story.before = {"up": False, "down": False}
    story.log.append((at, "resolved", story.opened, reason, None))


def _ask(rule, story, at, way, held, count):
    """Judge an instant; ``count`` says that it is a match. Returns whether it was announced."""
    _settle(rule, story, at)
    if not held:
        return False
    silent = story.until is not None and at < story.until
    announced = count is not None and not silent
    closed = story.opened is not None and story.over is not None
    again = closed and (at <= story.over + 5 * MINUTE or silent)
    if again:
        story.over = None
        story.log.append((at, "reopened", story.opened, "reopened", count if announced else None))
    elif announced and (story.opened is None or closed):
        story.opened, story.over, story.lasts = at, None, {}
        story.log.append((at, "opened", at, "first_match", count))
    elif announced:
        story.log.append((at, "repeated", story.opened, "repeat_due", count))
    if count is not None and not announced:
        story.log.append((at, "suppressed", story.opened, "realert", count))
    story.lasts[way] = at
    if announced:
        story.announced, story.until = at, at + rule.realert.length
    return announced


def changes(outcome):
    """Return the outcome without what only refreshes a count."""
    return replace(outcome, transitions=tuple(t for t in outcome.transitions if t.change is not Change.MEASURED))
