"""What no test reaches: rules, branches of the routing tree, and thresholds seen from one side only."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from alerter.model.rule import Position, Rule
from alerter.routing.labels import labels_of
from alerter.routing.lint import walk
from alerter.routing.tree import Node, Routing
from alerter.ruleset.diagnostics import Diagnostic
from alerter.ruletest.nearness import nearness
from alerter.ruletest.suite import Result, Suite


@dataclass(frozen=True)
class Coverage:
    """The gaps as findings of severity info, and the totals behind them."""

    rules: int
    tested: int
    routes: int
    taken: int
    findings: tuple[Diagnostic, ...]

    def as_text(self) -> str:
        """Return a line per gap, then the totals."""
        lines = [f"{d.file}:{d.line}:{d.column}: {d.code}: {d.message}" for d in self.findings]
        totals = f"coverage: {self.tested} of {self.rules} rules have a test"
        return "\n".join([*lines, f"{totals}, {self.taken} of {self.routes} routes are taken"])

    def as_json(self) -> dict[str, Any]:
        """Return the same for programs."""
        return {
            "rules": {"all": self.rules, "tested": self.tested},
            "routes": {"all": self.routes, "taken": self.taken},
            "findings": [d.as_json() for d in self.findings],
        }


@dataclass
class _Sides:
    """What the tests of one rule showed of its threshold: fired, and how near it came without firing."""

    fired: bool = False
    asked_in_vain: bool = False
    near: bool = False
    closest: list[str] = field(default_factory=list)


def measure(paths: Sequence[Path], suite: Suite, results: Sequence[Result]) -> Coverage:
    """Compare what the tests reached with the rules below the paths and the routes that were used."""
    rules = suite.rules_below(paths)
    tested = {rule.name for result in results if result.trace for rule in result.rules}
    findings = [
        _finding(rule.position, "untested_rule", f"the rule {rule.name} has no test")
        for rule in rules
        if rule.name not in tested
    ]
    for rule in rules:
        if rule.name in tested:
            findings += _thresholds(rule, results)
    routings = list({id(r.routing): r.routing for r in results if r.trace}.values())
    routes = taken = 0
    for routing in routings:
        reached = _reached(routing, results)
        nodes = list(walk(routing.root))
        routes += len(nodes)
        taken += sum(node.path in reached for node in nodes)
        findings += [_untaken(node) for node in nodes if node.path not in reached]
    return Coverage(len(rules), sum(rule.name in tested for rule in rules), routes, taken, tuple(findings))


def _reached(routing: Routing, results: Sequence[Result]) -> set[str]:
    """Return the paths of the nodes at which the labels of some incident end, told or muted."""
    return {
        node.path
        for result in results
        if result.trace and result.routing is routing
        for incident in result.trace.incidents
        for node in routing.nodes(labels_of(incident))
    }


def _untaken(node: Node) -> Diagnostic:
    place = node.position or Position("notifiers")
    return _finding(place, "untaken_route", f"no test's incident ends at {node.path} (receiver {node.receiver})")


def _thresholds(rule: Rule, results: Sequence[Result]) -> Iterator[Diagnostic]:
    sides = _Sides()
    for result in results:
        if result.trace and any(one.name == rule.name for one in result.rules):
            _look(sides, rule, result)
    if not sides.fired:
        yield _finding(rule.position, "never_fires", f"no test makes {rule.name} fire")
    if not sides.asked_in_vain:
        yield _finding(rule.position, "always_fires", f"no test gives {rule.name} events without making it fire")
    elif sides.closest and not sides.near:
        closest = "; ".join(dict.fromkeys(sides.closest))
        message = f"no test brings {rule.name} near its threshold without making it fire: {closest}"
        yield _finding(rule.position, "far_from_threshold", message)


def _look(sides: _Sides, rule: Rule, result: Result) -> None:
    trace = result.trace
    assert trace is not None
    fired = any(incident.rule == rule.name for incident in trace.incidents)
    sides.fired = sides.fired or fired
    quiet = [near for near in nearness(trace, rule) if not near.fires]
    sides.asked_in_vain = sides.asked_in_vain or bool(quiet) or (bool(trace.logged) and not fired)
    sides.near = sides.near or any(near.is_near for near in quiet)
    sides.closest += [near.words for near in quiet]


def _finding(at: Position, code: str, message: str) -> Diagnostic:
    return Diagnostic("info", code, message, "", at.file, at.line, at.column)
