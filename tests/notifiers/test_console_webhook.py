"""The terminal and the plain webhook."""

from __future__ import annotations

from dataclasses import replace

import pytest

from alerter.model.incident import Kind, Reason, View
from alerter.notifiers.console import ConsoleNotifier, draw
from alerter.notifiers.protocol import Failure, NotifierError, Posted
from alerter.notifiers.webhook import WebhookNotifier
from alerter.timetext import iso
from tests.notifiers.standin import HANG_UP, Answer, serve
from tests.notifiers.test_slack_format import CASES, INCIDENT, OPENED, outgoing


def test_console_draws_channel_state_numbers_and_key() -> None:
    """A message stands under its channel with everything a person needs."""
    drawn: list[str] = []
    assert ConsoleNotifier(drawn.append, colour=False).post(CASES["firing"]) == Posted()
    text = drawn[0]
    assert text.startswith(f"#order  {iso(OPENED)}  firing")
    for part in ("[CRITICAL] Order: cancellations jump", "42 in 5 min (threshold 10)", "user.name x", "runbook: "):
        assert part in text


@pytest.mark.parametrize(("name", "word"), [("resolved", "resolved"), ("reopened", "firing again"), ("info", "info")])
def test_console_says_the_state_in_words(name: str, word: str) -> None:
    """Colour is never the only sign."""
    assert word in next(iter(draw(CASES[name])))


def test_console_shows_no_control_characters() -> None:
    """Log content cannot move the cursor or paint over what is there."""
    view = View(title="\x1b[2Jt", sentence="a\rb", sample="\x9b31m\x07", fields=(("\x1b", "\x00"),))
    labels = dict.fromkeys(("domain", "severity"), "a\u202eb\n\x1b[2J")
    hostile = replace(INCIDENT, view=view, labels=labels, key=(("user", "\u2066x\x1b]0;t\x07"),))
    lines = list(draw(outgoing(hostile, Kind.FIRING, Reason.FIRST_MATCH)))
    assert all(line.isprintable() for line in lines)


def test_console_colours_only_when_told() -> None:
    """Escape sequences are ours alone, and only on a terminal."""
    assert any("\033[31m" in line for line in draw(CASES["firing"], colour=True))
    assert not any("\033" in line for line in draw(CASES["firing"]))


def test_webhook_sends_the_documented_shape() -> None:
    """One POST with message and incident."""
    with serve({"x": [(204, {}, "")]}) as standin:
        WebhookNotifier(lambda: f"{standin.url}x").post(CASES["resolved"])
    sent = standin.asked[0][1]
    assert (sent["kind"], sent["reason"], sent["receiver"]) == ("resolved", "condition_over", "order")
    assert sent["incident"]["key"] == {"user.name": "x"}
    assert sent["incident"]["state"] == "resolved"


@pytest.mark.parametrize(
    ("answer", "failure"),
    [
        ((429, {"Retry-After": "3"}, ""), Failure.WAIT),
        ((500, {}, ""), Failure.UNCLEAR),
        ((401, {}, ""), Failure.CREDENTIALS),
        ((404, {}, ""), Failure.CHANNEL),
        ((400, {}, ""), Failure.DEGRADE),
        (HANG_UP, Failure.UNCLEAR),
    ],
)
def test_webhook_faults(answer: Answer, failure: Failure) -> None:
    """Every status has its class, and the URL is in no error."""
    with serve({"secret": [answer]}) as standin, pytest.raises(NotifierError) as raised:
        WebhookNotifier(lambda: f"{standin.url}secret").post(CASES["firing"])
    assert raised.value.failure is failure
    assert "secret" not in str(raised.value)
