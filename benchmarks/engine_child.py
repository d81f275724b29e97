"""alerter over simulated minutes: the production service with its clock set to each of them.

At each instant (and ``query_delay`` later, so that the instant itself is due) every rule is ticked once; then delivery
runs as often as the process would run it until the next minute.
"""

from __future__ import annotations

import json
import logging
import os
import sys
from pathlib import Path
from typing import Any

from alerter.clock import MINUTE, SECOND, ManualClock
from alerter.config import load_settings
from alerter.project import load_project
from alerter.runner import DELIVER_SECONDS, settle_memory
from alerter.service import Service
from alerter.sources.open import open_source
from alerter.state.open import open_state
from benchmarks.measure import own_cpu, play


def main() -> None:
    """Play the spec named on the command line."""
    spec: dict[str, Any] = json.loads(Path(sys.argv[1]).read_text())
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr)
    settings = load_settings(spec["config"], {**os.environ, "ALERTER_ES_URL": spec["url"]})
    project = load_project(settings)
    if project.errors:
        sys.exit("\n".join(found.text() for found in project.errors))
    clock = ManualClock(spec["begin"] + settings.query_delay)
    source, state = open_source(settings), open_state(settings)
    state.init()
    service = Service(settings, project, source, state, clock)
    service.tick(service.project.rules)  # the first checkpoint: matches count from here on
    settle_memory()
    failed = 0
    delivering = 0.0

    def step(at: int) -> None:
        nonlocal failed, delivering
        clock.set(at + settings.query_delay)
        report = service.tick(service.project.rules)
        failed += len(report.failures) if report else len(service.project.rules)
        before = own_cpu()
        for _ in range(int(MINUTE / SECOND / DELIVER_SECONDS) if at in counted else 1):
            service.deliver()
            clock.advance(DELIVER_SECONDS * SECOND)
        delivering += own_cpu() - before if at in counted else 0

    counted = set(spec["passes"])
    play(
        spec,
        step,
        lambda: {
            "rules": len(service.project.rules),
            "failed": failed,
            "delivering": delivering,
            "asked": source.requests,
        },
    )
    state.close()
    source.close()


if __name__ == "__main__":
    main()
