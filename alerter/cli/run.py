"""``alerter run``: the service, or one pass of it."""

from __future__ import annotations

import argparse

EXAMPLE = """examples:
  ALERTER_ES_URL=https://es:9200 ALERTER_SLACK_TOKEN_FILE=/run/secrets/slack alerter run
  alerter run --once --config /etc/alerter/alerter.yaml      # from cron: evaluate what is due, deliver, exit

SIGHUP reloads rules and notifiers, SIGTERM stops cleanly."""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "run",
        help="the service: evaluate rules, tell the right channel",
        description="Evaluate rules against Elasticsearch (ALERTER_ES_URL) or NDJSON files (data: in the settings).",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--once", action="store_true", help="evaluate what is due, deliver, exit")
    parser.add_argument("--config", metavar="FILE", help="settings file (default: alerter.yaml when there is one)")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run until SIGTERM or SIGINT, or once."""
    from alerter.config import load_settings
    from alerter.runner import Runner

    return Runner(load_settings(args.config), once=args.once).run()
