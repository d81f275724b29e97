"""Verdicts and timelines from records: told, not told and why, and what is said when nothing happened."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from alerter.clock import DAY, HOUR, MINUTE, SECOND
from alerter.model.heartbeat import Failing, FailingRule, Heartbeat
from alerter.model.incident import Checkpoint, Decision, Delivery, DeliveryState, Incident, Kind, Match, Post, Reason
from alerter.model.rule import Redaction
from alerter.model.silence import Matcher, Silence
from alerter.redact import hash_value
from alerter.ruleset.diagnostics import Diagnostic
from alerter.why.account import Account, Totals, account, worth_counting
from alerter.why.nearest import Counted
from alerter.why.records import Asked, Definition, Records
from alerter.why.report import as_json, as_text
from tests.delivery.fakes import NOW, delivery, incident
from tests.engine.support import storm

LATER = NOW + 10 * MINUTE
ASKED = Asked("a rule", NOW - HOUR, LATER)
RULE = Definition(storm(name="a rule"))
CHECKPOINT = Checkpoint("a rule", "m", LATER, NOW - DAY)
BEAT = Heartbeat("host:9797", "1", NOW - DAY, LATER)
SENT = delivery(state=DeliveryState.SENT, sent=NOW + 2 * SECOND, attempts=1, route="route > order")


def records(**changes: Any) -> Records:
    """Return what a state keeps of a rule that is evaluated by a running engine."""
    known: dict[str, Any] = {"now": LATER, "kept_since": NOW - 14 * DAY, "checkpoint": CHECKPOINT, "heartbeats": [BEAT]}
    return Records(**{**known, **changes})


def told_of(made: Incident, *decisions: Decision, **changes: Any) -> Account:
    """Return the account of one incident."""
    return account(ASKED, RULE, records(incidents=[made], decisions={made.id: decisions}, **changes))


def decision(outcome: str, reason: Reason | str, at: int = NOW, **changes: Any) -> Decision:
    """Return a decision about the incident ``i1``."""
    return Decision(at, "a rule", None, outcome, str(reason), "i1", **changes)


# --- incidents -----------------------------------------------------------------------------------------------------


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


# --- nothing happened ----------------------------------------------------------------------------------------------


def nothing(definition: Definition = RULE, counted: Counted | None = None, **changes: Any) -> str:
    """Return the verdict where no incident is on record."""
    found = account(ASKED, definition, records(**changes), counted)
    assert found.told is None
    return found.verdict


def test_evaluated_and_nothing_matched() -> None:
    """How far it was evaluated, and, counted again, how near it came."""
    assert nothing() == "nothing matched up to 11:15:00"
    near = Counted((), Match(NOW, (("k", "v"),), 7), "the fullest window held 7 of 10 events")
    said = "nothing matched up to 11:15:00: the fullest window held 7 of 10 events at 11:05:00 [k=v] (counted now)"
    assert nothing(counted=near) == said


def test_what_the_source_warns_of_is_a_fact() -> None:
    """With its code; it decides nothing."""
    found = account(ASKED, RULE, records(), Counted(text="x", warnings=("key_on_text: grouped by k.keyword",)))
    assert (found.facts[-1].code, found.facts[-1].text) == ("key_on_text", "the data: grouped by k.keyword")


def test_what_would_match_by_now_is_said() -> None:
    """Late documents, or a rule that was changed, are what is left to explain it."""
    said = nothing(counted=Counted((Match(NOW, None, 12),)))
    assert said.startswith("nothing matched up to 11:15:00, but counted now it would at 11:05:00: documents came after")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"checkpoint": None}, "no engine has evaluated the rule yet"),
        (
            {"checkpoint": replace(CHECKPOINT, started=LATER)},
            "the rule was evaluated for the first time at 11:15:00; earlier is never told",
        ),
        ({"checkpoint": replace(CHECKPOINT, evaluated=NOW - 2 * HOUR)}, "evaluated up to 09:05:00 only"),
        (
            {"checkpoint": replace(CHECKPOINT, evaluated=NOW - MINUTE), "heartbeats": [replace(BEAT, beat=NOW)]},
            "no engine is running: host:9797 was not heard of since 11:05:00",
        ),
        (
            {"checkpoint": replace(CHECKPOINT, evaluated=NOW - MINUTE), "heartbeats": [replace(BEAT, stopped=True)]},
            "no engine is running: host:9797 stopped 11:15:00",
        ),
        ({"kept_since": LATER + 1}, "decisions before 11:15:00 are not kept (retention.decisions)"),
    ],
)
def test_what_explains_that_nothing_happened(changes: dict[str, Any], words: str) -> None:
    """Never evaluated, not yet, by nobody, or too long ago to know."""
    assert nothing(**changes) == f"nothing happened: {words}"


def test_a_rule_that_gives_no_answer() -> None:
    """Since when, of which kind, and the error, from the engine's heartbeat."""
    failing = Failing("rejected", "default", 1, NOW, (FailingRule("a rule", NOW, "no mapping found for [x]"),))
    said = nothing(checkpoint=replace(CHECKPOINT, evaluated=NOW), heartbeats=[replace(BEAT, failing=(failing,))])
    assert said == "nothing happened: it gives no answer since 11:05:00 (rejected): no mapping found for [x]"


def test_a_rule_that_may_be_among_the_failing_ones() -> None:
    """An engine names the longest failing rules only; the others may be among the rest."""
    failing = Failing("unreachable", "default", 2_000, NOW, (FailingRule("other", NOW, "connection refused"),))
    late = replace(CHECKPOINT, evaluated=NOW)
    found = account(ASKED, RULE, records(checkpoint=late, heartbeats=[replace(BEAT, failing=(failing,))]))
    said = "it may be one of 2,000 rules that give no answer since 11:05:00 (unreachable): connection refused"
    assert said in [fact.text for fact in found.facts]


def test_the_engine_that_evaluates_a_rule_is_named() -> None:
    """By the session that its checkpoint names; one that is gone explains a rule that is behind."""
    owned = replace(CHECKPOINT, owner="s1")
    found = account(ASKED, RULE, records(checkpoint=owned, heartbeats=[replace(BEAT, session="s1")]))
    assert "evaluated by the engine host:9797" in [fact.text for fact in found.facts]
    said = nothing(checkpoint=replace(owned, evaluated=NOW - MINUTE), heartbeats=[replace(BEAT, session="s2")])
    assert said == "nothing happened: the engine that evaluated it last is gone, and no other has taken over yet"


def test_files_say_why_there_is_no_rule() -> None:
    """Refused with the place of the error, disabled with the line, or gone."""
    refused = Diagnostic("error", "missing_option", "the option num_events is missing", file="r.yaml", line=2, column=1)
    said = nothing(Definition(None, "", (refused,)))
    assert said == "nothing happened: the rule is refused: r.yaml:2:1: the option num_events is missing"
    assert (
        nothing(Definition(None, "r.yaml:3")) == "nothing happened: the rule is disabled: is_enabled: false in r.yaml:3"
    )
    text = as_text(account(ASKED, Definition(None, "", (refused,)), records()))
    assert text.count("the rule is refused") == 1, "the verdict says it, the list of facts need not"
    gone = account(ASKED, Definition(), records())
    assert next(f.code for f in gone.facts) == "removed"


def test_a_part_that_was_given_up_is_the_reason() -> None:
    """A span longer ago than max_catchup was never evaluated."""
    skipped = Decision(NOW, "a rule", None, "skipped", Reason.GAP, until=NOW + MINUTE)
    said = nothing(decisions={"": (skipped,)})
    assert said == "nothing happened: not evaluated up to 11:06:00: longer ago than max_catchup"


def test_a_key_that_the_rule_does_not_count_by() -> None:
    """The rule's own query_key is named, and nothing is counted again."""
    asked = replace(ASKED, key={"host": "x"})
    keyed = Definition(storm(name="a rule", query_key=("user.name",)))
    found = account(asked, keyed, records())
    assert found.verdict == "nothing happened: the rule does not count by host: its query_key is user.name"
    assert not worth_counting(asked, keyed, records())
    assert worth_counting(ASKED, keyed, records())
    assert not worth_counting(ASKED, keyed, records(incidents=[incident()]))


@pytest.mark.parametrize(
    ("asked", "key", "fits"),
    [
        ({"a": "1"}, (("a", 1), ("b", "x")), True),
        ({"a": "1", "b": "y"}, (("a", 1), ("b", "x")), False),
        ({"a": ""}, (("a", None),), True),
        ({"a": "true"}, (("a", True),), True),
        ({"password": "hunter2"}, (("password", hash_value("hunter2")),), True),
        ({"card": "42"}, (("card", hash_value(42)),), True),
        ({"card": "43"}, (("card", hash_value(42)),), False),
        ({"a": "x"}, None, False),
    ],
)
def test_keys_are_compared_as_text_and_hidden_ones_by_their_hash(
    asked: dict[str, str],
    key: Any,
    fits: bool,
) -> None:
    """What is hidden can be asked for by its value, and is not shown for it."""
    hiding = storm(redact=Redaction(fields=("card",)))
    assert replace(ASKED, key=asked).about(key, hiding) is fits
