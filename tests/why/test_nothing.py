"""What is said when nothing happened: files, checkpoints, engines, and what was counted again."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from alerter.clock import HOUR, MINUTE, SECOND
from alerter.model.heartbeat import Failing, FailingRule
from alerter.model.incident import Decision, Match, Reason
from alerter.model.rule import Redaction
from alerter.redact import hash_value
from alerter.ruleset.diagnostics import Diagnostic
from alerter.why.account import account, worth_counting
from alerter.why.nearest import Counted
from alerter.why.records import Definition
from alerter.why.report import as_text
from alerter.why.standing import follower
from tests.delivery.fakes import NOW, incident
from tests.engine.support import storm
from tests.why.support import ASKED, BEAT, CHECKPOINT, LATER, RULE, records


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


def test_a_file_that_was_spoiled_while_an_engine_runs_the_rule() -> None:
    """The file is refused, the engine goes on with the rule as it was, and what happened is told as ever."""
    refused = Diagnostic("error", "missing_option", "the option num_events is missing", file="r.yaml", line=2, column=1)
    held = {"checkpoint": replace(CHECKPOINT, owner="s1"), "heartbeats": [replace(BEAT, session="s1")]}
    found = account(ASKED, Definition(None, "", (refused,)), records(**held))
    assert found.verdict == "nothing matched up to 11:15:00"
    said = [fact.text for fact in found.facts]
    assert "the rule's file as it is now is refused: r.yaml:2:1: the option num_events is missing" in said
    assert "the engine host:9797 still runs the rule as it was before" in said
    silent = [replace(BEAT, session="s1", beat=LATER - 5 * MINUTE)]
    assert nothing(Definition(None, "", (refused,)), **{**held, "heartbeats": silent}).startswith(
        "nothing happened: the rule is refused"
    )


def test_a_rule_that_may_be_in_a_file_that_cannot_be_read() -> None:
    """Of a file that is no YAML nobody knows which rules it holds."""
    broken = Diagnostic("error", "yaml_syntax", "did not find expected ','", file="r.yaml", line=4, column=6)
    held = {"checkpoint": replace(CHECKPOINT, owner="s1"), "heartbeats": [replace(BEAT, session="s1")]}
    found = account(ASKED, Definition(unread=(broken,)), records(**held))
    assert [fact.text for fact in found.facts][:3] == [
        "no rule file holds 'a rule' any more; what was kept of it is shown",
        "it may be in a file that cannot be read: r.yaml:4:6: did not find expected ','",
        "the engine host:9797 still runs the rule as it was before",
    ]


def test_the_last_minutes_are_counted_where_an_engine_holds_the_rule() -> None:
    """What is stored may be five minutes behind: how far it was counted is said, and why so far."""
    held = {
        "checkpoint": replace(CHECKPOINT, owner="s1", evaluated=LATER - 4 * MINUTE),
        "heartbeats": [replace(BEAT, session="s1")],
    }
    near = Counted((), Match(LATER - MINUTE, None, 7), "the fullest window held 7 of 10 events", end=LATER - SECOND)
    found = account(ASKED, RULE, records(**held), near)
    assert found.verdict == (
        "nothing matched up to 11:14:59: the fullest window held 7 of 10 events at 11:14:00 (counted now)"
    )
    said = "counted up to 11:14:59, as the engine host:9797 is running and holds it"
    assert said in [fact.text for fact in found.facts]
    due = Counted((Match(LATER - MINUTE, None, 10),), end=LATER - SECOND)
    assert account(ASKED, RULE, records(**held), due).verdict.startswith(
        "nothing matched up to 11:11:00, but counted now it would at 11:14:00: the engine comes to it with its next run"
    )


@pytest.mark.parametrize(
    ("beat", "follows"),
    [
        ({}, True),
        ({"session": "s2"}, False),
        ({"stopped": True}, False),
        ({"beat": LATER - 2 * MINUTE}, False),
        ({"problem": "the state does not answer"}, False),
        ({"failing": (Failing("rejected", "default", 1, NOW, (FailingRule("a rule", NOW, "no"),)),)}, False),
        ({"failing": (Failing("rejected", "default", 1, NOW, (FailingRule("other", NOW, "no"),)),)}, True),
    ],
)
def test_only_a_living_engine_that_gets_answers_is_taken_at_its_word(beat: dict[str, Any], follows: bool) -> None:
    """One that is gone, is not ready or fails on the rule has not evaluated the last minutes."""
    heartbeat = replace(BEAT, **{"session": "s1", **beat})
    kept = records(checkpoint=replace(CHECKPOINT, owner="s1"), heartbeats=[heartbeat])
    assert (follower(ASKED, kept) is not None) is follows


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
