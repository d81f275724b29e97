"""The query of a rule in EQL or ES|QL, narrowed to the events of one key: what is read of it is not the whole index.

It may still select others, whose key is looked at when they are read; it never leaves one of the key out.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from ipaddress import ip_address

from alerter.model.language import Language
from alerter.model.rule import Key, KeyValue
from alerter.sources.asking import Asking
from alerter.sources.parts import INTEGERS, STRINGS, Part
from alerter.sources.protocol import Selection

_LITERAL = frozenset({"keyword", "boolean", "long", "integer"})
"""Types of columns whose values can be written in a query of ES|QL."""
_ESCAPED = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"})


def narrowed(selection: Selection, asking: Asking, raw: Key) -> Selection:
    """Return the selection without most events of other keys; ``raw`` is a key with its values in clear."""
    held = dict(raw or ())
    pairs = [(part, held[part.name]) for part in asking.parts if part.name in held and part.field is not None]
    if selection.query.language is Language.EQL:
        clauses = (part.clause(value) for part, value in pairs if _fits(part, value))
        return replace(selection, clauses=(*selection.clauses, *clauses))
    wanted = " AND ".join(_conditions(pairs))
    if not wanted:
        return selection
    return replace(selection, query=replace(selection.query, text=f"{selection.query.text}\n| WHERE {wanted}"))


def _conditions(pairs: list[tuple[Part, KeyValue]]) -> Iterator[str]:
    for part, value in pairs:
        if not part.types <= _LITERAL or not _fits(part, value):
            continue
        column = "`" + str(part.field).replace("`", "``") + "`"
        # nothing equals a column of several values, of which one may be this
        yield f"{column} IS NULL" if value is None else f"({column} == {_literal(value)} OR MV_COUNT({column}) > 1)"


def _fits(part: Part, value: KeyValue) -> bool:
    """Whether a value may be asked for in all types of a field, and selects what shows it; others are errors there.

    Keys of long ago may be of another type than the field has now.
    """
    if part.split is not None:
        return False  # of an event with several values one may be of the default
    return bool(part.types) and all(value is None or _is_of(kind, value) for kind in part.types)


def _is_of(kind: str, value: KeyValue) -> bool:
    if kind == "ip":
        try:
            return bool(ip_address(str(value)))
        except ValueError:
            return False
    if kind in INTEGERS:
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, bool) if kind == "boolean" else kind in STRINGS and isinstance(value, str)


def _literal(value: KeyValue) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return f'"{value.translate(_ESCAPED)}"' if isinstance(value, str) else str(value)
