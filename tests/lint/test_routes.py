"""Lints of rules and routes together: what is reached, what never is, and what is left alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from alerter.config import Settings
from alerter.lint.model import Scene
from alerter.lint.registry import ROUTED
from alerter.lint.rules import untested_rule
from alerter.ruleset.checking import check

RULE = "name: {name}\ntype: frequency\nindex: logs\nnum_events: 5\ntimeframe: 5m\n"
ROUTES = """
route:
  receiver: default
  routes: {routes}
receivers:
  - {{name: default, console: {{}}}}
  - {{name: other, console: {{}}}}
"""
CODES = {lint.id for lint in ROUTED}


def found(folder: Path, routes: str, **rules: str) -> list[tuple[str, str, int]]:
    """Return code, file and line of what is said of routes beside rules."""
    for part in ("rules", "notifiers"):
        (folder / part).mkdir(exist_ok=True)
    (folder / "notifiers/routes.yaml").write_text(ROUTES.format(routes=routes), encoding="utf-8")
    for name, text in rules.items():
        (folder / f"rules/{name}.yaml").write_text(RULE.format(name=name) + text, encoding="utf-8")
    settings = Settings(rules=(folder / "rules",), notifiers=(folder / "notifiers",), configured=True)
    result = check([], settings)
    return [(d.code, Path(d.file).name, d.line) for d in result.diagnostics if d.code in CODES]


@pytest.mark.parametrize(
    "routes",
    [
        '[{matchers: [domain="order"], receiver: other}]',
        '[{matchers: [severity=~"warn.*"], receiver: other}]',
        '[{matchers: [user.name="x"], receiver: other}]',
        '[{matchers: [team!="b"], receiver: other}]',
        '[{matchers: [tier="gold"], receiver: other}]',
        '[{matchers: [rule="a"], receiver: other}]',
    ],
)
def test_a_rule_that_may_reach_a_route(tmp_path: Path, routes: str) -> None:
    """By a constant, an expression, a key, an attribute of the event, or a label that it does not have."""
    text = "domain: order\nquery_key: user.name\nlabels: {tier: {field: t, map: {a: gold, b: tin}}}\n"
    assert ("default_route_only", "a.yaml", 1) not in found(tmp_path, routes, a=text)


@pytest.mark.parametrize(
    "routes",
    [
        '[{matchers: [domain="user"], receiver: other}]',
        '[{matchers: [tier="silver"], receiver: other}]',
        '[{matchers: [severity="warning", cause="pipeline"], receiver: other}]',
        '[{matchers: [severity="warning"], receiver: other, continue: false}, {matchers: [domain="x"]}]',
    ],
)
def test_a_rule_that_cannot(tmp_path: Path, routes: str) -> None:
    """Said at the rule; a route that it may reach is enough to be left alone."""
    text = "domain: order\nlabels: {tier: {field: t, map: {a: gold, b: tin}, default: tin}}\n"
    expected = [] if "continue" in routes else [("default_route_only", "a.yaml", 1)]
    assert [f for f in found(tmp_path, routes, a=text) if f[0] == "default_route_only"] == expected


def test_all_rules_at_the_default_are_said_once(tmp_path: Path) -> None:
    """Whoever has not begun with labels is told so, not once a rule."""
    names = found(tmp_path, '[{matchers: [domain="user"], receiver: other}]', a="", b="owner: x\n", c="owner: y\n")
    assert names == [("default_route_only", "a.yaml", 1)]


@pytest.mark.parametrize(
    ("routes", "codes"),
    [
        ('[{matchers: [domian="order"], receiver: other}]', ["unknown_label"]),
        ('[{matchers: [domian!="order"], receiver: other}]', []),
        ('[{matchers: [domian=~".*"], receiver: other}]', []),
        ('[{matchers: [user.name="x"], receiver: other}]', []),
        ('[{matchers: [sign="rules_failing"], receiver: other}]', []),
    ],
)
def test_labels_that_no_rule_has(tmp_path: Path, routes: str, codes: list[str]) -> None:
    """Misspelt ones; what also matches a missing label is meant so."""
    said = found(tmp_path, routes, a="domain: order\nquery_key: user.name\n")
    assert [code for code, _, _ in said if code != "default_route_only"] == codes


@pytest.mark.parametrize(
    ("routes", "codes"),
    [
        ('[{matchers: [a="1"], receiver: other}, {matchers: [a="1", b="2"]}]', ["unreachable_route"]),
        ('[{matchers: [a="1"], receiver: other, continue: true}, {matchers: [a="1", b="2"]}]', []),
        ('[{matchers: [a=~"1|2"], receiver: other}, {matchers: [a="2"]}]', ["unreachable_route"]),
        ('[{receiver: other}, {matchers: [a="2"]}]', ["unreachable_route"]),
        ('[{matchers: [a="1", a="2"], receiver: other}]', ["unreachable_route"]),
        ('[{matchers: [a="1", a!="1"], receiver: other}]', ["unreachable_route"]),
        ('[{matchers: [a="1", a=~"1|2"], receiver: other}]', []),
        ('[{matchers: [a="1"], receiver: other}, {matchers: [a="2"]}]', []),
        ("[]", ["unused_receiver"]),
    ],
)
def test_what_never_happens(tmp_path: Path, routes: str, codes: list[str]) -> None:
    """Routes behind others or against themselves, receivers that nobody names."""
    assert [code for code, _, _ in found(tmp_path, routes)] == codes


def test_a_rule_alone_meets_the_routes_of_the_settings(tmp_path: Path) -> None:
    """Checking one file compares it with all routes, and says nothing of their own findings."""
    found(tmp_path, '[{matchers: [domain="user"], receiver: other}]', a="", b="domain: user\n")
    (tmp_path / "notifiers/more.yaml").write_text("receivers: [{name: idle, console: {}}]", encoding="utf-8")
    settings = Settings(rules=(tmp_path / "rules",), notifiers=(tmp_path / "notifiers",), configured=True)
    result = check([tmp_path / "rules/a.yaml"], settings)
    assert [d.code for d in result.diagnostics if d.code in CODES] == ["default_route_only"]
    result = check([tmp_path / "notifiers/more.yaml"], settings)
    assert [(d.code, Path(d.file).name) for d in result.diagnostics] == [("unused_receiver", "more.yaml")]


def test_rules_without_a_test(tmp_path: Path) -> None:
    """Beside the rule or named by the test; while there is none at all it is said once."""
    found(tmp_path, "[]", a="", b="", c="")
    settings = Settings(rules=(tmp_path / "rules",))

    def untested() -> list[str]:
        return [Path(d.file).stem for d in check([], settings).diagnostics if d.code == "untested_rule"]

    assert untested() == ["a"]
    (tmp_path / "rules/a.test.yaml").write_text("tests: []", encoding="utf-8")
    assert untested() == ["b", "c"]
    (tmp_path / "rules/deep").mkdir()
    (tmp_path / "rules/deep/x.test.yml").write_text("rule: [../b.yaml]\ntests: []", encoding="utf-8")
    assert untested() == ["c"]


def test_no_rules_no_findings() -> None:
    """An empty scene is fine."""
    assert list(untested_rule(Scene(()))) == []
    assert [f for lint in ROUTED for f in lint.look(Scene(()))] == []
