"""Rule tests of what is told together: one message at its group's instant, nothing before."""

from __future__ import annotations

import pytest

from tests.ruletest.conftest import RULE, Folder

EVENTS = """
    events:
      - {at: 10:00:05, document: {kind: reset, user: ann}}
      - {at: 10:01:40, document: {kind: reset, user: bob}}
      - {at: 10:07:10, document: {kind: reset, user: cid}}
    """
AGGREGATED = """
    name: resets
    type: any
    index: logs
    query_key: user
    resolve_after: 20m
    domain: user
    filter: [{term: {kind.keyword: reset}}]
    aggregation: {minutes: 5}
    """


@pytest.fixture
def aggregated(folder: Folder) -> Folder:
    """Return the folder with a rule that aggregates over five minutes."""
    folder.write("resets.yaml", AGGREGATED)
    return folder


def failures(folder: Folder, *lines: str) -> list[str]:
    """Return what a test found wrong."""
    return [failure.message for failure in folder.one(EVENTS, *lines).failures]


def test_one_message_when_the_period_is_over(aggregated: Folder) -> None:
    """Two users within it are one message, which names both; the third one is told at the next instant."""
    steps = """
        end: 10:20:00
        steps:
          - {at: 10:05:00, expect: {firing: true, messages: []}}
          - at: 10:06:00
            expect:
              messages:
                - {kind: firing, at: 10:06:00, reason: grouped, rule: resets, key: {rule: resets},
                   text: [ann, bob, 2 incidents]}
              only: true
          - {at: 10:10:59, expect: {messages: []}}
          - {at: 10:11:00, expect: {messages: [{kind: firing, text: {contains: cid, not: ann}}]}}
        """
    assert failures(aggregated, steps) == []


def test_a_silence_before_the_instant_keeps_it_untold(aggregated: Folder) -> None:
    """What is silenced when its group tells is not in the message; the end of the silence tells it."""
    steps = """
        end: 10:20:00
        steps:
          - {at: 10:03:00, silence: {matchers: ['user="ann"'], for: 10m}}
          - {at: 10:06:00, expect: {messages: [{kind: firing, text: {contains: bob, not: ann}}]}}
          - {at: 10:19:00, expect: {messages: [{text: {contains: cid, not: ann}}, {text: ann}]}}
        """
    assert failures(aggregated, steps) == []


def test_a_restart_changes_nothing(aggregated: Folder) -> None:
    """Before and after the instant of a group."""
    steps = """
        end: 10:20:00
        steps:
          - {at: 10:02:30, restart: true}
          - {at: 10:06:30, restart: true, expect: {messages: [{at: 10:06:00}]}}
        expect: {messages: [{at: 10:06:00}, {at: 10:11:00}], only: true}
        """
    assert failures(aggregated, steps) == []


def test_routes_group_too(folder: Folder) -> None:
    """``group_by`` of a route: the message of a single incident is its own, at the group's instant."""
    folder.write("resets.yaml", RULE)
    folder.write(
        "routes/routes.yaml",
        """
        route: {receiver: default, group_by: [domain], group_wait: 90s}
        receivers: [{name: default, console: {}}]
        """,
    )
    events = "events:\n  - {at: 10:00:01, repeat: {count: 4, every: 10s}, document: {kind: reset}}"
    steps = "end: 10:05:00\nexpect: {messages: [{kind: firing, at: 10:02:30, title: resets, rule: resets}]}"
    assert [failure.message for failure in folder.one(events, steps).failures] == []
