"""``alerter route``: draw the routing tree; say where labels would go, and why."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from alerter.cli.output import say

if TYPE_CHECKING:
    from alerter.config import Settings
    from alerter.model.rule import Rule
    from alerter.routing.tree import Node, Routing

EXAMPLE = """examples:
  alerter route
  alerter route domain=order severity=critical
  alerter route domain=user --at 2026-03-08T03:00:00Z --format json"""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "route",
        help="show the routing tree; say where labels would go, and why",
        description="Without labels: draw the tree. With labels: where an incident with them would go.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("labels", nargs="*", metavar="NAME=VALUE", help="labels of an incident")
    parser.add_argument("--at", metavar="TIME", help="ISO 8601; mute and active times are asked then (default: now)")
    parser.add_argument("--format", choices=["text", "json"], default="text")
    parser.add_argument("--config", metavar="FILE", help="settings file (default: alerter.yaml when there is one)")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print the tree or the destinations."""
    import json

    from alerter.clock import SystemClock
    from alerter.config import load_settings
    from alerter.errors import UsageError
    from alerter.routing.load import load_routing
    from alerter.routing.own import with_rules
    from alerter.timetext import parse_instant

    settings = load_settings(args.config)
    routing, findings = load_routing(settings.notifiers)
    if routing is None:
        raise UsageError("\n".join(f.text() for f in findings if f.severity == "error"))
    try:
        at = SystemClock().now() if args.at is None else parse_instant(args.at)
    except ValueError:
        raise UsageError(f"--at {args.at!r} is not an ISO 8601 time", "like 2026-03-08T03:00:00Z") from None
    routing = with_rules(routing, settings)
    labels = dict(_label(text) for text in args.labels)
    if not labels:
        for line in [json.dumps(_tree_json(routing.root))] if args.format == "json" else _tree(routing):
            say(line)
        return 0
    rule = _rule_named(labels.get("rule", ""), settings)
    found = [_destination(d, routing, rule) for d in routing.destinations(labels, at)]
    if args.format == "json":
        say(json.dumps({"labels": labels, "destinations": found}, ensure_ascii=False))
        return 0
    for destination in found:
        say(_sentence(destination))
    return 0


def _label(text: str) -> tuple[str, str]:
    from alerter.errors import UsageError

    name, equals, value = text.partition("=")
    if not equals or not name:
        raise UsageError(f"{text!r} is not a label", "like domain=order")
    return name.strip(), value.strip().strip('"')


def _rule_named(name: str, settings: Settings) -> Rule | None:
    """Return the rule of that name, where the files hold one."""
    from alerter.ruleset.load import load_rules

    if not name:
        return None
    return next((rule for rule in load_rules(settings.rules, settings).rules if rule.name == name), None)


def _destination(destination: Any, routing: Routing, rule: Rule | None) -> dict[str, Any]:
    return {
        "receiver": destination.receiver,
        "channel": routing.receivers[destination.receiver].channel,
        "route": destination.path,
        "muted": None if destination.muted is None else str(destination.muted),
        "muted_by": destination.muted_by or None,
        "repeat_interval_ms": destination.repeat_interval,
        **_grouping(destination.group_by, destination.group_wait, destination.group_interval),
        "aggregation": _aggregation(rule),
    }


def _aggregation(rule: Rule | None) -> dict[str, Any] | None:
    """Return the rule's ``aggregation``, which goes before the route's ``group_by``."""
    found = None if rule is None else rule.texts.gathering
    if found is None:
        return None
    cron = {"cron": found.cron, "timezone": found.timezone} if found.cron else {"cron": None, "timezone": None}
    return {"by": list(found.key), "period_ms": None if found.cron else found.period, **cron}


def _grouping(group_by: Sequence[str] | None, wait: int, interval: int) -> dict[str, Any]:
    """Return how a place groups; without ``group_by`` its timers mean nothing."""
    if group_by is None:
        return dict.fromkeys(("group_by", "group_wait_ms", "group_interval_ms"))
    return {"group_by": list(group_by), "group_wait_ms": wait, "group_interval_ms": interval}


def _sentence(destination: dict[str, Any]) -> str:
    from alerter.timetext import length_text

    where = f"{destination['receiver']} ({destination['channel']})"
    why = f"\n  by the route: {destination['route']}"
    if destination["muted"]:
        where += f", but not now: {destination['muted']} {destination['muted_by']}"
    repeat = destination["repeat_interval_ms"]
    if destination["aggregation"] and repeat is None:
        timers = "repeated when the rule's realert has passed, at such an instant"
    elif repeat is None:
        timers = "repeated when the rule's realert has passed (at most hourly where the rule writes none)"
    else:
        timers = f"repeated at most every {length_text(repeat)}"
    return f"-> {where}{why}\n  {_told(destination)}, {timers}; resolved is always told"


def _told(destination: dict[str, Any]) -> str:
    """Return when and with what an incident is told."""
    from alerter.routing.tree import ALL
    from alerter.timetext import length_text

    aggregation, by = destination["aggregation"], destination["group_by"]
    if aggregation:
        each = f"by {', '.join(aggregation['by'])}" if aggregation["by"] else "all incidents of the rule"
        length = length_text(aggregation["period_ms"] or 0) or "0 s"
        times = f"at {aggregation['cron']} ({aggregation['timezone']})" if aggregation["cron"] else f"after {length}"
        later = "" if aggregation["cron"] else f", then every {length}"
        return f"told in one message by the rule's aggregation ({each}) {times}{later}"
    if by is None:
        return "told at once"
    wait, interval = (length_text(destination[name]) or "0 s" for name in ("group_wait_ms", "group_interval_ms"))
    what = "all incidents" if not by else "incidents with the same labels" if ALL in by else f"by {', '.join(by)}"
    return f"told in one message ({what}) after {wait}, then every {interval}"


def _tree_json(node: Node) -> dict[str, Any]:
    return {
        "route": node.path,
        "receiver": node.receiver,
        "matchers": [str(m) for m in node.matchers],
        "continue": node.continues,
        "mute_time_intervals": list(node.mute),
        "active_time_intervals": list(node.active),
        "repeat_interval_ms": node.timers.repeat_interval,
        **_grouping(node.timers.group_by, *node.timers.of_group),
        "routes": [_tree_json(child) for child in node.routes],
    }


def _tree(routing: Routing) -> Iterator[str]:
    yield from _node(routing.root, routing, "", "")
    inhibitions = len(routing.inhibit_rules)
    if inhibitions:
        yield f"{inhibitions} inhibit rule{'s' if inhibitions > 1 else ''}: " + ", ".join(
            r.name for r in routing.inhibit_rules
        )


def _noted(by: Sequence[str] | None) -> list[str]:
    """Return what the tree says of ``group_by``."""
    from alerter.routing.tree import ALL

    if by is None:
        return []
    if not by:
        return ["one message of all"]
    return ["one message by all labels" if ALL in by else f"one message by {', '.join(by)}"]


def _node(node: Node, routing: Routing, lead: str, below: str) -> Iterator[str]:
    matchers = ", ".join(str(m) for m in node.matchers) or "everything"
    notes = [f"muted: {', '.join(node.mute)}"] if node.mute else []
    notes += [f"active: {', '.join(node.active)}"] if node.active else []
    notes += ["continue"] if node.continues else []
    notes += _noted(node.timers.group_by)
    channel = routing.receivers[node.receiver].channel
    yield f"{lead}{matchers} -> {node.receiver} ({channel})" + (f"  [{'; '.join(notes)}]" if notes else "")
    for n, child in enumerate(node.routes):
        last = n == len(node.routes) - 1
        yield from _node(child, routing, below + ("└─ " if last else "├─ "), below + ("   " if last else "│  "))
