"""``alerter status``: cluster, rules, incidents, outbox and silences at a glance."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from alerter.cli.output import say

if TYPE_CHECKING:
    from alerter.config import Settings
    from alerter.state.protocol import State

EXAMPLE = """examples:
  alerter status
  alerter status --format json | jq .outbox"""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "status",
        help="cluster, rules, incidents, outbox and silences at a glance",
        description="Show how the engine and what it knows are doing, from the state.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--format", choices=["text", "json"], default="text")
    parser.add_argument("--config", metavar="FILE", help="settings file (default: alerter.yaml when there is one)")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print the status."""
    import json

    from alerter.cli.state_access import opened_state

    with opened_state(args.config) as (state, settings):
        found = gather(state, settings)
    if args.format == "json":
        say(json.dumps(found, ensure_ascii=False))
        return 0
    for line in _lines(found):
        say(line)
    return 0


def gather(state: State, settings: Settings) -> dict[str, Any]:
    """Return everything the status shows; times in ISO 8601, lengths in seconds."""
    from alerter.clock import SECOND, SystemClock
    from alerter.timetext import iso

    now = SystemClock().now()
    checkpoints = state.checkpoints(state.checkpointed())
    opened = [v.value for v in state.incidents(open_only=True)]
    outbox = [d for v in state.unfinished() for d in v.value.outbox]
    return {
        "cluster": _cluster(settings),
        "state": settings.state_index if settings.es.urls else str(settings.state_file),
        "rules": [
            {
                "rule": name,
                "evaluated": iso(v.value.evaluated),
                "lag_seconds": (now - v.value.evaluated) / SECOND,
                "keys": len(v.value.keys),
            }
            for name, v in sorted(checkpoints.items())
        ],
        "incidents": {"firing": len(opened), "critical": sum(i.severity == "critical" for i in opened)},
        "outbox": {
            "depth": len(outbox),
            "age_seconds": max((now - d.at for d in outbox), default=0) / SECOND,
            "problems": sorted({f"{d.channel}: {d.error}" for d in outbox if d.error}),
        },
        "silences": len(state.silences(now)),
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


def _lines(found: dict[str, Any]) -> list[str]:
    from alerter.notifiers.text import one_line

    rules = found["rules"]
    slowest = sorted(rules, key=lambda r: -r["lag_seconds"])[:5]
    lines = [f"cluster    {found['cluster']}", f"state      {found['state']}"]
    lines.append(
        f"rules      {len(rules)} evaluated" + (f", at most {slowest[0]['lag_seconds']:.0f} s ago" if rules else "")
    )
    lines += [f"           {r['rule']}: {r['lag_seconds']:.0f} s ago" for r in slowest]
    lines.append(f"incidents  {found['incidents']['firing']} firing, {found['incidents']['critical']} critical")
    lines.append(f"outbox     {found['outbox']['depth']} to deliver, oldest {found['outbox']['age_seconds']:.0f} s")
    lines += [f"           {one_line(problem)}" for problem in found["outbox"]["problems"]]
    lines.append(f"silences   {found['silences']} active")
    return lines
