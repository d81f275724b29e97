"""An outbox of 10,000 messages drains at the channels' rates: nothing dropped, memory flat, work not quadratic."""

from __future__ import annotations

import gc
import tracemalloc
from collections import Counter

from alerter.clock import SECOND
from alerter.delivery.courier import MANY
from alerter.delivery.rates import POSTS
from alerter.model.incident import DeliveryState
from tests.delivery.fakes import NOW, Desk, delivery, incident

CHANNELS = 40
MESSAGES = 10_000


def full(number: int) -> Desk:
    """Return a desk with so many incidents to tell, spread over the channels, and ``storm: off``."""
    desk = Desk(storm=None)
    planned = (incident(f"i{n}", delivery(f"d{n}", channel=f"#c{n % CHANNELS}")) for n in range(number))
    desk.state.save_incidents([(made, None) for made in planned])
    return desk


def test_ten_thousand_messages_drain_at_the_channels_rates() -> None:
    """Each is sent once, no channel takes more than its rate, and the last one is gone when the rate says so."""
    desk = full(MESSAGES)
    burst, _ = POSTS
    due = MESSAGES // CHANNELS - burst
    desk.passes(due)
    before = len(desk.order.calls)
    assert before == CHANNELS * (due - 1 + burst)
    desk.passes(2)
    posted = Counter(m.delivery.id for _, m in desk.order.calls)
    assert len(posted) == MESSAGES
    assert max(posted.values()) == 1
    assert {m.delivery.state for _, m in desk.order.calls} == {DeliveryState.SENDING}
    assert not desk.state.unfinished()
    assert {d.outcome for d in desk.state.decisions(limit=None)} == {"delivered"}


def test_memory_stays_flat_while_a_channel_is_blocked() -> None:
    """Minutes of waiting with thousands in the outbox keep nothing more than the first pass did."""
    desk = full(MANY + 200)
    for n in range(CHANNELS):
        desk.courier._rates.block(f"#c{n}", 1_000 * SECOND)
    desk.passes(3)
    tracemalloc.start()
    try:
        desk.passes(8)
        gc.collect()
        first, _ = tracemalloc.get_traced_memory()
        desk.passes(20)
        gc.collect()
        last, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert desk.order.calls == []
    assert last - first < 500_000


def test_critical_incident_passes_a_long_queue() -> None:
    """A critical root planned while thousands wait goes out within a second, before the list is read again."""
    desk = full(3 * MANY)
    desk.passes(2)
    before = len(desk.order.calls)
    desk.plan(incident("c", delivery("dc", channel="#c1"), opened=NOW + 1, labels={"severity": "critical"}))
    desk.passes(1)
    assert desk.order.calls[before][1].delivery.id == "dc"


def test_list_of_thousands_is_read_seldom() -> None:
    """How often everything is read falls with how much there is, so that a long queue costs no more a second."""
    desk = full(5 * MANY)
    reads = []
    unfinished = desk.state.unfinished
    desk.state.unfinished = lambda limit=None: reads.append(desk.clock.now()) or unfinished(limit)  # type: ignore[method-assign, func-returns-value]
    desk.passes(20)
    assert 4 <= len(reads) <= 6


def test_rules_that_change_hands_are_let_go_between_two_reads_of_the_list() -> None:
    """What became another engine's is not sent here any more, although the list is not read again yet."""
    desk = full(2 * MANY)
    desk.passes(1)
    before = len(desk.order.calls)
    desk.ours = lambda made: int(made.id[1:]) >= MANY
    desk.clock.advance(SECOND)
    desk.passes(1)
    told = {int(m.incident.id[1:]) for _, m in desk.order.calls[before:]}
    assert told
    assert min(told) >= MANY


def test_what_becomes_ours_below_a_long_list_waits_five_seconds_at_most() -> None:
    """However long the list is, what is not among the newest is found within five seconds."""
    desk = full(10 * MANY)
    desk.passes(1)
    desk.plan(incident("old", delivery("late", channel="#other"), opened=NOW - SECOND))
    desk.passes(6)
    assert "late" in {m.delivery.id for _, m in desk.order.calls}
