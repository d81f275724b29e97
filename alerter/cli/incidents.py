"""``alerter incidents``: list incidents and what was told of them."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from alerter.cli.output import say

if TYPE_CHECKING:
    from alerter.model.incident import Delivery, Incident

EXAMPLE = """examples:
  alerter incidents --open
  alerter incidents --since 24h --rule refund-surge --format json"""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "incidents",
        help="list incidents and what was told of them",
        description="List incidents, newest first.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--open", action="store_true", help="only those that still fire")
    parser.add_argument("--rule", metavar="NAME", help="only those of a rule")
    parser.add_argument("--since", metavar="LENGTH", help="open, or resolved within the last 24h, 30m ...")
    parser.add_argument("--limit", type=int, default=1000, metavar="N")
    parser.add_argument("--format", choices=["text", "json"], default="text")
    parser.add_argument("--config", metavar="FILE", help="settings file (default: alerter.yaml when there is one)")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print the list."""
    import json

    from alerter.cli.lengths import length_option
    from alerter.cli.state_access import existing_state
    from alerter.clock import SystemClock

    since = None if args.since is None else SystemClock().now() - length_option(args.since, "--since")
    with existing_state(args.config) as (state, _):
        listed = state.incidents(rule=args.rule, open_only=args.open, since=since, limit=args.limit)
    found = [stored.value for stored in listed if not _is_of_several(stored.value)]
    if args.format == "json":
        say(json.dumps([as_json(i) for i in found], ensure_ascii=False))
        return 0
    for incident in found:
        say(_line(incident))
    if not found:
        say("no incidents")
    return 0


def _is_of_several(incident: Incident) -> bool:
    """Whether it is a message about incidents: the digest of a storm or a gap, or of a group."""
    return incident.type == "digest" or incident.roll is not None


def as_json(incident: Incident) -> dict[str, Any]:
    """Return an incident as contract section 6 writes it."""
    from alerter.timetext import iso

    def instant(at: int | None) -> str | None:
        return None if at is None else iso(at)

    return {
        "id": incident.id,
        "rule": incident.rule,
        "key": None if incident.key is None else dict(incident.key),
        "state": incident.state,
        "opened": iso(incident.opened),
        "resolved": instant(incident.resolved),
        "matches": incident.matches,
        "silenced_until": instant(incident.silenced_until),
        "labels": dict(incident.labels),
        "messages": [
            {
                "at": iso(d.at),
                "kind": str(d.kind),
                "receiver": d.receiver,
                "channel": d.channel,
                "reason": str(d.reason),
                "state": str(d.state),
                "told_in": d.digest,
                "text": d.text,
            }
            for d in incident.deliveries
        ],
        "earlier": [
            {
                "kind": str(e.kind),
                "receiver": e.receiver,
                "channel": e.channel,
                "state": str(e.state),
                "number": e.number,
                "until": iso(e.until),
            }
            for e in incident.earlier
        ],
    }


def _how(delivery: Delivery) -> str:
    """Return where a message stands; one that a group or a digest tells was not dropped."""
    others = "in a group" if delivery.group is not None else "in a digest"
    return f"{delivery.channel} {delivery.kind} {others if delivery.in_digest else delivery.state}"


def _line(incident: Incident) -> str:
    from alerter.notifiers.text import safe_line
    from alerter.plurals import many
    from alerter.state.records import key_text
    from alerter.timetext import iso

    over = f"resolved {iso(incident.resolved)}" if incident.resolved else "FIRING"
    told = ", ".join(dict.fromkeys(map(_how, incident.deliveries))) or "nobody told"
    key = f" [{key_text(incident.key)}]" if incident.key else ""
    matches = many(incident.matches, "match", "matches")
    line = f"{incident.id}  {iso(incident.opened)}  {over}  {incident.rule}{key}  {matches}  ({told})"
    return safe_line(line)
