"""A day of rules replayed in process: the production engine, at every nominal instant, over events in memory.

Each rule gets a reader and a state of its own; the documents are loaded once. A message counts as sent once it is
written, as it would be by the next minute. Prints one result for the parent.
"""

from __future__ import annotations

import json
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from alerter.config import Settings
from alerter.engine.tick import Engine
from alerter.model.incident import Checkpoint, DeliveryState, Incident
from alerter.model.rule import Rule
from alerter.routing.tree import console_routing
from alerter.ruleset.load import load_rules
from alerter.schedule import instants
from alerter.sources.embedded import EmbeddedSource
from alerter.sources.reader import Reader
from alerter.state.memory import MemoryState
from alerter.state.protocol import Version
from benchmarks.measure import RESULT, own_cpu, peak_mb


class Sent(MemoryState):
    """A state in which every message was sent when it is read again."""

    def save_incident(self, incident: Incident, version: Version | None) -> Version:
        """Write an incident, its planned messages as sent."""
        planned, sent = DeliveryState.PLANNED, DeliveryState.SENT
        done = tuple(replace(d, state=sent) if d.state is planned else d for d in incident.deliveries)
        return super().save_incident(replace(incident, deliveries=done), version)


def replay(rule: Rule, source: EmbeddedSource, start: int, end: int) -> dict[str, float]:
    """Evaluate a rule at each nominal instant in ``(start, end]``; return seconds, and how often and what it found."""
    state = Sent()
    state.save_checkpoint(Checkpoint(rule.name, rule.meaning(), evaluated=start, started=start), None)
    engine = Engine(Reader(source), state, console_routing(), gaps=False)
    runs = 0
    cpu, began = own_cpu(), time.perf_counter()
    for at in instants(rule.schedule, start, end):
        failures = engine.tick([rule], at + rule.query_delay).failures
        if failures:
            sys.exit(f"{rule.name}: {failures[0].reason}")
        runs += 1
    used = {"wall": time.perf_counter() - began, "cpu": own_cpu() - cpu}
    found = {"runs": runs, "incidents": len(state.incidents())}
    return used | found


def main() -> None:
    """Replay the rules of the spec named on the command line: ``rules`` (a folder), ``data``, ``start`` and ``end``."""
    spec: dict[str, Any] = json.loads(Path(sys.argv[1]).read_text())
    source = EmbeddedSource([spec["data"]])
    rules = load_rules((Path(spec["rules"]),), Settings()).rules
    found = {rule.name: replay(rule, source, spec["start"], spec["end"]) for rule in rules}
    print(RESULT + json.dumps({"rules": found, "events": source.events, "peak_mb": peak_mb()}), flush=True)


if __name__ == "__main__":
    main()
