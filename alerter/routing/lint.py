"""What is valid in routing files but surely wrong."""

from __future__ import annotations

from collections.abc import Iterator

from alerter.model.route import Receiver
from alerter.routing.tree import Node, Routing
from alerter.ruleset.diagnostics import Diagnostic


def lint_routing(routing: Routing) -> Iterator[Diagnostic]:
    """Yield findings about the whole: unused receivers, routes that can never match, fallbacks that lead nowhere."""
    used = {node.receiver for node in walk(routing.root)}
    used |= {r.fallback for r in routing.receivers.values() if r.fallback and r.name in used}
    for receiver in routing.receivers.values():
        if receiver.name not in used:
            yield _at(receiver, "warning", "unused_receiver", f"receiver {receiver.name} is used by no route")
        yield from _fallback(routing, receiver)
    for node in walk(routing.root):
        yield from _unreachable(routing, node)


def walk(node: Node) -> Iterator[Node]:
    """Yield a node and all below it, depth first."""
    yield node
    for child in node.routes:
        yield from walk(child)


def _fallback(routing: Routing, receiver: Receiver) -> Iterator[Diagnostic]:
    seen = [receiver.name]
    current = receiver
    while current.fallback:
        if current.fallback not in routing.receivers:
            message = f"the fallback {current.fallback} of {current.name} does not exist"
            yield _at(receiver, "error", "unknown_receiver", message)
            return
        if current.fallback in seen:
            yield _at(receiver, "error", "fallback_cycle", f"fallbacks go in a circle: {' -> '.join(seen)}")
            return
        seen.append(current.fallback)
        current = routing.receivers[current.fallback]


def _unreachable(routing: Routing, node: Node) -> Iterator[Diagnostic]:
    place = routing.receivers.get(routing.root.receiver)
    file = place.position.file if place and place.position else "notifiers"
    for n, child in enumerate(node.routes):
        for earlier in node.routes[:n]:
            if not earlier.continues and set(map(str, earlier.matchers)) <= set(map(str, child.matchers)):
                message = f"the route {child.path} is never reached: {earlier.path} takes all it could match"
                yield Diagnostic(
                    "warning", "unreachable_route", message, "change the order, or write continue: true", file
                )
        wanted: dict[str, str] = {}
        for matcher in child.matchers:
            if matcher.operator == "=" and wanted.setdefault(matcher.name, matcher.value) != matcher.value:
                message = f"the route {child.path} can never match: {matcher.name} cannot have two values"
                yield Diagnostic("warning", "unreachable_route", message, "one value, or a regular expression", file)


def _at(receiver: Receiver, severity: str, code: str, message: str) -> Diagnostic:
    at = receiver.position
    return Diagnostic(severity, code, message, "", at.file if at else "", at.line if at else 1, at.column if at else 1)
