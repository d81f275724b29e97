"""Results as markdown: the table on stdout, and the page docs/benchmarks.md."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

HEAD = """# Benchmarks

What alerter costs beside ElastAlert 2, and beside the floor: a bare script that sends the same searches with the same
client and reads no answer. Written by `python -m benchmarks report` from the results of one run; `make bench` makes the
full run, `make bench-quick` a small one of a few minutes. No test asserts a time.
"""
AIMS = {"wall": "under {:g} s", "cpu": "under {:g} s CPU", "peak_mb": "under {:,} MB"}
METHOD = """## How it is counted

- One real Elasticsearch on this machine, one primary shard, no replica. Events and rules are made from a seed; the
  mix is 40 % frequency, 20 % frequency by user, 15 % spike, 15 % flatline, 10 % blacklist; the timeframe is ten
  minutes.
- Who needs ten seconds a pass or less is measured in several rounds, in turn with the others, and the least of each
  cost counts (of memory the most); the column of passes says so. The speed of a shared machine changes from minute to
  minute, and a server that was just started compiles what it is asked often. Who needs longer is measured once, in the
  first round, and so are W4, W6 and the rule files.
- Time is simulated, one run a minute, so that every competitor is asked for the same instants. Each first takes the
  minutes from the first event up to the first pass in one step, then two passes that are not counted; none where
  ElastAlert reads documents, whose passes are long.
- alerter is its production service with the clock set to each minute: every rule ticked once, then delivery as often
  as the process delivers in a minute. Its state is written to the same server. Messages go to a webhook on loopback;
  a run in which one is planned and not delivered ends in an error.
- An engine says every two seconds that it lives, or may not send. These beats ask the server the same with one rule
  and with thousands, so they stand under the table and not in the figures per rule run; their CPU does grow with the
  rules, since each beat looks whether any of them changes hands, and is given per rule run too. The other jobs of an
  engine (its heartbeat record, its look at itself) are made in W4 only, whose figures hold everything.
- ElastAlert 2 is unmodified but for the name `ts_now`; one thread runs `run_all_rules()`. *stock* is a `buffer_time`
  of 15 minutes, *lean* of 2, *count* every rule rewritten to `use_count_query` or `use_terms_query` where it allows
  them. Count queries are cheap because they do not know when events happened: they miss bursts across two runs, and
  alert on false ones.
- CPU is user and system time of the process; server CPU is that of the whole Elasticsearch process, merges and
  collections included, and varies between runs. Memory is the peak, the first step included. Requests and bytes are
  counted in one more, shorter run through a TCP proxy. The first pass of a rule after a pause is a larger question
  than those that follow.
- `x` is the cost of the row divided by that of alerter. Server CPU is read in steps of 10 ms, so with few rules its
  small figures are rough.
- The rule author's commands are processes of their own, from start to end, with no server; the short ones are run
  seven times and the median counts. A replay is one rule in a process that holds the events already: the production
  engine at each of the day's nominal instants, whose messages count as sent at once. Rule tests are copies of the
  shipped ones.
- The floor keeps no state, sends nothing, and reads no YAML: a bound, no rival. Its request cache is off.
"""


def page(results: Mapping[str, Any]) -> str:
    """Return docs/benchmarks.md."""
    return f"{HEAD}\n{about(results)}\n{tables(results)}\n{METHOD}"


def about(results: Mapping[str, Any]) -> str:
    """Return date, command, machine and versions."""
    versions = ", ".join(f"{name} {version}" for name, version in results["versions"].items())
    lines = [("Date", results["date"]), ("Command", f"`{results['command']}`"), ("Machine", results["machine"])]
    return _table(("what", ""), [*lines, ("Versions", versions)])


def tables(results: Mapping[str, Any]) -> str:
    """Return one section a workload."""
    return "\n".join(_section(section) for section in results["sections"])


def _section(section: Mapping[str, Any]) -> str:
    if "live" in section:
        body = _live(section["live"])
    elif "startup" in section:
        body = _startup(section["startup"])
    elif "workbench" in section:
        body = _workbench(section["workbench"])
    else:
        body = (_step if section["step"] else _passes)(section["results"]) + _answers(section["answers"])
    return f"## {section['title']}\n\n{body}"


def _passes(results: Sequence[Mapping[str, Any]]) -> str:
    """Return the table per rule and pass; ``x`` is each one's cost divided by alerter's."""
    ours = next(result for result in results if result["name"] == "alerter")
    head = ["per rule run", "CPU ms", "x", "server CPU ms", "x", "wall ms", "peak MB", "passes"]
    head += ["requests a pass", "kB sent a pass", "kB received a pass"]
    rows = []
    for result in results:
        each = result["each_ms"]
        rows.append(
            (
                result["name"],
                f"{each['cpu']:.3f}",
                _ratio(each["cpu"], ours["each_ms"]["cpu"]),
                f"{each['server']:.3f}",
                _ratio(each["server"], ours["each_ms"]["server"]),
                f"{each['wall']:.3f}",
                f"{result['peak_mb']:.0f}",
                _passed(result),
                *_traffic(result),
            )
        )
    note = f"Of alerter's CPU {ours['delivering_ms']:.3f} ms per rule run is the delivery loop."
    failed = [f"{result['name']}: {result['failed']}" for result in results if result["failed"]]
    note += f" Failed runs: {', '.join(failed)}." if failed else ""
    return _table(head, rows) + f"\n{note}\n{_beats(ours) if 'aside' in ours else ''}"


def _passed(result: Mapping[str, Any]) -> str:
    rounds = result.get("rounds", 1)
    return f"{rounds} x {result['passes']}" if rounds > 1 else str(result["passes"])


def _traffic(result: Mapping[str, Any]) -> tuple[str, str, str]:
    """Return requests and kilobytes of a pass; of slow ones they are not counted."""
    traffic = result.get("traffic")
    if traffic is None:
        return "", "", ""
    return f"{traffic['requests']:.0f}", f"{traffic['sent'] / 1000:.0f}", f"{traffic['received'] / 1000:.0f}"


def _beats(ours: Mapping[str, Any]) -> str:
    """Say what it costs to be on record as alive."""
    aside, rules = ours["aside"], ours["rules"]
    return (
        f"\nNot in its row, being a cost of the engine: its beats, {aside['times']:.0f} a minute with "
        f"{aside['requests']:.0f} requests whatever the number of rules; {aside['cpu']:.1f} ms CPU a minute with "
        f"{rules:,} rules ({aside['cpu'] / rules:.3f} ms per rule run), {aside['server']:.0f} ms on the server.\n"
    )


def _step(results: Sequence[Mapping[str, Any]]) -> str:
    rows = [
        (
            result["name"],
            *(f"{result['span'][name]:.1f}" for name in ("cpu", "server", "wall")),
            f"{result['peak_mb']:.0f}",
        )
        for result in results
    ]
    return _table(("in one step", "CPU s", "server CPU s", "wall s", "peak MB"), rows)


def _answers(answers: Mapping[str, Any]) -> str:
    if not answers:
        return "\nAnswers were not compared: no competitor ran that downloads documents.\n"
    verdict = "agree" if answers["agree"] else "DO NOT AGREE: the figures above do not count"
    rows = [
        (kind, row["same"], row["other_time"], row["ours_only"], row["theirs_only"], row["reason"])
        for kind, row in answers["types"].items()
    ]
    head = ("first matches", "same", "other time", "alerter only", "ElastAlert only", "why they may differ")
    text = (
        f"\nAnswers (first match per rule and key up to {answers['until']}, against {answers['with']}): frequency and "
    )
    text += f"blacklist {verdict}.\n\n{_table(head, rows)}"
    examples = [f"- {kind}: {line}" for kind, row in answers["types"].items() for line in row["examples"]]
    return text + ("\n" + "\n".join(examples) + "\n" if examples else "")


def _live(live: Mapping[str, Any]) -> str:
    ages = live["age_s"]
    rows = [
        ("rule runs due, made, merged into a later one", f"{live['due']}, {live['runs']:.0f}, {live['merged']:.0f}"),
        ("instants skipped; rules that never ran", f"{live['skipped']:.0f}; {live['never_ran']}"),
        ("failed runs", f"{live['failures']:.0f}"),
        ("engine, share of one core", f"{100 * live['cpu_share']:.1f} %"),
        ("engine CPU per rule run", f"{live['cpu_ms']:.3f} ms"),
        (
            "server, share of one core; CPU per rule run",
            f"{100 * live['server_share']:.0f} %; {live['server_ms']:.3f} ms",
        ),
        ("peak memory", f"{live['peak_mb']:.0f} MB"),
    ]
    if "lag_s" in live:
        rows.append(("lag, by quantile", ", ".join(f"{name}: {value:.1f} s" for name, value in live["lag_s"].items())))
    text = f"{ages['p50']:.0f} s, {ages['p95']:.0f} s, {ages['max']:.0f} s"
    rows.append(("age of the newest instant evaluated, p50, p95, max (a run a minute: up to 60 s and the delay)", text))
    return _table(("what", ""), rows)


def _startup(found: Mapping[str, Mapping[str, float]]) -> str:
    rows = [
        (name, f"{used['wall']:.2f}", f"{used['cpu']:.2f}", f"{used['peak_mb']:.0f}" if "peak_mb" in used else "")
        for name, used in found.items()
    ]
    return _table(("check to its end; run to the first query", "wall s", "CPU s", "peak MB"), rows)


def _workbench(found: Sequence[Mapping[str, Any]]) -> str:
    rows = [
        (
            row["what"],
            f"{row['wall']:.2f}",
            f"{row['cpu']:.2f}",
            f"{row['peak_mb']:.0f}" if "peak_mb" in row else "",
            ", ".join(AIMS[name].format(limit) for name, limit in row["aim"].items()),
            ", ".join(_reached(row[name], limit) for name, limit in row["aim"].items()),
        )
        for row in found
    ]
    return _table(("what", "wall s", "CPU s", "peak MB", "aim", "reached"), rows)


def _reached(value: float, limit: float) -> str:
    return "yes" if value < limit else f"no, {value / limit:.2g} times"


def _ratio(value: float, of: float) -> str:
    if not of:
        return ""
    return f"{value / of:.0f}" if value >= 10 * of else f"{value / of:.2g}"


def _table(head: Iterable[object], rows: Iterable[Iterable[object]]) -> str:
    """Return a markdown table; every cell as text."""
    lines = [list(map(str, row)) for row in (head, *rows)]
    lines.insert(1, ["---"] * len(lines[0]))
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)
