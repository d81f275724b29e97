"""``alerter incidents``: list incidents and what was told of them."""

from __future__ import annotations

import argparse
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any

from alerter.cli.output import say

if TYPE_CHECKING:
    from alerter.model.incident import Delivery, Incident
    from alerter.state.protocol import State

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
        waiting = _waiting(state, [stored.value for stored in listed])
    found = [stored.value for stored in listed if not _is_of_several(stored.value)]
    if args.format == "json":
        say(json.dumps([as_json(i, waiting) for i in found], ensure_ascii=False))
        return 0
    for incident in found:
        say(_line(incident, waiting))
    if not found:
        say("no incidents")
    return 0


def _is_of_several(incident: Incident) -> bool:
    """Whether it is a message about incidents: the digest of a storm or a gap, or of a group."""
    return incident.type == "digest" or incident.roll is not None


def _waiting(state: State, listed: Sequence[Incident]) -> frozenset[str]:
    """Return the messages (ids) that groups have taken over and hold back until they tell."""
    if not any(d.in_digest and d.group is not None for incident in listed for d in incident.deliveries):
        return frozenset()
    rolls = [stored.value.roll for stored in state.incidents(rule="", open_only=True)]
    return frozenset(news.delivery.id for roll in rolls if roll is not None for news in roll.news)


def as_json(incident: Incident, waiting: Collection[str] = ()) -> dict[str, Any]:
    """Return an incident as contract section 6 writes it; ``waiting`` are the messages that groups hold back."""
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
                "held_back": d.id in waiting,
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


def _how(delivery: Delivery, waiting: Collection[str]) -> str:
    """Return where a message stands; one that a group or a digest tells was not dropped."""
    others = "in a digest" if delivery.group is None else "in a group's message"
    if delivery.id in waiting:
        others = "waits for its group to tell"
    return f"{delivery.channel} {delivery.kind} {others if delivery.in_digest else delivery.state}"


def _line(incident: Incident, waiting: Collection[str]) -> str:
    from alerter.notifiers.text import safe_line
    from alerter.plurals import many
    from alerter.state.records import key_text
    from alerter.timetext import iso

    over = f"resolved {iso(incident.resolved)}" if incident.resolved else "FIRING"
    told = ", ".join(dict.fromkeys(_how(d, waiting) for d in incident.deliveries)) or "nobody told"
    key = f" [{key_text(incident.key)}]" if incident.key else ""
    matches = many(incident.matches, "match", "matches")
    line = f"{incident.id}  {iso(incident.opened)}  {over}  {incident.rule}{key}  {matches}  ({told})"
    return safe_line(line)
