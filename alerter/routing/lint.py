"""Looking at a whole tree of routes: all its nodes, and fallbacks that lead nowhere."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from alerter.model.route import Receiver
from alerter.routing.tree import Node
from alerter.ruleset.diagnostics import Diagnostic


def walk(node: Node) -> Iterator[Node]:
    """Yield a node and all below it, depth first."""
    yield node
    for child in node.routes:
        yield from walk(child)


def by_name(receivers: Sequence[Receiver]) -> dict[str, Receiver]:
    """Return the receivers by their names; of those of one name the first counts."""
    named: dict[str, Receiver] = {}
    for receiver in receivers:
        named.setdefault(receiver.name, receiver)
    return named


def check_fallbacks(receivers: Sequence[Receiver]) -> Iterator[Diagnostic]:
    """Yield an error for each receiver whose fallbacks do not exist or go in a circle."""
    named = by_name(receivers)
    for receiver in receivers:
        yield from _fallback(named, receiver)


def _fallback(named: Mapping[str, Receiver], receiver: Receiver) -> Iterator[Diagnostic]:
    seen = [receiver.name]
    current = receiver
    while current.fallback:
        if current.fallback not in named:
            message = f"the fallback {current.fallback} of {current.name} does not exist"
            yield _at(receiver, "unknown_receiver", message)
            return
        if current.fallback in seen:
            yield _at(receiver, "fallback_cycle", f"fallbacks go in a circle: {' -> '.join(seen)}")
            return
        seen.append(current.fallback)
        current = named[current.fallback]


def _at(receiver: Receiver, code: str, message: str) -> Diagnostic:
    at = receiver.position
    return Diagnostic("error", code, message, "", at.file if at else "", at.line if at else 1, at.column if at else 1)
