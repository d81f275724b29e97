"""An incident that fires for hours counts the repeats of long ago; nothing counted is planned or told again."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from alerter.clock import MINUTE
from alerter.delivery.changes import as_sent
from alerter.engine.shortening import MOST_LISTED, NEWEST, shortened
from alerter.model.incident import DeliveryState, Earlier, Incident, Kind, Reason
from alerter.notifiers.protocol import Posted
from tests.delivery.fakes import NOW, delivery, incident
from tests.engine.support import T0, World, documents, storm
from tests.engine.test_late import checkpoints_are_lost, only

SENT, DROPPED, FAILED = DeliveryState.SENT, DeliveryState.DROPPED, DeliveryState.FAILED


def repeats(number: int, state: DeliveryState = SENT, prefix: str = "r", **changes: object) -> list:
    return [
        replace(delivery(f"{prefix}{n}", Kind.REPEAT, reason=Reason.REPEAT), at=NOW + n, state=state, **changes)
        for n in range(number)
    ]


def settle(world: World) -> Incident:
    """Let everything planned be sent."""
    (stored,) = world.state.incidents()
    done = tuple(replace(d, state=SENT, sent=d.at) for d in stored.value.deliveries)
    made = replace(stored.value, deliveries=done)
    world.state.save_incident(made, stored.version)
    return made


def test_repeats_of_hours_are_counted_and_told_once_each() -> None:
    """One repeat a minute for hours, with a lost checkpoint and late events: each planned once, the document short."""
    world = World(documents(range(0, 21_600, 15)), [storm()])
    planned: Counter[tuple[str, int]] = Counter()
    known: set[str] = set()
    longest = 0
    for minute in range(0, 360, 3):
        if minute in (210, 213, 216, 300):
            with checkpoints_are_lost(world):
                world.tick(minute * 60)
            settle(world)
        world.source.extend(documents([minute * 60 - 70]))
        world.tick(minute * 60)
        if not world.state.incidents():
            continue
        fresh = [d for d in settle(world).deliveries if d.id not in known]
        known |= {d.id for d in fresh}
        planned.update((str(d.kind), d.at) for d in fresh)
        longest = max(longest, len(only(world).deliveries))
    assert max(planned.values()) == 1
    assert MOST_LISTED - 5 < longest <= MOST_LISTED
    found = only(world)
    (earlier,) = found.earlier
    assert (earlier.receiver, earlier.kind, earlier.state) == ("user", Kind.REPEAT, SENT)
    assert earlier.number + len(found.deliveries) == sum(planned.values()) > MOST_LISTED + 100
    assert found.deliveries[0].kind is Kind.FIRING
    assert earlier.until < min(d.at for d in found.deliveries[-NEWEST:])


def test_what_is_recent_in_event_time_stays_listed() -> None:
    """Late events may plan messages of the re-read span, with ids made of their instants: none is counted."""
    world = World(documents(n / 3 for n in range(1_800)), [storm(realert=replace(storm().realert, length=0))])
    world.tick(0)
    for seconds in range(60, 600, 60):
        world.tick(seconds)
        settle(world)
    found = only(world)
    since = T0 + 480_000 - 3 * MINUTE  # the last span's start, less buffer_time and timeframe
    assert found.earlier[0].until <= since
    listed = [d.at for d in found.deliveries if d.at > since]
    assert len(listed) > NEWEST
    assert found.earlier[0].number + len(found.deliveries) > MOST_LISTED + 100


def test_first_messages_ends_and_what_is_not_settled_stay_listed() -> None:
    """Counted are plain repeats that are sent, failed or dropped; not what a digest tells of, nor a risen severity."""
    unsettled = [replace(delivery(f"u{s}", Kind.REPEAT), state=s) for s in ("planned", "sending", "unclear")]
    special = [
        *repeats(1, raised=True, prefix="raised"),
        *repeats(1, recheck=5, prefix="recheck"),
        *repeats(30, DROPPED, digest="storm", prefix="storm"),
        *repeats(30, DROPPED, error=str(Reason.CATCH_UP), prefix="gap"),
    ]
    ends = [replace(delivery(f"e{n}", Kind.RESOLVED), state=SENT) for n in range(40)]
    plain = [*repeats(100), *repeats(90, DROPPED, prefix="d"), *repeats(80, FAILED, prefix="f")]
    made = incident("i1", replace(delivery(), state=SENT), *unsettled, *special, *ends, *plain)
    short = shortened(made, NOW + 1_000)
    gone = {d.id for d in made.deliveries} - {d.id for d in short.deliveries}
    assert gone == {f"r{n}" for n in range(1, 80)} | {f"d{n}" for n in range(1, 70)} | {f"f{n}" for n in range(1, 60)}
    assert [(e.state, e.number, e.until - NOW) for e in short.earlier] == [
        (SENT, 79, 79), (DROPPED, 69, 69), (FAILED, 59, 59),
    ]  # fmt: skip
    again = replace(short, deliveries=(*short.deliveries, *repeats(200, prefix="later")))
    assert sum(e.number for e in shortened(again, NOW + 1_000).earlier if e.state is SENT) == 79 + 200
    assert shortened(made, NOW - 1) == made


def test_failed_messages_stay_while_a_fallback_message_waits() -> None:
    """Whom it stands in for is found by the failed message."""
    waiting = replace(delivery("x", Kind.REPEAT), receiver="default", reason=Reason.FALLBACK)
    made = incident("i1", waiting, *repeats(300, FAILED))
    assert shortened(made, NOW + 1_000) == replace(made, earlier=())
    assert len(shortened(replace(made, deliveries=repeats(300, FAILED)), NOW + 1_000).deliveries) == NEWEST + 1


def test_few_messages_are_all_listed() -> None:
    """Up to the limit nothing is counted, so that an ordinary incident shows everything."""
    made = incident("i1", *repeats(MOST_LISTED))
    assert shortened(made, NOW + 1_000) is made


def test_a_message_counted_meanwhile_is_not_recorded_a_second_time() -> None:
    """A process that was stopped for long records a repeat that others have sent and counted: nothing changes."""
    late = replace(delivery("gone", Kind.REPEAT), state=DeliveryState.SENDING, by="old")
    kept = incident("i1", replace(delivery(), state=SENT))
    kept = replace(kept, earlier=(Earlier("order", "#order", Kind.REPEAT, SENT, 5, NOW),))
    assert as_sent(kept, late, Posted("C1", "9.9"), 1, NOW, edited=False) == kept
