"""``python -m tests.simulation``: run seeds, or one seed with everything that happens in it."""

from __future__ import annotations

import argparse
import logging
import sys
import time

from tests.simulation.history import KINDS, History
from tests.simulation.judge import judge


def main() -> int:
    """Run what was asked for; 1 when anything was wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--kind", choices=KINDS, action="append", help="kinds of faults (default: all)")
    parser.add_argument("--seed", type=int, help="run this one only")
    parser.add_argument("--start", type=int, default=0, help="first seed")
    parser.add_argument("--count", type=int, default=1_000, help="seeds of each kind")
    parser.add_argument("--trace", action="store_true", help="print everything that happens")
    asked = parser.parse_args()
    logging.disable(logging.NOTSET if asked.trace else logging.CRITICAL)
    first = asked.start if asked.seed is None else asked.seed
    count = asked.count if asked.seed is None else 1
    failed = sum(_run(kind, range(first, first + count), asked.trace) for kind in asked.kind or KINDS)
    return 1 if failed else 0


def _run(kind: str, seeds: range, traced: bool) -> int:
    began, failed, faults = time.process_time(), 0, 0
    for seed in seeds:
        history = History(kind, seed, traced=traced)
        history.run()
        faults += history.happened
        wrong = judge(history)
        for line in history.trace:
            print(line)
        if wrong:
            failed += 1
            print(f"--kind {kind} --seed {seed}: " + "; ".join(wrong[:3]))
    spent = time.process_time() - began
    print(f"{kind}: {len(seeds)} histories, {faults} faults, {failed} wrong, {spent * 1000 / len(seeds):.1f} ms each")
    return failed


sys.exit(main())
