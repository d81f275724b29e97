"""Rule types of installed packages: judged at nominal instants, the same live, after restarts and in a dry run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from alerter.clock import MINUTE
from alerter.config import Settings
from alerter.engine.dryrun import dry_run
from alerter.engine.tick import Engine
from alerter.model.incident import Change
from alerter.model.rule import Custom, Realert, Redaction, Rule
from alerter.ruleset.load import LoadedRules, load_rules
from alerter.sources import window_hits
from alerter.sources.embedded import EmbeddedSource
from alerter.sources.protocol import SourceError
from alerter.sources.reader import Reader
from alerter.testing import rule
from tests.engine.support import T0, World, documents, routing
from tests.plugins.conftest import Install

CODE = '''
seen = []

def pairs(window):
    """An order without a payment in the window."""
    seen.append(window)
    names = [event.fields["what"] for event in window.events]
    open_orders = names.count("order") - names.count("payment")
    if open_orders >= window.options.get("least", 1):
        return {"open": open_orders, "text": f"{open_orders} orders are not paid"}

def broken(window):
    raise KeyError("what")

def wrong(window):
    return 5

def any(window):
    return {"shadow": True}
'''
NAMES = ("pairs", "broken", "wrong", "any")
POINTS = {"alerter.rule_types": {**{n: f"type_plugins:{n}" for n in NAMES}, "gone": "type_plugins:gone"}}
ALL = Realert(0, written=True)


@pytest.fixture(autouse=True)
def types(install: Install) -> Path:
    """Install the rule types."""
    return install(CODE, POINTS, "type_plugins")


def pairs(plugin: str = "pairs", **settings: Any) -> Rule:
    options = settings.pop("options", {})
    return rule(Custom(plugin, 2 * MINUTE, options), **{"type": plugin, "domain": "user", "realert": ALL, **settings})


def orders(*named: tuple[float, str]) -> list[dict[str, Any]]:
    return [one for at, what in named for one in documents([at], what=what, till=int(at) % 2)]


EVENTS = orders((1, "order"), (30, "order"), (61, "payment"), (100, "payment"), (121, "order"), (400, "order"))


def run(tested: Rule, events: list[dict[str, Any]], seconds: float = 600) -> Any:
    return dry_run(tested, EmbeddedSource(documents=events), routing(), T0 - 1, T0 + round(seconds * 1000))


def test_each_window_of_a_nominal_instant_is_judged() -> None:
    """Windows are ``(t - timeframe, t]``, events in order of time; what is found is told in its own words."""
    found = run(pairs(), EVENTS)
    assert [((m.at - T0) // MINUTE, m.count, m.facts["open"]) for m in found.matches] == [
        (1, 2, 2), (4, 1, 1), (7, 1, 1), (8, 1, 1),
    ]  # fmt: skip
    first = found.incidents[0]
    assert "2 orders are not paid" in first.deliveries[0].text
    over = [(t.at - T0) // MINUTE for t in found.transitions if t.change is Change.RESOLVED]
    assert over == [2, 5, 9]
    import type_plugins

    window = next(w for w in type_plugins.seen if len(w.events) == 4)
    assert [e.fields["what"] for e in window.events] == ["order", "order", "payment", "payment"]
    assert window.events[0].at > window.start
    assert window.events[-1].at <= window.end


def test_options_and_keys_are_handed_on() -> None:
    """Each value of ``query_key`` is judged by itself, where it has events."""
    found = run(pairs(options={"least": 2}, query_key=("till",)), EVENTS)
    assert found.matches == ()
    found = run(pairs(query_key=("till",)), EVENTS)
    assert {m.key for m in found.matches} == {(("till", 0),), (("till", 1),)}


def test_a_rule_without_a_key_judges_empty_windows_too() -> None:
    """That nothing happened may be what is looked for."""
    run(pairs(), EVENTS, 900)
    import type_plugins

    assert [w.end.minute for w in type_plugins.seen if not w.events][-1] == 15


@pytest.mark.parametrize("step", [7, 60, 250])
def test_live_and_after_restarts_the_same_is_told(step: int) -> None:
    """Windows are read again: nothing is kept but the incident."""
    tested = pairs()
    world = World(EVENTS, [tested])
    world.engine.tick([tested], T0 - 1 + tested.query_delay)
    for seconds in [*range(0, 601, step), 600]:
        world.tick(seconds)
        world.engine = Engine(Reader(world.source), world.state, world.routing)
    dry = [(str(d.kind), d.at, d.text) for i in run(tested, EVENTS).incidents for d in i.deliveries]
    assert sorted((str(d.kind), d.at, d.text) for d in world.deliveries()) == sorted(dry)
    assert dry


def test_redacted_fields_are_hidden() -> None:
    """A rule type cannot print what nobody may see."""
    run(pairs(redact=Redaction(fields=("till",))), EVENTS)
    import type_plugins

    assert {e.fields["till"] for w in type_plugins.seen for e in w.events} == {"[redacted]"}


@pytest.mark.parametrize(("name", "said"), [("broken", "KeyError: 'what'"), ("wrong", "it must return None, or a map")])
def test_a_failing_rule_type_fails_its_rule_alone(name: str, said: str) -> None:
    """The others are evaluated, and it says what failed."""
    world = World(EVENTS, [pairs(name, name="bad"), pairs(name="good")])
    world.tick(0)
    report = world.tick(60)
    assert [(f.rule, f.kind) for f in report.failures] == [("bad", "plugin")]
    assert f"the rule type {name} failed: {said}" in report.failures[0].reason
    assert [d.kind for d in world.deliveries()] == ["firing"]


def test_too_many_events_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """None is left out, where they are of one window."""
    monkeypatch.setattr(window_hits, "MOST_DOCUMENTS", 3)
    with pytest.raises(SourceError, match="more than 3 events"):
        run(pairs(), EVENTS)


def loaded(folder: Path, text: str) -> LoadedRules:
    file = folder / "rule.yaml"
    file.write_text(f"name: r\nindex: logs\n{text}", encoding="utf-8")
    return load_rules([file], Settings())


def test_files_name_installed_types(tmp_path: Path) -> None:
    """A built-in type is never replaced by a plug-in of its name."""
    found = loaded(tmp_path, "type: pairs\ntimeframe: 2m\noptions: {least: 2}\n")
    assert found.rules[0].condition == Custom("pairs", 2 * MINUTE, {"least": 2})
    assert found.diagnostics == ()
    assert not isinstance(loaded(tmp_path, "type: any\n").rules[0].condition, Custom)


@pytest.mark.parametrize(
    ("text", "code", "place", "said"),
    [
        ("type: pairs\n", "missing_option", (3, 1), "timeframe"),
        ("type: pairs\ntimeframe: 0s\n", "duration", (4, 12), "longer than nothing"),
        ("type: pairs\ntimeframe: 2m\noptions: 5\n", "wrong_value", (5, 10), "5"),
        ("type: gone\ntimeframe: 2m\n", "custom_type", (3, 7), "AttributeError"),
        ("type: pears\n", "unknown_type", (3, 7), "did you mean pairs"),
        ("type: my.module.Rule\n", "custom_type", (3, 7), "alerter.rule_types"),
    ],
)
def test_what_cannot_be_evaluated_is_refused(
    tmp_path: Path, text: str, code: str, place: tuple[int, int], said: str
) -> None:
    """Each error has its place and says what to do."""
    (error,) = loaded(tmp_path, text).diagnostics
    assert (error.severity, error.code, error.line, error.column) == ("error", code, *place)
    assert said in error.message + error.hint


def test_the_example_of_the_docs_works(install: Install) -> None:
    """docs/plugins.md, installed as it stands there."""
    text = (Path(__file__).parents[2] / "docs" / "plugins.md").read_text(encoding="utf-8")
    code = next(part.split("```")[0] for part in text.split("```python\n") if "def unpaid" in part)
    assert 'unpaid = "shop_types:unpaid"' in text
    install(code, {"alerter.rule_types": {"unpaid": "shop_types:unpaid"}}, "shop_types")
    found = run(pairs("unpaid", options={"least": 2}), EVENTS)
    assert [m.facts["text"] for m in found.matches] == ["2 orders are not paid"]
