"""``python -m benchmarks run [--quick] [--only w1,w4] [--out FILE]`` and ``python -m benchmarks report``."""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks import live, report, sigma, startup, workbench
from benchmarks.competitors import Place
from benchmarks.peer import install
from benchmarks.server import Server, find
from benchmarks.stubs import Webhook
from benchmarks.trial import PREFIX, ROOT
from benchmarks.workloads import FULL, INDEX, QUICK, Bench
from tests.servers.home import Missing

WORKLOADS = ("w1", "w2", "w3", "w4", "w5", "w6", "startup", "sigma", "workbench")
ALONE = ("workbench",)
"""Those that need neither a server nor ElastAlert."""
EXAMPLE = """examples:
  python -m benchmarks run --quick --only w1,startup --out quick.json
  python -m benchmarks run --only workbench             # neither a server nor ElastAlert
  python -m benchmarks report --results quick.json --page quick.md"""
RESULTS = ROOT / "build" / "benchmarks.json"
PAGE = ROOT / "docs" / "benchmarks.md"


def main() -> int:
    """Run one command; 1 when answers do not agree, 2 when there is no server."""
    args = _parser().parse_args()
    if args.command == "report":
        Path(args.page).write_text(report.page(json.loads(Path(args.results).read_text())))
        return 0
    wanted = _wanted(args.only)
    results = _about()
    if set(wanted) - set(ALONE):
        try:
            server = find()
        except Missing as missing:
            print(missing, file=sys.stderr)
            return 2
        with _place(server) as place:
            found = _run(args, wanted, place)
        results["versions"] |= found["versions"]
        results["sections"] += found["sections"]
    if "workbench" in wanted:
        with tempfile.TemporaryDirectory(prefix="alerter-bench-") as folder:
            sizes = workbench.QUICK if args.quick else workbench.FULL
            results["sections"].append(workbench.run(Path(folder), sizes))
    Path(args.out).parent.mkdir(parents=True, exist_ok=True)
    Path(args.out).write_text(json.dumps(results, indent=1))
    print(report.tables(results))
    return 0 if all(section.get("answers", {}).get("agree", True) for section in results["sections"]) else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description=__doc__, epilog=EXAMPLE, formatter_class=argparse.RawTextHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="run workloads, print the table, write the results")
    run.add_argument("--quick", action="store_true", help="small sizes, a few minutes")
    run.add_argument("--only", default=",".join(WORKLOADS), help="comma separated (default: %(default)s)")
    run.add_argument("--minutes", type=int, help="how long w4 runs against the clock (default: 10, quick: 2)")
    run.add_argument("--no-peer", action="store_true", help="leave ElastAlert out")
    run.add_argument("--out", default=str(RESULTS), help="where the results go (default: build/benchmarks.json)")
    write = commands.add_parser("report", help="write docs/benchmarks.md from results")
    write.add_argument("--results", default=str(RESULTS))
    write.add_argument("--page", default=str(PAGE))
    return parser


@contextmanager
def _place(server: Server) -> Iterator[Place]:
    """Provide a folder, a webhook and clean indices, and remove all of it."""
    server.sweep()
    hook = Webhook()
    with tempfile.TemporaryDirectory(prefix="alerter-bench-") as folder:
        try:
            yield Place(server, Path(folder), hook.url)
        finally:
            hook.close()
            server.drop(PREFIX)
            server.drop(INDEX)
            server.drop(sigma.INDEX)


def _wanted(names: str) -> list[str]:
    wanted = names.split(",")
    unknown = [name for name in wanted if name not in WORKLOADS]
    if unknown:
        sys.exit(f"no such workload: {', '.join(unknown)}; known: {', '.join(WORKLOADS)}")
    return wanted


def _run(args: argparse.Namespace, wanted: Sequence[str], place: Place) -> dict[str, Any]:
    """Run what needs a server; return its sections, and the versions of what ran."""
    peer = None if args.no_peer else install()
    bench = Bench(place, peer, QUICK if args.quick else FULL)
    minutes = args.minutes or (2 if args.quick else 10)
    other: dict[str, Callable[[], dict[str, Any]]] = {
        "w4": lambda: live.run(place, rules=200 if args.quick else 2_000, minutes=minutes, rate=bench.sizes.rate),
        "sigma": lambda: sigma.run(place, quick=args.quick),
        "startup": lambda: startup.run(place, peer, rules=100 if args.quick else 1_000),
    }
    sections: list[dict[str, Any]] = []
    for name in WORKLOADS:
        if name in wanted and name not in ALONE:
            sections += [other[name]()] if name in other else bench.run(name)
    versions = {"Elasticsearch": place.server.version}
    versions |= {"ElastAlert 2": peer.version, "Python (ElastAlert)": peer.python} if peer else {}
    return {"versions": versions, "sections": sections}


def _about() -> dict[str, Any]:
    """Return what a reader needs to judge figures (date, command, machine, versions), and no sections yet."""
    cpu = next(
        (li for li in Path("/proc/cpuinfo").read_text().splitlines() if li.startswith("model name")), ": unknown"
    )
    memory = int(Path("/proc/meminfo").read_text().split()[1]) // 2**20
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "command": "python -m benchmarks " + " ".join(sys.argv[1:]),
        "machine": f"{os.cpu_count()} x {cpu.partition(': ')[2]}, {memory} GB",
        "versions": {"Python (alerter, floor)": platform.python_version()},
        "sections": [],
    }


if __name__ == "__main__":
    sys.exit(main())
