"""Runs under ElastAlert's own Python: its unmodified classes over simulated minutes.

One thing is replaced, the name ``ts_now`` in its modules, so that "now" is the simulated minute. Each step is its own
``run_all_rules()``: pending alerts, every rule, changed files; one thread, without its scheduler.
"""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from benchmarks.measure import play


def main() -> None:
    """Play the spec named on the command line."""
    import elastalert.elastalert as program
    import elastalert.ruletypes as types
    import elastalert.util as util

    spec: dict[str, Any] = json.loads(Path(sys.argv[1]).read_text())
    now = [_moment(spec["span"])]
    for module in (program, types, util):
        module.ts_now = lambda: now[0]
    client = program.ElastAlerter(["--config", spec["config"]])
    client.running = True
    for rule in client.rules:
        rule["initial_starttime"] = _moment(spec["begin"])  # what start() does with --start

    def step(at: int) -> None:
        now[0] = _moment(at)
        client.run_all_rules()

    play(spec, step, lambda: {"rules": len(client.rules), "failed": len(client.disabled_rules)})


def _moment(at: int) -> datetime:
    """Return the instant and one millisecond more.

    ElastAlert writes a bound without milliseconds when there are none, and the server rounds such a bound up by 999.
    """
    return datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=at + 1)


if __name__ == "__main__":
    main()
