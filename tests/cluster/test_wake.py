"""An engine that is paused in the middle of something and wakes as another one: nothing of before is gone on with."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from alerter.clock import MINUTE, SECOND
from alerter.engine.books import Books
from tests.cluster.services import NAMES, Fleet, Process, pass_time
from tests.delivery.fakes import FakeNotifier


@pytest.fixture
def fleet(tmp_path) -> Fleet:
    return Fleet(tmp_path)


class Order(FakeNotifier):
    """A place all engines send to; something happens before it gives its first answer."""

    def __init__(self, there: list[str], happens: Callable[[], None] = lambda: None) -> None:
        super().__init__(kind="console", there=there)
        self._happens = happens

    def post(self, message):
        posted = super().post(message)
        happens, self._happens = self._happens, lambda: None
        happens()
        return posted


def beat_on(length: int, *engines: Process) -> None:
    """Let time pass in which all live and none evaluates."""
    for _ in range(length // (2 * SECOND)):
        for engine in engines:
            engine.clock.advance(2 * SECOND)
            engine.service.fleet.beat()


def paused(one: Process, two: Process, length: int, *, takes: bool = True, passes: bool = True) -> None:
    """Pause the first engine; the other one takes over meanwhile, or is about to; the first wakes as another one."""
    before = one.service.fleet.session
    for _ in range(length // (2 * SECOND)):
        two.clock.advance(2 * SECOND)
        changing = two.service.renew()
        if takes:
            two.service.tick(changing)
    if takes and passes:
        pass_time(0, two)
    assert takes is (two.holds() == set(NAMES))
    one.clock.advance(length)
    one.service.fleet.beat()
    assert one.service.fleet.session != before


@pytest.mark.parametrize("takes", [True, False])
def test_an_evaluation_of_before_is_not_written_after(fleet, monkeypatch, takes):
    """Late events that only the successor saw decide; what the woken engine had evaluated is given up."""
    one, two = fleet.process("one"), fleet.process("two")
    pass_time(12 * SECOND, one, two)
    mine, due = one.holds(), one.clock.now() + SECOND
    fleet.happen(due + 10 * SECOND)
    beat_on(70 * SECOND, one, two)
    real, before = Books.write, {}

    def write(self, stories, failed):
        monkeypatch.setattr(Books, "write", real)
        fleet.happen(due + 5 * SECOND)
        paused(one, two, 20 * SECOND, takes=takes)
        before.update(incidents=fleet.state.incidents(), checkpoints=fleet.state.checkpoints(NAMES))
        return real(self, stories, failed)

    monkeypatch.setattr(Books, "write", write)
    report = one.service.tick(one.service.project.rules)
    assert {failure.kind for failure in report.failures} == {"fenced"}
    assert len(report.failures) == len(mine) > 0
    assert report.decisions == []
    assert fleet.state.incidents() == before["incidents"]
    assert fleet.state.checkpoints(NAMES) == before["checkpoints"]
    pass_time(12 * SECOND, two, one)
    pass_time(MINUTE, two, one)
    assert sorted(v.value.rule for v in fleet.state.incidents()) == sorted(NAMES)
    assert fleet.told() == {name: ["firing"] for name in NAMES}


@pytest.mark.parametrize("takes", [True, False])
def test_checkpoints_of_before_are_not_written_after(fleet, monkeypatch, takes):
    """The pause may come after the incidents' writes as well."""
    one, two = fleet.process("one"), fleet.process("two")
    pass_time(12 * SECOND, one, two)
    beat_on(MINUTE, one, two)
    real, before = Books.write, {}

    def write(self, stories, failed):
        monkeypatch.setattr(Books, "write", real)
        done = real(self, stories, failed)
        paused(one, two, 20 * SECOND, takes=takes)
        before.update(fleet.state.checkpoints(NAMES))
        return done

    monkeypatch.setattr(Books, "write", write)
    one.service.tick(one.service.project.rules)
    assert fleet.state.checkpoints(NAMES) == before
    assert one.holds() == set()


def test_a_pass_of_before_sends_nothing_after(fleet):
    """Paused during its first call it wakes with a list of before: the rest is its successor's."""
    one, two = fleet.process("one"), fleet.process("two")
    pass_time(12 * SECOND, one, two)
    fleet.happen(one.clock.now() + SECOND)
    beat_on(70 * SECOND, one, two)
    one.service.tick(one.service.project.rules)
    assert len(one.holds()) > 1
    there: list[str] = []
    first = Order(there, lambda: paused(one, two, 20 * SECOND, passes=False))
    second = Order(there)
    one.service.courier.notifiers["here"], two.service.courier.notifiers["here"] = first, second
    one.service.deliver()
    assert first.done == ["post"]
    for _ in range(30):
        pass_time(2 * SECOND, two)
    assert fleet.told() == {name: ["firing"] for name in NAMES}
    assert second.done.count("post") == len(NAMES) - 1
    assert len(set(there)) == len(there) == len(NAMES)
