"""The Slack of the tests behaves like Slack where the stand-in alone does not."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import Any

import pytest
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from tests.support.faults import LOST_ANSWER, SERVER_ERROR, rate_limited, slack_error
from tests.support.slack import Slack


def client(slack: Slack, token: str = "", seconds: int = 5) -> WebClient:
    return WebClient(token or slack.token, base_url=slack.base_url, timeout=seconds, retry_handlers=[])


def by_webhook(url: str, **payload: Any) -> str:
    request = urllib.request.Request(url, json.dumps(payload).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=5) as answer:
        return str(answer.read().decode())


def test_a_post_is_edited_and_threaded(slack: Slack) -> None:
    """A message posted by ``#name`` can be edited and replied to; the test reads what stands in the channel."""
    posted = client(slack).chat_postMessage(channel="#alerts-user", text="one")
    client(slack).chat_update(channel=posted["channel"], ts=posted["ts"], text="two")
    client(slack).chat_postMessage(channel=posted["channel"], thread_ts=posted["ts"], text="reply")
    (message,) = slack.messages("alerts-user")
    assert message["text"] == "two"
    assert [m["text"] for m in slack.thread("alerts-user", posted["ts"])] == ["reply"]


def test_each_test_sees_its_own_messages(slack: Slack) -> None:
    """What an earlier test posted is not among the messages of this one."""
    assert slack.messages("alerts-user") == []
    assert slack.proxy.seen() == []


def test_a_webhook_posts_to_its_channel(slack: Slack) -> None:
    """Each webhook has one channel, and an unknown path is refused."""
    url = slack.webhook_url("alerts-order")
    assert by_webhook(url, text="by hook") == "ok"
    assert [m["text"] for m in slack.messages("alerts-order")] == ["by hook"]
    with pytest.raises(urllib.error.HTTPError) as caught:
        by_webhook(f"{url}x", text="by hook")
    assert caught.value.code == 404


def test_an_unknown_token_is_refused(slack: Slack) -> None:
    """Any token but the run's own is ``invalid_auth``, and so is that one once it is revoked."""
    with pytest.raises(SlackApiError, match="invalid_auth"):
        client(slack, "xoxb-other").auth_test()
    slack.proxy.tokens.clear()
    with pytest.raises(SlackApiError, match="invalid_auth"):
        client(slack).auth_test()


def test_the_planned_request_alone_is_spoiled(slack: Slack) -> None:
    """A plan takes the n-th call of a method in a channel and no other."""
    slack.proxy.plan(rate_limited(7), "chat.postMessage", channel="alerts-user", nth=2)
    sender = client(slack)
    sender.chat_postMessage(channel="alerts-order", text="0")
    sender.chat_postMessage(channel="alerts-user", text="1")
    with pytest.raises(SlackApiError) as caught:
        sender.chat_postMessage(channel="alerts-user", text="2")
    sender.chat_postMessage(channel="alerts-user", text="3")
    assert caught.value.response.status_code == 429
    assert caught.value.response.headers["Retry-After"] == "7"
    assert [m["text"] for m in slack.messages("alerts-user")] == ["1", "3"]


def test_a_lost_answer_was_accepted(slack: Slack) -> None:
    """The client gets no answer, the channel holds the message, and the record says that it was accepted."""
    slack.proxy.plan(LOST_ANSWER, "chat.postMessage")
    with pytest.raises(OSError, match="timed out"):
        client(slack, seconds=1).chat_postMessage(channel="alerts", text="lost")
    assert [m["text"] for m in slack.messages("alerts")] == ["lost"]
    (seen,) = slack.proxy.accepted("chat.postMessage")
    assert (seen.fault, seen.status) == ("lost answer", 0)


def test_errors_come_as_slack_sends_them(slack: Slack) -> None:
    """A 500 carries HTML, an error of Slack's own comes with status 200; nothing is posted by either."""
    slack.proxy.plan(SERVER_ERROR, "chat.postMessage")
    slack.proxy.plan(slack_error("msg_blocks_too_long"), "chat.postMessage", nth=2)
    for _ in range(2):
        with pytest.raises(SlackApiError):
            client(slack).chat_postMessage(channel="alerts", text="x")
    assert [s.status for s in slack.proxy.seen("chat.postMessage")] == [500, 200]
    assert slack.messages("alerts") == []


def test_history_is_bounded_and_bare(slack: Slack) -> None:
    """Bounds apply, and metadata is handed out only when asked for."""
    sender = client(slack)
    mark = {"event_type": "alerter", "event_payload": {"delivery": "d"}}
    sent = [sender.chat_postMessage(channel="alerts", text=str(n), metadata=mark)["ts"] for n in range(3)]
    channel = slack.channel_id("alerts")
    found = sender.conversations_history(channel=channel, oldest=sent[1])["messages"]
    assert [m["text"] for m in found] == ["2"]
    assert "metadata" not in found[0]
    found = sender.conversations_history(
        channel=channel, oldest=sent[0], latest=sent[1], inclusive=True, include_all_metadata=True
    )["messages"]
    assert [m["text"] for m in found] == ["1", "0"]
    assert found[0]["metadata"]["event_payload"] == {"delivery": "d"}


def test_rates_are_enforced_when_asked(slack: Slack) -> None:
    """With ``limited`` a channel takes one post a second; another channel has its own second."""
    now = [0.0]
    slack.proxy.now = lambda: now[0]
    slack.proxy.limited = True
    sender = client(slack)
    sender.chat_postMessage(channel="alerts", text="1")
    sender.chat_postMessage(channel="alerts-user", text="1")
    with pytest.raises(SlackApiError, match="ratelimited"):
        sender.chat_postMessage(channel="alerts", text="2")
    now[0] = 1.0
    sender.chat_postMessage(channel="alerts", text="3")
    assert len(slack.messages("alerts")) == 2


def test_the_judge_refuses_as_slack_would(slack: Slack) -> None:
    """A payload over a limit is ``invalid_blocks`` with a pointer, by token and by webhook."""
    blocks = [{"type": "section", "text": {"type": "mrkdwn", "text": "x" * 3001}}]
    with pytest.raises(SlackApiError, match="invalid_blocks") as caught:
        client(slack).chat_postMessage(channel="alerts", text="x", blocks=blocks)
    assert "json-pointer:/blocks/0" in caught.value.response["response_metadata"]["messages"][0]
    with pytest.raises(urllib.error.HTTPError) as refused:
        by_webhook(slack.webhook_url("alerts"), text="x", blocks=blocks)
    assert refused.value.code == 400
