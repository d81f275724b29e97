"""A plug-in that hangs: its rule fails, loudly, and the rules beside it go on."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from alerter.model.rule import Custom, Realert, Rule
from alerter.plugins import waiting
from alerter.plugins.registry import PluginError
from alerter.testing import rule
from tests.engine.support import World, documents
from tests.plugins.conftest import Install

CODE = """
from threading import Event
go_on = Event()

def hangs(window):
    go_on.wait()
    return {"text": "at last"}

def slow(match):
    go_on.wait()

def quick(window):
    return {"text": "here"}
"""
POINTS = {
    "alerter.rule_types": {"hangs": "hanging_plugins:hangs", "quick": "hanging_plugins:quick"},
    "alerter.enhancements": {"slow": "hanging_plugins:slow"},
}
EVENTS = documents([1, 2])


@pytest.fixture(autouse=True)
def plugins(install: Install, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Install the plug-ins, and wait half a second for them."""
    monkeypatch.setattr(waiting, "LONGEST", 0.5)
    monkeypatch.setattr(waiting, "_hanging", {})
    return install(CODE, POINTS, "hanging_plugins")


def of_type(plugin: str, **settings: object) -> Rule:
    return rule(Custom(plugin, 120_000), type=plugin, name=plugin, realert=Realert(0, written=True), **settings)


def let_go(what: str) -> None:
    """Let the plug-in come back, and wait until it has."""
    import hanging_plugins

    hanging_plugins.go_on.set()
    answer = waiting._hanging[what]
    answer.put(answer.get(timeout=10))


def test_a_rule_type_that_hangs_fails_its_rule_alone() -> None:
    """It is given up once, not asked while it hangs, and evaluated from where it stood when it comes back."""
    rules = [of_type("hangs"), of_type("quick")]
    world = World(EVENTS, rules)
    world.tick(0)
    first, second = world.tick(60), world.tick(120)
    assert [(f.rule, f.kind) for f in (*first.failures, *second.failures)] == [("hangs", "plugin")] * 2
    assert "the rule type hangs failed: it gave no answer within 0.5 s" in first.failures[0].reason
    assert "an earlier call of it has not come back" in second.failures[0].reason
    assert {i.value.rule for i in world.state.incidents()} == {"quick"}
    assert first.costs["hangs"].seconds >= 0.5
    let_go("alerter.rule_types hangs")
    assert world.tick(180).failures == []
    assert {i.value.rule for i in world.state.incidents()} == {"hangs", "quick"}


def test_an_enhancement_that_hangs_fails_its_rule_alone() -> None:
    """Nothing of the rule is told meanwhile."""
    world = World(EVENTS, [of_type("quick", enhancements=("slow",))])
    world.tick(0)
    (failure,) = world.tick(60).failures
    assert "the enhancement slow failed: it gave no answer" in failure.reason
    assert world.deliveries() == []
    let_go("alerter.enhancements slow")
    world.tick(120)
    assert world.deliveries()[0].kind == "firing"


def test_what_a_plug_in_raises_is_raised() -> None:
    """In the thread that asks, which asks on as before."""

    def wrong(argument: str) -> None:
        raise ValueError(argument)

    with pytest.raises(ValueError, match="what"):
        waiting.call("a", wrong, "what")
    assert waiting.call("a", str.upper, "b") == "B"
    go_on = threading.Event()
    with pytest.raises(PluginError, match="no answer"):
        waiting.call("b", threading.Event.wait, go_on)
    assert waiting.call("a", str.upper, "c") == "C"
    go_on.set()
