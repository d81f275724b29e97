"""Verdicts and timelines from records: told, not told and why."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from alerter.clock import HOUR, MINUTE, SECOND
from alerter.model.incident import Decision, Delivery, DeliveryState, Earlier, Incident, Kind, Post, Reason
from alerter.model.silence import Matcher, Silence
from alerter.why.account import Account, Totals, account
from alerter.why.report import as_json, as_text
from tests.delivery.fakes import NOW, delivery, incident
from tests.why.support import ASKED, LATER, RULE, SENT, records


def told_of(made: Incident, *decisions: Decision, **changes: Any) -> Account:
    """Return the account of one incident."""
    return account(ASKED, RULE, records(incidents=[made], decisions={made.id: decisions}, **changes))


def decision(outcome: str, reason: Reason | str, at: int = NOW, **changes: Any) -> Decision:
    """Return a decision about the incident ``i1``."""
    return Decision(at, "a rule", None, outcome, str(reason), "i1", **changes)


def test_who_was_told_when_and_how_it_ended() -> None:
    """The verdict names channel, receiver, time of delivery, the end and its reason."""
    over = incident("i1", SENT, resolved=NOW + 5 * MINUTE, resolve_reason="condition_over")
    found = told_of(over)
    assert found.told is True
    assert found.verdict == "told: #order (order) at 11:05:02; resolved 11:10:00 (the condition was over)"


def test_a_silence_is_named_with_author_end_and_comment() -> None:
    """Who silenced it, until when, and why; the silence itself stands in the timeline."""
    silence = Silence("s1", (Matcher("domain", "=", "order"),), NOW - HOUR, NOW + HOUR, "jin", "deploy", NOW - HOUR)
    hushed = decision(
        "suppressed", Reason.SILENCE, until=NOW + HOUR, receiver="order", detail="silence s1 by jin: deploy"
    )
    found = told_of(incident("i1"), hushed, silences=[silence])
    assert found.told is False
    assert found.verdict == "not told: order: silenced by jin until 12:05:00: deploy; still firing"
    (line,) = (e.text for e in found.paragraphs[0].timeline if e.outcome == "silenced")
    assert line == 'silence s1 of domain="order" by jin from 10:05:00 until 12:05:00: deploy'


@pytest.mark.parametrize(
    ("reason", "detail", "words"),
    [
        (Reason.MUTE_TIME, "nights", "muted by the interval nights"),
        (Reason.OUTSIDE_ACTIVE_TIME, "office", "outside of the active interval office"),
        (Reason.INHIBITED, "rule 1 by database-down", "inhibited by database-down (rule 1)"),
        (Reason.NO_RECEIVER, "", "the receiver is not configured any more"),
    ],
)
def test_what_keeps_a_receiver_untold(reason: Reason, detail: str, words: str) -> None:
    """Which interval, which rule, which incident; the route that led there is in the timeline."""
    found = told_of(
        incident("i1"), decision("suppressed", reason, receiver="order", detail=detail, route="route > order")
    )
    assert found.verdict == f"not told: order: {words}; still firing"
    assert any(e.text.endswith("by the route route > order") for e in found.paragraphs[0].timeline)


def test_the_newest_reason_counts() -> None:
    """A silence that ended is not blamed for what a mute time keeps untold now."""
    hushed = decision("suppressed", Reason.SILENCE, until=NOW + MINUTE, receiver="order", detail="silence s by jin: x")
    muted = decision("suppressed", Reason.MUTE_TIME, LATER, receiver="order", detail="nights")
    found = told_of(incident("i1"), hushed, present={"i1": [muted]})
    assert found.verdict == "not told: order: muted by the interval nights; still firing"
    assert found.paragraphs[0].timeline[-1].text.startswith("as of now: order not told")


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (delivery(), "waiting to be sent"),
        (
            delivery(attempts=3, error="wait", not_before=LATER + MINUTE),
            "waiting to be sent after 3 attempts: wait, next at 11:16:00",
        ),
        (delivery(state=DeliveryState.FAILED, attempts=2, error="is_archived"), "failed after 2 attempts: is_archived"),
        (delivery(state=DeliveryState.SENDING), "being sent"),
    ],
)
def test_where_a_message_stands(made: Delivery, words: str) -> None:
    """Attempts, the last error and the next attempt of what was not delivered."""
    assert told_of(incident("i1", made)).verdict == f"not told: #order (order): {words}; still firing"


def test_a_fallback_says_in_whose_place() -> None:
    """The receiver that was told instead, with the reason; the one that failed stays named."""
    failed = delivery(state=DeliveryState.FAILED, error="is_archived")
    instead = replace(
        SENT,
        id="d2",
        receiver="spare",
        channel="spare",
        reason=Reason.FALLBACK,
        error="sent here because #order is archived",
    )
    found = told_of(incident("i1", failed, instead))
    assert found.verdict == (
        "told: spare at 11:05:02 (sent here because #order is archived); "
        "not told: #order (order): failed: is_archived; still firing"
    )


def test_an_end_that_is_not_told_yet_is_said() -> None:
    """Who still sees it firing, and why."""
    last = delivery("d2", Kind.RESOLVED, at=LATER, attempts=2, error="wait")
    found = told_of(incident("i1", SENT, last, resolved=LATER, resolve_reason="condition_over"))
    assert found.verdict.endswith("; that is not told yet: #order (order): waiting to be sent after 2 attempts: wait")


def test_a_digest_is_where_it_was_told() -> None:
    """What was left to a digest was told when the digest was."""
    dropped = delivery(state=DeliveryState.DROPPED, error=str(Reason.CATCH_UP))
    sent = delivery("g", Kind.DIGEST, state=DeliveryState.SENT, sent=LATER, reason=Reason.CATCH_UP)
    digest = incident("digest", sent, type="digest", opened=NOW, resolved=NOW + MINUTE)
    found = told_of(incident("i1", dropped, resolved=NOW + MINUTE, resolve_reason="condition_over"), digests=[digest])
    assert found.told is True
    assert "told: #order (order) at 11:15:00 (in a digest: it opened and resolved while" in found.verdict


def test_a_storm_digest_is_found_by_its_name() -> None:
    """Also when it went to a fallback; until it is sent, that is said."""
    dropped = delivery(state=DeliveryState.DROPPED, error=str(Reason.STORM), digest="storm")
    planned = delivery("g", Kind.DIGEST, reason=Reason.STORM, receiver="spare")
    last = replace(planned, id="h", state=DeliveryState.SENT, sent=LATER)
    sent = replace(planned, state=DeliveryState.SENT, sent=NOW + MINUTE)
    digested = decision("digested", Reason.STORM, receiver="order", detail="firing to #order")

    def told(*deliveries: Delivery) -> str:
        digest = incident("storm", *deliveries, type="digest", opened=NOW - HOUR)
        return told_of(incident("i1", dropped), digested, digests=[digest]).verdict

    why = "the channel could not take more messages; still firing"
    assert told(sent, last) == f"told: #order (order) at 11:06:00 (in a digest: {why.replace(';', ');')}"
    assert told(planned) == f"not told: #order (order): in a digest, waiting to be sent: {why}"


@pytest.mark.parametrize(
    ("edits", "last", "words"),
    [
        ((5, 9), 9, "told: #order (order) at 11:14:00 (in a digest: "),
        ((5, 6, 9), 9, "told: #order (order) at 11:11:00 (in a digest: "),
        ((5,), 5, "not told: #order (order): in a digest, which does not show it yet: "),
        ((), 9, "told: #order (order) at 11:14:00 (in a digest: "),
    ],
)
def test_what_joins_a_digest_later_is_told_by_its_next_edit(edits: tuple[int, ...], last: int, words: str) -> None:
    """Posted long before, edited in minutes; decisions about the digest know when, its document the last time."""
    dropped = delivery(state=DeliveryState.DROPPED, error=str(Reason.STORM), digest="storm")
    posted = delivery("g", Kind.DIGEST, state=DeliveryState.SENT, sent=NOW - HOUR, reason=Reason.STORM)
    posts = (Post("order", "#order", "C1", "1", 3, NOW + last * MINUTE, edits=1),)
    digest = incident("storm", posted, type="digest", opened=NOW - HOUR, posts=posts)
    joined = decision("digested", Reason.STORM, NOW + 6 * MINUTE, receiver="order", detail="firing to #order")
    noted = tuple(decision("edited", Reason.STORM, NOW + n * MINUTE, receiver="order") for n in edits)
    made = incident("i1", dropped)
    found = account(
        ASKED, RULE, records(incidents=[made], decisions={"i1": (joined,), "storm": noted}, digests=[digest])
    )
    assert found.verdict.startswith(words)


def test_the_document_stands_in_for_decisions_that_are_gone() -> None:
    """After a crash or the retention: opened, planned, delivered, resolved are told from the incident itself, once."""
    over = incident("i1", SENT, resolved=NOW + MINUTE, resolve_reason="condition_over")
    bare = told_of(over).paragraphs[0].timeline
    assert [(e.outcome, e.origin) for e in bare] == [
        (name, "document") for name in ("fired", "planned", "delivered", "resolved")
    ]
    fired = decision("fired", Reason.FIRST_MATCH, detail="42 in 5 min (threshold 10)")
    planned = decision(
        "planned", Reason.FIRST_MATCH, receiver="order", detail="firing to #order", route="route > order"
    )
    delivered = decision("delivered", Reason.FIRST_MATCH, NOW + 2 * SECOND, receiver="order", detail="#order")
    resolved = decision("resolved", Reason.CONDITION_OVER, NOW + MINUTE)
    full = told_of(over, fired, planned, delivered, resolved).paragraphs[0].timeline
    assert [(e.outcome, e.origin) for e in full] == [
        (name, "decision") for name in ("fired", "planned", "delivered", "resolved")
    ]
    assert full[0].text == "matched: 42 in 5 min (threshold 10); an incident opened"


def test_runs_are_folded_with_their_number() -> None:
    """A hundred matches that realert hides are one line, with how many and until when."""
    hushed = [decision("suppressed", Reason.REALERT, NOW + n * SECOND, until=NOW + MINUTE, count=2) for n in range(50)]
    entries = told_of(incident("i1", SENT), decision("fired", Reason.FIRST_MATCH), *hushed).paragraphs[0].timeline
    (entry,) = [e for e in entries if e.outcome == "suppressed"]
    assert (entry.number, entry.last) == (100, NOW + 49 * SECOND)


def test_edits_of_a_posted_message_are_counted() -> None:
    """How often, and when the last time; what was never edited says nothing."""
    posts = (Post("order", "#order", "C1", "1", 3, LATER, edits=7), Post("spare", "spare", "C2", "2", 1, NOW))
    entries = told_of(incident("i1", SENT, posts=posts)).paragraphs[0].timeline
    assert [(e.at, e.text, e.number) for e in entries if e.outcome == "edits"] == [
        (LATER, "the message in #order (order) was edited 7 times so far, here the last time", 7)
    ]


def test_messages_that_a_document_only_counts_are_one_line() -> None:
    """Unless each of them is on record by itself: then nothing is said twice."""
    earlier = (Earlier("order", "#order", Kind.REPEAT, DeliveryState.SENT, 2, LATER),)
    made = replace(incident("i1", SENT), earlier=earlier)
    (entry,) = [e for e in told_of(made).paragraphs[0].timeline if e.outcome == "earlier"]
    assert (entry.at, entry.number, entry.origin) == (LATER, 2, "document")
    assert entry.text == "2 earlier repeats to #order (order) delivered, here the last of them"
    planned = [decision("planned", Reason.REPEAT, LATER - n, receiver="order") for n in range(2)]
    assert not [e for e in told_of(made, *planned).paragraphs[0].timeline if e.outcome == "earlier"]
    assert [e for e in told_of(made, planned[0]).paragraphs[0].timeline if e.outcome == "earlier"]


def test_several_incidents_are_counted_and_told_one_by_one() -> None:
    """The first line says how many were told; each has its own verdict."""
    both = [incident("i1", SENT), incident("i2")]
    found = account(ASKED, RULE, records(incidents=both))
    assert found.verdict == "2 incidents: 1 told, 1 not told; see each below"
    text = as_text(found)
    assert "  told: #order (order) at 11:05:02; still firing" in text
    assert "  not told: no receiver is on record; still firing" in text


def test_what_is_not_shown_is_counted_too() -> None:
    """Totals are of all incidents of the span, in text and JSON; how to see the others is said."""
    others = [*(incident(f"o{n}", SENT) for n in range(30)), *(incident(f"u{n}") for n in range(10))]
    found = account(ASKED, RULE, records(incidents=[incident("i1", SENT), incident("i2")], others=others))
    assert found.verdict == "42 incidents: 31 told, 11 not told; the newest 2 are shown below"
    assert "  40 more incidents of the span are not shown here: narrow the span or give --key" in as_text(found)
    totals = {"incidents": 42, "told": 31, "not_told": 11, "shown": 2}
    assert json.loads(as_json(found))["totals"] == totals
    one = account(ASKED, RULE, records(incidents=[incident("i1", SENT), incident("i2")], others=others[:1]))
    assert "  1 more incident of the span is not shown here: narrow the span or give --key" in as_text(one)


def test_an_incident_that_is_not_shown_was_told_by_a_digest() -> None:
    """Digests count for all incidents of the span."""
    dropped = delivery(state=DeliveryState.DROPPED, error=str(Reason.STORM), digest="storm")
    digest = incident("storm", replace(SENT, kind=Kind.DIGEST, sent=LATER), type="digest", opened=NOW - HOUR)
    both = {"incidents": [incident("i1", SENT), incident("i2", SENT)], "others": [incident("i0", dropped)]}
    assert account(ASKED, RULE, records(**both, digests=[digest])).totals == Totals(3, 3)
    assert account(ASKED, RULE, records(**both)).totals == Totals(3, 2)


def test_hostile_text_cannot_shape_a_line() -> None:
    """Comments, details and keys with line breaks and terminal codes stay on their line, without colour."""
    evil = "x\ntold: #forged\x1b[31m\u202e"
    hushed = decision("suppressed", Reason.SILENCE, receiver="order", detail=f"silence s by {evil}: {evil}")
    text = as_text(told_of(incident("i1", key=(("k", evil),)), hushed))
    assert not any(line.startswith("told") for line in text.splitlines())
    assert "\x1b" not in text
    assert "\u202e" not in text
