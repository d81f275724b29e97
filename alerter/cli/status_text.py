"""The status as lines for people: what is unwell first to the eye, hostile names shown and never obeyed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from alerter.clock import SECOND
from alerter.notifiers.text import one_line
from alerter.plurals import many
from alerter.timetext import length_text

COLUMNS = ("seconds", "requests", "buckets", "hits", "server_ms")
NAMED = 5
"""Rules and problems shown one by one; the rest is counted (``--format json`` has more)."""
INDENT = " " * 11


def lines(found: dict[str, Any]) -> list[str]:
    """Return the status as lines."""
    rows = [("cluster", found["cluster"]), ("state", found["state"])]
    rows.append(("engines", f"{sum(engine['running'] for engine in found['engines'])} running"))
    rows += [("", line) for engine in found["engines"] for line in _engine(engine)]
    rows += list(_fleet(found["fleet"]))
    rows += list(_rules(found))
    rows.append(("incidents", f"{found['incidents']['firing']} firing, {found['incidents']['critical']} critical"))
    rows.append(("outbox", f"{found['outbox']['depth']} to deliver, oldest {found['outbox']['age_seconds']:.0f} s"))
    rows += [("", problem) for problem in found["outbox"]["problems"]]
    rows += list(_channels(found["channels"]))
    rows.append(("silences", f"{found['silences']} active"))
    rows.append(("health", "well" if not found["unwell"] else "unwell:"))
    rows += [("", problem) for problem in found["unwell"]]
    return [f"{head:<11}{text if head else _safe(text)}" for head, text in rows]


def _safe(text: str) -> str:
    """Return a line safe for the terminal, with the spaces it begins with."""
    return " " * (len(text) - len(text.lstrip(" "))) + one_line(text)


def _engine(engine: dict[str, Any]) -> Iterator[str]:
    name = engine["instance"]
    if not engine["running"]:
        yield f"{name}: {'stopped' if engine['stopped'] else 'not heard of since'} {engine['beat']}"
        return
    up = length_text(round(engine["uptime_seconds"]) * SECOND) if engine["uptime_seconds"] >= 1 else "0 s"
    yield (
        f"{name}: {engine['version']}, up {up}, heard of {engine['silent_seconds']:.0f} s ago; holds"
        f" {engine['held']:,} of {many(engine['rules'], 'rule')}, files refused {engine['refused']:,}, runs merged"
        f" {engine['merged']:,}, instants skipped {engine['skipped']:,}"
    )
    if engine["problem"]:
        yield f"  not ready: {engine['problem']}"
    for load in engine["clusters"]:
        lag = load["lag_seconds"]
        yield (
            f"  {load['cluster']}: lag p50 {lag['p50']:.2f} s, p95 {lag['p95']:.2f} s, max {lag['max']:.2f} s;"
            f" {load['queue']:,} of {many(load['rules'], 'rule')} due"
        )


def _fleet(fleet: dict[str, Any]) -> Iterator[tuple[str, str]]:
    if len(fleet["members"]) > 1:
        same = "run the same" if fleet["agrees"] else f"do not run the same: {one_line(fleet['differences'])}"
        yield "fleet", f"{many(len(fleet['members']), 'engine')} {same}"


def _rules(found: dict[str, Any]) -> Iterator[tuple[str, str]]:
    leases, failing = found["leases"], found["failing"]
    parts = [f"{len(found['rules']):,} evaluated"]
    if failing:
        parts.append(f"{sum(group['number'] for group in failing):,} give no answer")
    if leases["free"]:
        parts.append(f"{leases['free']:,} held by no engine: {_few(leases['without_owner'], leases['free'])}")
    yield "rules", one_line(", ".join(parts))
    for group in failing:
        yield "", f"{group['number']:,} {group['kind']}, cluster {group['cluster']}, since {group['since']}"
        shown = group["rules"][:NAMED]
        for rule in shown:
            yield "", f"  {rule['rule']} (since {rule['since']}, {rule['engine']}): {rule['reason']}"
        if group["number"] > len(shown):
            yield "", f"  and {group['number'] - len(shown):,} more"


def _channels(channels: list[dict[str, Any]]) -> Iterator[tuple[str, str]]:
    if channels:
        yield "channels", f"{len({one['channel'] for one in channels})} in trouble"
    for one in channels:
        times = "once" if one["count"] == 1 else f"{one['count']:,} times"
        yield (
            "",
            f"{one['channel']} ({one['receiver']}): {one['code']} ({one['failure']}), {times} since {one['since']},"
            f" tried again at {one['retry_at']}, {one['engine']}",
        )


def _few(names: list[str], number: int) -> str:
    shown = names[:NAMED]
    return ", ".join(shown) + (f" and {number - len(shown):,} more" if number > len(shown) else "")


def table(found: list[dict[str, Any]]) -> list[str]:
    """Return the costly rules as a table."""
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
