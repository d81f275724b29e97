"""``test-rule --show-messages``: each message as Slack would show it."""

from __future__ import annotations

from collections.abc import Iterator

from alerter.cli.dryrun_inputs import Inputs
from alerter.engine.dryrun import DryRun
from alerter.engine.replay import Step, steps
from alerter.model.incident import Kind
from alerter.notifiers.protocol import Outgoing
from alerter.notifiers.slack.format import payload, reply_payload
from alerter.notifiers.slack.picture import draw
from alerter.notifiers.text import safe_line
from alerter.plurals import many
from alerter.timetext import iso

MOST = 50
"""Messages that are drawn."""


def message_lines(answer: DryRun, inputs: Inputs) -> Iterator[str]:
    """Yield the drawn messages in the order in which they go out; Slack's form whatever the receiver's kind."""
    number = len(answer.messages)
    if not number:
        return
    yield ""
    yield "  messages, as Slack shows them"
    for step in steps(answer, inputs.source, inputs.routing, MOST):
        yield ""
        yield from (safe_line(f"  {line}") for line in _drawn(step, inputs))
    if number > MOST:
        yield f"  ... and {many(number - MOST, 'more message')}"


def _drawn(step: Step, inputs: Inputs) -> Iterator[str]:
    delivery = step.delivery
    receiver = inputs.routing.receivers.get(delivery.receiver)
    options = receiver.options if receiver is not None and receiver.kind == "slack" else {}
    later = step.incident.roll is not None and step.incident.deliveries[0].id != delivery.id
    posted = delivery.kind in (Kind.FIRING, Kind.DIGEST, Kind.INFO) and not later
    message = Outgoing(step.incident, delivery, first=posted)
    what = "posted" if posted else "edited, and below it in the thread"
    yield f"{iso(delivery.at)}  {delivery.channel}  {what}"
    yield from draw(payload(message, options))
    if not posted:
        yield from (f"   ↳ {line[2:]}" for line in draw(reply_payload(message, options)))
