"""``alerter init``: create the state indices (or the state file)."""

from __future__ import annotations

import argparse

from alerter.cli.output import say

EXAMPLE = """example:
  ALERTER_ES_URL=https://es:9200 ALERTER_ES_API_KEY_FILE=key alerter init

The role that alerter needs stands as a command in docs/operations.md."""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "init",
        help="create or upgrade the state indices",
        description="Create what is missing of the state. alerter run does the same; nothing is ever deleted.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--config", metavar="FILE", help="settings file (default: alerter.yaml when there is one)")
    parser.add_argument("--upgrade", action="store_true", help="also upgrade what an earlier version made")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Create what is missing and say it."""
    from alerter.cli.state_access import opened_state

    with opened_state(args.config, create=False) as (state, _):
        done = state.init(upgrade=args.upgrade)
    for line in done or ["nothing to do: the state is there, in this version"]:
        say(line)
    return 0
