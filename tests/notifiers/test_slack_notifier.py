"""The Slack client against a real HTTP server: what is sent, and how each fault is classed."""

from __future__ import annotations

from pathlib import Path

import pytest

from alerter.config import SlackAccess
from alerter.model.incident import Kind, Reason
from alerter.model.route import Receiver
from alerter.notifiers.protocol import Failure, NotifierError, Posted
from alerter.notifiers.slack.notifier import SlackNotifier, SlackWebhook
from alerter.secrets import Secret
from tests.notifiers.standin import HANG_UP, Answer, StandIn, error, ok, serve
from tests.notifiers.test_slack_format import CASES, INCIDENT, outgoing

FIRING = CASES["firing"]
ROOT = Posted("C1", "1.0")


def notifier(standin: StandIn, token: Secret | None = None) -> SlackNotifier:
    """Return a notifier of #order that talks to the stand-in."""
    receiver = Receiver("order", "slack", {"channel": "#order"})
    return SlackNotifier(receiver, SlackAccess(token=token or Secret("xoxb-secret"), base_url=standin.url))


def test_post_carries_blocks_and_metadata_and_returns_the_place() -> None:
    """A root message is posted once, marked as ours, and its place is what Slack answers."""
    with serve() as standin:
        assert notifier(standin).post(FIRING) == Posted("C1", "1.0")
    ((method, sent),) = standin.asked
    assert method == "chat.postMessage"
    assert sent["metadata"]["event_payload"]["delivery"] == "d1"
    assert sent["blocks"]
    assert sent["unfurl_links"] is False


def test_update_sends_text_blocks_and_attachments_together() -> None:
    """An edit names the channel by id and never leaves a part out, also when it is plain."""
    with serve() as standin:
        notifier(standin).update(CASES["plainest"], ROOT)
    ((method, sent),) = standin.asked
    assert method == "chat.update"
    assert (sent["channel"], sent["ts"], sent["blocks"], sent["attachments"]) == ("C1", "1.0", [], [])


def test_reply_goes_to_the_thread() -> None:
    """A reply is a post with the root's ts, without a broadcast."""
    with serve() as standin:
        notifier(standin).reply(outgoing(INCIDENT, Kind.REPEAT, Reason.REPEAT), ROOT)
    sent = standin.asked[0][1]
    assert (sent["channel"], sent["thread_ts"]) == ("C1", "1.0")
    assert "reply_broadcast" not in sent


@pytest.mark.parametrize(
    ("answer", "failure"),
    [
        ((429, {"Retry-After": "7"}, {"ok": False, "error": "ratelimited"}), Failure.WAIT),
        ((500, {}, "<html>oops</html>"), Failure.UNCLEAR),
        ((200, {}, "<html>proxy</html>"), Failure.UNCLEAR),
        (HANG_UP, Failure.UNCLEAR),
        (error("fatal_error"), Failure.UNCLEAR),
        (error("something_new"), Failure.UNCLEAR),
        (error("invalid_blocks", response_metadata={"messages": ["/blocks/3"]}), Failure.DEGRADE),
        (error("channel_not_found"), Failure.CHANNEL),
        (error("restricted_action_read_only_channel"), Failure.CHANNEL),
        (error("token_revoked"), Failure.CREDENTIALS),
    ],
)
def test_faults_of_a_post_are_classed_and_never_retried_by_the_client(answer: Answer, failure: Failure) -> None:
    """One request whatever happens, and an error that says what may be done; the token is never in it."""
    with serve({"chat.postMessage": [answer]}) as standin, pytest.raises(NotifierError) as raised:
        notifier(standin).post(FIRING)
    assert raised.value.failure is failure
    assert len(standin.asked) == 1
    assert "xoxb" not in str(raised.value)


def test_limit_tells_how_long() -> None:
    """Retry-After is in the error, in milliseconds."""
    limit: Answer = (429, {"Retry-After": "7"}, {"ok": False, "error": "ratelimited"})
    with serve({"chat.postMessage": [limit]}) as standin, pytest.raises(NotifierError) as raised:
        notifier(standin).post(FIRING)
    assert raised.value.retry_after == 7_000


def test_refused_connection_posted_nothing() -> None:
    """Where nobody listens nothing can have been posted: wait, do not look for it."""
    with serve() as standin:
        pass
    with pytest.raises(NotifierError) as raised:
        notifier(standin).post(FIRING)
    assert raised.value.failure is Failure.WAIT


@pytest.mark.parametrize(("answer", "failure"), [(error("message_not_found"), Failure.GONE), (HANG_UP, Failure.WAIT)])
def test_faults_of_an_edit(answer: Answer, failure: Failure) -> None:
    """An edit may be repeated: no fault of it is unclear."""
    with serve({"chat.update": [answer]}) as standin, pytest.raises(NotifierError) as raised:
        notifier(standin).update(FIRING, ROOT)
    assert raised.value.failure is failure


CHANNELS = ok(channels=[{"id": "C1", "name": "order", "is_member": True}])


def test_find_reads_page_by_page_for_our_delivery() -> None:
    """A message is found by its metadata, on whichever page it is; others' messages are passed over."""
    other = {"ts": "5.0", "metadata": {"event_payload": {"delivery": "other"}}}
    ours = {"ts": "4.0", "metadata": {"event_payload": {"delivery": "d1"}}}
    pages = [ok(messages=[other, {"ts": "4.5"}], response_metadata={"next_cursor": "n"}), ok(messages=[ours])]
    with serve({"conversations.list": [CHANNELS], "conversations.history": pages}) as standin:
        assert notifier(standin).find(FIRING, 0, None) == Posted("C1", "4.0")
    with serve({"conversations.list": [CHANNELS], "conversations.history": [ok(messages=[other])]}) as standin:
        assert notifier(standin).find(FIRING, 0, None) is None


@pytest.mark.parametrize(
    ("answers", "code"),
    [
        ({"conversations.list": [CHANNELS]}, "ok"),
        ({"conversations.list": [ok(channels=[])]}, "channel_not_found"),
        ({"conversations.list": [ok(channels=[{"id": "C1", "name": "order", "is_member": False}])]}, "not_in_channel"),
        ({"conversations.list": [ok(channels=[{"id": "C1", "name": "order", "is_archived": True}])]}, "is_archived"),
        ({"auth.test": [error("token_revoked")]}, "token_revoked"),
    ],
)
def test_check_says_what_is_wrong_and_what_to_do(answers: dict[str, list[Answer]], code: str) -> None:
    """Access is tried before the first incident; every finding names the channel."""
    with serve(answers) as standin:
        found = notifier(standin).check()
    assert found[-1][0] == code
    assert "#order" in found[-1][1]


def test_token_file_is_read_again(tmp_path: Path) -> None:
    """A replaced token is taken over without a restart."""
    file = tmp_path / "token"
    file.write_text("xoxb-old\n", encoding="utf-8")
    with serve() as standin:
        slack = notifier(standin, Secret(path=str(file), name="ALERTER_SLACK_TOKEN_FILE"))
        slack.post(FIRING)
        file.write_text("xoxb-new\n", encoding="utf-8")
        slack.post(FIRING)
    assert standin.tokens == ["Bearer xoxb-old", "Bearer xoxb-new"]


@pytest.mark.parametrize(
    ("answer", "failure"),
    [
        ((404, {}, "no_service"), Failure.CHANNEL),
        ((400, {}, "invalid_blocks"), Failure.DEGRADE),
        ((429, {"Retry-After": "1"}, "rate_limited"), Failure.WAIT),
        ((503, {}, "busy"), Failure.UNCLEAR),
        (HANG_UP, Failure.UNCLEAR),
    ],
)
def test_slack_webhook_faults(answer: Answer, failure: Failure) -> None:
    """A webhook's answers have their classes too, and its URL is in no error."""
    with serve({"hook-secret": [answer]}) as standin, pytest.raises(NotifierError) as raised:
        SlackWebhook(Receiver("o", "slack", {"channel": "#o"}), lambda: f"{standin.url}hook-secret").post(FIRING)
    assert raised.value.failure is failure
    assert "secret" not in str(raised.value)


def test_slack_webhook_posts() -> None:
    """A webhook takes the same blocks; nothing of it can be edited."""
    with serve({"hook": [(200, {}, "ok")]}) as standin:
        webhook = SlackWebhook(Receiver("o", "slack", {"channel": "#o"}), lambda: f"{standin.url}hook")
        assert webhook.post(FIRING) == Posted()
        assert not webhook.editable
    assert standin.asked[0][1]["blocks"]


def mark(ts: str, delivery: str = "d1") -> dict[str, object]:
    """Return a message of a history that carries a delivery's id."""
    return {"ts": ts, "metadata": {"event_payload": {"delivery": delivery}}}


def test_copies_are_all_messages_of_a_delivery_oldest_first() -> None:
    """Every message with this id, over all pages; what is malformed is passed over."""
    pages = [
        ok(messages=[mark("5.0"), "noise", {"ts": "4.5", "metadata": "x"}], response_metadata={"next_cursor": "n"}),
        ok(messages=[mark("4.0"), mark("3.0", "other")]),
    ]
    with serve({"conversations.list": [CHANNELS], "conversations.history": pages}) as standin:
        assert notifier(standin).copies(FIRING, 0, None) == [Posted("C1", "4.0"), Posted("C1", "5.0")]


def test_pointer_replaces_everything_and_links_to_the_message_that_stays() -> None:
    """A copy is edited to one line, without mention, with Slack's own link; without one it says so in words."""
    with serve({"chat.getPermalink": [ok(permalink="https://x.slack.com/archives/C1/p1")]}) as standin:
        notifier(standin).point(FIRING, Posted("C1", "2.0"), ROOT)
    method, sent = standin.asked[-1]
    assert (method, sent["ts"], sent["attachments"]) == ("chat.update", "2.0", [])
    assert "<https://x.slack.com/archives/C1/p1|the other one>" in sent["text"]
    assert "subteam" not in str(sent)
    with serve({"chat.getPermalink": [error("message_not_found")]}) as standin:
        notifier(standin).point(FIRING, Posted("C1", "2.0"), ROOT)
    assert "see the other one" in standin.asked[-1][1]["text"]


def test_history_without_an_end_is_not_taken_for_absence() -> None:
    """Where more has been written than is read, it is not known whether the message is there."""
    page = ok(messages=[mark("1.0", "other")], response_metadata={"next_cursor": "more"})
    answers = {"conversations.list": [CHANNELS], "conversations.history": [page]}
    with serve(answers) as standin, pytest.raises(NotifierError) as raised:
        notifier(standin).find(FIRING, 0, None)
    assert raised.value.code == "history_too_long"


@pytest.mark.parametrize("answer", [(200, {}, []), (200, {}, "null"), ok(channel="C1"), (200, {}, {"ok": True})])
def test_answer_that_makes_no_sense_is_unclear(answer: Answer) -> None:
    """After a post nothing but Slack's own refusal says that it is not there: no plainer second post."""
    with serve({"chat.postMessage": [answer]}) as standin, pytest.raises(NotifierError) as raised:
        notifier(standin).post(FIRING)
    assert raised.value.failure is Failure.UNCLEAR
    assert len(standin.asked) == 1
