"""Python's format strings as ElastAlert fills them: by plain values only, whatever attackers may have logged."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from string import Formatter
from typing import Any

MOST_DIGITS = 3
"""Digits of a number in a format specification: a width of more than 999 characters is a mistake, or worse."""
_FIELD = re.compile(r"(?P<name>[^.\[\]]*)(?P<items>(?:\[[^\]]+\])*)")
_CONVERT: Mapping[str, Callable[[Any], str]] = {"s": str, "r": repr, "a": ascii}


class BrokenFormat(ValueError):
    """A text that is no format string, or asks for what is never given: attributes, formats inside formats."""


@dataclass(frozen=True)
class Placeholder:
    """``{0[host]!s:>10}``: ``name`` is a number or a name, ``items`` what is looked up below the value."""

    name: str
    items: tuple[str, ...] = ()
    conversion: str | None = None
    spec: str = ""

    @property
    def position(self) -> int | None:
        """The number of the argument, from 0; None where it is a name."""
        return int(self.name) if self.name.isdecimal() else None

    @property
    def written(self) -> str:
        """The placeholder as it may stand in the text."""
        return f"{{{self.name}}}"


@lru_cache(maxsize=4096)
def parse_format(source: str) -> tuple[str | Placeholder, ...]:
    """Return the literal parts and the placeholders of a text, ``{}`` numbered. Raises BrokenFormat."""
    parts: list[str | Placeholder] = []
    numbered = 0
    try:
        for literal, field, spec, conversion in Formatter().parse(source):
            if literal:
                parts.append(literal)
            if field is not None:
                found = _placeholder(field, spec or "", conversion, numbered)
                numbered += field.startswith("[") or not field
                parts.append(found)
    except ValueError as error:
        raise BrokenFormat(str(error)) from None
    names = [part for part in parts if isinstance(part, Placeholder) and part.position is not None]
    if 0 < numbered < len(names):
        raise BrokenFormat("{} and {0} in one text: number all of them, or none")
    return tuple(parts)


def _placeholder(field: str, spec: str, conversion: str | None, numbered: int) -> Placeholder:
    found = _FIELD.fullmatch(field)
    if found is None:
        raise BrokenFormat(f"{{{field}}}: a field of an event is named among the arguments, not in the text")
    if "{" in spec or re.search(rf"\d{{{MOST_DIGITS + 1}}}", spec):
        raise BrokenFormat(f"{{{field}:{spec[:20]}}}: no such format")
    if found["name"].isdecimal() and len(found["name"]) > MOST_DIGITS:
        raise BrokenFormat(f"{{{field[:20]}}}: there are not so many arguments")
    if conversion is not None and conversion not in _CONVERT:
        raise BrokenFormat(f"{{{field}!{conversion}}}: no such conversion")
    items = tuple(re.findall(r"\[([^\]]+)\]", found["items"]))
    return Placeholder(found["name"] or str(numbered), items, conversion, spec)


def placeholders(source: str) -> tuple[Placeholder, ...]:
    """Return the placeholders of a text in order. Raises BrokenFormat."""
    return tuple(part for part in parse_format(source) if isinstance(part, Placeholder))


@dataclass(frozen=True)
class Filled:
    """A text with its placeholders filled in, and what did not fit; such a value stands as it is."""

    text: str
    problems: tuple[str, ...] = ()


def fill(source: str, positional: Sequence[Any], named: Mapping[str, Any], missing: str) -> Filled:
    """Fill in a text as ``str.format`` does; what is not given, or null, is ``missing``. Never fails.

    A text that is no format string stays as it is. Values are those of JSON: there are no attributes to look up.
    """
    problems: list[str] = []
    try:
        parts = parse_format(source)
    except BrokenFormat as error:
        return Filled(source, (str(error),))
    shown = (p if isinstance(p, str) else _shown(p, _value(p, positional, named), missing, problems) for p in parts)
    return Filled("".join(shown), tuple(problems))


def _value(placeholder: Placeholder, positional: Sequence[Any], named: Mapping[str, Any]) -> Any:
    at = placeholder.position
    given = positional if at is None or at < len(positional) else ()
    value = named.get(placeholder.name) if at is None else given[at] if given else None
    for item in placeholder.items:
        value = _item(value, item)
    return value


def _item(value: Any, item: str) -> Any:
    if isinstance(value, Mapping):
        return value.get(item)
    if isinstance(value, list | tuple | str) and item.isdecimal() and int(item) < len(value):
        return value[int(item)]
    return None


def _shown(placeholder: Placeholder, value: Any, missing: str, problems: list[str]) -> str:
    given = missing if value is None else value
    plain = given if isinstance(given, str | int | float) else str(given)
    converted = plain if placeholder.conversion is None else _CONVERT[placeholder.conversion](given)
    try:
        return format(converted, placeholder.spec)
    except (ValueError, TypeError, OverflowError):
        if value is not None:
            problems.append(f"{placeholder.written}: a value that :{placeholder.spec} does not fit stands as it is")
        return str(plain)


def unfilled(source: str) -> Iterator[str]:
    """Yield what looks like a placeholder of another notation: ``%(host)s``."""
    yield from re.findall(r"%\([\w.@-]+\)[sdr]", source)
