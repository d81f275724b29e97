"""``alerter notify-test``: send a test message to a receiver."""

from __future__ import annotations

import argparse

from alerter.cli.output import complain, say

EXAMPLE = """example:
  alerter notify-test slack-order"""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "notify-test",
        help="send a test message to a receiver",
        description="Check a receiver's access and send it one test message.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("receiver", metavar="RECEIVER")
    parser.add_argument("--config", metavar="FILE", help="settings file (default: alerter.yaml when there is one)")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Send the message; 1 when the receiver refuses it."""
    from alerter.clock import SystemClock
    from alerter.config import load_settings
    from alerter.errors import UsageError
    from alerter.model.incident import Delivery, Incident, Kind, Reason, View, digest
    from alerter.notifiers.protocol import NotifierError, Outgoing
    from alerter.notifiers.registry import NOTIFIERS
    from alerter.routing.load import load_routing
    from alerter.routing.own import with_rules
    from alerter.ruleset.suggest import did_you_mean

    settings = load_settings(args.config)
    routing, findings = load_routing(settings.notifiers)
    if routing is None:
        raise UsageError("\n".join(f.text() for f in findings if f.severity == "error"))
    routing = with_rules(routing, settings)
    receiver = routing.receivers.get(args.receiver)
    if receiver is None:
        hint = did_you_mean(args.receiver, routing.receivers) or f"receivers: {', '.join(routing.receivers)}"
        raise UsageError(f"there is no receiver {args.receiver}", hint)
    now = SystemClock().now()
    notifier = NOTIFIERS[receiver.kind](receiver, settings)
    for code, text in notifier.check():
        complain(f"{'ok' if code == 'ok' else 'problem'}: {text}")
    view = View(title="Test message", sentence=f"alerter reaches the receiver {receiver.name}")
    delivery = Delivery(
        digest("test", receiver.name, now), Kind.INFO, receiver.name, receiver.channel, now, Reason.TEST,
        f"[INFO] Test message: alerter reaches the receiver {receiver.name}",
    )  # fmt: skip
    incident = Incident(digest("test", now), "", "test", None, {"severity": "info"}, now, resolved=now, view=view)
    try:
        notifier.post(Outgoing(incident, delivery))
    except NotifierError as error:
        complain(f"not sent to {receiver.channel}: {error}")
        return 1
    say(f"sent to {receiver.channel}")
    return 0
