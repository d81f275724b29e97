"""Which routes a rule may reach: never fewer than its incidents do reach."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from alerter.lint.reach import label_values, reached
from alerter.model.rule import Alive, Flatline, FromEvent, Position, Rule
from alerter.model.silence import Matcher
from alerter.routing.tree import Node, Routing

NAMES = ("domain", "severity", "tier", "user")
WORDS = ("", "order", "user", "warning", "gold", "tin")
matchers = st.builds(
    Matcher,
    st.sampled_from(NAMES),
    st.sampled_from(["=", "!=", "=~", "!~"]),
    st.sampled_from([*WORDS, "o.*|gold", ".+"]),
)
nodes = st.recursive(
    st.builds(lambda m, c: Node("r", "", tuple(m), continues=c), st.lists(matchers, max_size=2), st.booleans()),
    lambda inner: st.builds(
        lambda m, c, below: Node("r", "", tuple(m), continues=c, routes=tuple(below)),
        st.lists(matchers, max_size=2),
        st.booleans(),
        st.lists(inner, max_size=3),
    ),
    max_leaves=8,
)
tiers = st.one_of(
    st.sampled_from(WORDS),
    st.builds(
        FromEvent,
        st.just("t"),
        st.dictionaries(st.sampled_from(["a", "b"]), st.sampled_from(WORDS[1:]), max_size=2),
        st.sampled_from([None, "gold"]),
    ),
)


def rule_of(tier: str | FromEvent, keyed: bool) -> Rule:
    """Return a rule whose label ``tier`` is constant or taken from the event."""
    condition = Flatline(1, 60_000, alive=Alive())
    key = ("user",) if keyed else ()
    return Rule("r", "flatline", "logs", condition, Position("f"), query_key=key, domain="order", labels={"tier": tier})


@settings(max_examples=600, deadline=None)
@given(nodes, tiers, st.booleans(), st.sampled_from(["a", "b", "gold", None]), st.sampled_from(WORDS))
def test_what_is_reached_may_be_reached(
    top: Node, tier: str | FromEvent, keyed: bool, raw: str | None, user: str
) -> None:
    """Whatever the event holds, the nodes that production finds are among those that were foreseen."""
    rule = rule_of(tier, keyed)
    root = Node("default", "route", routes=(top,))
    value = tier if isinstance(tier, str) else tier.value(raw) or ""
    labels = {"domain": "order", "severity": "warning", "tier": value, "rule": "r", "type": "flatline", "index": "logs"}
    if keyed:
        labels["user"] = user
    found = Routing(root, {}).nodes(labels)
    foreseen = {id(node) for node in reached(root, label_values(rule))}
    assert {id(node) for node in found} <= foreseen


def test_with_nothing_unknown_it_is_exact() -> None:
    """Constants leave one answer, that of production."""
    order = Node("a", "", (Matcher("domain", "=", "order"),), continues=True)
    rest = Node("b", "", (Matcher("tier", "=~", "t.*"),))
    root = Node("default", "route", routes=(order, rest, Node("c", "")))
    assert list(reached(root, label_values(rule_of("tin", False)))) == [order, rest]
