"""Redaction: what is hidden is hidden everywhere, and told apart."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from alerter.model.rule import AnyEvent, Condition, FromEvent, MessageTexts, Redaction, ValueList
from alerter.notifiers.console import draw
from alerter.notifiers.protocol import Outgoing
from alerter.notifiers.slack.format import payload
from alerter.notifiers.webhook import payload as webhook_payload
from alerter.redact import MARK, redact_document
from alerter.testing import rule
from tests.engine.support import World, documents

CARD = 4111111111111111
CARDS = Redaction(fields=("user.email",), patterns=(r"\d{16}",))


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (CARD, MARK),
        (float(CARD), f"{MARK}.0"),
        (str(CARD), MARK),
        ([1, CARD], [1, MARK]),
        ({"deep": CARD}, {"deep": MARK}),
        (411, 411),
        (4.5, 4.5),
        (True, True),
        (None, None),
    ],
)
def test_patterns_meet_numbers_as_texts(value: Any, shown: Any) -> None:
    """A number that a pattern matches is hidden; any other keeps its type."""
    found = redact_document({"card": value}, CARDS)["card"]
    assert (found, type(found)) == (shown, type(shown))


def test_truth_values_match_no_pattern() -> None:
    """A pattern is about texts and numbers."""
    assert redact_document({"ok": True}, Redaction(patterns=("True",))) == {"ok": True}


TEXTS = MessageTexts(
    title="{{ card }} {{ key }} {{ labels }}",
    summary="{{ event }} {{ events }} {{ user.email }} {{ value }} {{ auth['token'] }}",
    fields=(("card", "{{ card }}"), ("mail", "{{ event.user.email }}")),
    runbook="https://x.example/{{ card }}",
)


@pytest.mark.parametrize(
    ("condition", "settings"),
    [
        (AnyEvent(), {"query_key": ("card", "user.email", "auth.token")}),
        (
            AnyEvent(),
            {"domain": FromEvent("user.email"), "owner": FromEvent("card"), "labels": {"t": FromEvent("auth.token")}},
        ),
        (
            AnyEvent(),
            {
                "domain": FromEvent("user.email", split=False),
                "owner": FromEvent("card", split=False),
                "labels": {"t": FromEvent("auth.token", split=False)},
            },
        ),
        (AnyEvent(), {"severity": FromEvent("auth.token", split=False)}),
        (ValueList("user.email", ("a@b.example",), deny=True), {}),
        (ValueList("card", (1,), deny=False), {}),
    ],
)
def test_nothing_that_is_hidden_is_shown_stored_or_logged(
    condition: Condition, settings: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    """Keys, labels, values, samples, templates and links: in the state, in every notifier's message, in the log."""
    common = {"redact": CARDS, "message": TEXTS, "kibana_url": "https://kibana.example"}
    tested = rule(condition, **common, **settings)
    event = {"card": CARD, "user": {"email": "a@b.example"}, "auth": {"token": "hush"}, "message": f"paid with {CARD}"}
    world = World(documents([1, 2], **event), [tested])
    with caplog.at_level(logging.DEBUG):
        world.tick(0)
        world.tick(30)
    (stored,) = world.state.incidents()
    incident = stored.value
    said = [repr(incident), repr(world.state.checkpoints([tested.name])), repr(world.state.decisions()), caplog.text]
    message = Outgoing(incident, incident.deliveries[0])
    said += ["\n".join(draw(message)), repr(payload(message, {})), repr(webhook_payload(message))]
    secrets = (str(CARD), "a@b.example", "a%40b.example", "hush")
    assert [secret for secret in secrets if secret in "\n".join(said)] == []
