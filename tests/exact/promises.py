"""What holds when documents come late or go away: contract section 2, reference "Late events and re-reading".

A *timely* document can be seen by the first evaluation that reads its instant, or, late, by one that reads it again:
its time is then after the evaluation before less ``buffer_time``. Promised is that

- no match is told that no documents stand behind, and none is told twice: one found on reading again is at least T
  from every one told before, and outside its silence;
- with timely documents, that stay, every window that reaches ``num_events`` is covered: by an announced match less than
  T away, by the silence of one, or by an incident that is open then, or was and will be again;
- event types judge each timely event exactly once, whenever it comes;
- flatlines are judged once, at their instant, on what could be seen then.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from alerter.clock import Millis
from alerter.model.incident import Change, Transition
from alerter.model.rule import Flatline, Frequency, Key
from tests.exact.oracle import pairs_of
from tests.exact.worlds import Doc, World

Told = Sequence[Sequence[Transition]]
"""What each evaluation told."""


def assert_promises(world: World, told: Told) -> None:
    """Check everything that is promised of this world."""
    kept = all(doc.gone is None for doc in world.docs)
    timely = kept and all(is_timely(world, doc) for doc in world.docs)
    if isinstance(world.rule.condition, Frequency):
        _nothing_twice(world, told)
        _counts(world, told, exact=timely)
        if timely:
            _all_covered(world, told)
    if isinstance(world.rule.condition, Flatline):
        _counts(world, told, exact=timely)
        _at_their_instants(world, told)
    if world.rule.is_event_type:
        _each_once(world, told, exact=timely)


def is_timely(world: World, doc: Doc) -> bool:
    """Whether a document is there when its instant is read for the first time or again."""
    nth = doc.arrives or 0
    return nth == 0 or (nth < len(world.cuts) and doc.at > world.cuts[nth - 1] - world.rule.buffer_time)


@dataclass(frozen=True)
class _Announced:
    """An announced match, and the evaluation that told it."""

    nth: int
    at: Millis
    key: Key
    count: int


def _announced(told: Told) -> Iterator[_Announced]:
    for nth, transitions in enumerate(told):
        for step in transitions:
            if step.match is not None and step.change is not Change.SUPPRESSED:
                yield _Announced(nth, step.match.at, step.key, step.match.count)


def _since(world: World, nth: int) -> Millis:
    """Return where an evaluation began."""
    return world.cuts[nth - 1] if nth else world.start


def _counts(world: World, told: Told, *, exact: bool) -> None:
    """A match's count is what could be seen; at most what ever could, where documents came too late or went away."""
    condition = world.rule.condition
    for match in _announced(told):
        seen = _number(world, match, lambda doc, nth=match.nth: doc.visible(nth))
        ever = _number(world, match, lambda doc, nth=match.nth: doc.arrives is None or doc.arrives <= nth)
        assert match.count == seen if exact else match.count <= ever
        if isinstance(condition, Frequency):
            assert match.count >= condition.num_events
        if isinstance(condition, Flatline):
            assert match.count < condition.threshold


def _number(world, match, visible) -> int:
    docs = [doc for doc in world.docs if visible(doc) and match.at - world.rule.timeframe < doc.at <= match.at]
    return sum(key == match.key for _, key in pairs_of(world.rule, docs))


def _nothing_twice(world: World, told: Told) -> None:
    realert = world.rule.realert.length
    before: dict[Key, list[_Announced]] = defaultdict(list)
    for match in _announced(told):
        reread = match.at <= _since(world, match.nth)
        for other in before[match.key]:
            if reread and other.nth < match.nth:
                assert abs(match.at - other.at) >= world.rule.timeframe
            assert match.at < other.at or match.at >= other.at + realert
        before[match.key].append(match)


def _all_covered(world: World, told: Told) -> None:
    condition = world.rule.condition
    assert isinstance(condition, Frequency)
    matches, steps = list(_announced(told)), [step for each in told for step in each]
    seen = [doc for doc in world.docs if (doc.arrives or 0) < len(world.cuts)]
    for key, times in _by_key(pairs_of(world.rule, seen)).items():
        silences = [(m.at, m.at + world.rule.realert.length) for m in matches if m.key == key]
        near = [(m.at - condition.timeframe + 1, m.at + condition.timeframe) for m in matches if m.key == key]
        mine = [step for step in steps if step.key == key]
        covered = [*silences, *near, *_open(mine), *_whole(mine)]
        for at in sorted(times):
            number = sum(n for other, n in times.items() if at - condition.timeframe < other <= at)
            if number >= condition.num_events and world.start < at <= world.end:
                assert any(begin <= at < end for begin, end in covered), f"{key}: window of {number} at {at}"


def _open(steps: Iterable[Transition]) -> Iterator[tuple[Millis, Millis]]:
    """Yield the spans in which a key's incidents were open."""
    since: Millis | None = None
    for step in steps:
        if step.change in (Change.OPENED, Change.REOPENED):
            since = step.at
        elif step.change is Change.RESOLVED and since is not None:
            yield since, step.at + 1
            since = None
    if since is not None:
        yield since, 1 << 60


def _whole(steps: Iterable[Transition]) -> Iterator[tuple[Millis, Millis]]:
    """Yield each incident from its opening to the last instant it held, also where it was over in between."""
    for step in steps:
        if step.last_held is not None:
            yield step.opened, step.last_held + 1


def _by_key(pairs: Iterable[tuple[Millis, Key]]) -> dict[Key, Counter[Millis]]:
    found: dict[Key, Counter[Millis]] = defaultdict(Counter)
    for at, key in pairs:
        found[key][at] += 1
    return found


def _at_their_instants(world: World, told: Told) -> None:
    for match in _announced(told):
        assert match.at % world.rule.schedule.every == 0
        assert _since(world, match.nth) < match.at <= world.cuts[match.nth]


def _each_once(world: World, told: Told, *, exact: bool) -> None:
    judged: Counter[Key] = Counter()
    for transitions in told:
        for step in transitions:
            if step.match is not None or step.change is Change.SUPPRESSED:
                judged[step.key] += step.number
    seen = [doc for doc in world.docs if (doc.arrives or 0) < len(world.cuts) and doc.at > world.start]
    wanted = Counter(key for _, key in pairs_of(world.rule, seen))
    assert judged == wanted if exact else not judged - wanted
