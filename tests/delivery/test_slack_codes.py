"""Every error of Slack's table, at every call: nothing is lost, nothing doubled, and each is counted by its name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from alerter.notifiers.protocol import Failure
from alerter.notifiers.slack.errors import CLASSES, from_code
from tests.delivery.test_slack_protocol import Desk, marks
from tests.support.faults import slack_error
from tests.support.slack import Slack

CODES = sorted(code for codes in CLASSES.values() for code in codes)
ODD = ["restricted_action", "restricted_action_read_only_channel", "something_new"]
UNCHANGED = [code for code in CODES + ODD if from_code(code, posting=True).failure is not Failure.GONE]
GONE = sorted(CLASSES[Failure.GONE])
CALLS = {"root": ("chat.postMessage", 1), "line": ("chat.postMessage", 2), "edit": ("chat.update", 1)}


class PatientDesk(Desk):
    """Waits for what is probed every few minutes too."""

    patience = 400


def lived(slack: Slack, code: str, call: str) -> tuple[PatientDesk, list[Mapping[str, Any]]]:
    """Return the channel's messages after a life in which one call was refused, once."""
    method, nth = CALLS[call]
    slack.proxy.plan(slack_error(code), method, nth=nth)
    desk = PatientDesk(slack)
    desk.life()
    assert len([s for s in slack.proxy.seen(method) if s.fault == code]) == 1
    return desk, slack.messages("alerts-order")


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("code", UNCHANGED)
def test_refusal_delays_at_most(slack: Slack, code: str, call: str) -> None:
    """One root that shows the end, with repeat and end below it; the error is counted, and all is well again."""
    desk, (root,) = lived(slack, code, call)
    assert "Resolved" in str(root["attachments"])
    assert marks(slack.thread("alerts-order", root["ts"])) == ["repeat", "resolved"]
    failure = from_code(code, posting=call != "edit").failure
    counted = f'alerter_delivery_errors_total{{class="{failure}",code="{code}",receiver="order"}} 1.0'
    assert counted in desk.metrics.text(0).decode()
    assert desk.courier.troubles() == []
    assert not desk.state.unfinished()


@pytest.mark.parametrize("call", ["edit", "line"])
@pytest.mark.parametrize("code", GONE)
def test_message_gone_is_followed_by_a_new_one(slack: Slack, code: str, call: str) -> None:
    """Where the old message cannot be used a new root shows the end, and says where the old one is."""
    desk, roots = lived(slack, code, call)
    assert len(roots) == 2
    assert "Resolved" in str(roots[1]["attachments"])
    posts = [s.request.payload for s in slack.proxy.accepted("chat.postMessage")]
    assert sum("in place of an earlier message: http" in str(payload) for payload in posts) == 1
    assert not desk.state.unfinished()


@pytest.mark.parametrize("code", GONE)
def test_new_root_is_not_refused_for_being_gone(slack: Slack, code: str) -> None:
    """A root that is answered as if it were an edit is posted again."""
    desk, (root,) = lived(slack, code, "root")
    assert "Resolved" in str(root["attachments"])
    assert not desk.state.unfinished()
