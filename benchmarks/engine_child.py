"""alerter over simulated minutes: the production service with its clock set to each of them.

At each instant (and ``query_delay`` later, so that the instant itself is due) every rule is ticked once; then delivery
runs as often as the process would run it until the next minute, and the engine beats as often as it would, since it
sends nothing without. The beats are a cost of the engine, not of a rule's run: they are counted for themselves.
"""

from __future__ import annotations

import json
import logging
import os
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from alerter.clock import MINUTE, SECOND, ManualClock
from alerter.config import load_settings
from alerter.model.incident import DeliveryState
from alerter.project import load_project
from alerter.runner import DELIVER_SECONDS, settle_memory
from alerter.service import Service
from alerter.sources.open import open_source
from alerter.state.open import open_state
from alerter.state.protocol import State
from benchmarks.measure import Aside, own_cpu, play

LAST_PASSES = 60
"""Delivery passes after the last instant, none of them counted, for what was planned then."""
TOLD = (DeliveryState.SENT, DeliveryState.DROPPED)


class Player:
    """Takes the service through the instants of a spec; what ``counted`` ones cost is kept."""

    def __init__(self, service: Service, clock: ManualClock, spec: dict[str, Any]) -> None:
        self.service = service
        self.clock = clock
        self._counted = frozenset(spec["passes"])
        self._begun = clock.monotonic()
        self.beats = Aside(spec)
        self.failed = 0
        self.delivering = 0.0

    def step(self, at: int) -> None:
        """Evaluate every rule at an instant, and deliver until the next one; after a warm instant once."""
        self.clock.set(at + self.service.settings.query_delay)
        rules = self.service.project.rules
        report = self.service.tick(rules)
        self.failed += len(report.failures) if report else len(rules)
        if at in self._counted:
            self._begun = self.clock.monotonic()
            for _ in range(int(MINUTE / SECOND / DELIVER_SECONDS)):
                self._beat()
                self.delivering += self._deliver()
        else:
            self.service.renew()
            self._deliver()

    def finish(self) -> None:
        """Deliver what is left. Ends the process when anything planned was not delivered."""
        for _ in range(LAST_PASSES):
            self.service.renew()
            self._deliver()

    def _beat(self) -> None:
        if (self.clock.monotonic() - self._begun) % self.service.fleet.interval == 0:
            self.beats.run(self.service.renew)

    def _deliver(self) -> float:
        """Run one pass, and let the time until the next one go by; return the CPU seconds of the pass."""
        before = own_cpu()
        self.service.deliver()
        used = own_cpu() - before
        self.clock.advance(DELIVER_SECONDS * SECOND)
        return used


def undelivered(state: State) -> Counter[str]:
    """Count by their state the messages that were planned and neither sent nor dropped for a reason."""
    deliveries = (delivery for stored in state.incidents() for delivery in stored.value.deliveries)
    return Counter(delivery.state.value for delivery in deliveries if delivery.state not in TOLD)


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
    player = Player(service, clock, spec)

    def after() -> dict[str, Any]:
        player.finish()
        left = undelivered(state)
        if left:
            sys.exit(f"messages that were not delivered: {dict(left)}")
        found = {"rules": len(service.project.rules), "failed": player.failed, "delivering": player.delivering}
        return found | {"asked": source.requests}

    play(spec, player.step, after, player.beats)
    state.close()
    source.close()


if __name__ == "__main__":
    main()
