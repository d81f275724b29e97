"""``alerter run --once`` as a process has it, with its pacemaker: slow, failing, beside other engines."""

from __future__ import annotations

import io
from collections.abc import Callable
from contextlib import redirect_stderr

import pytest

from alerter.cli.main import main
from alerter.clock import MINUTE, SECOND
from alerter.cluster.pacemaker import Pacemaker
from alerter.errors import UsageError
from alerter.runner import Runner
from alerter.sources.reader import Reader
from alerter.state.protocol import StateError
from tests.cluster.services import NAMES, Fleet, Process


@pytest.fixture
def fleet(tmp_path, monkeypatch) -> Fleet:
    """Return a fleet whose state stays open from run to run."""
    made = Fleet(tmp_path)
    monkeypatch.setattr("alerter.runner.open_state", lambda _settings: made.state)
    monkeypatch.setattr("alerter.runner.configure_logging", lambda _settings: None)
    monkeypatch.setattr(made.state, "close", lambda: None)
    return made


def once(process: Process) -> int:
    """Run a process to its end; returns the exit code."""
    return Runner(process.settings, once=True, clock=process.clock).run()


def begin(fleet: Fleet) -> Process:
    """Give every rule its first checkpoint, then events that make it fire a minute later."""
    process = fleet.process("one")
    process.service.fleet.leave()
    once(process)
    fleet.happen(process.clock.now() + SECOND)
    process.clock.advance(MINUTE)
    return process


def slow(seconds: int, process: Process) -> Callable[..., object]:
    """Return a reading of events that takes so long on the process's clock."""
    real = Reader.open

    def read(self, readings):
        process.clock.advance(seconds * SECOND)
        return real(self, readings)

    return read


@pytest.mark.parametrize("seconds", [0, 5, 120])
def test_a_slow_evaluation_is_written_and_told(fleet, monkeypatch, seconds):
    """It beats while it evaluates, for longer than its leases are good for without: everything is told, at once."""
    process = begin(fleet)
    monkeypatch.setattr(Reader, "open", slow(seconds, process))
    assert once(process) == 0
    assert fleet.told() == {name: ["firing"] for name in NAMES}
    assert fleet.state.members() == {}
    assert {v.value.owner for v in fleet.state.checkpoints(NAMES).values()} == {""}


@pytest.mark.parametrize("guest", [True, False])
def test_what_a_dead_engine_holds_is_waited_for(fleet, guest):
    """A killed run, or a killed service, holds up the next run by its ttl, not for ever."""
    process = begin(fleet)
    dead = fleet.process("dead")
    dead.start(guest=guest)
    dead.service.tick(dead.service.project.rules)
    assert dead.holds() == set(NAMES)
    process.clock.advance(10 * MINUTE)
    assert once(process) == 0
    assert fleet.told() == {name: ["firing"] for name in NAMES}
    assert fleet.state.members() == {}


def test_a_living_engine_is_not_waited_for(fleet, caplog):
    """What it holds is left to it as soon as it is heard of, and said."""
    process = begin(fleet)
    service = fleet.process("service")
    service.clock = process.clock
    service.start()
    pacemaker = Pacemaker(service.service.renew, service.service.fleet.interval, service.clock, lambda _: None)
    service.service.tick(service.service.project.rules)
    began = process.clock.monotonic()
    pacemaker.start()
    try:
        with caplog.at_level("INFO", "alerter.runner"):
            assert once(process) == 0
    finally:
        pacemaker.stop()
    assert process.clock.monotonic() - began < service.settings.lease_ttl
    assert fleet.told() == {name: [] for name in NAMES}
    assert "8 rules are left to other engines: service" in caplog.text
    service.service.deliver()
    assert fleet.told() == {name: ["firing"] for name in NAMES}


@pytest.mark.parametrize("method", ["init", "members", "save_member", "checkpointed", "incidents", "unfinished"])
def test_a_state_that_fails_ends_it_with_a_message(fleet, monkeypatch, tmp_path, method):
    """Exit code 2 and the reason, whatever of the state it is that fails; no traceback."""
    begin(fleet)

    def boom(*_: object, **__: object) -> None:
        raise StateError("busy", "429: too many requests", "is it overloaded?")

    monkeypatch.setattr(fleet.state, method, boom)
    said = io.StringIO()
    with redirect_stderr(said):
        assert main(["run", "--once", "--config", str(tmp_path / "one.yaml")]) == 2
    assert "429: too many requests" in said.getvalue()
    assert "Traceback" not in said.getvalue()


@pytest.mark.parametrize("kind", ["unreachable", "denied", "busy", "incomplete", "fenced"])
def test_checkpoints_that_cannot_be_written_end_it_with_the_reason(fleet, monkeypatch, kind):
    """Every rule was evaluated and nothing was kept: that is no success."""
    process = begin(fleet)

    save, now = fleet.state.save_checkpoints, process.clock.now()

    def boom(written):
        if any(checkpoint.evaluated == now for checkpoint, _ in written):
            raise StateError(kind, "the disk is gone")
        return save(written)

    monkeypatch.setattr(fleet.state, "save_checkpoints", boom)
    with pytest.raises(UsageError) as refused:
        once(process)
    assert "the disk is gone" in refused.value.message


def test_a_name_taken_by_another_run_is_said(fleet, monkeypatch):
    """Two runs of one name at a time: the earlier one stops with the remedy."""
    process = begin(fleet)
    real = Reader.open

    def meanwhile(self, readings):
        other = fleet.process("one")
        other.start(guest=True)
        process.clock.advance(3 * SECOND)
        return real(self, readings)

    monkeypatch.setattr(Reader, "open", meanwhile)
    with pytest.raises(UsageError) as refused:
        once(process)
    assert "ALERTER_INSTANCE" in refused.value.hint
