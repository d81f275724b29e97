"""Routing files in which something can never happen."""

from __future__ import annotations

from collections.abc import Iterator

from alerter.lint.model import Found, Scene
from alerter.model.silence import Matcher
from alerter.routing.lint import walk
from alerter.routing.tree import Node, Routing
from alerter.ruleset.build import BUILT_IN_LABELS
from alerter.ruleset.suggest import did_you_mean


def unused_receiver(scene: Scene) -> Iterator[Found]:
    """A receiver that no route names, nor the fallback of one that is used."""
    routing = scene.routing
    if routing is None:
        return
    used = {node.receiver for node in walk(routing.root)}
    while more := {r.fallback for r in routing.receivers.values() if r.fallback and r.name in used} - used:
        used |= more
    for receiver in routing.receivers.values():
        if receiver.name not in used:
            hint = "name it in a route, or remove it"
            yield Found(f"receiver {receiver.name} is used by no route", hint, at=receiver.position)


def unreachable_route(scene: Scene) -> Iterator[Found]:
    """A route before which another takes all it could match, or that asks for what it or a route above excludes."""
    if scene.routing is not None:
        yield from _unreachable(scene.routing.root, ())


def _unreachable(node: Node, above: tuple[Matcher, ...]) -> Iterator[Found]:
    for n, child in enumerate(node.routes):
        taker = next((earlier for earlier in node.routes[:n] if _takes_all(earlier, child)), None)
        every = (*above, *child.matchers)
        name = _two_values(every)
        if taker is not None:
            message = f"the route {child.path} is never reached: {taker.path} takes all it could match"
            yield Found(message, "change the order, or write continue: true", at=child.position)
        elif name:
            message = f"the route {child.path} can never match: {name} cannot have two values"
            yield Found(message, "one value, or a regular expression", at=child.position)
        else:
            yield from _unreachable(child, every)


def unknown_label(scene: Scene) -> Iterator[Found]:
    """A matcher on a label that no rule has; an empty value is meant to match what is missing."""
    if scene.routing is None or not scene.whole or not scene.rules:
        return
    known = {*BUILT_IN_LABELS, "sign"}  # the alerter's own incidents carry the sign of trouble
    for built in scene.rules:
        known |= {*built.rule.attributes, *built.rule.key_names}
    for node, matcher in _matchers(scene.routing):
        if matcher.name not in known and not matcher.matches({}):
            hint = did_you_mean(matcher.name, known) or f"labels here: {', '.join(sorted(known))}"
            yield Found(f"no rule has the label {matcher.name}: {matcher} never matches", hint, at=node.position)


def _matchers(routing: Routing) -> Iterator[tuple[Node, Matcher]]:
    for node in walk(routing.root):
        yield from ((node, matcher) for matcher in node.matchers)


def _takes_all(earlier: Node, later: Node) -> bool:
    """Tell whether an earlier route takes whatever a later one could match: each of its matchers is met by then."""
    return not earlier.continues and all(_implied(matcher, later.matchers) for matcher in earlier.matchers)


def _implied(matcher: Matcher, given: tuple[Matcher, ...]) -> bool:
    """Tell whether labels that meet all of ``given`` meet the matcher: it is one of them, or follows from a value."""
    if matcher in given:
        return True
    values = [other.value for other in given if other.operator == "=" and other.name == matcher.name]
    return any(matcher.matches({matcher.name: value}) for value in values)


def _two_values(matchers: tuple[Matcher, ...]) -> str:
    """Return the label that would need two values at once, "" when there is none."""
    wanted = {m.name: m.value for m in reversed(matchers) if m.operator == "="}
    return next((m.name for m in matchers if m.name in wanted and not m.matches({m.name: wanted[m.name]})), "")
