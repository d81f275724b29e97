"""Storms: what a channel cannot take in time is told in one digest whose totals add up; critical ones still page."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

from alerter.clock import MINUTE, SECOND
from alerter.model.incident import DeliveryState, Incident, Kind, Reason
from alerter.notifiers.protocol import Outgoing
from tests.delivery.fakes import NOW, Desk, FakeNotifier, delivery, incident

STORM = 2 * MINUTE


def storm(desk: Desk, number: int, *, start: int = 0, severity: str = "warning") -> None:
    """Plan this many new incidents, of seven rules."""
    labels = {"domain": "order", "severity": severity}
    ids = range(start, start + number)
    desk.plan(*(incident(f"i{n}", delivery(f"d{n}"), rule=f"rule {n % 7}", labels=labels) for n in ids))


def ended(desk: Desk, ids: Iterable[str]) -> None:
    """Resolve incidents as the engine does."""
    for id in ids:
        at = desk.clock.now()
        desk.change(id, delivery(f"end of {id}", Kind.RESOLVED, at=at), resolved=at)


def members(desk: Desk) -> list[str]:
    """Return the incidents that a digest tells of."""
    return [s.value.id for s in desk.state.incidents() if any(d.in_digest for d in s.value.deliveries)]


def digest_of(desk: Desk) -> Incident:
    """Return the newest digest's document."""
    found = [s.value for s in desk.state.incidents() if s.value.type == "digest"]
    return max(found, key=lambda d: d.updated)


def digests(desk: Desk, how: str = "") -> list[Outgoing]:
    """Return what was sent of digests."""
    return [m for done, m in desk.order.calls if m.incident.type == "digest" and done.startswith(how)]


def totals(message: Outgoing) -> tuple[int, int]:
    """Return firing and resolved of the sentence, after checking that the rows add up to them."""
    rows = [re.match(r"([\d,]+) firing, ([\d,]+) resolved", value) for _, value in message.incident.view.fields]
    sums = [sum(int(row[n].replace(",", "")) for row in rows if row) for n in (1, 2)]
    whole = re.match(r"([\d,]+) firing, ([\d,]+) resolved", message.incident.view.sentence)
    assert whole is not None
    assert sums == [int(whole[n].replace(",", "")) for n in (1, 2)]
    return sums[0], sums[1]


def test_queue_that_drains_in_time_is_no_storm() -> None:
    """120 messages are what a channel takes in two minutes: each is told by itself."""
    desk = Desk(storm=STORM)
    storm(desk, 120)
    desk.passes(125)
    assert desk.order.done == ["post"] * 120
    assert not desk.state.unfinished()


def test_further_incidents_are_told_in_one_digest() -> None:
    """Of 1,000 incidents 120 get their own message, the others one, whose rows add up to them."""
    desk = Desk(storm=STORM)
    storm(desk, 1_000)
    desk.passes(5)
    assert len(digests(desk)) == 1
    assert totals(digests(desk)[0]) == (880, 0)
    desk.passes(300)
    own = [m for how, m in desk.order.calls if how == "post" and m.incident.type != "digest"]
    assert len(own) == 120
    assert len(digests(desk, "post")) == 1
    states = [d for s in desk.state.incidents() for d in s.value.deliveries if d.in_digest]
    assert len(states) == 880
    assert {(d.state, d.error) for d in states} == {(DeliveryState.DROPPED, "storm")}


def test_without_storm_everything_is_told_by_itself() -> None:
    """``storm: off`` lets the queue drain at the channel's rate, however long that takes."""
    desk = Desk(storm=None)
    storm(desk, 300)
    desk.passes(305)
    assert desk.order.done == ["post"] * 300
    assert not desk.state.unfinished()


def test_digest_is_edited_at_most_every_30_seconds_while_the_storm_lasts() -> None:
    """New incidents of a storm change the message, and post nothing."""
    desk = Desk(storm=STORM)
    storm(desk, 200)
    desk.passes(4)
    for second in range(60):
        storm(desk, 5, start=1_000 + 5 * second)
        desk.passes(1)
    edits = digests(desk, "update")
    assert 1 <= len(edits) <= 2
    assert len(digests(desk, "post")) == 1
    desk.passes(40)
    assert totals(digests(desk, "update")[-1]) == (80 + 300, 0)


def test_critical_incidents_keep_their_own_message_up_to_a_cap() -> None:
    """In a storm 20 waiting critical incidents page at once; what is beyond goes into the digest too."""
    desk = Desk(storm=STORM)
    storm(desk, 400)
    desk.passes(3)
    storm(desk, 30, start=5_000, severity="critical")
    desk.passes(25)
    own = [m for how, m in desk.order.calls if how == "post" and m.incident.severity == "critical"]
    assert len(own) == 20
    assert sum(desk.read(id).severity == "critical" for id in members(desk)) == 10
    desk.passes(40)
    assert "worst critical" in str(digests(desk)[-1].incident.view.fields)


def test_end_of_a_digested_incident_is_counted_not_posted() -> None:
    """Resolutions change the digest's numbers; when the last one is over the digest is, too."""
    desk = Desk(storm=STORM)
    storm(desk, 150)
    desk.passes(200)
    ended(desk, [f"i{n}" for n in range(150)])
    desk.passes(900)
    assert totals(digests(desk)[-1]) == (0, 30)
    told = [m.incident.id for how, m in desk.order.calls if m.delivery.kind is Kind.RESOLVED and how == "reply"]
    assert len(told) == 120
    assert digest_of(desk).resolved is not None
    assert not desk.state.unfinished()


def test_quiet_end_of_a_digested_incident_is_counted() -> None:
    """Incidents that close without a message leave the digest's firing ones within minutes."""
    desk = Desk(storm=STORM)
    storm(desk, 150)
    desk.passes(300)
    for stored in desk.state.incidents():
        if stored.value.type != "digest":
            desk.change(stored.value.id, resolved=desk.clock.now(), quiet_close=True)
    desk.passes(700)
    assert totals(digests(desk)[-1]) == (0, 30)
    assert digest_of(desk).resolved is not None


def test_last_word_names_what_still_fires() -> None:
    """Two minutes after the last incident a line in the digest's thread says that it is over, and what still fires."""
    desk = Desk(storm=STORM)
    storm(desk, 140)
    desk.passes(60)
    ended(desk, members(desk)[:15])
    desk.passes(200)
    (last,) = digests(desk, "reply")
    assert "the storm is over" in last.delivery.text
    assert totals(last)[0] == 5
    assert last.delivery.text.count("still firing") == 5


def test_after_the_storm_incidents_are_told_by_themselves_again() -> None:
    """The mode is left when the queue can be drained; a later storm gets a digest of its own."""
    desk = Desk(storm=STORM)
    storm(desk, 300)
    desk.passes(400)
    storm(desk, 1, start=2_000)
    desk.passes(2)
    assert desk.order.calls[-1][1].incident.id == "i2000"
    desk.passes(600)
    storm(desk, 300, start=3_000)
    desk.passes(10)
    assert len(digests(desk, "post")) == 2
    assert totals(digests(desk, "post")[1])[0] == 180


def test_repeat_after_the_storm_is_a_message_of_its_own() -> None:
    """What still fires long after the storm pages by itself, and is resolved there."""
    desk = Desk(storm=STORM)
    storm(desk, 150)
    desk.passes(400)
    member = members(desk)[0]
    desk.change(member, delivery("again", Kind.REPEAT, at=NOW + MINUTE))
    desk.passes(3)
    desk.change(member, delivery("over", Kind.RESOLVED, at=NOW + 2 * MINUTE), resolved=NOW + 2 * MINUTE)
    desk.passes(3)
    about = [(how, m.delivery.kind) for how, m in desk.order.calls if m.incident.id == member]
    assert about == [("post", Kind.REPEAT), ("update", Kind.RESOLVED), ("reply", Kind.RESOLVED)]


def test_storm_survives_a_restart() -> None:
    """A new process goes on with the same digest, and folds what comes without a message between."""
    desk = Desk(storm=STORM)
    storm(desk, 1_000)
    desk.passes(60)
    desk.restart("next")
    desk.passes(1)
    storm(desk, 50, start=4_000)
    desk.passes(60)
    assert len(digests(desk, "post")) == 1
    assert totals(digests(desk, "update")[-1])[0] == 880 + 50


def test_crash_between_digest_and_members_leaves_no_empty_digest() -> None:
    """A digest that was marked, but that no incident names, posts nothing and goes away."""
    desk = Desk(storm=STORM)
    storm(desk, 150)
    desk.courier.deliver()
    for stored in desk.state.incidents():
        alone = [replace(d, state=DeliveryState.SENT, digest="", error="") for d in stored.value.deliveries]
        if stored.value.type != "digest":
            desk.plan(replace(stored.value, deliveries=tuple(alone)))
    desk.restart("next")
    desk.passes(300)
    assert digests(desk) == []
    assert digest_of(desk).resolved is not None
    assert not desk.state.unfinished()


def test_silenced_incidents_are_in_no_digest() -> None:
    """What is silenced when its turn comes is dropped for that reason, storm or not."""
    desk = Desk(storm=STORM)
    desk.obstacle = (Reason.SILENCE, "silence s1 by jin: deploy", NOW + MINUTE)
    storm(desk, 300)
    desk.passes(5)
    assert desk.order.done == []
    assert {d.reason for d in desk.state.decisions(limit=None)} == {"silence"}


def test_where_nothing_can_be_edited_there_is_a_digest_every_two_minutes() -> None:
    """A webhook's digest comes once, with its totals, and its ends in another one."""
    desk = Desk(FakeNotifier(editable=False), storm=STORM)
    storm(desk, 200)
    desk.passes(130)
    assert len(digests(desk, "post")) == 1
    assert totals(digests(desk)[0]) == (80, 0)
    ended(desk, [f"i{n}" for n in range(200)])
    desk.passes(400)
    assert totals(digests(desk, "post")[-1]) == (0, 80)
    assert len(digests(desk)) <= 3


def test_each_member_is_on_record_once() -> None:
    """Every digested message has one decision, which names receiver and channel."""
    desk = Desk(storm=STORM)
    storm(desk, 150)
    desk.passes(10)
    found = [d for d in desk.state.decisions(limit=None) if d.outcome == "digested"]
    assert len(found) == 30
    assert {(d.reason, d.receiver, d.detail) for d in found} == {("storm", "order", "firing to #order")}


def test_engines_share_the_rate_and_the_digest() -> None:
    """Two engines with half the incidents and half the rate each make one digest of both halves."""
    desk = Desk(storm=STORM)
    storm(desk, 400)
    desk.engines = 2
    first = desk.courier
    desk.ours = lambda made: made.type == "digest" or int(made.id[1:]) % 2 == 0
    first.deliver()
    desk.restart("second")
    desk.ours = lambda made: made.type != "digest" and int(made.id[1:]) % 2 == 1
    desk.courier.deliver()
    desk.ours = lambda made: made.type == "digest"
    desk.clock.advance(3 * SECOND)
    first.deliver()
    assert [totals(m) for m in digests(desk, "post")] == [(400 - 2 * 60, 0)]


def test_end_is_not_stuck_when_the_receiver_is_of_another_kind_by_now() -> None:
    """A digest's member whose receiver was changed meanwhile has its end counted all the same."""
    desk = Desk(storm=STORM)
    storm(desk, 150)
    desk.passes(150)
    one = members(desk)[0]
    desk.order = FakeNotifier(kind="console", editable=False)
    desk.restart("next")
    ended(desk, [one])
    desk.passes(3)
    assert [d.error for d in desk.read(one).deliveries] == ["storm", "storm"]


def test_digest_whose_incidents_are_over_still_takes_others_while_the_storm_lasts() -> None:
    """Edits do not say that the storm is over; only its last word does, and only then the digest is over too."""
    desk = Desk(storm=STORM)
    storm(desk, 140)
    desk.passes(5)
    ended(desk, members(desk))
    desk.passes(40)
    assert totals(digests(desk, "update")[-1]) == (0, 20)
    assert "over" not in digests(desk, "update")[-1].incident.view.sentence
    assert digest_of(desk).resolved is None
    storm(desk, 10, start=5_000)
    desk.passes(40)
    assert totals(digests(desk, "update")[-1]) == (10, 20)
    assert len(digests(desk, "post")) == 1
