"""Whole services on one state and one file of events, each with its own clock."""

from __future__ import annotations

import json
from pathlib import Path

from alerter.clock import SECOND
from alerter.config import load_settings
from alerter.project import load_project
from alerter.service import Service
from alerter.sources.embedded import EmbeddedSource
from alerter.state.sqlite import SqliteState
from alerter.timetext import iso, parse_instant
from tests.cluster.clocks import SharedClock

T0 = parse_instant("2026-03-10T11:00:00Z")
NAMES = [f"storm {n}" for n in range(8)]
RULE = "name: {name}\ntype: frequency\nindex: logs\nnum_events: 3\ntimeframe: 1m\nrealert: 1m\nresolve_after: 1h\n"
ROUTES = "route: {receiver: here}\nreceivers:\n  - name: here\n    console: {}\n"


class Process:
    """One engine's service; ``rules`` is its folder of rules."""

    def __init__(self, folder: Path, name: str, state: SqliteState, rules: str = "rules") -> None:
        text = f"rules: {rules}\nnotifiers: notifiers\ndata: [events.ndjson]\nquery_delay: 0s\ninstance: {name}\n"
        file = folder / f"{name}.yaml"
        file.write_text(text)
        self.settings = load_settings(str(file), {})
        self.clock = SharedClock(T0)
        self.state = state
        self.start()

    def start(self, *, guest: bool = False) -> None:
        """Begin as a process does that knows nothing."""
        project = load_project(self.settings)
        self.service = Service(self.settings, project, EmbeddedSource(), self.state, self.clock, guest=guest)
        self.service.fleet.beat()

    def holds(self) -> set[str]:
        """Return the rules whose leases this engine has."""
        return {name for name in NAMES if self.service.checkpoints.holds(name)}


def pass_time(length: int, *engines: Process) -> None:
    """Let all beat as their pacemakers do, and rules change hands; then all tick and deliver."""
    for _ in range(length // (2 * SECOND)):
        for engine in engines:
            engine.clock.advance(2 * SECOND)
            engine.service.tick(engine.service.renew())
    for engine in engines:
        engine.service.tick(engine.service.project.rules)
        engine.service.deliver()


class Fleet:
    """A folder of rules, a file of events, a state, and engines over them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for place, names in (("rules", NAMES), ("fewer", NAMES[:-1])):
            (folder / place).mkdir()
            for n, name in enumerate(names):
                (folder / place / f"{n}.yaml").write_text(RULE.format(name=name))
        (folder / "notifiers").mkdir()
        (folder / "notifiers" / "routes.yaml").write_text(ROUTES)
        (folder / "events.ndjson").write_text("")
        self.state = SqliteState(":memory:")
        self.state.init()

    def process(self, name: str, rules: str = "rules") -> Process:
        return Process(self.folder, name, self.state, rules)

    def happen(self, at: int, number: int = 3) -> None:
        """Append events of an instant."""
        with (self.folder / "events.ndjson").open("a") as file:
            file.write((json.dumps({"@timestamp": iso(at)}) + "\n") * number)

    def told(self) -> dict[str, list[str]]:
        """Return the kinds of all messages sent, by rule."""
        found: dict[str, list[str]] = {}
        for stored in self.state.incidents():
            sent = [str(d.kind) for d in stored.value.deliveries if str(d.state) == "sent"]
            found.setdefault(stored.value.rule, []).extend(sent)
        return found
