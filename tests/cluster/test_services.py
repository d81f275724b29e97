"""Two whole services on one state and one file of events; no threads, each with its own clock."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from alerter.clock import MINUTE, SECOND, ManualClock
from alerter.config import load_settings
from alerter.project import load_project
from alerter.service import Service
from alerter.sources.embedded import EmbeddedSource
from alerter.state.sqlite import SqliteState
from alerter.timetext import iso, parse_instant

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
        self.clock = ManualClock(T0)
        self.state = state
        self.start()

    def start(self) -> None:
        """Begin as a process does that knows nothing."""
        project = load_project(self.settings)
        self.service = Service(self.settings, project, EmbeddedSource(), self.state, self.clock)
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


@pytest.fixture
def fleet(tmp_path: Path) -> Fleet:
    return Fleet(tmp_path)


def test_each_rule_is_evaluated_and_told_by_one(fleet):
    """Two engines share the rules; every rule's incident is told once, by the engine that holds the rule."""
    one, two = fleet.process("one"), fleet.process("two")
    pass_time(12 * SECOND, one, two)
    assert one.holds() | two.holds() == set(NAMES)
    assert one.holds()
    assert two.holds()
    assert not one.holds() & two.holds()
    fleet.happen(one.clock.now() + SECOND)
    pass_time(2 * MINUTE, one, two)
    assert fleet.told() == {name: ["firing"] for name in NAMES}


def test_the_survivor_goes_on_with_the_incidents(fleet):
    """Killed without a word: within the ttl and two beats the other holds all rules; nothing is told again."""
    one, two = fleet.process("one"), fleet.process("two")
    pass_time(12 * SECOND, one, two)
    fleet.happen(one.clock.now() + SECOND)
    pass_time(2 * MINUTE, one, two)
    pass_time(10 * SECOND, two)  # the first is dead from here on
    assert two.holds() == set(NAMES)
    fleet.happen(two.clock.now() + 70 * SECOND)
    pass_time(2 * MINUTE, two)
    assert {tuple(kinds) for kinds in fleet.told().values()} == {("firing", "repeat")}
    assert len(fleet.state.incidents()) == len(NAMES)


def test_a_woken_engine_leaves_everything_to_its_successor(fleet):
    """Paused for longer than the ttl, it joins anew: no checkpoint of the successor is touched, nothing told twice."""
    one, two = fleet.process("one"), fleet.process("two")
    pass_time(12 * SECOND, one, two)
    fleet.happen(one.clock.now() + SECOND)
    pass_time(2 * MINUTE, two)
    assert two.holds() == set(NAMES)
    before = fleet.state.checkpoints(NAMES)
    one.clock.advance(2 * MINUTE)
    one.service.tick(one.service.project.rules)
    one.service.deliver()
    assert one.holds() == set()
    assert fleet.state.checkpoints(NAMES) == before
    pass_time(12 * SECOND, two, one)
    assert one.holds()
    assert one.holds() | two.holds() == set(NAMES)
    assert fleet.told() == {name: ["firing"] for name in NAMES}


def test_a_rule_is_removed_when_nobody_runs_it(fleet):
    """While another engine still runs a rule its incident stays open; it ends when that engine has gone for good."""
    old, new = fleet.process("old"), fleet.process("new", rules="fewer")
    pass_time(12 * SECOND, old, new)
    fleet.happen(old.clock.now() + SECOND)
    pass_time(2 * MINUTE, old, new)
    new.service.sweep(), new.service.sweep()
    assert fleet.told()[NAMES[-1]] == ["firing"]
    old.service.leave()
    pass_time(4 * SECOND, new)
    new.service.sweep()
    new.service.deliver()
    assert fleet.told()[NAMES[-1]] == ["firing"]  # the old engine may just be starting again
    new.service.sweep()
    new.service.deliver()
    assert fleet.told()[NAMES[-1]] == ["firing", "resolved"]
    assert set(fleet.state.checkpointed()) == set(NAMES[:-1])
