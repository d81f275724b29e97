"""Loads a folder of rules, and with a server evaluates all of them once; prints one result for the parent."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from alerter.access import EsAccess
from alerter.config import Settings
from alerter.engine.tick import Engine
from alerter.model.incident import Checkpoint
from alerter.model.rule import Rule
from alerter.routing.tree import console_routing
from alerter.ruleset.load import load_rules
from alerter.sources.open import open_elasticsearch
from alerter.sources.reader import Reader
from alerter.state.sqlite import SqliteState
from benchmarks.measure import RESULT, own_cpu


def main() -> None:
    """Do what the spec named on the command line says: ``rules``, and for a pass ``url``, ``events``, the span."""
    spec: dict[str, Any] = json.loads(Path(sys.argv[1]).read_text())
    loaded = load_rules([Path(spec["rules"])], Settings())
    errors = [d.text() for d in loaded.diagnostics if d.severity == "error"]
    if errors:
        sys.exit("\n".join(errors[:5]))
    found: dict[str, Any] = {"rules": len(loaded.rules)}
    if "url" in spec:
        found |= _pass(loaded.rules, spec)
    print(RESULT + json.dumps(found), flush=True)


def _pass(rules: Sequence[Rule], spec: dict[str, Any]) -> dict[str, Any]:
    """Evaluate every rule once, up to the end of the span."""
    state = SqliteState(":memory:")
    state.init()
    for rule in rules:
        start = spec["start"]
        state.save_checkpoint(Checkpoint(rule.name, rule.meaning(), evaluated=start, started=start), None)
    source = open_elasticsearch(Settings(es=EsAccess(urls=(spec["url"],))))
    engine = Engine(Reader(source), state, console_routing())
    cpu, began = own_cpu(), time.perf_counter()
    ticked = engine.tick(rules, spec["end"] + 2_000)
    found = {"wall": time.perf_counter() - began, "cpu": own_cpu() - cpu}
    why = sorted({failure.reason[:200] for failure in ticked.failures})
    for reason in why[:5]:
        print(f"sigma: fails: {reason}", file=sys.stderr)
    counted = {"requests": source.requests, "incidents": len(state.incidents()), "failed": len(ticked.failures)}
    source.close()
    return found | counted


if __name__ == "__main__":
    main()
