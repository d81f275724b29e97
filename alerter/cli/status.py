"""``alerter status``: engines, cluster, rules, incidents, outbox and silences at a glance; what rules cost."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from alerter.cli.output import say

if TYPE_CHECKING:
    from alerter.config import Settings
    from alerter.state.protocol import State

EXAMPLE = """examples:
  alerter status
  alerter status --format json | jq .outbox
  alerter status --costly
  alerter status --check || echo unwell"""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "status",
        help="engines, rules, incidents, outbox and silences at a glance; what rules cost",
        description=(
            "Show how the engines and what they know are doing, from the state. Engines write there every 10 s; lags\n"
            "are the seconds by which rules are late: median, 95th percentile and largest."
        ),
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--costly", action="store_true", help="list the rules by what a run costs: the 20 costliest of each engine"
    )
    parser.add_argument("--check", action="store_true", help="exit with 1 when something is unwell (for cron)")
    parser.add_argument("--format", choices=["text", "json"], default="text")
    parser.add_argument("--config", metavar="FILE", help="settings file (default: alerter.yaml when there is one)")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print the status."""
    import json

    from alerter.cli.state_access import existing_state
    from alerter.cli.status_text import lines, table

    with existing_state(args.config) as (state, settings):
        found = costly(state) if args.costly else gather(state, settings)
    if args.format == "json":
        say(json.dumps(found, ensure_ascii=False))
    else:
        for line in table(found) if isinstance(found, list) else lines(found):
            say(line)
    return 1 if args.check and isinstance(found, dict) and found["unwell"] else 0


def costly(state: State) -> list[dict[str, Any]]:
    """Return what the rules of running engines cost a run, most seconds first."""
    from alerter.cli.status_text import COLUMNS
    from alerter.clock import SystemClock

    now = SystemClock().now()
    found = [
        {
            "rule": one.rule,
            "engine": beat.instance,
            **{name: getattr(one, name) for name in COLUMNS},
            "lane": "heavy" if one.heavy else "light",
        }
        for beat in state.heartbeats()
        if beat.running(now)
        for one in beat.costly
    ]
    return sorted(found, key=lambda one: (-one["seconds"], one["rule"], one["engine"]))


def gather(state: State, settings: Settings) -> dict[str, Any]:
    """Return everything the status shows; times in ISO 8601, lengths in seconds."""
    from alerter.clock import SystemClock
    from alerter.watch.report import Records, report

    now = SystemClock().now()
    members = {name: stored.value for name, stored in state.members().items()}
    checkpoints = state.checkpoints(state.checkpointed())
    records = Records(
        now=now,
        beats=state.heartbeats(),
        members=members,
        rulesets=state.rulesets(sorted({member.ruleset for member in members.values()})),
        checkpoints={name: stored.value for name, stored in checkpoints.items()},
        opened=[stored.value for stored in state.incidents(open_only=True)],
        unfinished=[stored.value for stored in state.unfinished()],
        silences=len(state.silences(now)),
    )
    return {
        "cluster": _cluster(settings),
        "state": settings.state_index if settings.es.urls else str(settings.state_file),
        **report(records, settings.watch),
    }


def _cluster(settings: Settings) -> str:
    if not settings.es.urls:
        return "embedded, " + (", ".join(str(p) for p in settings.data) or "no data files")
    from alerter.sources.es_client import connect, version

    client = connect(settings.es)
    try:
        return f"Elasticsearch {version(client)}"
    finally:
        client.close()
