"""Reading a field of a document by its dotted path, as ElastAlert does."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

MISSING = object()


def value_at(document: Mapping[str, Any], path: str) -> Any:
    """Return a field's value, None when missing; a literal dotted key is preferred over nesting, longest first."""
    found = _find(document, path)
    if found is MISSING and path.endswith(".keyword"):
        found = _find(document, path.removesuffix(".keyword"))
    return None if found is MISSING else found


def values_at(document: Mapping[str, Any], path: str) -> tuple[Any, ...]:
    """Return a field's values as a tuple: arrays element by element, also through arrays of objects."""
    found = value_at(document, path)
    if found is None:
        return ()
    return tuple(found) if isinstance(found, list) else (found,)


def only(document: Mapping[str, Any], names: Sequence[str], above: str = "") -> dict[str, Any]:
    """Return the part of a document that these paths name, with all below them; ``*`` stands for any letters."""
    found: dict[str, Any] = {}
    for name, value in document.items():
        path = f"{above}{name}"
        if any(fnmatchcase(path, wanted) for wanted in names):
            found[name] = value
        elif isinstance(value, Mapping):
            inner = only(value, names, f"{path}.")
            found |= {name: inner} if inner else {}
    return found


def _find(node: Any, path: str) -> Any:
    if isinstance(node, list):
        found = [v for v in (_find(item, path) for item in node) if v is not MISSING]
        return _flat(found) if found else MISSING
    if not isinstance(node, Mapping):
        return MISSING
    for name, rest in _splits(path):
        if name in node:
            found = node[name] if rest is None else _find(node[name], rest)
            if found is not MISSING:
                return found
    return MISSING


def _splits(path: str) -> Iterator[tuple[str, str | None]]:
    """Yield (name, rest) with the longest name first."""
    yield path, None
    at = path.rfind(".")
    while at > 0:
        yield path[:at], path[at + 1 :]
        at = path.rfind(".", 0, at)


def _flat(values: list[Any]) -> list[Any]:
    return [inner for value in values for inner in (value if isinstance(value, list) else [value])]
