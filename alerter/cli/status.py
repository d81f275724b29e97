"""``alerter status``: engines, cluster, rules, incidents, outbox and silences at a glance; what rules cost."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from alerter.cli.output import say

if TYPE_CHECKING:
    from alerter.clock import Millis
    from alerter.config import Settings
    from alerter.model.heartbeat import Heartbeat
    from alerter.state.protocol import State

EXAMPLE = """examples:
  alerter status
  alerter status --format json | jq .outbox
  alerter status --costly"""
COLUMNS = ("seconds", "requests", "buckets", "hits", "server_ms")


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
    parser.add_argument("--format", choices=["text", "json"], default="text")
    parser.add_argument("--config", metavar="FILE", help="settings file (default: alerter.yaml when there is one)")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print the status."""
    import json

    from alerter.cli.state_access import opened_state

    with opened_state(args.config) as (state, settings):
        found = costly(state) if args.costly else gather(state, settings)
    if args.format == "json":
        say(json.dumps(found, ensure_ascii=False))
        return 0
    for line in _table(found) if isinstance(found, list) else _lines(found):
        say(line)
    return 0


def costly(state: State) -> list[dict[str, Any]]:
    """Return what the rules of running engines cost a run, most seconds first."""
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
    from alerter.clock import SECOND, SystemClock
    from alerter.timetext import iso

    now = SystemClock().now()
    checkpoints = state.checkpoints(state.checkpointed())
    opened = [v.value for v in state.incidents(open_only=True)]
    outbox = [d for v in state.unfinished() for d in v.value.outbox]
    return {
        "cluster": _cluster(settings),
        "state": settings.state_index if settings.es.urls else str(settings.state_file),
        "engines": [_engine(beat, now) for beat in state.heartbeats()],
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


def _engine(beat: Heartbeat, now: Millis) -> dict[str, Any]:
    from alerter.clock import SECOND
    from alerter.timetext import iso

    return {
        "instance": beat.instance,
        "version": beat.version,
        "started": iso(beat.started),
        "beat": iso(beat.beat),
        "running": beat.running(now),
        "stopped": beat.stopped,
        "uptime_seconds": (beat.beat - beat.started) / SECOND,
        "rules": beat.rules,
        "refused": beat.refused,
        "merged": beat.merged,
        "skipped": beat.skipped,
        "clusters": [
            {
                "cluster": load.cluster,
                "rules": load.rules,
                "queue": load.queue,
                "lag_seconds": {"p50": load.lag_p50, "p95": load.lag_p95, "max": load.lag_max},
            }
            for load in beat.clusters
        ],
    }


def _lines(found: dict[str, Any]) -> list[str]:
    from alerter.notifiers.text import one_line

    rules = found["rules"]
    slowest = sorted(rules, key=lambda r: -r["lag_seconds"])[:5]
    lines = [f"cluster    {found['cluster']}", f"state      {found['state']}"]
    lines.append(f"engines    {sum(engine['running'] for engine in found['engines'])} running")
    lines += [f"           {line}" for engine in found["engines"] for line in _engine_lines(engine)]
    lines.append(
        f"rules      {len(rules)} evaluated"
        + (f", the oldest checkpoint stored {slowest[0]['lag_seconds']:.0f} s ago" if rules else "")
    )
    lines += [f"           {r['rule']}: {r['lag_seconds']:.0f} s ago" for r in slowest]
    lines.append(f"incidents  {found['incidents']['firing']} firing, {found['incidents']['critical']} critical")
    lines.append(f"outbox     {found['outbox']['depth']} to deliver, oldest {found['outbox']['age_seconds']:.0f} s")
    lines += [f"           {one_line(problem)}" for problem in found["outbox"]["problems"]]
    lines.append(f"silences   {found['silences']} active")
    return lines


def _engine_lines(engine: dict[str, Any]) -> list[str]:
    from alerter.clock import SECOND
    from alerter.notifiers.text import one_line
    from alerter.timetext import length_text

    name = one_line(engine["instance"])
    if not engine["running"]:
        return [f"{name}: {'stopped' if engine['stopped'] else 'not heard of since'} {engine['beat']}"]
    up = length_text(round(engine["uptime_seconds"]) * SECOND) if engine["uptime_seconds"] >= 1 else "0 s"
    lines = [
        f"{name}: {engine['version']}, up {up}; rules {engine['rules']:,}, files refused {engine['refused']:,},"
        f" runs merged {engine['merged']:,}, instants skipped {engine['skipped']:,}"
    ]
    for load in engine["clusters"]:
        lag = load["lag_seconds"]
        lines.append(
            f"  {load['cluster']}: lag p50 {lag['p50']:.2f} s, p95 {lag['p95']:.2f} s, max {lag['max']:.2f} s;"
            f" {load['queue']:,} of {load['rules']:,} rules due"
        )
    return lines


def _table(found: list[dict[str, Any]]) -> list[str]:
    from alerter.notifiers.text import one_line

    if not found:
        return ["no engine is running, or none has evaluated a rule yet"]
    rows = [("s/run", "requests", "buckets", "hits", "server ms", "lane", "engine", "rule")]
    for one in found:
        figures = (f"{one[name]:,.3f}" if name == "seconds" else f"{one[name]:,.1f}" for name in COLUMNS)
        rows.append((*figures, one["lane"], one_line(one["engine"]), one_line(one["rule"])))
    widths = [max(len(row[n]) for row in rows) for n in range(len(rows[0]))]
    return ["  ".join(_padded(cell, widths[n], n) for n, cell in enumerate(row)).rstrip() for row in rows]


def _padded(cell: str, width: int, column: int) -> str:
    return cell.rjust(width) if column < len(COLUMNS) else cell.ljust(width)
