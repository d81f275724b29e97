"""``python -m tests.simulation``: run seeds, or one seed with everything that happens in it."""

from __future__ import annotations

import argparse
import sys
import time

from tests.simulation.history import KINDS
from tests.simulation.runs import quiet, run, traced


def main() -> int:
    """Run what was asked for; 1 when anything was wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--kind", choices=KINDS, action="append", help="kinds of histories (default: all)")
    parser.add_argument("--seed", type=int, help="run this one only")
    parser.add_argument("--start", type=int, default=0, help="first seed")
    parser.add_argument("--count", type=int, default=1_000, help="seeds of each kind")
    parser.add_argument("--minutes", type=float, help="go on with further seeds for so long")
    parser.add_argument("--trace", action="store_true", help="with --seed: print everything that happens")
    asked = parser.parse_args()
    kinds = asked.kind or list(KINDS)
    if asked.seed is not None and asked.trace:
        with quiet():
            lines = [line for kind in kinds for line in traced(kind, asked.seed)]
        print("\n".join(lines))
        return int(any(line.startswith("WRONG") for line in lines))
    if asked.seed is not None:
        return max(_some(kind, range(asked.seed, asked.seed + 1)) for kind in kinds)
    return _many(kinds, asked.start, asked.count, asked.minutes)


def _many(kinds: list[str], start: int, count: int, minutes: float | None) -> int:
    """Run so many seeds of each kind, and again further ones until the time is over."""
    until, wrong = time.monotonic() + 60 * (minutes or 0), 0
    while True:
        wrong += sum(_some(kind, range(start, start + count)) for kind in kinds)
        start += count
        if time.monotonic() >= until:
            return int(wrong > 0)


def _some(kind: str, seeds: range) -> int:
    runs = run(kind, seeds)
    for command, wrong in runs.wrong.items():
        print(f"{command}: {'; '.join(wrong[:3])}")
    print(runs, flush=True)
    return int(bool(runs.wrong))


sys.exit(main())
