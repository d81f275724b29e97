"""Start, stop and list the test servers: ``python -m tests.servers start|stop|status|fetch [NAME ...]``."""

from __future__ import annotations

import argparse
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from . import elastic, standin
from .access import fingerprint
from .home import Missing, home

NAMES = (*elastic.NODES, standin.NAME)


def main() -> int:
    """Run one command; exit 1 when a server that was named, or any but 9.2.0, cannot be had."""
    parser = argparse.ArgumentParser(prog="python -m tests.servers", description=__doc__)
    parser.add_argument("command", choices=("start", "stop", "status", "fetch"))
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one of {', '.join(NAMES)} (default: all)")
    args = parser.parse_args()
    unknown = [n for n in args.names if n not in NAMES]
    if unknown:
        parser.error(f"no such server: {', '.join(unknown)}; known: {', '.join(NAMES)}")
    names = args.names or list(NAMES)
    if args.command == "status":
        print("\n".join(describe(name) for name in names))
        return 0
    with ThreadPoolExecutor(max_workers=2) as pool:
        lines = list(pool.map(lambda name: _do(args.command, name, required=bool(args.names)), names))
    print("\n".join(text for _, text in lines))
    return 0 if all(ok for ok, _ in lines) else 1


def _do(command: str, name: str, *, required: bool) -> tuple[bool, str]:
    try:
        if command == "stop":
            ran = standin.stop() if name == standin.NAME else elastic.stop(elastic.NODES[name])
            return True, f"{name}: {'stopped' if ran else 'not running'}"
        if command == "fetch":
            found = standin.fetch() if name == standin.NAME else elastic.fetch(elastic.NODES[name].version)
            return True, f"{name}: {found}"
        if name == standin.NAME:
            standin.start_kept()
        else:
            elastic.start(elastic.NODES[name])
        return True, describe(name)
    except Missing as missing:
        return name == "es9" and not required, f"{name}: left out: {missing}"
    except RuntimeError as error:
        return False, f"{name}: {error}"


def describe(name: str) -> str:
    """Return the variables to export, what answers there, and for the secured node what trusts it."""
    if name == standin.NAME:
        return f"{name}: {standin.describe()}"
    node = elastic.NODES[name]
    if not (node.running() and node.healthy()):
        return f"{name}: not running"
    shown = {key: value for key, value in node.environment().items() if key != "ALERTER_ES_PASSWORD"}
    text = f"{name}: {' '.join(map('='.join, shown.items()))}\n  Elasticsearch {node.version}"
    if node.secure:
        text += f"\n  fingerprint {fingerprint(Path(node.ca_certs))}"
        text += f"\n  users and passwords: {node.folder / 'config' / 'credentials.json'}"
    return f"{text}\n  kept in {home()}"


if __name__ == "__main__":
    sys.exit(main())
