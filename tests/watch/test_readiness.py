"""What /readyz says while rules are not evaluated: always a reason, of the start, the state, the rules or the fleet."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from alerter.clock import MINUTE, SECOND, ManualClock, Millis
from alerter.engine.tick import TickReport
from alerter.model.rule import Rule
from alerter.runner import Runner
from alerter.service import Service
from alerter.sources.embedded import EmbeddedSource
from alerter.state.protocol import StateError
from tests.cluster.services import Fleet, pass_time
from tests.test_service import Case


def readyz(service: Service) -> str:
    """Return what /readyz answers; 200 if and only if it is ``ready``."""
    status, _, body = service.health.pages()["/readyz"]()
    text = body.decode().strip()
    assert (status == 200) is (text == "ready")
    return text


def test_an_engine_that_waits_for_its_state_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And while its first evaluation is under way."""
    case, said = Case(tmp_path), []
    service, init, tick = case.service, case.state.init, case.service.tick
    assert readyz(service) == "not ready: starting"

    class Waiting(ManualClock):
        """A clock on which the state is back after one wait."""

        def wait(self, length: Millis, wake: threading.Event | None = None) -> None:
            said.append(readyz(service))
            monkeypatch.setattr(case.state, "init", init)

    def refuse() -> list[str]:
        raise StateError("unreachable", "Elasticsearch cannot be reached")

    def first(rules: Sequence[Rule], *, punctual: bool) -> TickReport | None:
        said.append(readyz(service))
        return tick(rules, punctual=punctual)

    monkeypatch.setattr(case.state, "init", refuse)
    monkeypatch.setattr(service, "tick", first)
    runner = Runner(case.settings, once=False, clock=Waiting(case.clock.now()))
    still = SimpleNamespace(start=lambda: None)
    assert runner._become_ready(service, EmbeddedSource(), case.state, still)  # type: ignore[arg-type]
    assert said == [
        "not ready: waiting for the cluster: Elasticsearch cannot be reached",
        "not ready: waiting for the first evaluation",
    ]
    assert readyz(service) == "ready"


def test_an_engine_that_waits_for_a_dead_engines_rules_names_it(tmp_path: Path) -> None:
    """Until they are taken over."""
    fleet = Fleet(tmp_path)
    dead = fleet.process("dead")
    pass_time(4 * SECOND, dead)
    heir = fleet.process("heir")
    heir.service.tick(heir.service.project.rules)
    assert readyz(heir.service).startswith("not ready: waiting for the rules of dead")
    pass_time(12 * SECOND, heir)
    assert heir.holds()
    assert readyz(heir.service) == "ready"


def test_rules_that_never_gave_an_answer_are_a_reason(tmp_path: Path) -> None:
    """Of an engine that was ready before they would be the rules' own trouble."""
    case = Case(tmp_path)
    case.tick()
    case.service = case.start()
    broken = [replace(rule, filter=({"no such query": {}},)) for rule in case.service.project.rules]
    case.clock.advance(MINUTE)
    case.service.tick(broken)
    assert readyz(case.service).startswith("not ready: storm: ")
    case.tick()
    assert readyz(case.service) == "ready"
    case.clock.advance(MINUTE)
    case.service.tick(broken)
    assert readyz(case.service) == "ready"
