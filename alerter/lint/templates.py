"""What a text of ``message`` reads: the fields of an event, and what is given beside them."""

from __future__ import annotations

from functools import lru_cache

from jinja2 import Environment, TemplateError, meta, nodes

_SYNTAX = Environment(autoescape=False)  # noqa: S701 - parses only, nothing is rendered
EVENT = ("event", "events")
ROOTS = (*EVENT, "key", "labels")
"""Names that have fields below."""
GIVEN = frozenset(
    {
        "at", "bucket_end", "condition", "count", "description", "events", "field", "formatted", "new", "old", "opened",
        "reference", "rule", "threshold", "timeframe", "value",
    }
)  # fmt: skip
"""What is given to every text, or as a fact of the rule's type."""


def template_fields(source: str) -> tuple[str, ...]:
    """Return the dotted names that a template reads, in order, those of the key and of labels too."""
    return tuple(dict.fromkeys(name for _, name in _names(source) if name))


def event_fields(source: str) -> tuple[str, ...]:
    """Return the fields of the event that a template reads; what is given beside them is none."""
    found = (name for root, name in _names(source) if root in EVENT or (root not in ROOTS and root not in GIVEN))
    return tuple(dict.fromkeys(name for name in found if name))


@lru_cache(maxsize=4096)
def _names(source: str) -> tuple[tuple[str, str], ...]:
    """Return root and dotted name of what is read, without what the template makes itself; none if it is broken."""
    try:
        tree = _SYNTAX.parse(source)
        given = meta.find_undeclared_variables(tree)
    except TemplateError:
        return ()
    chains = (nodes.Name, nodes.Getattr, nodes.Getitem)
    inner = {id(getattr(node, "node", None)) for node in tree.find_all((nodes.Getattr, nodes.Getitem))}
    called = {id(call.node) for call in tree.find_all(nodes.Call)}
    found = (_dotted(node, method=id(node) in called) for node in tree.find_all(chains) if id(node) not in inner)
    return tuple((root, name) for root, name in found if root in given)


def _dotted(node: nodes.Node, *, method: bool) -> tuple[str, str]:
    """Return ``user.name`` for ``user.name``, ``user['name']``, ``event.user.name`` and ``user.name.upper()``."""
    parts: list[str] = []
    if method and isinstance(node, nodes.Getattr):
        node = node.node
    while isinstance(node, nodes.Getattr | nodes.Getitem):
        name = node.attr if isinstance(node, nodes.Getattr) else getattr(node.arg, "value", None)
        parts.insert(0, name if isinstance(name, str) else "")
        node = node.node
    if not isinstance(node, nodes.Name):
        return "", ""
    return node.name, ".".join(part for part in (parts if node.name in ROOTS else [node.name, *parts]) if part)
