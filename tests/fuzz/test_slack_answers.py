"""Damaged answers of Slack: each has its reaction, and every incident is told in the end."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest

from alerter.notifiers.slack import notifier as client
from tests.fuzz.mangle import ODD, broken
from tests.reliability.night import BURST
from tests.reliability.slack_night import SlackNight, marked
from tests.support.faults import Answer, Ending, Fault
from tests.support.slack import Slack

pytestmark = pytest.mark.slack
ERRORS = ("", "ratelimited", "is_archived", "invalid_auth", "msg_too_long", "message_not_found", "internal_error", "?")
WAITS = ("", "0", "1", "-5", "1.5", "soon", "Wed, 21 Oct 2026 07:28:00 GMT", "99999999999", "²")
STATUSES = (200, 200, 200, 301, 400, 403, 404, 429, 429, 500, 502, 503)


def answer(dice: random.Random) -> Answer:
    """Return an answer that says nothing of where a message is: no Slack would, but what stands before it may."""
    body: Any = {"ok": False, "error": dice.choice(ERRORS), "response_metadata": {"messages": ["[json-pointer:/x]"]}}
    how = dice.randrange(5)
    if how == 0:
        body = dice.choice(ODD)
    elif how == 1:
        body = broken(body, dice)
    text = json.dumps(body).encode()
    if how == 2:
        text = text[: dice.randrange(len(text))]
    elif how == 3:
        text = dice.choice([b"", b"<html>", b"\xff\xfe\x00", b"ok", b"null", b"x" * 300_000])
    headers = {"Content-Type": dice.choice(["application/json", "text/html", "application/json; charset=utf-16", ""])}
    wait = dice.choice(WAITS)
    return Answer(dice.choice(STATUSES), text, {**headers, **({"Retry-After": wait} if wait else {})})


@pytest.mark.parametrize("seed", range(12))
def test_damaged_answers(
    seed: int, tmp_path: Path, slack: Slack, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Requests that were refused or carried out, whatever was answered: no traceback, no delivery lost or given up."""
    monkeypatch.setattr(client, "TIMEOUT_SECONDS", 2)
    dice = random.Random(seed)
    night = SlackNight(tmp_path, slack)
    night.minute()
    for minute in range(6):
        slack.proxy.clear()
        for number in range(1, 12):
            if dice.random() < 0.5:
                ending = dice.choice([Ending.ANSWER, Ending.ANSWER, Ending.HALF])
                slack.proxy.plan(Fault("damaged", dice.random() < 0.3, ending, answer(dice)), nth=number)
        night.minute(*(BURST if minute == 0 else ()))
    slack.proxy.clear()
    night.minutes(*[()] * 14)  # the longest wait is ten minutes
    night.check()
    told = [marked(root)["incident"] for root in night.roots()]
    assert {incident.id for incident in night.incidents()} <= set(told)
    assert not [record for record in caplog.records if record.exc_info]
