"""Slack fails in every way its stand-in and the proxy before it can: late rather than lost, and nothing twice."""

from __future__ import annotations

from pathlib import Path

import pytest

from alerter.notifiers.slack import notifier as client
from tests.reliability.night import BURST
from tests.reliability.slack_night import TWO, SlackNight, marked
from tests.support.faults import (
    CUT,
    CUT_ANSWER,
    HALF_ANSWER,
    HANG,
    LOST_ANSWER,
    SERVER_ERROR,
    Answer,
    Fault,
    rate_limited,
    slack_error,
    status,
)
from tests.support.slack import Slack

pytestmark = pytest.mark.slack
QUIET: tuple[float, ...] = ()
NOT_JSON = Fault(
    "not JSON", forward=False, answer=Answer(200, b"<html>maintenance</html>", {"Content-Type": "text/html"})
)
ACCEPTED_NOT_JSON = Fault("accepted, not JSON", forward=True, answer=NOT_JSON.answer)
ACCEPTED_500 = Fault("accepted, 500", forward=True, answer=SERVER_ERROR.answer)
ACCEPTED_NO_TS = Fault(
    "accepted, no ts", forward=True, answer=Answer(200, b'{"ok": true}', {"Content-Type": "application/json"})
)
UNCLEAR = [CUT, CUT_ANSWER, HALF_ANSWER, HANG, LOST_ANSWER, SERVER_ERROR, ACCEPTED_500, NOT_JSON, ACCEPTED_NOT_JSON,
           ACCEPTED_NO_TS, slack_error("fatal_error"), slack_error("never_heard_of")]  # fmt: skip


@pytest.fixture
def night(tmp_path: Path, slack: Slack, monkeypatch: pytest.MonkeyPatch) -> SlackNight:
    """Return an engine a minute old that posts to the stand-in, and does not wait long for it."""
    monkeypatch.setattr(client, "TIMEOUT_SECONDS", 2)
    made = SlackNight(tmp_path / "night", slack)
    made.minute()
    return made


def finish(night: SlackNight) -> None:
    """Live on until all is quiet; everything was told once."""
    night.minutes(*[QUIET] * 6)
    night.check_told()


def test_gone_for_ten_minutes(night, slack, caplog):
    """Ready all the time: the outbox waits, its depth and age are metrics; afterwards all is told once."""
    night.minute(*BURST)
    slack.proxy.down()
    for minute in range(10):
        night.minute(*(BURST if minute == 8 else QUIET))
        assert night.ready()[0] == 200
    assert night.metric("alerter_outbox_depth") >= 2
    assert night.metric("alerter_outbox_age_seconds") > 400
    assert "Slack cannot be reached" in caplog.text
    slack.proxy.up()
    finish(night)
    assert len(night.incidents()) == 2
    assert night.metric("alerter_outbox_depth") == 0


@pytest.mark.parametrize("method", ["chat.postMessage", "chat.update"])
def test_storm_of_429(method, night, slack):
    """Each refusal is waited out as long as it says, and nothing is asked in vain meanwhile."""
    slack.proxy.plan(rate_limited(30), method, times=6)
    night.minutes(BURST, *[QUIET] * 6)
    asked = [seen for seen in slack.proxy.seen(method) if seen.status == 429]
    assert len(asked) == 6
    night.minutes(*[QUIET] * 3)
    finish(night)


@pytest.mark.parametrize("nth", [1, 2])
@pytest.mark.parametrize("fault", UNCLEAR, ids=lambda f: f.name)
def test_unclear_outcome(fault, nth, night, slack):
    """Whether the root or the resolution: Slack is asked what it has before anything is posted again."""
    slack.proxy.plan(fault, "chat.postMessage", nth=nth)
    night.minutes(BURST, *[QUIET] * 4)
    finish(night)
    assert len(slack.proxy.seen("conversations.*")) >= 1


@pytest.mark.parametrize("fault", UNCLEAR, ids=lambda f: f.name)
def test_unclear_edit(fault, night, slack):
    """An edit whose outcome is not known is made again."""
    slack.proxy.plan(fault, "chat.update")
    night.minutes(BURST, *[QUIET] * 4)
    finish(night)


@pytest.mark.parametrize("fault", [SERVER_ERROR, NOT_JSON, HANG, slack_error("fatal_error")], ids=lambda f: f.name)
def test_reading_back_fails_too(fault, night, slack):
    """The post was accepted, its answer lost, and Slack cannot be asked for minutes: still one root."""
    slack.proxy.plan(ACCEPTED_500, "chat.postMessage")
    slack.proxy.plan(fault, "conversations.*", times=3)
    night.minutes(BURST, *[QUIET] * 6)
    finish(night)


def test_channel_archived(night, slack, caplog):
    """Without a fallback the message waits, the channel is tried every few minutes, and it goes out in the end."""
    slack.proxy.plan(slack_error("is_archived"), "chat.postMessage", times=0)
    night.minutes(BURST, *[QUIET] * 8)
    assert 2 <= len(slack.proxy.seen("chat.postMessage")) <= 5
    assert "is_archived" in caplog.text
    assert "un-archive the channel" in caplog.text
    slack.proxy.clear()
    night.minutes(*[QUIET] * 4)
    finish(night)


def test_channel_archived_with_fallback(tmp_path, slack, caplog):
    """With a fallback the message goes there at once, with the reason; so does its end."""
    night = SlackNight(tmp_path / "night", slack, routes=TWO)
    night.minute()
    slack.proxy.plan(slack_error("is_archived"), "chat.postMessage", channel="alerts-order", times=0)
    night.minutes(BURST, QUIET)
    (root,) = night.roots("fallback")
    assert "sent here because #alerts-order cannot be posted to: is_archived" in str(root)
    night.minutes(*[QUIET] * 4)
    assert night.told("alerts-order") == []
    assert night.told("fallback") == [("Resolved", ["resolved"])]
    assert not night.state.unfinished()


def test_token_revoked_and_replaced(tmp_path, slack, caplog):
    """The outbox is kept while Slack refuses the token; a new one in the file serves without a restart."""
    file = tmp_path / "token"
    file.write_text("xoxb-revoked")
    night = SlackNight(tmp_path / "night", slack, ALERTER_SLACK_TOKEN_FILE=str(file), ALERTER_SLACK_TOKEN="")
    night.minutes(QUIET, BURST, QUIET)
    assert night.told() == []
    assert night.metric("alerter_outbox_depth") == 1
    assert "invalid_auth" in caplog.text
    assert "xoxb-revoked" not in caplog.text
    file.unlink()
    night.minute()
    assert night.told() == []
    file.write_text(slack.token)
    finish(night)


def test_message_deleted_by_a_person(night, slack):
    """A root that is gone is posted anew when there is something to tell, and the end of it is told."""
    night.minute(*BURST)
    night.minute()
    (root,) = night.roots()
    slack.proxy.ask("chat.delete", channel=slack.channel_id("alerts-order"), ts=root["ts"])
    night.minutes(*[QUIET] * 5)
    (root,) = night.roots()
    assert "Resolved" in str(root["attachments"])
    assert "the earlier message" in str(root)
    night.check()


def test_edit_window_closed(night, slack):
    """A workspace that allows no edits any more gets a new root that says so."""
    night.minute(*BURST)
    night.minute()
    slack.proxy.plan(slack_error("edit_window_closed"), "chat.update", times=0)
    night.minutes(*[QUIET] * 5)
    assert [marked(root)["kind"] for root in night.roots()] == ["firing", "resolved"]
    night.check()


@pytest.mark.parametrize(
    "answer", [status(403, "forbidden"), status(404, "no"), slack_error("invalid_blocks")], ids=str
)
def test_refused_for_a_while(answer, night, slack):
    """A gateway that refuses for a minute, or blocks that are refused, keep no page back for good."""
    slack.proxy.plan(answer, "chat.*", times=3)
    night.minutes(BURST, *[QUIET] * 5)
    finish(night)
