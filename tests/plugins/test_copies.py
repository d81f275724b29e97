"""What plug-ins do to the events, facts and options that they are given reaches nobody else."""

from __future__ import annotations

from typing import Any

import pytest

from alerter.clock import MINUTE
from alerter.engine.dryrun import dry_run
from alerter.model.rule import Custom, Realert, Rule
from alerter.sources.embedded import EmbeddedSource
from alerter.testing import rule
from tests.engine.support import T0, World, documents, routing, single
from tests.plugins.conftest import Install

CODE = """
def takes(window):
    window.options["least"]["number"] += 1
    number = 0
    for event in window.events:
        number += event.fields.pop("paid", None) is not None
        event.fields["order"]["items"].append("more")
        number += 100 * (len(event.fields["order"]["items"]) - 2)
    return {"number": number, "least": window.options["least"]["number"]}

def spoils(match):
    match.facts["list"].clear() if "list" in match.facts else None
    match.event.clear()
    match.events[0].clear() if match.events else None
    return {"list": [1, 2], "left": len(match.event)}

def looks(match):
    match.facts["list"].append(3)
    return {"shown": dict(match.event)}

def counts(match):
    return {"length": len(match.facts["list"])}
"""
ALL = Realert(0, written=True)
POINTS = {
    "alerter.rule_types": {"takes": "copies:takes"},
    "alerter.enhancements": {n: f"copies:{n}" for n in ("spoils", "looks", "counts")},
}


@pytest.fixture(autouse=True)
def plugins(install: Install) -> None:
    """Install the plug-ins."""
    install(CODE, POINTS, "copies")


def run(tested: Rule, events: list[dict[str, Any]]) -> Any:
    return dry_run(tested, EmbeddedSource(documents=events), routing(), T0 - 1, T0 + 5 * MINUTE)


def test_a_rule_type_that_changes_its_window_finds_the_same_live_as_in_a_dry_run() -> None:
    """Windows that overlap hold the same events; each is given its own copies, nested ones and options too."""
    tested = rule(Custom("takes", 2 * MINUTE, {"least": {"number": 0}}), type="takes", domain="user", realert=ALL)
    events = documents([10, 70, 75, 110], paid=True, order={"items": ["a"]})
    found = run(tested, events)
    assert [(m.facts["number"], m.facts["least"]) for m in found.matches[:4]] == [(0, 1), (1, 1), (4, 1), (3, 1)]
    world = World(events, [tested])
    world.engine.tick([tested], T0 - 1 + tested.query_delay)
    for seconds in range(0, 301, 60):
        world.tick(seconds)
    live = sorted((str(d.kind), d.at, d.text) for d in world.deliveries())
    assert live == sorted((str(d.kind), d.at, d.text) for i in found.incidents for d in i.deliveries)


def test_an_enhancement_that_changes_a_match_changes_it_for_itself_alone() -> None:
    """The next one is shown the event and the facts as they are."""
    found = run(single(enhancements=("spoils", "looks", "counts"), realert=ALL), documents([1], user="eve"))
    (match,) = found.matches
    assert match.facts["shown"]["user"] == "eve"
    assert match.facts["list"] == [1, 2]
    assert match.facts["length"] == 2
