"""Which routes a rule's incidents can reach, before there are any: labels whose values are known only in part."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from alerter.model.rule import Attribute, Flatline, FromEvent, Rule, Severity
from alerter.model.silence import Matcher
from alerter.routing.tree import Node

Values = Mapping[str, Collection[str] | None]
"""The values each label can have; None: any. A label that is not there is always empty."""


def label_values(rule: Rule) -> Values:
    """Return the values that matchers can see for the incidents of a rule."""
    found: dict[str, Collection[str] | None] = dict.fromkeys(rule.key_names)
    found |= {name: _values(value) for name, value in rule.attributes.items()}
    if isinstance(rule.severity, FromEvent):
        found["severity"] = list(Severity)
    if isinstance(rule.condition, Flatline):
        found["cause"] = ("silent", "pipeline") if rule.condition.alive else ("silent",)
    return found | {"rule": (rule.name,), "type": (rule.type,), "index": (rule.index,)}


def reached(node: Node, values: Values) -> Iterator[Node]:
    """Yield the nodes at which incidents with such labels can end; ``node`` itself is taken to match."""
    rest = True
    for child in node.routes:
        certain = _certainty(child.matchers, values)
        if certain is False:
            continue
        yield from reached(child, values)
        rest = rest and certain is not True
        if certain is True and not child.continues:
            return
    if rest:
        yield node


def _certainty(matchers: Collection[Matcher], values: Values) -> bool | None:
    """Tell whether all matchers are met: always, never, or None for sometimes."""
    found = [_one(matcher, values) for matcher in matchers]
    if False in found:
        return False
    return None if None in found else True


def _one(matcher: Matcher, values: Values) -> bool | None:
    possible = values.get(matcher.name, ("",))
    if possible is None:
        return None
    met = {matcher.matches({matcher.name: value}) for value in possible}
    return met.pop() if len(met) == 1 else None


def _values(attribute: Attribute) -> Collection[str] | None:
    if not isinstance(attribute, FromEvent):
        return (str(attribute),)
    if not attribute.map:
        return None
    return {*attribute.map.values(), attribute.default or ""}
