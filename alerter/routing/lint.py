"""Looking at a whole tree of routes: all its nodes, and fallbacks that lead nowhere."""

from __future__ import annotations

from collections.abc import Iterator

from alerter.model.route import Receiver
from alerter.routing.tree import Node, Routing
from alerter.ruleset.diagnostics import Diagnostic


def walk(node: Node) -> Iterator[Node]:
    """Yield a node and all below it, depth first."""
    yield node
    for child in node.routes:
        yield from walk(child)


def check_fallbacks(routing: Routing) -> Iterator[Diagnostic]:
    """Yield an error for each receiver whose fallbacks do not exist or go in a circle."""
    for receiver in routing.receivers.values():
        yield from _fallback(routing, receiver)


def _fallback(routing: Routing, receiver: Receiver) -> Iterator[Diagnostic]:
    seen = [receiver.name]
    current = receiver
    while current.fallback:
        if current.fallback not in routing.receivers:
            message = f"the fallback {current.fallback} of {current.name} does not exist"
            yield _at(receiver, "unknown_receiver", message)
            return
        if current.fallback in seen:
            yield _at(receiver, "fallback_cycle", f"fallbacks go in a circle: {' -> '.join(seen)}")
            return
        seen.append(current.fallback)
        current = routing.receivers[current.fallback]


def _at(receiver: Receiver, code: str, message: str) -> Diagnostic:
    at = receiver.position
    return Diagnostic("error", code, message, "", at.file if at else "", at.line if at else 1, at.column if at else 1)
