"""Expectations: each kind is met by what happened, and fails by what did not, with a place and a diff."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from alerter.ruletest.expect import Fix
from tests.ruletest.conftest import FOUR, Folder

EVENTS = f"events:\n  - {FOUR}"
MET = [
    "firing: {at: 10:00:30}",
    "firing: {between: [10:00:21, 10:01:00], key: null, rule: resets}",
    "not_firing: {between: [10:00:00, 10:00:20]}",
    "not_firing: {at: 10:05:00}",
    "firing: true",
    "not_firing: false",
    "matches: [{at: 10:00:21, count: 3, key: null}]",
    "matches: [{between: [10:00:20, 10:00:22], count: {min: 2, max: 3}}]",
    "incidents: [{state: resolved, opened: 10:00:21, resolved: 10:01:31, reason: condition_over, matches: 1}]",
    "incidents: [{opened: {between: [10:00:00, 10:01:00]}, resolved: true, severity: warning}]",
    "incidents: [{labels: {domain: user, owner: null}, message: {condition: '3'}}]",
    "messages: [{kind: firing, receiver: user, channel: '#user', text: [resets, '3 in 1 min']}]",
    "messages: [{kind: resolved}, {kind: firing}]",
    "messages: [{text: {contains: FIRING, not: RESOLVED, matches: 'Started \\d+:00'}}]",
    "decisions: [{outcome: fired, reason: first_match, times: 1}, {outcome: resolved, until: null}]",
    "{matches: [{count: 3}], messages: [{kind: firing}, {kind: resolved}], incidents: [{}], only: true}",
]
UNMET = [
    ("firing: {at: 10:00:20}", "expected an incident to be open at 10:00:20, but none was"),
    ("firing: {between: [10:00:21, 10:02:00]}", "expected an incident to be open from 10:00:21 to 10:02:00 throughout"),
    ("firing: {at: 10:00:30, key: {a: b}}", "expected an incident with key {a: b} to be open at 10:00:30"),
    ("not_firing: {between: [10:00:00, 10:00:21]}", "expected no incident to be open from 10:00:00 to 10:00:21"),
    ("firing: false", "expected no incident to be open at any time, but one was"),
    ("not_firing: true", "expected no incident to be open at any time, but one was"),
    ("matches: []", "no match expected, but 1 match came"),
    ("matches: [{at: 10:00:20}]", "no match fits; the nearest differs in at"),
    ("matches: [{count: 3}, {count: 3}]", "no such match, nor another one"),
    ("matches: [{count: {min: 4}}]", "no match fits; the nearest differs in count"),
    ("incidents: [{resolved: null}]", "no incident fits; the nearest differs in resolved"),
    ("incidents: [{state: firing, key: {x: 1}}]", "no incident fits; the nearest differs in state, key"),
    ("incidents: [{labels: {domain: order}}]", "no incident fits; the nearest differs in labels.domain"),
    ("messages: [{kind: firing}], only: true", "1 message more than expected"),
    ("messages: []", "no message expected, but 2 messages came"),
    ("messages: [{receiver: order}]", "no message fits; the nearest differs in receiver"),
    ("messages: [{text: nothing like it}]", "no message fits; the nearest differs in text"),
    ("messages: [{text: {not: resets}}]", "no message fits; the nearest differs in text"),
    ("decisions: [{reason: silence}]", "no decision fits; the nearest differs in reason"),
    ("decisions: [{outcome: fired, times: 2}]", "decisions that fit: 1, expected 2"),
    ("only: true", "no match expected, but 1 match came"),
]


@pytest.mark.parametrize("expect", MET)
def test_what_happened_meets_its_expectation(messages: Callable[..., list[str]], expect: str) -> None:
    """Each form of an expectation holds of a rule that fired from 10:00:21 to 10:01:31."""
    lines = expect.strip("{}") if expect.startswith("{matches") else expect
    expect = "{" + lines + "}"
    assert messages(EVENTS, "end: 10:06:00", f"expect: {expect}".replace("[{}]", "[{rule: resets}]")) == []


@pytest.mark.parametrize(("expect", "says"), UNMET)
def test_what_did_not_happen_is_said(messages: Callable[..., list[str]], expect: str, says: str) -> None:
    """Each form of an expectation fails with a sentence that names the difference."""
    found = messages(EVENTS, "end: 10:06:00", f"expect: {{{expect}}}")
    assert found
    assert found[0].startswith(says)


def test_a_step_sees_what_came_since_the_step_before(messages: Callable[..., list[str]]) -> None:
    """Messages and decisions belong to one step; incidents are seen by all later ones, as they are then."""
    steps = """
        steps:
          - {at: 10:00:20, expect: {firing: false, incidents: [], messages: []}}
          - {at: 10:00:21, expect: {firing: true, incidents: [{state: firing}], messages: [{kind: firing}], only: true}}
          - {at: 10:00:59, expect: {firing: true, messages: [], matches: []}}
          - {at: 10:01:31, expect: {firing: false, messages: [{kind: resolved}], incidents: [{state: resolved}]}}
          - {at: 10:10:00, expect: {only: true}}
        """
    assert messages(EVENTS, steps) == []


def test_the_best_pairing_is_found(messages: Callable[..., list[str]]) -> None:
    """An entry that fits both messages leaves the other its only one, whatever their order."""
    assert messages(EVENTS, "end: 5m", "expect: {messages: [{receiver: user}, {kind: firing}], only: true}") == []
    assert messages(EVENTS, "end: 5m", "expect: {messages: [{kind: firing}, {receiver: user}], only: true}") == []


def test_a_failure_has_place_diff_and_remedy(folder: Folder) -> None:
    """One wrong field is pointed at itself; the diff shows all fields; plain values can be put right."""
    result = folder.one(EVENTS, "end: 5m", "expect:\n  matches:\n    - {at: 10:00:20, count: 3}")
    (failure,) = result.failures
    found = result.place(failure)
    assert (found.line, found.column, found.length) == (9, 16, 8)
    assert failure.diff == ("- at: 10:00:20", "+ at: 10:00:21", "  count: 3")
    assert [fix.path[-1] for fix in failure.fixes] == ["at"]
    bounds = folder.one(EVENTS, "end: 5m", "expect: {matches: [{count: {min: 9}}]}").failures[0]
    assert bounds.fixes == ()
    plain = folder.one(EVENTS, "end: 5m", "expect: {firing: false}").failures[0]
    assert plain.fixes == (Fix(("tests", 0, "expect", "firing"), True),)


def test_a_span_beyond_the_end_fails(messages: Callable[..., list[str]]) -> None:
    """What lies after the written end is not known, and that is no success."""
    found = messages(EVENTS, "end: 2m", "expect: {not_firing: {between: [10:00:00, 10:05:00]}}")
    assert found == ["the test ends at 10:02:00, before this"]


def test_several_keys_are_told_apart(folder: Folder) -> None:
    """Each key has its own incident, named with its field."""
    rule = folder.rule.read_text().replace("type:", "query_key: user.name\ntype:")
    folder.rule.write_text(rule)
    events = f"events:\n  - {FOUR[:-1]}, each: {{user.name: [a, b]}}}}\n  - {{at: 10:00:05, document: {{kind: reset}}}}"
    expect = "expect: {incidents: [{key: {user.name: b}}, {key: {user.name: a}}], only: true}"
    assert folder.one(events, expect).failures == ()
    wrong = folder.one(events, "expect: {incidents: [{key: {user.name: c}}]}").failures[0]
    assert wrong.diff == ("- key: {user.name: c}", "+ key: {user.name: a}")


@pytest.mark.parametrize(("written", "meets"), [("7", True), ("'7'", False), ("true", False)])
def test_values_are_compared_with_their_type(folder: Folder, written: str, meets: bool) -> None:
    """A number is not its text, and true is not 1."""
    folder.rule.write_text(folder.rule.read_text().replace("type:", "query_key: id\ntype:"))
    events = f"events:\n  - {FOUR.replace('kind: reset', 'kind: reset, id: 7')}"
    assert folder.one(events, f"expect: {{incidents: [{{key: {{id: {written}}}}}]}}").passed is meets
