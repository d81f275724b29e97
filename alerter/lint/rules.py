"""Rules beside each other: the same one twice, rules without a test, rules that only the default route hears."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace

from alerter.lint.model import Found, Scene
from alerter.lint.reach import label_values, reached
from alerter.model.rule import Rule


def duplicate_rule(scene: Scene) -> Iterator[Found]:
    """Two rules that match at the same instants of the same events."""
    first: dict[object, Rule] = {}
    for built in scene.rules:
        rule = built.rule
        known = first.setdefault(_matches(rule), rule)
        if known is not rule:
            at = known.position
            message = f"{rule.name} matches exactly when {known.name} ({at.file}:{at.line}) does: it is told twice"
            hint = "remove one, unless each is told elsewhere; a second channel needs no second rule (continue: true)"
            yield Found(message, hint, at=rule.position)


def _matches(rule: Rule) -> object:
    """Return what decides when a rule matches; the order of its filter does not."""
    clauses = sorted(json.dumps(clause, sort_keys=True, default=str) for clause in rule.filter)
    return replace(rule, filter=()).meaning(), tuple(clauses), repr(rule.condition)


def untested_rule(scene: Scene) -> Iterator[Found]:
    """A rule without a test; where no rule has one, that is said once."""
    rules = [built.rule for built in scene.rules]
    untested = [rule for rule in rules if rule.position.file not in scene.tested]
    hint = "write NAME.test.yaml beside it: docs/rule-tests.md"
    if len(untested) > 1 and not scene.tested:
        message = f"none of the {len(rules)} rules has a test, {untested[0].name} is the first of them"
        yield Found(message, hint, at=untested[0].position)
        return
    for rule in untested:
        yield Found(f"the rule {rule.name} has no test", hint, at=rule.position)


def default_route_only(scene: Scene) -> Iterator[Found]:
    """A rule whose incidents can end at the root route only; where that is so for all rules, it is said once."""
    routing = scene.routing
    if routing is None or not routing.root.routes:
        return
    alone = [b.rule for b in scene.rules if all(n is routing.root for n in reached(routing.root, label_values(b.rule)))]
    hint = "give it the labels that a route asks for (domain, severity, ...): alerter route shows the tree"
    default = routing.root.receiver
    if 1 < len(alone) == len(scene.rules):
        message = f"none of the {len(alone)} rules reaches another route than the default, {default}"
        yield Found(message, hint, at=alone[0].position)
        return
    for rule in alone:
        yield Found(f"{rule.name} reaches only the default route, {default}", hint, at=rule.position)
