"""What ``alerter test-rule`` shows of incidents that are told together; golden where it is text."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.test_test_rule_shows import golden, ran

RULE = """
name: refunds
type: any
index: logs
domain: order
query_key: user
resolve_after: 10m
aggregation: {minutes: 5}
summary_table_fields: [host]
"""
SEEN = (("10:00:05", "ann", "web-1"), ("10:01:40", "bob", "web-2"), ("10:07:10", "cid", "web-1"))


@pytest.fixture(autouse=True)
def folder(alone: Path) -> Path:
    """Work in a folder with a rule that aggregates, and its events."""
    events = [{"@timestamp": f"2026-03-10T{at}Z", "user": user, "host": host} for at, user, host in SEEN]
    Path("refunds.yaml").write_text(RULE)
    Path("events.ndjson").write_text("".join(json.dumps(event) + "\n" for event in events))
    return alone


SPAN = ("--data", "events.ndjson", "--end", "2026-03-10T10:30:00Z")


def test_text_says_each_message_once(capsys: pytest.CaptureFixture[str]) -> None:
    """The second incident that a message tells of points to it; drawn is what Slack shows at each instant."""
    golden("aggregated.txt", ran(capsys, "refunds.yaml", *SPAN, "--show-messages"))


def test_json_names_what_told_of_each_incident(capsys: pytest.CaptureFixture[str]) -> None:
    """The message of the group, at its instant, with the reason; the same one for all that it tells of."""
    answer = json.loads(ran(capsys, "refunds.yaml", *SPAN, "--format", "json"))
    told = {i["key"]["user"]: [(m["at"], m["kind"], m["reason"]) for m in i["messages"]] for i in answer["incidents"]}
    first, later, over = "2026-03-10T10:06:00.000Z", "2026-03-10T10:11:00.000Z", "2026-03-10T10:21:00.000Z"
    end = (over, "resolved", "grouped")
    assert told["ann"] == told["bob"] == [(first, "firing", "grouped"), end]
    assert told["cid"] == [(later, "firing", "grouped"), end]
    ann, bob = (i["messages"][0] for i in answer["incidents"][:2])
    assert ann == bob
    assert "user ann" in ann["text"]
    assert "user bob" in ann["text"]


def test_number_of_messages_is_that_of_what_is_sent(capsys: pytest.CaptureFixture[str]) -> None:
    """Three incidents, three messages: the first, a line, the end."""
    Path("other.yaml").write_text(RULE.replace("refunds", "others").replace("[host]", "[user]"))
    assert "2 matched, 6 incidents, 6 messages" in ran(capsys, "refunds.yaml", "other.yaml", *SPAN)


@pytest.mark.parametrize(
    ("aggregation", "named"), [("aggregation: {minutes: 5}", "(aggregation until"), ("", "(default repeat_interval")]
)
def test_what_keeps_a_repeat_back_is_named(capsys: pytest.CaptureFixture[str], aggregation: str, named: str) -> None:
    """No route writes a repeat_interval: the rule's aggregation bounds repeats, or else the hour by default."""
    Path("refunds.yaml").write_text(RULE.replace("aggregation: {minutes: 5}", aggregation).split("summary")[0])
    with Path("events.ndjson").open("a") as file:
        file.write('{"@timestamp": "2026-03-10T10:02:30Z", "user": "ann"}\n')
    assert f"refreshed {named}" in ran(capsys, "refunds.yaml", *SPAN)
    (refreshed,) = json.loads(ran(capsys, "refunds.yaml", *SPAN, "--format", "json"))["decisions"][:1]
    assert (refreshed["outcome"], refreshed["reason"]) == ("refreshed", "repeat_interval")
