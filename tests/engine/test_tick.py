"""The loop as a whole, on the embedded source and SQLite."""

from __future__ import annotations

from dataclasses import replace

import pytest

from alerter.clock import HOUR, MINUTE
from alerter.engine.tick import Engine
from alerter.model.incident import Kind, Reason
from alerter.model.rule import FromEvent, Realert
from alerter.model.silence import Matcher, Silence
from alerter.routing.intervals import Interval
from alerter.routing.tree import Timers
from alerter.sources.protocol import SourceError
from alerter.sources.reader import Reader
from alerter.state.protocol import StateError
from tests.engine.support import T0, World, documents, routing, single, storm


def test_first_tick_starts_the_rule_and_tells_nothing_earlier():
    """A new rule's first checkpoint is its start: earlier matches are not told."""
    world = World(documents([1, 2, 3]), [storm()])
    world.tick(10)
    world.tick(60)
    assert world.told() == []


def test_incident_is_told_once_and_resolved_to_who_heard():
    """One incident: firing to the channel of its domain, resolved to the same."""
    world = World(documents([1, 2, 3]), [storm()])
    for seconds in (0, 60, 120, 180):
        world.tick(seconds)
    assert world.told() == [("firing", "user", 3), ("resolved", "user", 63)]


def test_any_split_into_ticks_tells_the_same():
    """A late, merged run plans the same messages as punctual ones."""
    events = documents([*range(1, 40), *range(200, 260, 5)])
    punctual = World(events, [storm()])
    merged = World(events, [storm()])
    for seconds in range(0, 601, 10):
        punctual.tick(seconds)
    merged.tick(0)
    merged.tick(250)
    merged.tick(600)
    assert punctual.told() == merged.told()
    assert [i.value.matches for i in punctual.state.incidents()] == [i.value.matches for i in merged.state.incidents()]


def test_crash_between_incident_and_checkpoint_repeats_nothing():
    """When the checkpoint's write is lost, the next tick derives the same changes and plans no second message."""
    world = World(documents([1, 2, 3, 100]), [storm()])
    world.tick(0)
    save = world.state.save_checkpoints

    def lost(*_args: object) -> list:
        raise StateError("unreachable", "gone")

    world.state.save_checkpoints = lost  # type: ignore[method-assign]
    assert world.tick(30).failures
    before = world.told()
    world.state.save_checkpoints = save  # type: ignore[method-assign]
    world.tick(30)
    assert world.told() == before == [("firing", "user", 3)]
    assert world.state.incidents()[0].value.matches == 1


def test_one_failing_rule_does_not_stop_the_others():
    """A source error is that rule's own; its checkpoint stands still."""
    bad = replace(storm(), name="bad", query_key=("text_only",))
    events = documents([1, 2, 3], text_only={"nested": "x"})
    world = World(events, [bad, storm()])
    world.tick(0)

    def opened(readings, *, inner=world.engine.reader.open):
        found = zip(readings, inner(readings), strict=True)
        return [SourceError("rejected", "no") if r.rule.name == "bad" else events for r, events in found]

    world.engine.reader.open = opened  # type: ignore[method-assign]
    report = world.tick(60)
    assert [f.rule for f in report.failures] == ["bad"]
    assert world.told() == [("firing", "user", 3)]
    assert world.state.checkpoints(["bad"])["bad"].value.evaluated == T0


def test_silence_keeps_untold_and_its_end_tells_at_once():
    """A silenced incident is not told; when the silence ends and it still fires, it is told then."""
    world = World(documents(range(1, 600, 10)), [storm(realert=Realert(HOUR, written=True))])
    until = T0 + 5 * MINUTE
    silence = Silence("s", (Matcher("domain", "=", "user"),), T0, until, "me", "test", T0)
    world.state.save_silence(silence, None)
    report = None
    for seconds in range(0, 421, 60):
        report = world.tick(seconds)
        if seconds == 60:
            assert [(d.outcome, d.reason) for d in report.decisions if d.receiver] == [("suppressed", "silence")]
    assert world.told() == [("firing", "user", 300)]
    assert world.deliveries()[0].reason is Reason.SILENCE_ENDED


@pytest.mark.parametrize(
    ("until", "again"),
    [
        (60, [("firing", "user", 123), ("resolved", "user", 233)]),
        (150, [("firing", "user", 180), ("resolved", "user", 233)]),
        (300, []),
    ],
    ids=["over before", "over while it fires", "over afterwards"],
)
def test_a_reopening_is_news(until, again):
    """Who was told the end is told a re-opening where no silence holds, and no end of one that nobody heard of."""
    bursts = [1, 2, 3, *(s + n for s in (121, 171) for n in range(3))]
    world = World(documents(bursts), [storm(realert=Realert(10 * MINUTE, written=True))])
    end = T0 + until * 1000
    world.state.save_silence(Silence("s", (Matcher("domain", "=", "user"),), T0 + 50_000, end, "me", "test", T0), None)
    for seconds in range(0, 421, 60):
        world.tick(seconds)
    assert world.told() == [("firing", "user", 3), ("resolved", "user", 63), *again]
    (stored,) = world.state.incidents()
    assert stored.value.resolved == T0 + 233_000


def test_mute_time_does_not_skip_the_state():
    """A muted incident resolves silently when nobody heard of it, and is told after the mute when it still fires."""
    noon = {"lunch": (Interval(times=((11 * 60, 11 * 60 + 3),)),)}
    muted = routing(mute=("lunch",), intervals=noon)
    world = World(documents(range(1, 400, 5)), [storm(realert=Realert(HOUR, written=True))], muted)
    for seconds in range(0, 301, 60):
        world.tick(seconds)
    assert world.told() == [("firing", "user", 180)]


def test_repeat_interval_of_the_route_bounds_repeats():
    """Announced matches between repeats only refresh; without a written realert an hour lies between repeats."""
    world = World(documents(range(1, 900, 5)), [storm(realert=Realert())])
    for seconds in range(0, 901, 60):
        world.tick(seconds)
    assert [kind for kind, _, _ in world.told()] == ["firing"]
    often = World(
        documents(range(1, 900, 5)), [storm(realert=Realert())], routing(timers=Timers(repeat_interval=5 * MINUTE))
    )
    for seconds in range(0, 901, 60):
        often.tick(seconds)
    assert [kind for kind, _, _ in often.told()] == ["firing", "repeat", "repeat"]


def test_domain_from_the_event_tells_both_channels():
    """A split attribute counts each value on its own and routes by it."""
    split = FromEvent("kafka.key", {"User": "user", "Order": "order"}, "other")
    events = documents([1, 3, 5], kafka={"key": "User"}) + documents([2, 4, 6], kafka={"key": "Order"})
    events.sort(key=lambda d: d["@timestamp"])
    world = World(events, [storm(domain=split)])
    world.tick(0)
    world.tick(30)
    assert world.told() == [("firing", "user", 5), ("firing", "order", 6)]
    assert [v.value.key for v in world.state.incidents()] == [(("domain", "order"),), (("domain", "user"),)]


def test_reopened_incident_keeps_its_id():
    """A condition that comes back within five minutes re-opens the same incident, with that reason."""
    world = World(documents([1, 2, 3, 200, 201, 202]), [storm(resolve_after=30_000)])
    for seconds in (0, 60, 120, 180, 240):
        world.tick(seconds)
    assert [(d.kind, d.reason) for d in world.deliveries()] == [
        (Kind.FIRING, Reason.FIRST_MATCH),
        (Kind.RESOLVED, Reason.CONDITION_OVER),
        (Kind.FIRING, Reason.REOPENED),
        (Kind.RESOLVED, Reason.CONDITION_OVER),
    ]
    assert len(world.state.incidents()) == 1


def test_reopening_that_is_worse_is_told_once_and_calls():
    """One message says both that it is back and that it is worse; it shows the new severity."""
    events = documents([1], sev="info") + documents([60], sev="critical") + documents([70], sev="info")
    severity = FromEvent("sev", split=False)
    world = World(events, [single(severity=severity, realert=Realert(0, written=True), resolve_after=20_000)])
    for seconds in (0, 30, 60, 65, 75):
        world.tick(seconds)
    assert [(d.kind, d.reason, d.raised) for d in world.deliveries()] == [
        (Kind.FIRING, Reason.FIRST_MATCH, False),
        (Kind.RESOLVED, Reason.CONDITION_OVER, False),
        (Kind.FIRING, Reason.REOPENED, True),
        (Kind.REPEAT, Reason.REPEAT, False),
    ]
    assert world.deliveries()[2].text.startswith("[REOPENED] [CRITICAL]")


def test_repeat_that_is_worse_is_told_once():
    """An announced match of a worse severity is one message, whatever the route's repeat_interval."""
    events = documents([1, 10], sev="info") + documents([20], sev="critical")
    where = routing(timers=Timers(repeat_interval=HOUR))
    rule = single(severity=FromEvent("sev", split=False), realert=Realert(0, written=True))
    world = World(sorted(events, key=lambda d: d["@timestamp"]), [rule], where)
    for seconds in (0, 30):
        world.tick(seconds)
    assert [(d.kind, d.reason, d.raised) for d in world.deliveries()] == [
        (Kind.FIRING, Reason.FIRST_MATCH, False),
        (Kind.REPEAT, Reason.SEVERITY_RAISED, True),
    ]
    assert world.state.incidents()[0].value.matches == 3


def test_digested_incident_plans_nothing_at_pauses():
    """What a digest tells of has one dropped message per announcement, not one more at each nominal instant."""
    world = World(documents(range(100, 400, 10)), [storm(realert=Realert(HOUR, written=True))])
    world.tick(0)
    world.tick(3000)
    dropped = [d for d in world.deliveries() if str(d.state) == "dropped"]
    assert [(d.kind, d.reason) for d in dropped] == [(Kind.FIRING, Reason.FIRST_MATCH)]
    assert [d.kind for d in world.deliveries() if str(d.state) != "dropped"] == [Kind.DIGEST]


def test_long_gap_is_told_in_one_digest():
    """What opened and resolved inside a long gap goes into one digest; nothing else is told of it."""
    world = World(documents([*range(100, 110), *range(1000, 1010)]), [storm()])
    world.tick(0)
    world.tick(3000)
    kinds = [(d.kind, str(d.state)) for d in world.deliveries() if str(d.state) != "dropped"]
    assert kinds == [(Kind.DIGEST, "planned")]
    assert "2 incidents" in next(d.text for d in world.deliveries() if d.kind is Kind.DIGEST)


def _crash(*_: object) -> None:
    raise KeyboardInterrupt


def test_a_digest_is_told_after_a_crash_before_it_was_written(monkeypatch):
    """A crash between the incidents and the digest that tells of them leaves nobody untold."""
    world = World(documents([*range(100, 110), *range(1000, 1010)]), [storm()])
    world.tick(0)
    with monkeypatch.context() as patched:
        patched.setattr("alerter.engine.books.digest_of", _crash)
        with pytest.raises(KeyboardInterrupt):
            world.tick(3000)
    assert [str(d.state) for d in world.deliveries()] == ["dropped"] * 2
    again = Engine(Reader(world.source), world.state, world.routing)
    again.tick(world.rules, T0 + 3_002_000)
    told = [(d.kind, str(d.state)) for d in world.deliveries() if str(d.state) != "dropped"]
    assert told == [(Kind.DIGEST, "planned")]


def test_removed_rule_resolves_its_incidents():
    """A rule that is gone resolves its incidents, and everyone who heard is told why."""
    world = World(documents([1, 2, 3]), [storm()])
    world.tick(0)
    world.tick(10)
    world.engine.forget(["a rule"], T0 + 20_000)
    assert [(d.kind, d.reason) for d in world.deliveries()] == [
        (Kind.FIRING, Reason.FIRST_MATCH),
        (Kind.RESOLVED, Reason.RULE_REMOVED),
    ]
    assert world.state.checkpointed() == []


def test_changed_rule_resolves_with_that_reason():
    """A change of the filter resolves the incident with reason rule_changed; a change of words does not."""
    world = World(documents([1, 2, 3]), [storm()])
    world.tick(0)
    world.tick(10)
    world.rules = [storm(description="new words")]
    world.tick(11)
    assert [d.kind for d in world.deliveries()] == [Kind.FIRING]
    world.rules = [storm(filter=({"term": {"level": "fatal"}},))]
    world.tick(12)
    assert [(d.kind, d.reason) for d in world.deliveries()][-1] == (Kind.RESOLVED, Reason.RULE_CHANGED)


def test_clock_set_back_an_hour_evaluates_nothing_twice():
    """When the clock goes back the checkpoint stays; when it comes again the evaluation goes on."""
    world = World(documents([1, 2, 3]), [storm()])
    world.tick(0)
    world.tick(60)
    world.tick(60 - 3600)
    world.tick(120)
    assert [kind for kind, _, _ in world.told()].count("firing") == 1


def test_event_type_closes_quietly():
    """An event type's incident closes an hour after its last event, without a resolved message."""
    world = World(documents([1]), [single()])
    for seconds in (0, 60, 3601, 3700):
        world.tick(seconds)
    assert world.told() == [("firing", "user", 1)]
    assert world.state.incidents()[0].value.resolved == T0 + 3_601_000


@pytest.mark.parametrize("key", [None, "x <!channel> & `y`"])
def test_hostile_text_reaches_the_plain_text_on_one_line(key):
    """A log line with control characters and mentions cannot break the line."""
    world = World(documents([1], who=f"a\n\x00{key}"), [single(query_key=("who",))])
    world.tick(0)
    world.tick(10)
    (delivery,) = world.deliveries()
    assert "\n" not in delivery.text
    assert "\x00" not in delivery.text
